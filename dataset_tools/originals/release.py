"""What the four readers have in common: a survey of a folder, and its records.

    find > survey > pictures > (look at them) > contents

`survey` reads lists and listings and says what is there; nothing else is needed by
`geobench data check`. `contents` turns it into the records of a pack.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from dataset_tools.build_drive import Stages
from dataset_tools.geodesy import web_mercator_corners, web_mercator_m_per_px
from dataset_tools.originals.folder import Folder
from dataset_tools.originals.looking import Look, Looked
from dataset_tools.records import (
    UNPLACED,
    Frame,
    Rejection,
    Sequence,
    SplitRow,
    Tile,
)
from dataset_tools.settings.original import ImportSettings

L = TypeVar("L")
PUBLISHED = "published"
"""Scheme of the split that came with a data set that has one."""


@dataclass(frozen=True, kw_only=True)
class Released:
    """How the tiles of a data set were made."""

    side_px: int
    """Side of a released picture."""
    zoom: int
    """Of the map service, 256-pixel tiles."""
    terms: str


@dataclass(frozen=True, kw_only=True)
class Survey(Generic[L]):
    """What a released folder holds, before any picture is opened."""

    data_set: str
    variant: str
    """What tells this copy from others: "original lists", "corrected labels" ..."""
    pack_name: str
    """Name of the pack that tasks ask for."""
    root: Folder
    counts: dict[str, int]
    """What the lists hold: name to number."""
    folders: dict[str, int]
    """Folder of pictures to number of files."""
    wanted: int
    """Pictures that the lists name, each counted once."""
    missing: list[str]
    """Relative paths of those that are not there, in the order of the lists."""
    findings: list[str]
    """Sentences about what is not as released, worst first."""
    notes: list[str]
    """Sentences about what a user should know."""
    listed: L
    """The lists as read, for `contents`."""


@dataclass(kw_only=True)
class Contents:
    """The records of a pack; a reader adds to them as it goes along."""

    frames: list[Frame] = field(default_factory=list)
    tiles: list[Tile] = field(default_factory=list)
    sequences: list[Sequence] = field(default_factory=list)
    split_rows: list[SplitRow] = field(default_factory=list)
    licences: list[dict[str, Any]] = field(default_factory=list)
    rules: dict[str, Any] = field(default_factory=dict)
    """What was made of the release, as `made_by` in `pack.json` keeps it."""
    warnings: list[str] = field(default_factory=list)
    area_sequences: list[Sequence] | None = None
    """Those that our split by area is made of; None: all."""


class Reader(Protocol):
    """The module of one data set."""

    NAME: str
    CELL_M: float
    """Side of a cell of the split by area that suits the data set, metres."""

    def find(self, folder: Folder) -> Folder | None:
        """The folder of the release at or below the one given, or None."""

    def choices(self, root: Folder) -> list[dict[str, Any]]:
        """Options that `root` can be imported with, at least one set of them."""

    def survey(self, root: Folder, settings: ImportSettings) -> Survey[Any]:
        """What `root` holds.

        Raises:
            MissingDataError: if a list is not there.
            UnreadableError: if a list is not what it should be.
        """

    def pictures(self, survey: Survey[Any]) -> list[str]:
        """Relative paths of the pictures that are wanted and there, each once."""

    def limited(self, listed: Any, limit: int) -> Any:
        """The first queries of each published split."""

    def contents(
        self,
        survey: Survey[Any],
        settings: ImportSettings,
        looked: Looked,
        stages: Stages,
    ) -> Contents:
        """The records; what is left out is told to the stages."""


def licences(terms: str, *sources: str) -> list[dict[str, Any]]:
    """Entries of `licences` in `pack.json`, one a source."""
    return [{"source": s, "licence": terms, "attribution": ""} for s in sources]


def mercator_tiles(
    places: Mapping[str, tuple[float, float]],
    paths: Mapping[str, str],
    looked: Looked,
    *,
    released: Released,
    m_per_px: float | None = None,
) -> list[Tile]:
    """Tiles that show `released_px` pixels of a Web Mercator zoom around a place.

    A copy that was scaled down shows the same ground with larger pixels.

    Args:
        places: tile id to (lat, lon) of its centre; NaN where unknown.
        paths: tile id to the relative path of its picture.
        looked: what looking at the pictures found.
        released: how the data set's pictures were made.
        m_per_px: metres per released pixel, or None: by zoom and latitude.
    """
    ids = sorted(places)
    at = np.array([places[i] for i in ids], float).reshape(-1, 2)
    corners = web_mercator_corners(
        at[:, 0], at[:, 1], side_px=released.side_px, zoom=released.zoom
    ).tolist()
    scale = web_mercator_m_per_px(at[:, 0], released.zoom)
    if m_per_px is not None:
        scale = np.full(len(ids), m_per_px)
    looks = [looked[paths[i]] for i in ids]
    return [
        Tile(
            tile_id=i,
            lat=places[i][0],
            lon=places[i][1],
            footprint=tuple((x, y) for x, y in ring)
            if np.isfinite(places[i]).all()
            else UNPLACED,
            m_per_px=float(metres) * released.side_px / look.width_px,
            width_px=look.width_px,
            height_px=look.height_px,
            source=paths[i],
            licence=released.terms,
        )
        for i, ring, metres, look in zip(ids, corners, scale, looks, strict=True)
        if isinstance(look, Look)
    ]


def panorama(
    frame_id: str, at: tuple[float, float], *, session: str, order: int, source: str
) -> Frame:
    """A ground picture over 360 degrees at (lat, lon), north in the middle column."""
    return Frame(
        frame_id=frame_id,
        session_id=session,
        order=order,
        lat=at[0],
        lon=at[1],
        heading_deg=0.0,
        hfov_deg=360.0,
        projection="equirectangular",
        source=source,
    )


def gallery_rows(
    scheme: str, split: str, sequences: Iterable[str], tiles: Iterable[str]
) -> list[SplitRow]:
    """Rows of one published split: its queries and its gallery."""
    rows = [(scheme, split, "sequence", i) for i in sequences]
    return rows + [(scheme, split, "tile", i) for i in tiles]


def fault_of(
    item: str, path: str, *, there: bool, looked: Looked, view: str
) -> Rejection | None:
    """Why an item is left out for one of its pictures, or None.

    Args:
        item: what is left out.
        path: relative path of the picture.
        there: whether the file is there.
        looked: what looking at the pictures found.
        view: "satellite" or "ground", part of the reason.
    """
    if not there:
        return Rejection(
            item=item, stage="files", reason=f"missing-{view}", measured=path
        )
    found = looked[path]
    if isinstance(found, str):
        reason = f"{found}-{view}"
        return Rejection(item=item, stage="pictures", reason=reason, measured=path)
    if view == "satellite" and found.width_px != found.height_px:
        size = f"{found.width_px} x {found.height_px}"
        return Rejection(
            item=item, stage="pictures", reason="not-square-satellite", measured=size
        )
    return None

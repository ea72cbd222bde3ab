"""CVACT: dense panoramas of Canberra, each with a centred tile.

    ACT_data.mat                                        (or in ANU_data_small/)
    ANU_data_small/streetview/ID_grdView.jpg            1664 x 832, north in the middle
    ANU_data_small/satview_polish/ID_satView_polish.jpg 1200 x 1200, zoom 20
    ANU_data_test/...                                   the same for the test

Train and val are in the small folder, test (which seems to contain val) in the other;
a picture that one lacks is taken from the other. One panorama can be a query of val and
of test with different right answers, so each split has its own sequences:

    val   its own tile
    test  every tile of the test within 5 m on the UTM grid, in float64
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from dataset_tools.build_drive import Stages
from dataset_tools.errors import MissingDataError, UnreadableError
from dataset_tools.geodesy import offset_m
from dataset_tools.originals.act_data import ActData, read_act_data
from dataset_tools.originals.folder import Folder
from dataset_tools.originals.looking import Looked
from dataset_tools.originals.release import (
    PUBLISHED,
    Contents,
    Released,
    Survey,
    fault_of,
    gallery_rows,
    licences,
    mercator_tiles,
    panorama,
)
from dataset_tools.records import Offset, Rejection, Sequence
from dataset_tools.settings.original import CvactSettings

NAME = "cvact"
CELL_M = 1_000.0
REGION = "canberra"
TERMS = "research only, not to be redistributed (CVACT)"
RELEASED = Released(side_px=1200, zoom=20, terms=TERMS)
MAT = "ACT_data.mat"
SMALL, TEST = "ANU_data_small", "ANU_data_test"
HOMES = {"train": (SMALL, TEST), "val": (SMALL, TEST), "test": (TEST, SMALL)}
"""Split to the folders its pictures are looked for in, in this order."""
VIEWS = {
    "ground": ("streetview", "_grdView.jpg"),
    "satellite": ("satview_polish", "_satView_polish.jpg"),
}
EXPECTED = {"train": 35_532, "val": 8_884, "test": 92_802}
ROOTS = ("", "CVACT", "dataset", "dataset/CVACT", "ACT")


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a split's list."""

    split: str
    row: int
    """Of `ActData`."""
    ground: str
    satellite: str


@dataclass(frozen=True)
class Listed:
    """The lists of the three splits in their order."""

    act: ActData
    items: tuple[Item, ...]


def find(folder: Folder) -> Folder | None:
    """The folder that holds the pictures, at or below the one given."""
    for root in ROOTS:
        has = {*folder.folders(root)}
        if has & {SMALL, TEST} or {"satview_correct", "streetview"} <= has:
            return folder.sub(root)
        if folder.has(f"{root}/{MAT}"):
            return folder.sub(root)
    return None


def choices(root: Folder) -> list[dict[str, Any]]:
    """There is one way to read it."""
    del root
    return [{}]


def survey(root: Folder, settings: CvactSettings) -> Survey[Listed]:
    """What the folder holds; see `release.Reader`."""
    if root.folders("satview_correct") or root.names("satview_correct"):
        raise UnreadableError(
            f"{root.path} holds satview_correct: that is the image-synthesis copy of "
            "CVACT, with tiles for part of the panoramas only. The localization "
            f"release has {SMALL}/satview_polish and {TEST}/satview_polish; "
            "`geobench data request cvact` says where to ask."
        )
    act = read_act_data(_mat(root, settings))
    items = tuple(_items(root, act))
    missing = _missing(root, items)
    counts = {split: len(rows) for split, rows in act.rows.items()}
    findings = []
    if counts != EXPECTED:
        told = ", ".join(f"{s} {n:,} ({EXPECTED[s]:,})" for s, n in counts.items())
        findings.append(
            f"The lists do not hold what is published (in brackets): {told}. Numbers "
            "on them compare with no published one."
        )
    val, test = ({*act.rows[s].tolist()} for s in ("val", "test"))
    inside = "contains" if val <= test else f"lacks {len(val - test):,} entries of"
    return Survey(
        data_set=NAME,
        variant=f"ACT_data.mat, {act.version}",
        pack_name=NAME,
        root=root,
        counts=counts,
        folders={
            f"{home}/{folder}": len(root.names(f"{home}/{folder}"))
            for home in (SMALL, TEST)
            for folder, _ in VIEWS.values()
        },
        wanted=len({p for i in items for p in (i.ground, i.satellite)}),
        missing=missing,
        findings=findings,
        notes=[f"The test list {inside} the val list."],
        listed=Listed(act, items),
    )


def pictures(survey: Survey[Listed]) -> list[str]:
    """Relative paths of the pictures that are wanted and there."""
    named = (p for i in survey.listed.items for p in (i.satellite, i.ground))
    return [p for p in dict.fromkeys(named) if survey.root.has(p)]


def limited(listed: Listed, limit: int) -> Listed:
    """The first entries of each split."""
    chosen: list[Item] = []
    for split in HOMES:
        chosen += [i for i in listed.items if i.split == split][:limit]
    return replace(listed, items=tuple(chosen))


def contents(
    survey: Survey[Listed],
    settings: CvactSettings,
    looked: Looked,
    stages: Stages,
) -> Contents:
    """The records of a pack; an entry that lacks a picture is left out whole."""
    act = survey.listed.act
    kept = _usable(survey, looked, stages)
    paths = {i.row: i for i in reversed(kept)}
    ids = {act.ids[r]: r for r in paths}
    tiles = mercator_tiles(
        {i: (float(act.lat[r]), float(act.lon[r])) for i, r in ids.items()},
        {i: paths[r].satellite for i, r in ids.items()},
        looked,
        released=RELEASED,
    )
    made = Contents(
        frames=[
            panorama(
                act.ids[row],
                (float(act.lat[row]), float(act.lon[row])),
                session=NAME,
                order=row,
                source=item.ground,
            )
            for row, item in paths.items()
        ],
        tiles=tiles,
        licences=licences(TERMS, "CVACT: Google, zoom 20", "CVACT: Street View"),
        rules={
            "variant": survey.variant,
            "heading": "north in the middle column",
            "m_per_px": f"Web Mercator zoom {RELEASED.zoom} at the tile's latitude",
            "published": "one sequence a split and panorama, named SPLIT/PANORAMA; val "
            f"by its own tile, test by all tiles within {settings.match_m:g} m",
        },
    )
    for split in HOMES:
        rows = np.array([i.row for i in kept if i.split == split], np.int64)
        made.sequences += _sequences(act, split, rows, settings)
        tile_ids = [act.ids[r] for r in rows]
        names = [f"{split}/{i}" for i in tile_ids]
        made.split_rows += gallery_rows(PUBLISHED, split, names, tile_ids)
    tested = {i.row for i in kept if i.split == "test"}
    doubled = {f"val/{act.ids[r]}" for r in tested}
    made.area_sequences = [s for s in made.sequences if s.sequence_id not in doubled]
    return made


def _mat(root: Folder, settings: CvactSettings) -> Any:
    if settings.mat is not None:
        return settings.mat
    for place in (MAT, f"{SMALL}/{MAT}", f"{TEST}/{MAT}"):
        if root.has(place):
            return root.file(place)
    raise MissingDataError(
        f"There is no {MAT} in {root.path}, nor in {SMALL} or {TEST}: it names the "
        "splits. Fetch it from where `geobench data request cvact` says, or give it "
        "with --mat."
    )


def _items(root: Folder, act: ActData) -> Iterator[Item]:
    for split, rows in act.rows.items():
        for row in rows.tolist():
            paths = {v: _place(root, split, act.ids[row], v) for v in VIEWS}
            yield Item(split, row, paths["ground"], paths["satellite"])


def _place(root: Folder, split: str, pano_id: str, view: str) -> str:
    """Where a picture is; where it should be, if it is in neither folder."""
    folder, suffix = VIEWS[view]
    places = [f"{home}/{folder}/{pano_id}{suffix}" for home in HOMES[split]]
    return next((p for p in places if root.has(p)), places[0])


def _missing(root: Folder, items: tuple[Item, ...]) -> list[str]:
    named = dict.fromkeys(p for i in items for p in (i.satellite, i.ground))
    return [p for p in named if not root.has(p)]


def _usable(survey: Survey[Listed], looked: Looked, stages: Stages) -> list[Item]:
    kept: list[Item] = []
    lost: list[Rejection] = []
    act, root = survey.listed.act, survey.root
    for item in survey.listed.items:
        name = f"{item.split}/{act.ids[item.row]}"
        faults = [
            fault_of(name, path, there=root.has(path), looked=looked, view=view)
            for view, path in (("satellite", item.satellite), ("ground", item.ground))
        ]
        if not np.isfinite(act.lat[item.row]):
            faults.append(Rejection(item=name, stage="utm", reason="no-position"))
        fault = next((f for f in faults if f is not None), None)
        if fault is None:
            kept.append(item)
        else:
            lost.append(fault)
    stages.add("entries", "entries", len(kept), lost)
    return kept


def _sequences(
    act: ActData, split: str, rows: npt.NDArray[np.int64], settings: CvactSettings
) -> list[Sequence]:
    """The queries of a split, with the tiles of the split that are near them."""
    if not len(rows):
        return []
    match_m = settings.match_m
    tree = cKDTree(act.utm_m[rows])
    reach = max(match_m, settings.near_m) if split == "test" else settings.near_m
    # Row number of each query and each tile within reach of it, itself included.
    near = tree.query_ball_point(act.utm_m[rows], reach, return_sorted=True)
    query = np.repeat(np.arange(len(rows)), [len(n) for n in near])
    tile = np.concatenate([np.asarray(n, np.int64) for n in near])
    away = np.hypot(*(act.utm_m[rows[query]] - act.utm_m[rows[tile]]).T)
    a, b = rows[query], rows[tile]
    east, north = offset_m(act.lat[a], act.lon[a], act.lat[b], act.lon[b])
    match = (query == tile) | ((away <= match_m) & (split == "test"))
    starts = np.searchsorted(query, np.arange(len(rows) + 1))
    found = []
    for q, row in enumerate(rows):
        at = np.arange(starts[q], starts[q + 1])
        # The query's own tile comes first, then the others by distance.
        at = at[np.lexsort((tile[at], away[at], tile[at] != q))]
        name = [act.ids[rows[t]] for t in tile[at]]
        found.append(
            Sequence(
                sequence_id=f"{split}/{act.ids[row]}",
                region=REGION,
                frame_ids=(act.ids[row],),
                lat=float(act.lat[row]),
                lon=float(act.lon[row]),
                length_m=0.0,
                positives=tuple(n for n, m in zip(name, match[at], strict=True) if m),
                semi_positives=tuple(
                    n for n, m in zip(name, match[at], strict=True) if not m
                ),
                offsets=tuple(
                    Offset(tile_id=n, east_m=float(e), north_m=float(o))
                    for n, e, o in zip(name, east[at], north[at], strict=True)
                ),
            )
        )
    return found

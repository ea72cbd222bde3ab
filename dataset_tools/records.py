"""What the stages hand each other: fixes, frames, sequences, tiles, rejections.

Conventions: WGS84 degrees; bearings in degrees clockwise from true north in
[0, 360); times are UTC nanoseconds since 1970; unknown is None, never 0. Where a
released data set comes without coordinates they are NaN here and null in a pack.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

T = TypeVar("T")

Projection = Literal["perspective", "equirectangular"]

UNKNOWN = float("nan")
"""A coordinate or a resolution that a released data set does not tell."""
UNPLACED = ((UNKNOWN, UNKNOWN),) * 4
"""Footprint of a tile of unknown position."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """One GPS position of a track, with no picture."""

    lat: float
    lon: float
    time: int | None = None
    altitude_m: float | None = None
    heading_deg: float | None = None
    session_id: str = ""
    order: int = 0
    hdop: float | None = None
    """Horizontal dilution of precision as the receiver reported it, no unit."""
    picture: str | None = None
    """The picture taken here, as the log names it."""
    hfov_deg: float | None = None
    """Horizontal field of view of that picture, where the log states it."""
    distance_m: float | None = None
    """What the odometer said, metres since the session or route began."""
    repair: str | None = None
    """What was put right about the position, such as "swapped-lat-lon"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """What an equirectangular picture covers, degrees.

    Attributes:
        width_deg: of all its columns; azimuth 0 is its middle.
        top_deg: elevation of its upper edge.
        bottom_deg: elevation of its lower edge.
    """

    width_deg: float = 360.0
    top_deg: float = 90.0
    bottom_deg: float = -90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One picture with its position; `source` is None for a track-only position."""

    frame_id: str
    session_id: str
    order: int
    lat: float
    lon: float
    time: int | None = None
    altitude_m: float | None = None
    heading_deg: float | None = None
    hfov_deg: float | None = None
    projection: Projection = "perspective"
    source: str | None = None
    """POSIX path of the picture, relative to the drive's folder."""
    hdop: float | None = None
    size_px: tuple[int, int] | None = None
    """Width and height of the picture in its drive, once upright."""
    rewrite: str | None = None
    """Why a pack cannot hold the picture's own bytes, such as "turned"."""
    extent: Extent | None = None
    """What the picture covers where it is equirectangular."""
    faces: tuple[str, ...] = ()
    """Paths of the cube's faces that the picture is put together from."""
    yaw_deg: float = 0.0
    """Where in its picture the frame looks: azimuth of its middle, degrees."""
    camera_time: int | None = None
    """What the camera's own clock said, whatever `time` is."""
    gps_timed: bool = False
    """Whether `time` is a receiver's, so that no clock must be put right."""
    repair: str | None = None
    """What was put right about the position, such as "swapped-lat-lon"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offset:
    """Tile centre minus query position, in metres on the ground."""

    tile_id: str
    east_m: float
    north_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """An ordered query of T frames; pairing fills positives and offsets."""

    sequence_id: str
    region: str
    frame_ids: tuple[str, ...]
    lat: float
    lon: float
    """The query's true position: the middle frame's."""
    length_m: float
    stratum: str | None = None
    positives: tuple[str, ...] = ()
    semi_positives: tuple[str, ...] = ()
    offsets: tuple[Offset, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One north-up satellite picture with a known footprint."""

    tile_id: str
    lat: float
    lon: float
    footprint: tuple[tuple[float, float], ...]
    """Corners as (lon, lat): NW, NE, SE, SW."""
    m_per_px: float
    width_px: int
    height_px: int
    captured: str | None = None
    """ISO date of capture."""
    season: str | None = None
    source: str = ""
    licence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """One item left out: which, why, what was measured, what the limit was."""

    item: str
    stage: str
    reason: str
    """A short constant such as "gap" or "null-island"; counted in the card."""
    measured: float | str | None = None
    limit: float | str | None = None


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What a stage kept and what it rejected; the two add up to its input."""

    kept: list[T] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)

    def reasons(self) -> dict[str, int]:
        """Rejections counted by reason, most frequent first."""
        return count_reasons(self.rejected)


def count_reasons(rejected: Iterable[Rejection]) -> dict[str, int]:
    """Rejections counted by reason, most frequent first, ties by name.

    >>> count_reasons([Rejection(item="a", stage="clean", reason="gap")])
    {'gap': 1}
    """
    counts = Counter(r.reason for r in rejected)
    return dict(sorted(counts.items(), key=lambda kv: (-kv[1], kv[0])))


SplitRow = tuple[str, str, str, str]
"""(scheme, split, kind, id), one row of `splits.parquet`."""

Parameters = dict[str, Any]
"""JSON-ready parameters of a stage, as `made_by` in `pack.json` holds them."""

"""Where tiles go: around each sequence by a rule, or the listed one that holds it."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from dataset_tools.errors import UsageError
from dataset_tools.geodesy import LocalFrame, destination, ecef_m, inverse, offset_m
from dataset_tools.imagery.source import Imagery
from dataset_tools.imagery.tile_list import TileList, footprint
from dataset_tools.records import Frame, Rejection, Sequence, Tile

Array = npt.NDArray[np.float64]

STAGE = "pairing"
SLACK_M = 1e-3
"""Added to search radii, so that rounding loses no neighbour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairingRule:
    """How tiles are placed; recorded in the pack as it is."""

    side_m: float = 80.0
    """Side of a tile on the ground, metres."""
    size_px: int = 160
    """Side of a tile in pixels."""
    layout: Literal["centred", "grid"] = "centred"
    """A tile for each sequence, or a regular grid that sequences share."""
    centre: Literal["middle-frame", "path-midpoint"] = "middle-frame"
    """The point that a tile is centred on before any shift."""
    ahead_m: float = 0.0
    """Shift of the centre ahead of that point, metres."""
    ahead_along: Literal["heading", "course"] = "heading"
    """Ahead is where the middle frame's camera looks, or where the path goes on."""
    jitter_m: float = 0.0
    """Largest random offset of the centre, metres; 0 for none."""
    jitter_shape: Literal["square", "disc"] = "square"
    """Offsets are uniform up to jitter_m east and north, or in a disc."""
    overlap: float = 0.5
    """Share of its side by which a tile of a grid overlaps the next one."""
    margin_m: float = 2.0
    """Every frame lies inside its tile by at least this much, metres."""
    frames_may_leave: bool = False
    """Only the query itself must lie inside its tile."""
    semi_max_m: float | None = None
    """Farthest centre of a semi-positive, metres; None: wherever the query lies in."""
    seed: int = 0
    """Seed of the random offsets, together with the sequence's id."""

    def __post_init__(self) -> None:
        """Refuse a rule that no tile can meet.

        Raises:
            UsageError: if a length is out of its range.
        """
        shift = self.ahead_m + self.jitter_m
        if self.layout == "grid" and shift > 0:
            raise UsageError(
                "The tiles of a grid do not move: leave the shift ahead and the random "
                "offset at 0, or use centred tiles."
            )
        shift = self.spacing_m / 2 if self.layout == "grid" else shift
        room = self.side_m / 2 - self.margin_m - shift
        lengths = (self.side_m, self.margin_m, self.jitter_m, self.ahead_m)
        fine = self.size_px >= 1 and all(v >= 0 for v in lengths)
        fine = fine and 0 <= self.overlap < 1
        if not fine or not math.isfinite(room) or room < -SLACK_M:
            what = "half its spacing" if self.layout == "grid" else "offsets"
            raise UsageError(
                f"A tile of {self.side_m} m and {self.size_px} px with a margin of "
                f"{self.margin_m} m and {what} of {shift} m cannot hold its query: "
                "margin and offset together must fit into half the side."
            )

    @property
    def spacing_m(self) -> float:
        """Distance of neighbouring centres of a grid, metres."""
        return self.side_m * (1 - self.overlap)

    @property
    def query_reach_m(self) -> float:
        """How far a query can be off the centre of its tile, east or north, metres."""
        if self.layout == "grid" or self.centre == "path-midpoint":
            return self.side_m / 2
        return self.ahead_m + self.jitter_m + self.margin_m


def own_tiles(
    sequences: list[Sequence],
    frames_by_id: Mapping[str, Frame],
    imagery: Imagery,
    rule: PairingRule,
) -> list[Tile | Rejection]:
    """One tile per sequence around its centre, or why there is none."""
    found: list[Tile | Rejection] = []
    for sequence, at in zip(
        sequences, _centres(sequences, frames_by_id, rule), strict=True
    ):
        if isinstance(at, Rejection):
            found.append(at)
            continue
        fault = frame_outside(sequence, frames_by_id, at, rule=rule)
        if fault is not None:
            found.append(fault)
            continue
        part = imagery.part_at(*at, side_m=rule.side_m, size_px=rule.size_px)
        if isinstance(part, Rejection):
            found.append(part)
            continue
        found.append(make_tile(f"tile-{sequence.sequence_id}", at, part, rule))
    return found


def frame_outside(
    sequence: Sequence,
    frames_by_id: Mapping[str, Frame],
    at: tuple[float, float],
    *,
    rule: PairingRule,
) -> Rejection | None:
    """Why a tile around (lat, lon) does not hold a sequence, or None."""
    limit = rule.side_m / 2 - rule.margin_m
    frames = {} if rule.frames_may_leave else frames_by_id
    reach = _reach_m(sequence, frames, at)
    return _outside(sequence, reach, limit) if reach > limit + SLACK_M else None


def _centres(
    sequences: list[Sequence], frames_by_id: Mapping[str, Frame], rule: PairingRule
) -> list[tuple[float, float] | Rejection]:
    """(lat, lon) of each tile's centre after all shifts, or why it has none."""
    if not sequences:
        return []
    middles = [(s.lat, s.lon) for s in sequences]
    if rule.centre == "path-midpoint":
        middles = [_path_midpoint(s, frames_by_id) for s in sequences]
    at = np.array(middles, dtype=np.float64).reshape(-1, 2)
    lat, lon = at[:, 0], at[:, 1]
    faults: list[Rejection | None] = [None] * len(sequences)
    if rule.ahead_m > 0:
        ahead = [_bearing(s, frames_by_id, along=rule.ahead_along) for s in sequences]
        faults = [a if isinstance(a, Rejection) else None for a in ahead]
        bearing = np.array([0.0 if isinstance(a, Rejection) else a for a in ahead])
        lat, lon = destination(lat, lon, bearing, np.full(len(at), rule.ahead_m))
    if rule.jitter_m > 0:
        moves = np.array([_jitter(s.sequence_id, rule) for s in sequences])
        bearing = np.degrees(np.arctan2(moves[:, 0], moves[:, 1]))
        lat, lon = destination(lat, lon, bearing, np.hypot(*moves.T))
    return [
        fault or (float(a), float(o))
        for fault, a, o in zip(faults, lat, lon, strict=True)
    ]


def _bearing(
    sequence: Sequence, frames_by_id: Mapping[str, Frame], *, along: str
) -> float | Rejection:
    """Where ahead is at the query, degrees, or that nothing tells."""
    frames = [frames_by_id[i] for i in sequence.frame_ids]
    middle = len(frames) // 2
    if along == "heading":
        heading = frames[middle].heading_deg
        if heading is not None:
            return heading
        return _reject(sequence, "no-heading")
    first, last = frames[max(middle - 1, 0)], frames[min(middle + 1, len(frames) - 1)]
    course, metres = inverse(first.lat, first.lon, last.lat, last.lon)
    return float(course) if metres > SLACK_M else _reject(sequence, "no-course")


def _reject(sequence: Sequence, reason: str) -> Rejection:
    return Rejection(item=sequence.sequence_id, stage=STAGE, reason=reason)


def _jitter(sequence_id: str, rule: PairingRule) -> tuple[float, float]:
    """(east_m, north_m), the same for one id and seed on every machine."""
    text = f"{rule.seed}:{sequence_id}".encode()
    key = int.from_bytes(hashlib.sha256(text).digest()[:8], "big")
    first, second = np.random.default_rng(key).uniform(0.0, 1.0, 2)
    if rule.jitter_shape == "disc":
        radius, angle = rule.jitter_m * math.sqrt(first), 2 * math.pi * second
        return radius * math.sin(angle), radius * math.cos(angle)
    return rule.jitter_m * (2 * first - 1), rule.jitter_m * (2 * second - 1)


def _path_midpoint(
    sequence: Sequence, frames_by_id: Mapping[str, Frame]
) -> tuple[float, float]:
    """(lat, lon) at half of the path through a sequence's frames."""
    frames = [frames_by_id[i] for i in sequence.frame_ids]
    local = LocalFrame(frames[0].lat, frames[0].lon)
    east, north = local.to_metres([f.lat for f in frames], [f.lon for f in frames])
    along = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(east), np.diff(north)))])
    half = along[-1] / 2
    lat, lon = local.to_degrees(
        np.interp(half, along, east), np.interp(half, along, north)
    )
    return float(lat), float(lon)


def _reach_m(
    sequence: Sequence, frames_by_id: Mapping[str, Frame], at: tuple[float, float]
) -> float:
    """Largest offset of a frame or the query from a centre, east or north, metres."""
    frames = [frames_by_id[i] for i in sequence.frame_ids if i in frames_by_id]
    lat = np.array([sequence.lat, *(f.lat for f in frames)])
    lon = np.array([sequence.lon, *(f.lon for f in frames)])
    east, north = offset_m(at[0], at[1], lat, lon)
    return float(max(np.abs(east).max(), np.abs(north).max()))


def _outside(sequence: Sequence, reach: float, limit: float) -> Rejection:
    return Rejection(
        item=sequence.sequence_id,
        stage=STAGE,
        reason="frame-outside-tile",
        measured=round(reach, 2),
        limit=limit,
    )


def listed_tiles(
    sequences: list[Sequence],
    frames_by_id: Mapping[str, Frame],
    imagery: TileList,
    *,
    margin_m: float,
    frames_may_leave: bool = False,
) -> list[Tile | Rejection]:
    """For each sequence the nearest listed tile that holds all its frames."""
    tiles = imagery.tiles
    tree = cKDTree(ecef_m([t.lat for t in tiles], [t.lon for t in tiles]))
    widest = max(t.m_per_px * t.width_px for t in tiles) / math.sqrt(2) + SLACK_M
    inner = {} if frames_may_leave else frames_by_id
    found: list[Tile | Rejection] = []
    for sequence in sequences:
        place = ecef_m(sequence.lat, sequence.lon)[0]
        near = np.array(tree.query_ball_point(place, widest), np.intp)
        away = np.linalg.norm(tree.data[near] - place, axis=1)
        best: Tile | Rejection = Rejection(
            item=sequence.sequence_id,
            stage=STAGE,
            reason="no-listed-tile",
            measured=round(float(tree.query(place)[0]), 2),
            limit=round(widest, 2),
        )
        for i in near[np.argsort(away, kind="stable")]:
            tile = tiles[i]
            limit = tile.m_per_px * tile.width_px / 2 - margin_m
            reach = _reach_m(sequence, inner, (tile.lat, tile.lon))
            if reach <= limit:
                best = tile
                break
            if isinstance(best, Rejection) and best.reason == "no-listed-tile":
                best = _outside(sequence, reach, limit)
        found.append(best)
    return found


def make_tile(
    tile_id: str, at: tuple[float, float], imagery: Imagery, rule: PairingRule
) -> Tile:
    """The record of a tile at (lat, lon), with what the imagery says of itself."""
    corners = footprint(*at, side_m=rule.side_m)
    return Tile(
        tile_id=tile_id,
        lat=at[0],
        lon=at[1],
        footprint=corners,
        m_per_px=rule.side_m / rule.size_px,
        width_px=rule.size_px,
        height_px=rule.size_px,
        captured=imagery.captured,
        season=imagery.season,
        source=imagery.source,
        licence=imagery.licence,
    )

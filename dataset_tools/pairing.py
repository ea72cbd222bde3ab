"""Satellite pairing: each sequence gets a tile, and is told which others show it.

A sequence's own tile is its positive. Other tiles whose area contains the query's
position are its semi-positives; both come with the offset from query to tile centre.
A centred tile lies around the query's position (the middle frame's), moved ahead or by
a uniform random offset if the rule says so, seeded by the sequence's id. In a grid the
positive is the tile with the nearest centre. Either way, adding a drive moves no tile.
"""

import logging
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from dataset_tools.errors import UsageError
from dataset_tools.geodesy import ecef_m, offset_m
from dataset_tools.grid_gallery import GridExtent, shared_tiles
from dataset_tools.imagery.source import Imagery
from dataset_tools.imagery.tile_list import TileList
from dataset_tools.placement import (
    SLACK_M,
    STAGE,
    PairingRule,
    listed_tiles,
    own_tiles,
)
from dataset_tools.records import Frame, Offset, Rejection, Sequence, Tile

__all__ = ["Pairing", "PairingRule", "label", "pair", "thin"]

Array = npt.NDArray[np.float64]

COARSE = 1.25
"""Imagery this many times coarser than the tiles asked for is worth a warning."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """Sequences with their tiles; kept and rejected add up to the sequences given."""

    sequences: list[Sequence] = field(default_factory=list)
    tiles: list[Tile] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)
    left_out: list[Rejection] = field(default_factory=list)
    """Tiles of a grid that the imagery does not cover."""
    native_m_per_px: float | None = None
    """Median resolution of the imagery itself at the tiles, metres per pixel."""
    warnings: tuple[str, ...] = ()


def pair(
    sequences: Iterable[Sequence],
    frames_by_id: Mapping[str, Frame],
    imagery: Imagery,
    rule: PairingRule,
    *,
    grid: GridExtent | None = None,
) -> Pairing:
    """A positive tile for every sequence that has one, semi-positives and offsets.

    Args:
        sequences: queries with positions; their frames are in `frames_by_id`.
        frames_by_id: every frame of the sequences.
        imagery: where tiles are cut from. Pictures of a `TileList` are tiles as they
            are: the nearest one that holds all frames is the positive, and all of
            them are in the result.
        rule: side, size, centre, margin and random offset of the tiles.
        grid: how far a grid of tiles reaches; for the layout "grid" only.

    Returns:
        Sequences and tiles sorted by id. A sequence is rejected if a frame lies
        outside its tile ("frame-outside-tile") or for what the imagery says.

    Raises:
        UsageError: if a frame of a sequence is not in `frames_by_id`.
    """
    ordered = sorted(sequences, key=lambda s: s.sequence_id)
    _check_frames(ordered, frames_by_id)
    used: dict[str, Tile] = {}
    left_out: list[Rejection] = []
    if rule.layout == "grid":
        found = shared_tiles(
            ordered, frames_by_id, imagery, rule, extent=grid or GridExtent()
        )
        tiles, left_out = found.own, found.left_out
        used = {t.tile_id: t for t in found.tiles}
    elif isinstance(imagery, TileList):
        tiles = listed_tiles(
            ordered,
            frames_by_id,
            imagery,
            margin_m=rule.margin_m,
            frames_may_leave=rule.frames_may_leave,
        )
        used = {t.tile_id: t for t in imagery.tiles}
    else:
        tiles = own_tiles(ordered, frames_by_id, imagery, rule)
    kept: list[Sequence] = []
    rejected: list[Rejection] = []
    for sequence, tile in zip(ordered, tiles, strict=True):
        if isinstance(tile, Rejection):
            rejected.append(replace(tile, item=sequence.sequence_id, stage=STAGE))
        else:
            used[tile.tile_id] = tile
            kept.append(replace(sequence, positives=(tile.tile_id,)))
    assert len(kept) + len(rejected) == len(ordered)
    chosen = [used[i] for i in sorted(used)]
    native, warnings = _resolution(chosen, imagery)
    return Pairing(
        sequences=label(kept, chosen, semi_max_m=rule.semi_max_m),
        tiles=chosen,
        rejected=rejected,
        left_out=left_out,
        native_m_per_px=native,
        warnings=(*imagery.doubts, *warnings),
    )


def label(
    sequences: Iterable[Sequence],
    tiles: Iterable[Tile],
    *,
    semi_max_m: float | None = None,
) -> list[Sequence]:
    """Sequences with semi-positives and offsets for the given tiles.

    Args:
        sequences: queries whose positives are set.
        tiles: every tile that can be a semi-positive, and all positives.
        semi_max_m: farthest centre of a semi-positive, metres; None: no limit.
    """
    sequences, listed = list(sequences), sorted(tiles, key=lambda t: t.tile_id)
    if not sequences or not listed:
        return sequences
    lat, lon = _positions(listed)
    half = np.array([t.m_per_px * t.width_px / 2 for t in listed])
    tree = cKDTree(ecef_m(lat, lon))
    queries = ecef_m([s.lat for s in sequences], [s.lon for s in sequences])
    near = tree.query_ball_point(queries, half.max() * math.sqrt(2) + SLACK_M)
    number = {t.tile_id: i for i, t in enumerate(listed)}
    labelled = []
    for sequence, found in zip(sequences, near, strict=True):
        own = [number[p] for p in sequence.positives]
        at = np.array(sorted({*found, *own}), dtype=np.intp)
        if not at.size:
            labelled.append(sequence)
            continue
        east, north = offset_m(sequence.lat, sequence.lon, lat[at], lon[at])
        inside = np.maximum(np.abs(east), np.abs(north)) <= half[at]
        if semi_max_m is not None:
            inside &= np.hypot(east, north) <= semi_max_m
        offsets = [
            Offset(tile_id=listed[i].tile_id, east_m=float(e), north_m=float(n))
            for i, e, n, has in zip(at, east, north, inside, strict=True)
            if has or i in own
        ]
        semi = [o.tile_id for o in offsets if o.tile_id not in sequence.positives]
        labelled.append(
            replace(sequence, semi_positives=tuple(semi), offsets=tuple(offsets))
        )
    return labelled


def thin(
    tiles: Iterable[Tile], sequences: Iterable[Sequence], *, min_distance_m: float
) -> list[str]:
    """Positive tiles whose centres keep a distance, taken greedily in order of id.

    Args:
        tiles: at least the positives of the sequences; others are left out.
        sequences: the queries whose positives are thinned.
        min_distance_m: least distance of two kept centres, metres, at least 0.

    Returns:
        Sorted ids of the kept tiles.
    """
    wanted = {p for s in sequences for p in s.positives}
    chosen = sorted((t for t in tiles if t.tile_id in wanted), key=lambda t: t.tile_id)
    if not chosen:
        return []
    places = ecef_m(*_positions(chosen))
    tree = cKDTree(places)
    gone = np.zeros(len(chosen), np.bool_)
    kept = []
    for i, tile in enumerate(chosen):
        if gone[i]:
            continue
        kept.append(tile.tile_id)
        near = np.array(tree.query_ball_point(places[i], min_distance_m), np.intp)
        # A straight line is shorter than the ground distance, so what is farther here
        # is farther there; exactly at the distance is far enough.
        away = np.linalg.norm(places[near] - places[i], axis=1)
        gone[near[away < min_distance_m]] = True
    return kept


def _check_frames(sequences: list[Sequence], frames_by_id: Mapping[str, Frame]) -> None:
    for sequence in sequences:
        for frame_id in sequence.frame_ids:
            if frame_id not in frames_by_id:
                raise UsageError(
                    f"Sequence {sequence.sequence_id!r} names the frame {frame_id!r}, "
                    "which is not among the frames given; pass all of them."
                )


def _positions(tiles: list[Tile]) -> tuple[Array, Array]:
    """(lat, lon) of tile centres."""
    return np.array([t.lat for t in tiles]), np.array([t.lon for t in tiles])


def _resolution(
    tiles: list[Tile], imagery: Imagery
) -> tuple[float | None, tuple[str, ...]]:
    """Median resolution of the imagery at the tiles; a warning where it is coarse."""
    if not tiles:
        return None, ()
    some = tiles[:: max(1, len(tiles) // 100)]
    native = np.array([imagery.m_per_px_at(t.lat, t.lon) for t in some])
    native = native[np.isfinite(native)]
    if not native.size:
        return None, ()
    wanted = tiles[0].m_per_px
    coarse = native > wanted * COARSE
    if not coarse.any():
        return float(np.median(native)), ()
    share = "" if coarse.all() else f" under {coarse.mean():.0%} of the tiles"
    message = (
        f"{imagery.source} has {np.median(native[coarse]):.2f} m per pixel "
        f"here{share}, coarser than the tiles' {wanted:.2f} m: they are enlarged and "
        "show no more. "
        "Use finer imagery or fewer pixels a tile."
    )
    logger.warning(message)
    return float(np.median(native)), (message,)

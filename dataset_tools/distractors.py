"""Distractors: tiles off the road that fill the open galleries of the test split.

They lie on a grid, keep away from every query and belong to the land of the test
split, so that no other split has seen them.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Sequence as Series
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from dataset_tools.geodesy import LocalFrame
from dataset_tools.imagery.source import Imagery
from dataset_tools.imagery.tile_list import TileList
from dataset_tools.placement import PairingRule, make_tile
from dataset_tools.records import Outcome, Rejection, Tile
from dataset_tools.splits import SplitOutcome

Array = npt.NDArray[np.float64]

STAGE = "distractors"
SPLIT = "test"
SPACINGS = (1.0, 0.5, 0.375, 0.25, 0.125)
"""Spacings of the grid in tiles; the widest that gives enough is used."""
REACH_M = 1000.0
"""Grid points lie within this distance, east and north, of the area of the drive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Distractors:
    """Chosen tiles, those that were tried in vain, and the split with them."""

    outcome: Outcome[Tile] = field(default_factory=Outcome)
    split: SplitOutcome
    warnings: tuple[str, ...] = ()


def add_distractors(
    tiles: Series[Tile],
    imagery: Imagery,
    split: Callable[[Iterable[Tile]], SplitOutcome],
    *,
    per_tile: int,
    rule: PairingRule,
    seed: int,
) -> Distractors:
    """Off-road tiles for test splits, a number for each tile of their thinned gallery.

    Each scheme gets its number in its own test split's land; a tile that lies in the
    land of several is used for all of them.

    Args:
        tiles: every other tile of the pack, those of the sequences among them.
        imagery: where the new tiles are cut from.
        split: splits the sequences, given all tiles; in one scheme or several.
        per_tile: how many are wanted for each thinned tile, at least 0.
        rule: side and size of the tiles, and what those of sequences were placed by.
        seed: decides which grid points are taken first.

    Returns:
        Tiles sorted by id, and the split whose open galleries hold just these.
    """
    if per_tile == 0:
        return Distractors(split=split(tiles))
    for spacing in SPACINGS:
        candidates = grid_tiles(
            tiles, imagery, spacing_m=spacing * rule.side_m, rule=rule
        )
        found = split([*tiles, *candidates])
        wanted = {
            scheme: per_tile * len(_ids(found, scheme, "tile-thinned"))
            for scheme in found.schemes
        }
        take = partial(take_covered, imagery=imagery, seed=seed, rule=rule)
        outcome, chosen = _take_each(found, candidates, wanted, take)
        if all(len(chosen[s]) >= wanted[s] for s in wanted):
            break
    grid = {t.tile_id for t in candidates}
    rows = [
        row
        for row in found.rows
        if row[3] not in grid or (row[1] == SPLIT and row[3] in chosen[row[0]])
    ]
    return Distractors(
        outcome=outcome,
        split=replace(found, rows=rows),
        warnings=tuple(
            _warning(s, len(chosen[s]), wanted[s], SPACINGS[-1] * rule.side_m)
            for s in wanted
            if len(chosen[s]) < wanted[s]
        ),
    )


def grid_tiles(
    tiles: Series[Tile], imagery: Imagery, *, spacing_m: float, rule: PairingRule
) -> list[Tile]:
    """Tiles on a grid within the imagery's bounds in which no query lies.

    A centre keeps more than half a side, the random offset and the margin from every
    given centre, east or north.

    Args:
        tiles: the tiles of the sequences.
        imagery: where the new tiles are to be cut from.
        spacing_m: distance of neighbouring grid points, metres, above 0.
        rule: side and size of the tiles, and what the given tiles were placed by.
    """
    given = sorted(tiles, key=lambda t: t.tile_id)
    if not given or isinstance(imagery, TileList):
        return []
    lat, lon = _grid(given, imagery, spacing_m=spacing_m, rule=rule)
    return [
        make_tile(f"grid{a:+.6f}{o:+.6f}", (float(a), float(o)), imagery, rule)
        for a, o in zip(lat, lon, strict=True)
    ]


def take_covered(
    tiles: Series[Tile], imagery: Imagery, *, count: int, seed: int, rule: PairingRule
) -> Outcome[Tile]:
    """The first `count` tiles, in an order drawn with a seed, that imagery covers.

    Returns:
        At most `count` tiles sorted by id; tiles that were tried and that the imagery
        does not cover are rejected.
    """
    kept: list[Tile] = []
    rejected: list[Rejection] = []
    for i in np.random.default_rng(seed).permutation(len(tiles)):
        if len(kept) == count:
            break
        tile = tiles[i]
        at = (tile.lat, tile.lon)
        part = imagery.part_at(*at, side_m=rule.side_m, size_px=rule.size_px)
        if isinstance(part, Rejection):
            rejected.append(replace(part, item=tile.tile_id, stage=STAGE))
        else:
            kept.append(make_tile(tile.tile_id, at, part, rule))
    return Outcome(sorted(kept, key=lambda t: t.tile_id), rejected)


def _take_each(
    found: SplitOutcome,
    candidates: list[Tile],
    wanted: Mapping[str, int],
    take: Callable[..., Outcome[Tile]],
) -> tuple[Outcome[Tile], dict[str, set[str]]]:
    """Tiles for one scheme after the other; each uses those taken before it first.

    Returns:
        All tiles taken, sorted by id, with those tried in vain; scheme -> ids of its
        tiles.
    """
    outcome: Outcome[Tile] = Outcome()
    chosen: dict[str, set[str]] = {}
    tried: set[str] = set()
    for scheme, count in wanted.items():
        there = _ids(found, scheme, "tile-open")
        shared = [t.tile_id for t in outcome.kept if t.tile_id in there][:count]
        fresh = [t for t in candidates if t.tile_id in there and t.tile_id not in tried]
        more = take(fresh, count=count - len(shared))
        chosen[scheme] = {*shared, *(t.tile_id for t in more.kept)}
        tried |= {t.tile_id for t in more.kept} | {r.item for r in more.rejected}
        both = sorted([*outcome.kept, *more.kept], key=lambda t: t.tile_id)
        outcome = Outcome(both, [*outcome.rejected, *more.rejected])
    return outcome, chosen


def _ids(found: SplitOutcome, scheme: str, kind: str) -> set[str]:
    return {i for name, s, k, i in found.rows if (name, s, k) == (scheme, SPLIT, kind)}


def _warning(scheme: str, have: int, wanted: int, spacing_m: float) -> str:
    return (
        f"Only {have:,} of {wanted:,} off-road tiles found room in the land of the "
        f"test split of scheme {scheme!r}, {spacing_m:g} m apart. Give imagery that "
        "reaches farther beyond the drive, or ask for fewer."
    )


def _grid(
    tiles: list[Tile], imagery: Imagery, *, spacing_m: float, rule: PairingRule
) -> tuple[Array, Array]:
    """(lat, lon) of grid points around the tiles, away from their centres."""
    lat = np.array([t.lat for t in tiles])
    lon = np.array([t.lon for t in tiles])
    frame = LocalFrame(tiles[0].lat, tiles[0].lon)
    east, north = frame.to_metres(lat, lon)
    # Whole steps from the first tile, so that the grid does not move with the extent.
    axes = [
        np.arange(
            math.floor((v.min() - REACH_M) / spacing_m),
            math.ceil((v.max() + REACH_M) / spacing_m) + 1,
        )
        * spacing_m
        for v in (east, north)
    ]
    x, y = (v.ravel() for v in np.meshgrid(*axes))
    clear = rule.side_m / 2 + rule.query_reach_m
    centres = cKDTree(np.column_stack([east, north]))
    nearest, _ = centres.query(np.column_stack([x, y]), p=np.inf)
    x, y = x[nearest > clear], y[nearest > clear]
    points_lat, points_lon = frame.to_degrees(x, y)
    west, south, east_end, north_end = imagery.bounds
    span = (east_end - west) % 360.0
    inside = (points_lat >= south) & (points_lat <= north_end)
    inside &= (points_lon - west) % 360.0 <= span
    return points_lat[inside], points_lon[inside]

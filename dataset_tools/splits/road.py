"""By road: all passes of a road, in both directions, are in one split.

Asks how well a model does on roads that it never drove. Frames are clustered to roads
by place and direction: two frames are on one road if they lie within `width_m` and
their directions of travel, either way, agree within `turn_deg`, and so are neighbours
of one drive. Where a drive turns off by more than that within `CORNER_M` to each side,
the road ends: what lies behind the corner is another road, and the frames in the
corner belong to the nearest. Frames without a direction (no neighbour in their drive)
belong to the road within `width_m`, or are one with each other. So a crossing joins
no roads, a bend of more than about 30 m radius parts none, and a tighter one makes two
roads of one, which the buffer between them keeps honest.

A sequence whose frames lie on roads of two splits is dropped.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from dataset_tools.errors import UsageError
from dataset_tools.records import Frame, Sequence, Tile
from dataset_tools.splits.apart import Distance, Fault, Wanted, settle
from dataset_tools.splits.groups import share_out, until_full, with_validation
from dataset_tools.splits.rows import DROPPED, SplitOutcome
from dataset_tools.splits.rule import SplitRule
from dataset_tools.splits.world import World

CORNER_M: Final = 15.0
"""A corner is looked for over this much of the track to each side, metres."""
MAX_STEP_M: Final = 100.0
"""Frames further apart are no neighbours of one drive."""
BASE_M: Final = 4.0
"""No direction is measured over less than this, metres: GPS noise is about 1 m."""

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoadRule:
    """What makes two frames lie on one road."""

    width_m: float = 20.0
    """Passes this near to each other are on one road, metres, above 0."""
    turn_deg: float = 30.0
    """Directions that differ by less agree, degrees, in (0, 90]."""

    def __post_init__(self) -> None:
        """Refuse what fits no road.

        Raises:
            UsageError: if so.
        """
        if not (self.width_m > 0 and 0 < self.turn_deg <= 90):
            raise UsageError(
                f"Roads need a width above 0 m and a turn up to 90 degrees, got "
                f"{self.width_m!r} m and {self.turn_deg!r} degrees."
            )


def by_road(
    sequences: Iterable[Sequence],
    frames_by_id: Mapping[str, Frame],
    tiles: Iterable[Tile],
    rule: SplitRule,
    *,
    roads: RoadRule | None = None,
    scheme: str = "road",
) -> SplitOutcome:
    """Whole roads in train, val and test.

    Args:
        sequences: queries with their positives.
        frames_by_id: every frame of the sequences.
        tiles: positives and, for the open gallery, other tiles.
        rule: buffer, shares, seed.
        roads: what makes two frames lie on one road.
        scheme: name of this way of splitting in the pack.

    Raises:
        UsageError: if there are fewer roads than splits, or a wanted split stays
            empty.
    """
    world = World.of(sequences, frames_by_id, tiles, tile_side_m=rule.tile_side_m)
    on = roads_of(world, roads or RoadRule())
    main = [on[_middle(s)] for s in world.sequences]
    sizes = {str(road): main.count(road) for road in sorted(set(main))}
    if len(sizes) < 2:
        raise UsageError(
            f"All {len(main)} sequences lie on {len(sizes)} road, so none can be held "
            "out. Give more roads, or another --split-scheme such as area."
        )
    distance = Distance(buffer_m=rule.buffer_m)

    def attempt(number: int) -> SplitOutcome:
        split = share_out(sizes, rule, attempt=number)
        wanted = _wanted(world, on, main, split)
        wanted = with_validation(world, wanted, rule, attempt=number)
        return settle(world, wanted, distance, scheme=scheme, thin_m=rule.thin_m)

    told = (
        f"{len(main)} sequences on {len(sizes)} roads and a buffer of "
        f"{rule.buffer_m:g} m. Lower --buffer-m: where roads cross, it empties them"
    )
    return until_full(attempt, rule, told=told)


def roads_of(world: World, rule: RoadRule) -> dict[str, int]:
    """Frame id -> number of its road, for every frame of the sequences.

    Each road holds the middle frame of a sequence: a stretch that only ends of
    sequences reach is one with the road that most of them come from.
    """
    names = {f for s in world.sequences for f in s.frame_ids}
    frames = sorted(
        (world.frames[name] for name in names),
        key=lambda f: (f.session_id, f.order, f.frame_id),
    )
    if not frames:
        return {}
    places = world.plane([(f.lat, f.lon) for f in frames])
    same = np.array([a.session_id == b.session_id for a, b in pairwise(frames)], bool)
    steps = np.hypot(*np.diff(places, axis=0).T)
    runs = np.concatenate([[0], np.cumsum(~(same & (steps <= MAX_STEP_M)))])
    road = _cluster(places, runs, rule)
    on = {f.frame_id: int(r) for f, r in zip(frames, road, strict=True)}
    comes_from: dict[int, Counter[int]] = {}
    for sequence in world.sequences:
        for name in sequence.frame_ids:
            main = on[_middle(sequence)]
            comes_from.setdefault(on[name], Counter())[main] += 1
    mains = {on[_middle(s)] for s in world.sequences}
    into = {
        r: r if r in mains else min(found, key=lambda m: (-found[m], m))
        for r, found in comes_from.items()
    }
    return {name: into[r] for name, r in on.items()}


def _middle(sequence: Sequence) -> str:
    return sequence.frame_ids[len(sequence.frame_ids) // 2]


def _wanted(
    world: World, on: Mapping[str, int], main: list[int], split: Mapping[str, str]
) -> Wanted:
    wanted: list[str] = []
    faults: dict[int, Fault] = {}
    for i, sequence in enumerate(world.sequences):
        own = split[str(main[i])]
        met = sorted({split[str(on[f])] for f in sequence.frame_ids} - {own})
        if met:
            faults[i] = ("across-roads", f"{own} and {met[0]}", "one split")
        wanted.append(DROPPED if met else own)
    return Wanted(split=wanted, faults=faults)


def _cluster(places: Floats, runs: Integers, rule: RoadRule) -> Integers:
    """[N] number of each frame's road.

    Args:
        places: [N, 2] metres, in order of travel.
        runs: [N] number of the unbroken run that each lies in.
        rule: width and turn.
    """
    before, after = _chord(places, runs, step=-1), _chord(places, runs, step=1)
    axis = before + after
    corner = _angle(before, after) > rule.turn_deg
    lost = ~corner & ~axis.any(axis=1)
    straight = np.flatnonzero(~corner & ~lost)
    following = np.flatnonzero(runs[1:] == runs[:-1])
    pairs = np.concatenate(
        [
            np.column_stack([following, following + 1]),
            cKDTree(places).query_pairs(rule.width_m, output_type="ndarray"),
        ]
    ).astype(np.int64)
    left, right = pairs.T
    turn = _angle(axis[left], axis[right])
    linked = np.minimum(turn, 180.0 - turn) < rule.turn_deg
    linked &= ~corner[left] & ~corner[right] & (lost[left] == lost[right])
    graph = coo_array(
        (np.ones(int(linked.sum())), (left[linked], right[linked])),
        shape=(len(places), len(places)),
    )
    road: Integers = connected_components(graph, directed=False)[1].astype(np.int64)
    for loose, reach_m in ((corner, MAX_STEP_M), (lost, rule.width_m)):
        rows = np.flatnonzero(loose)
        if rows.size and straight.size:
            away, nearest = cKDTree(places[straight]).query(places[rows])
            held = away <= reach_m
            road[rows[held]] = road[straight[nearest[held]]]
    return road


def _chord(places: Floats, runs: Integers, *, step: int) -> Floats:
    """[N, 2] from `CORNER_M` behind each frame to it, or from it to as far ahead.

    Zero at the end of a run and where less than `BASE_M` is left of it.
    """
    chord = np.zeros_like(places)
    open_ = np.arange(len(places))
    reach = 0
    while open_.size:
        reach += 1
        other = open_ + reach * step
        there = (other >= 0) & (other < len(places))
        open_, other = open_[there], other[there]
        there = runs[other] == runs[open_]
        open_, other = open_[there], other[there]
        chord[open_] = (places[other] - places[open_]) * step
        open_ = open_[np.hypot(*chord[open_].T) < CORNER_M]
    chord[np.hypot(*chord.T) < BASE_M] = 0.0
    return chord


def _angle(a: Floats, b: Floats) -> Floats:
    """[N] degrees between directions, 0 where one of them is unknown."""
    cross = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    dot = (a * b).sum(axis=1)
    angle: Floats = np.abs(np.degrees(np.arctan2(cross, dot)))
    return angle

"""Keeping splits apart, item by item, once it is known who should go where.

Where an area decides, land is given away before anything stands on it
(`dataset_tools.splits.area`). Here sequences have been given to splits by something
else: their session, road, year, fold or a list. Test keeps all of its sequences; a
sequence of val that lies within the buffer of one of test is dropped, and one of train
that lies within the buffer of what is left of the two.

A tile that no sequence belongs to joins the first of test, val and train whose
sequences it may stand beside: it keeps the buffer from everything that any other
split holds.
"""

from collections.abc import Callable, Mapping
from collections.abc import Sequence as Series
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from dataset_tools.records import Rejection, SplitRow, Tile
from dataset_tools.splits.rows import DROPPED, PRIORITY, STAGE, SplitOutcome, rows_of
from dataset_tools.splits.world import World

Fault = tuple[str, float | str | None, float | str | None]
"""(reason, measured, limit)."""
Shapes = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Where the Q sequences of a world should go, before the buffer."""

    split: list[str]
    """[Q] train, val, test or dropped."""
    faults: dict[int, Fault] = field(default_factory=dict)
    """Number of a dropped sequence -> why."""
    land: list[str] | None = None
    """[O] the split whose land each tile of no sequence lies on; None: any land."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Distance:
    """How far apart the items of two splits must be."""

    buffer_m: float
    meet: bool = False
    """With a buffer of 0: whether they may show the same place."""
    gives_way: Mapping[str, tuple[str, ...]] = field(
        default_factory=lambda: {"val": ("test",), "train": ("test", "val")}
    )
    """Split -> those that its sequences are dropped near; tiles that no sequence
    belongs to always give way."""

    @property
    def free(self) -> bool:
        """Whether anything may lie anywhere."""
        return self.meet and self.buffer_m == 0


def settle(
    world: World,
    wanted: Wanted,
    distance: Distance,
    *,
    scheme: str,
    thin_m: float,
    takes: Callable[[str, Tile], bool] | None = None,
) -> SplitOutcome:
    """Rows of a scheme in which every two splits are the distance apart.

    Args:
        world: sequences and tiles.
        wanted: where the sequences should go.
        distance: the buffer, and whether the same place may be shown twice.
        scheme: name of this way of splitting in the pack.
        thin_m: least distance of centres in the thinned gallery, metres.
        takes: whether a split may hold a tile; None: any.
    """
    wanted = give_way(world, wanted, distance)
    split_of, faults = wanted.split, wanted.faults
    rejected = [
        Rejection(
            item=world.sequences[i].sequence_id,
            stage=STAGE,
            reason=reason,
            measured=measured,
            limit=limit,
        )
        for i, (reason, measured, limit) in sorted(faults.items())
    ]
    members = {
        split: [s for s, w in zip(world.sequences, split_of, strict=True) if w == split]
        for split in PRIORITY
    }
    others = _others(world, wanted, distance, takes=takes)
    rows: list[SplitRow] = [
        (scheme, DROPPED, "sequence", world.sequences[i].sequence_id) for i in faults
    ]
    rows += rows_of(members, world.tiles, others, scheme=scheme, thin_m=thin_m)
    assert sum(map(len, members.values())) + len(rejected) == len(world.sequences)
    return SplitOutcome(rows=sorted(rows), rejected=rejected)


def give_way(world: World, wanted: Wanted, distance: Distance) -> Wanted:
    """The same without the sequences that lie too near to a split they give way to.

    Args:
        world: sequences and tiles.
        wanted: where the sequences should go.
        distance: the buffer, and who gives way to whom.
    """
    split_of, faults = list(wanted.split), dict(wanted.faults)
    for split in PRIORITY:
        mine = [i for i, s in enumerate(split_of) if s == split]
        before = distance.gives_way.get(split, ())
        kept = [i for i, s in enumerate(split_of) if s in before]
        away = _near_m(world, world.shapes[mine], world.shapes[kept], distance)
        for i, metres in zip(mine, away.tolist(), strict=True):
            if np.isfinite(metres):
                split_of[i] = DROPPED
                faults[i] = ("in-buffer", round(metres, 2), distance.buffer_m)
    return replace(wanted, split=split_of, faults=faults)


def _others(
    world: World,
    wanted: Wanted,
    distance: Distance,
    *,
    takes: Callable[[str, Tile], bool] | None,
) -> dict[str, list[str]]:
    """Tiles of no sequence for each split that has sequences."""
    names, land = np.array(wanted.split, dtype=object), wanted.land
    held = {s: list(world.shapes[names == s]) for s in PRIORITY}
    given: dict[str, list[str]] = {s: [] for s in PRIORITY}
    left = list(range(len(world.others)))
    for split in (s for s in PRIORITY if held[s]):
        mine = [
            i
            for i in left
            if (land is None or land[i] == split)
            and (takes is None or takes(split, world.tiles[world.others[i]]))
        ]
        foreign = [shape for s in PRIORITY if s != split for shape in held[s]]
        shapes = [world.tile_shapes[world.others[i]] for i in mine]
        away = _near_m(world, _array(shapes), _array(foreign), distance)
        fit = [i for i, metres in zip(mine, away, strict=True) if np.isinf(metres)]
        given[split] = [world.others[i] for i in fit]
        held[split] += [world.tile_shapes[name] for name in given[split]]
        taken = set(fit)
        left = [i for i in left if i not in taken]
    return given


def _near_m(
    world: World, shapes: Shapes, against: Shapes, distance: Distance
) -> Floats:
    """[N] metres to the nearest of the others where it is too near, else infinity."""
    away = np.full(len(shapes), np.inf)
    if not len(shapes) or not len(against) or distance.free:
        return away
    tree = shapely.STRtree(against)
    if distance.buffer_m == 0:
        away[np.unique(tree.query(shapes, predicate="intersects")[0])] = 0.0
        return away
    safe_m = world.safe_m(distance.buffer_m)
    pairs, metres = tree.query_nearest(
        shapes, max_distance=safe_m, return_distance=True, all_matches=False
    )
    away[pairs[0]] = metres
    return away


def _array(shapes: Series[Any]) -> Shapes:
    found = np.empty(len(shapes), dtype=object)
    found[:] = shapes
    return found

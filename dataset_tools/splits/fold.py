"""k folds over square cells: k schemes, in which every place is tested once.

Cells are joined to k compact parts of about as many queries. Fold i tests on part i,
validates on the next one and trains on the others. A query belongs to the part that it
lies in, so each is tested in exactly one fold, those on a border too; what gives way
there is training and validation.
"""

from collections.abc import Iterable, Mapping

import numpy as np
from scipy.spatial import cKDTree

from dataset_tools.areas import part_cells
from dataset_tools.errors import UsageError
from dataset_tools.records import Frame, Sequence, Tile
from dataset_tools.splits.apart import Distance, Wanted, settle
from dataset_tools.splits.groups import missing_splits
from dataset_tools.splits.rows import SplitOutcome
from dataset_tools.splits.rule import SplitRule
from dataset_tools.splits.world import World

MIN_FOLDS = 3
"""One part to test, one to validate, one to train."""


def by_fold(
    sequences: Iterable[Sequence],
    frames_by_id: Mapping[str, Frame],
    tiles: Iterable[Tile],
    rule: SplitRule,
    *,
    folds: int = 5,
    scheme: str = "fold",
) -> dict[str, SplitOutcome]:
    """K schemes named "fold-1", "fold-2" and so on.

    Args:
        sequences: queries with their positives.
        frames_by_id: every frame of the sequences.
        tiles: positives and, for the open gallery, other tiles; each lies on the land
            of the part of the nearest query.
        rule: buffer and side of the cells.
        folds: k, at least 3.
        scheme: what the schemes' names begin with.

    Raises:
        UsageError: if there are too few cells, or the buffer leaves a split empty.
    """
    if folds < MIN_FOLDS:
        raise UsageError(
            f"{folds} folds leave nothing to train on beside validation and test; "
            f"give --folds at least {MIN_FOLDS}."
        )
    world = World.of(sequences, frames_by_id, tiles, tile_side_m=rule.tile_side_m)
    part = part_cells(world.queries_m, cell_m=rule.cell_m, parts=folds)
    land = part[_nearest_query(world)]
    distance = Distance(buffer_m=rule.buffer_m)
    outcomes: dict[str, SplitOutcome] = {}
    for test in range(folds):
        names = np.full(folds, "train", dtype=object)
        names[test], names[(test + 1) % folds] = "test", "val"
        wanted = Wanted(split=names[part].tolist(), land=names[land].tolist())
        name = f"{scheme}-{test + 1}"
        outcome = settle(world, wanted, distance, scheme=name, thin_m=rule.thin_m)
        _refuse_empty(outcome, name, rule)
        outcomes[name] = outcome
    return outcomes


def _nearest_query(world: World) -> list[int]:
    """[O] number of the query nearest to each tile of no sequence."""
    if not world.others:
        return []
    tiles = [world.tiles[i] for i in world.others]
    at = world.plane([(t.lat, t.lon) for t in tiles])
    nearest: list[int] = cKDTree(world.queries_m).query(at)[1].tolist()
    return nearest


def _refuse_empty(outcome: SplitOutcome, name: str, rule: SplitRule) -> None:
    for split in missing_splits(outcome, rule):
        raise UsageError(
            f"No sequence is left for {split!r} in {name}, with cells of "
            f"{rule.cell_m:g} m and a buffer of {rule.buffer_m:g} m. Lower "
            "--buffer-m, or give fewer --folds."
        )

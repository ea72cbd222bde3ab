"""Giving whole groups to splits, such as roads, and a part of train to validation."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from dataset_tools.areas import count_cells, pick_cells
from dataset_tools.errors import UsageError
from dataset_tools.splits.apart import Distance, Wanted, give_way
from dataset_tools.splits.rows import SplitOutcome
from dataset_tools.splits.rule import SplitRule
from dataset_tools.splits.world import World

ATTEMPTS = 16
"""Other beginnings that are tried where the buffer leaves a split empty."""
VAL_CELLS = 8
"""Cells are halved until at least so many hold training queries, so that a part of
them can be taken for validation."""
MIN_CELL_M = 50.0


def share_out(
    sizes: Mapping[str, int], rule: SplitRule, *, attempt: int
) -> dict[str, str]:
    """Group -> split, so that the splits have about their shares of the queries.

    Larger groups are given away first, groups of about one size in seeded order, each
    to the split that lacks most. The last groups go to splits that have none yet.

    Args:
        sizes: group -> its queries, at least one.
        rule: shares and seed.
        attempt: another number gives another order.
    """
    names = sorted(sizes)
    rng = np.random.default_rng((rule.seed, attempt))
    order = [names[i] for i in rng.permutation(len(names))]
    order.sort(key=lambda name: -int(math.log2(sizes[name])))
    total = sum(sizes.values())
    lacking = {split: rule.shares[split] * total for split in rule.wanted}
    found: dict[str, str] = {}
    for number, name in enumerate(order):
        empty = [s for s in lacking if s not in found.values()]
        pool = empty if len(order) - number <= len(empty) else list(lacking)
        split = max(pool, key=lambda s: lacking[s])
        found[name] = split
        lacking[split] -= sizes[name]
    return found


def with_validation(
    world: World, wanted: Wanted, rule: SplitRule, *, attempt: int
) -> Wanted:
    """The same with a compact part of the training places for validation.

    The two keep the rule's buffer, whatever other splits keep: they are of one drive.
    Nothing changes where validation has sequences, has no share, or where there are no
    two cells of training queries to part.
    """
    share = rule.shares.get("val", 0.0)
    train = [i for i, s in enumerate(wanted.split) if s == "train"]
    if "val" in wanted.split or share <= 0 or not train:
        return wanted
    part = share / (share + rule.shares.get("train", 0.0))
    places = world.queries_m[train]
    cell_m = rule.cell_m
    while cell_m / 2 >= MIN_CELL_M and count_cells(places, cell_m=cell_m) < VAL_CELLS:
        cell_m /= 2
    chosen = pick_cells(places, cell_m=cell_m, share=part, seed=(rule.seed, attempt))
    split = list(wanted.split)
    for i, taken in zip(train, chosen.tolist(), strict=True):
        split[i] = "val" if taken else "train"
    distance = Distance(buffer_m=rule.buffer_m, gives_way={"train": ("val",)})
    return give_way(world, replace(wanted, split=split), distance)


def until_full(
    make: Callable[[int], SplitOutcome], rule: SplitRule, *, told: str
) -> SplitOutcome:
    """The first outcome, of a few attempts, in which no wanted split is empty.

    Args:
        make: attempt -> outcome.
        rule: which splits are wanted.
        told: what is split how, for the message.

    Raises:
        UsageError: if each attempt leaves a split empty.
    """
    for attempt in range(ATTEMPTS):
        outcome = make(attempt)
        empty = missing_splits(outcome, rule)
        if not empty:
            return outcome
    raise UsageError(f"No sequence is left for {empty[0]!r}: {told}.")


def missing_splits(outcome: SplitOutcome, rule: SplitRule) -> list[str]:
    """The wanted splits that hold no sequence, test first."""
    there = {row[1] for row in outcome.rows}
    return [split for split in rule.wanted if split not in there]

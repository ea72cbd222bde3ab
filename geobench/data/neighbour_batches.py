"""Batches in which pairs stand beside their neighbours, so that negatives are hard.

After Deuser et al., Sample4Geo, ICCV 2023: neighbours are near on the ground in the
first epochs, later those with the most similar tiles.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from random import Random

MOST_MISSES = 1024
"""Pairs in a row that bring nothing, after which an epoch is over."""


def neighbour_batches(
    ids: Sequence[int],
    neighbours: Mapping[int, Sequence[int]],
    random: Random,
    *,
    batch_size: int,
    select: int,
) -> list[list[int]]:
    """Whole batches of one epoch, each pair at most once.

    A pair is drawn, then half of `select` from the front of its neighbours and as many
    at random from the rest, as far as there is room and they are still free. Pairs that
    are left over and fill no batch sit this epoch out.

    Args:
        ids: pairs, in any order.
        neighbours: for a pair its neighbours, best first; none for a pair without.
        random: seeded; makes the same batches as the released code, which draws from
            Python's generator.
        batch_size: pairs of a batch, at least 1.
        select: neighbours to add to a pair, half of them the best.

    Returns:
        Batches of exactly `batch_size` pairs.
    """
    order = list(ids)
    random.shuffle(order)
    waiting = deque(order)
    used: set[int] = set()
    batches: list[list[int]] = []
    batch: list[int] = []
    misses = 0
    while waiting and misses < MOST_MISSES:
        pair = waiting.popleft()
        if pair in used:
            misses += 1
            continue
        misses = 0
        chosen = [pair]
        if len(batch) + 1 < batch_size:  # else nothing is drawn, as released
            chosen += _some(neighbours.get(pair, ()), random, select // 2)
        for one in chosen:
            if one not in used and len(batch) < batch_size:
                used.add(one)
                batch.append(one)
        if len(batch) == batch_size:
            batches.append(batch)
            batch = []
    return batches


def _some(near: Sequence[int], random: Random, half: int) -> list[int]:
    """The first half and as many at random from the others."""
    best, others = list(near[:half]), list(near[half:])
    if near:
        random.shuffle(others)
    return best + others[:half]

"""Which sequences share a batch: seeded, and never two of nearly the same place.

In a contrastive batch every other sample is a negative. Sequences a few metres apart
see the same tile, so they are kept out of one batch instead of being pushed apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from geobench.errors import DataError

SMALLEST_BATCH = 2
"""A batch of one holds no negative."""


@dataclass(frozen=True, kw_only=True)
class BatchRule:
    """How an epoch is cut into batches."""

    batch_size: int
    min_separation_m: float = 50.0
    """Two sequences nearer than this, metres, never share a batch; 0 allows all."""
    seed: int = 0
    smallest: int | None = None
    """A batch of fewer sits its epoch out; None: of fewer than half."""


@dataclass(frozen=True)
class Share:
    """The rows of a batch that one process holds; a process alone holds all."""

    start: int
    stop: int
    total: int

    @classmethod
    def whole(cls, count: int) -> "Share":
        """All rows of a batch."""
        return cls(0, count, count)

    @property
    def rows(self) -> slice:
        """Where they are in the batch."""
        return slice(self.start, self.stop)

    def __len__(self) -> int:
        return self.stop - self.start


def epoch_batches(
    position_m: npt.NDArray[np.float64],
    tile_ids: Sequence[str],
    rule: BatchRule,
    *,
    epoch: int,
) -> list[npt.NDArray[np.int64]]:
    """Batches of one epoch; a function of its arguments alone, so it can be resumed.

    A sequence that is too near to one in the current batch waits for the next. What
    is left over at the end and is smaller than the rule asks for sits this epoch out.

    Args:
        position_m: [N, 3] Earth-centred (or [N, 2] local) coordinates, metres.
        tile_ids: positive tile of each of the N sequences; no tile twice in a batch.
        rule: batch size, separation and seed.
        epoch: number of the epoch, from 0.

    Returns:
        Arrays of indices in [0, N), no index twice.

    Raises:
        DataError: if not even one batch of two can be formed.
    """
    order = np.random.default_rng([rule.seed, epoch]).permutation(len(position_m))
    batches, waiting = [], order.astype(np.int64)
    while len(waiting):
        batch, waiting = _next_batch(position_m, tile_ids, rule, waiting=waiting)
        batches.append(batch)
    half = rule.batch_size // 2
    enough = max(SMALLEST_BATCH, half if rule.smallest is None else rule.smallest)
    full = [b for b in batches if len(b) >= enough]
    if not full:  # a small set: its largest batch is better than none
        full = [max(batches, key=len)] if batches else []
    if not full or len(full[0]) < SMALLEST_BATCH:
        raise DataError(
            f"No batch of {SMALLEST_BATCH} can be formed from {len(position_m)} "
            f"training sequences that are {rule.min_separation_m:g} m apart and have "
            "different tiles. Use a larger pack, another split, or a smaller "
            "min_separation_m."
        )
    return full


def _next_batch(
    position_m: npt.NDArray[np.float64],
    tile_ids: Sequence[str],
    rule: BatchRule,
    *,
    waiting: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(batch, those still waiting, in order)."""
    limit = rule.min_separation_m**2
    chosen: list[int] = []
    passed: list[int] = []
    tiles: set[str] = set()
    places = np.empty((rule.batch_size, position_m.shape[1]))
    for at, index in enumerate(waiting):
        near = ((places[: len(chosen)] - position_m[index]) ** 2).sum(1) < limit
        if near.any() or tile_ids[index] in tiles:
            passed.append(int(index))
            continue
        places[len(chosen)] = position_m[index]
        chosen.append(int(index))
        tiles.add(tile_ids[index])
        if len(chosen) == rule.batch_size:
            rest = np.concatenate([np.array(passed, np.int64), waiting[at + 1 :]])
            return np.array(chosen, np.int64), rest
    return np.array(chosen, np.int64), np.array(passed, np.int64)

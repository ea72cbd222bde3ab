"""Vectors as retrieval needs them: refused if non-finite, and of unit length twice.

Once in float32 for the product, once in float64, made on demand from what was given,
for the few pairs that float32 cannot tell apart.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from geobench.errors import EmbeddingError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

PAIR_ELEMENTS = 1 << 21
"""Float64 elements gathered at a time when single pairs are scored (16 MiB)."""


@dataclass(frozen=True)
class UnitVectors:
    """Vectors as given, beside their float32 unit form for the product."""

    raw: npt.NDArray[np.floating]
    unit: npt.NDArray[np.float32]
    scale: Floats
    length: Floats
    zero: Bools

    @classmethod
    def of(cls, role: str, array: npt.NDArray[np.floating]) -> "UnitVectors":
        """Check and normalise vectors [N, D]; `role` names them in messages.

        Raises:
            EmbeddingError: if they are non-finite or misshapen.
        """
        raw = np.asarray(array)
        if raw.ndim != 2 or 0 in raw.shape or raw.dtype.kind not in "fiu":
            raise EmbeddingError(
                f"{role} vectors must be a real [N, D] array with N, D >= 1, got shape "
                f"{raw.shape} of {raw.dtype}."
            )
        unit = np.empty(raw.shape, np.float32)
        scale, length = np.ones(len(raw)), np.zeros(len(raw))
        for rows in slices(len(raw), max(1, PAIR_ELEMENTS // raw.shape[1])):
            part = raw[rows].astype(np.float64)
            _refuse_non_finite(role, part, rows.start)
            # Scaled by the largest element first: squares of 1e200 would overflow.
            largest = np.abs(part).max(1)
            scale[rows] = np.where(largest > 0, largest, 1.0)
            part /= scale[rows, None]
            length[rows] = np.sqrt(np.einsum("nd,nd->n", part, part))
            unit[rows] = part / np.where(largest > 0, length[rows], 1.0)[:, None]
        return cls(raw, unit, scale, np.where(length > 0, length, 1.0), length == 0)

    def exact(self, index: Ints | slice) -> Floats:
        """Unit vectors in float64, [N, D], straight from what was given."""
        rows: Floats = self.raw[index].astype(np.float64)
        rows /= self.scale[index, None]
        rows /= self.length[index, None]
        return rows


def _refuse_non_finite(role: str, part: Floats, start: int) -> None:
    finite = np.isfinite(part).all(1)
    if not finite.all():
        first = start + int(np.flatnonzero(~finite)[0])
        raise EmbeddingError(
            f"{role} vector in row {first} holds NaN or infinity. Find where the model "
            "diverged; such vectors are never scored."
        )


def pair_scores(q: UnitVectors, r: UnitVectors, row: Ints, column: Ints) -> Floats:
    """Float64 cosines [P] of pairs of rows; 0 where a vector is zero."""
    score = np.empty(len(row))
    for part in slices(len(row), max(1, PAIR_ELEMENTS // q.unit.shape[1])):
        score[part] = np.einsum("nd,nd->n", q.exact(row[part]), r.exact(column[part]))
    return score


def slices(count: int, step: int) -> Iterator[slice]:
    """Slices of at most `step` that cover `count`."""
    for start in range(0, count, step):
        yield slice(start, min(start + step, count))

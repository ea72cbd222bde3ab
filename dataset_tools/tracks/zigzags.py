"""Multipath: a few rows thrown aside and back, too fast for anything with wheels.

A jump is too far for its time; a zigzag is not, but nothing turns so sharply.
"""

import numpy as np

from dataset_tools.geodesy import Columns, chord_m
from dataset_tools.tracks.limits import CleaningLimits
from dataset_tools.tracks.rows import (
    Faults,
    Floats,
    Integers,
    Reason,
    Rows,
    faults,
    no_faults,
)
from dataset_tools.tracks.times import NS_PER_S


def zigzags(rows: Rows, limits: CleaningLimits) -> Faults:
    """Excursions of fewer than `jump_run` rows; needs times.

    Both the step out and the step back are long, the way over them is longer than the
    way past them, and the step out takes an acceleration that nothing has. A corner
    between two fixes some seconds apart is long too, but gentle.
    """
    timed = rows.timed
    long_ = rows.connected & timed[1:] & timed[:-1]
    long_ &= rows.steps_m > limits.zigzag_m
    out = np.flatnonzero(long_)
    found: list[tuple[int, int, float]] = []
    for length in range(1, limits.jump_run):
        a = out[out + length < len(long_)]
        a = a[long_[a + length] & (rows.session[a] == rows.session[a + length + 1])]
        a = a[timed[a[:, None] + np.arange(length + 2)].all(axis=1)]
        detour, acceleration = _excursion(rows, a, a + length + 1, limits)
        wild = detour > limits.zigzag_m
        wild &= acceleration > limits.max_acceleration_mps2
        found += [
            (int(start), length, float(metres))
            for start, metres in zip(a[wild], detour[wild], strict=True)
        ]
    return _disjoint(found, limits)


def _excursion(
    rows: Rows, a: Integers, b: Integers, limits: CleaningLimits
) -> tuple[Floats, Floats]:
    """Metres that the way over the rows between is longer, and what turns into it."""
    within = chord_m(rows.place(a + 1), rows.place(b - 1))
    way = chord_m(rows.place(a), rows.place(a + 1)) + within
    way += chord_m(rows.place(b - 1), rows.place(b))
    detour = way - chord_m(rows.place(a), rows.place(b))
    past = _velocity(rows, a, b, limits)
    into = _velocity(rows, a, a + 1, limits)
    seconds = _seconds(rows, a, a + 1, limits)
    return detour, chord_m(past, into) / seconds


def _velocity(rows: Rows, a: Integers, b: Integers, limits: CleaningLimits) -> Columns:
    """Earth-centred metres a second from each row to another."""
    seconds = _seconds(rows, a, b, limits)
    x, y, z = (
        (q - p) / seconds for p, q in zip(rows.place(a), rows.place(b), strict=True)
    )
    return x, y, z


def _seconds(rows: Rows, a: Integers, b: Integers, limits: CleaningLimits) -> Floats:
    elapsed: Floats = (rows.time[b] - rows.time[a]) / NS_PER_S
    return np.maximum(elapsed, max(limits.time_resolution_s, 1e-3))


def _disjoint(found: list[tuple[int, int, float]], limits: CleaningLimits) -> Faults:
    """The excursions that share no row with a shorter or an earlier one.

    Of a track that alternates between two lines every row is an excursion from its
    neighbours; only every second one is left out.
    """
    taken: dict[int, float] = {}
    edges: set[int] = set()
    for start, length, metres in found:
        rows = range(start + 1, start + length + 1)
        around = (start, start + length + 1)
        if any(r in taken for r in around) or any(r in edges for r in rows):
            continue
        edges.update(around)
        taken.update(dict.fromkeys(rows, metres))
    if not taken:
        return no_faults()
    return faults(list(taken), Reason.ZIGZAG, list(taken.values()), limits.zigzag_m)

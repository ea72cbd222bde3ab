"""Rows that repeat a place: a frozen receiver, a stop, a duplicate.

Each check is a sieve over all rows at once and a walk over the few rows left by it:
what it finds is what walking row by row would find.
"""

import math
from typing import Any

import numpy as np

from dataset_tools.geodesy import chord_m
from dataset_tools.tracks.limits import CleaningLimits
from dataset_tools.tracks.rows import (
    CHORD_SLACK,
    NO_TIME,
    Booleans,
    Faults,
    Integers,
    Reason,
    Rows,
    faults,
    joined,
    no_faults,
    spans,
)
from dataset_tools.tracks.times import NS_PER_S

_GLANCE = 32
"""Rows looked at first for the end of a stop, doubled until it is found."""
_LARGEST_KEY = 2**62


def frozen(rows: Rows, limits: CleaningLimits) -> Faults:
    """Repeats of one exact position although the camera went on."""
    same = rows.connected & (rows.steps_m == 0.0)
    if not same.any():
        return no_faults()
    edge = np.concatenate([[False], same, [False]])
    first = np.flatnonzero(edge[1:] & ~edge[:-1])
    last = np.flatnonzero(~edge[1:] & edge[:-1])
    timed = rows.timed
    without = ~(timed[first] & timed[last])
    count = last - first + 1
    stuck = without & (count >= limits.frozen_repeats)
    untimed = faults(
        spans(first[stuck] + 1, last[stuck] + 1),
        Reason.FROZEN_REPEATS,
        np.repeat(count[stuck], count[stuck] - 1),
        limits.frozen_repeats,
    )
    return joined([untimed, _released(rows, first[~without], last[~without], limits)])


def _released(
    rows: Rows, first: Integers, last: Integers, limits: CleaningLimits
) -> Faults:
    """Runs at one position, from the first row to the last, left too fast.

    A car that stood at lights creeps away; one that leaves fast never stood.
    """
    after = np.minimum(last + 1, len(rows) - 1)
    followed = (after > last) & (rows.session[after] == rows.session[last])
    followed &= (rows.time[after] != NO_TIME) & (rows.time[first] != rows.time[last])
    first, last, after = first[followed], last[followed], after[followed]
    seconds = (rows.time[after] - rows.time[last]) / NS_PER_S
    seconds = np.maximum(seconds, limits.time_resolution_s)
    quick = chord_m(rows.place(last), rows.place(after)) * CHORD_SLACK
    maybe = quick > limits.frozen_release_mps * seconds
    first, last, after = first[maybe], last[maybe], after[maybe]
    speed = rows.distance_m(last, after) / seconds[maybe]
    fast = speed > limits.frozen_release_mps
    first, last, speed = first[fast], last[fast], speed[fast]
    return faults(
        spans(first + 1, last + 1),
        Reason.FROZEN_FIX,
        np.repeat(speed, last - first),
        limits.frozen_release_mps,
    )


def stops(rows: Rows, limits: CleaningLimits) -> Faults:
    """All but the first row of each stop; needs times."""
    timed = rows.timed
    linked = rows.connected & timed[1:] & timed[:-1]
    found: list[tuple[int, int, float]] = []
    end = 0
    for start in _stop_starts(rows, linked, limits).tolist():
        if start < end:
            continue
        stop = _stop_end(rows, start, linked, limits)
        seconds = float(rows.time[stop - 1] - rows.time[start]) / NS_PER_S
        if stop - start > 1 and seconds >= limits.stop_min_s:
            found.append((start, stop, seconds))
            end = stop
    if not found:
        return no_faults()
    starts, ends = np.array([f[:2] for f in found], np.int64).T
    seconds_of = np.repeat([f[2] for f in found], ends - starts - 1)
    where = spans(starts + 1, ends)
    return faults(where, Reason.STATIONARY, seconds_of, limits.stop_min_s)


def _stop_starts(rows: Rows, linked: Booleans, limits: CleaningLimits) -> Integers:
    """Rows that are still near when the least time of a stop is over."""
    likely = np.flatnonzero(linked & (rows.steps_m <= limits.stop_radius_m))
    if likely.size == 0 or not math.isfinite(limits.stop_min_s):
        return likely[:0]
    least = math.ceil(limits.stop_min_s * NS_PER_S)
    # A clock that runs over all sessions and never overflows: pauses are cut to the
    # least time of a stop, and counted in coarser units (rounded up) if they must be.
    unit = 1 + len(rows) * (least + 1) // _LARGEST_KEY
    pause = np.full(len(linked), least + 1)
    pause[linked] = np.minimum(np.diff(rows.time)[linked], least + 1)
    clock = np.concatenate([[0], np.cumsum(-(-pause // unit))])
    piece = np.concatenate([[0], np.cumsum(~linked)])
    then = np.searchsorted(clock, clock[likely] + (least - 1) // unit, side="left")
    then = np.minimum(then, len(rows) - 1)
    near = chord_m(rows.place(likely), rows.place(then)) <= limits.stop_radius_m
    starts: Integers = likely[near & (piece[likely] == piece[then])]
    return starts


def _stop_end(rows: Rows, start: int, linked: Booleans, limits: CleaningLimits) -> int:
    """First row behind `start` that is too far away, or not of its piece."""
    x, y, z = rows.places
    begin, size = start + 1, _GLANCE
    while begin < len(rows):
        part = slice(begin, begin + size)
        away = (x[part] - x[start]) ** 2 + (y[part] - y[start]) ** 2
        away += (z[part] - z[start]) ** 2
        out = ~(np.sqrt(away) <= limits.stop_radius_m)
        out |= ~linked[begin - 1 : begin - 1 + len(out)]
        first = int(np.argmax(out))
        if out[first]:
            return begin + first
        begin += len(out)
        size *= 2
    return len(rows)


def duplicates(rows: Rows, limits: CleaningLimits) -> Faults:
    """Rows at the last kept one's place that look the same way."""
    steps = rows.steps_m
    near = rows.connected & (steps < limits.duplicate_m)
    pairs = np.flatnonzero(near)
    if pairs.size == 0:
        return no_faults()
    walk = _Walk(
        rows, np.append(near, False), limits, listed=pairs.size > len(rows) / 8
    )
    resume = 0
    for start in pairs.tolist():
        # A row behind the last walk was kept, since its step is no repeat.
        if start >= resume:
            resume = walk.go(start)
    return faults(walk.where, Reason.DUPLICATE, walk.measured, limits.duplicate_m)


class _Walk:
    """Row by row, each compared with the last one kept."""

    def __init__(
        self, rows: Rows, near: Booleans, limits: CleaningLimits, *, listed: bool
    ) -> None:
        columns = (*rows.places, rows.track.heading[rows.at], rows.session, near)
        # Lists are read four times as fast as arrays, but must be made first.
        found: Any = [c.tolist() for c in columns] if listed else columns
        self.x, self.y, self.z, self.headings, self.session, self.near = found
        self.limits = limits
        self.where: list[int] = []
        self.measured: list[float] = []

    def go(self, start: int) -> int:
        """Walk from a kept row to a step that is no repeat; the row to go on at."""
        last, i = start, start + 1
        while i < len(self.x) and self.session[i] == self.session[last]:
            metres = self._repeat_m(last, i)
            if metres is not None:
                self.where.append(i)
                self.measured.append(metres)
            else:
                last = i
                if not self.near[i]:
                    break
            i += 1
        return i

    def _repeat_m(self, last: int, i: int) -> float | None:
        """Metres between two rows if the second repeats the first."""
        metres = math.dist(
            (self.x[last], self.y[last], self.z[last]),
            (self.x[i], self.y[i], self.z[i]),
        )
        if not metres < self.limits.duplicate_m:
            return None
        turn = abs((self.headings[i] - self.headings[last] + 180.0) % 360.0 - 180.0)
        # An unknown heading, NaN, compares as false: it has not turned.
        return None if turn >= self.limits.duplicate_turn_deg else metres

"""Rows whose clock goes back: all but a longest run of times that never do."""

from bisect import bisect_right

import numpy as np

from dataset_tools.tracks.limits import CleaningLimits
from dataset_tools.tracks.rows import (
    Booleans,
    Faults,
    Integers,
    Reason,
    Rows,
    faults,
    joined,
    no_faults,
)
from dataset_tools.tracks.times import NS_PER_S


def out_of_order(rows: Rows, limits: CleaningLimits) -> Faults:
    """All but a longest run of rows whose times never go back, in each session.

    The longest run and not the running maximum: one clock far ahead would otherwise
    cost every frame behind it.
    """
    del limits
    timed = np.flatnonzero(rows.timed)
    time, session = rows.time[timed], rows.session[timed]
    back = (time[1:] < time[:-1]) & (session[1:] == session[:-1])
    if not back.any():
        return no_faults()
    parts = []
    for wrong in np.unique(session[:-1][back]).tolist():
        a = int(np.searchsorted(session, wrong, side="left"))
        b = int(np.searchsorted(session, wrong, side="right"))
        parts.append(_of_session(timed[a:b], time[a:b]))
    return joined(parts)


def _of_session(where: Integers, time: Integers) -> Faults:
    keep = _longest_run(time)
    # The last kept time before each row; before the first kept one, the first row's.
    last = np.maximum.accumulate(np.where(keep, np.arange(len(time)), 0))
    out = np.flatnonzero(~keep)
    seconds = (time[out] - time[last[out]]) / NS_PER_S
    return faults(where[out], Reason.OUT_OF_ORDER, seconds, 0.0)


def _longest_run(time: Integers) -> Booleans:
    """[M] which rows belong to a longest run without a step back.

    A row that no earlier one exceeds and no later one falls below is in every such
    run, so only the rows between those need the search.
    """
    highest = np.maximum.accumulate(time)
    lowest = np.minimum.accumulate(time[::-1])[::-1]
    keep: Booleans = (time >= highest) & (time <= lowest)
    open_ = np.concatenate([[False], ~keep, [False]])
    starts = np.flatnonzero(open_[1:] & ~open_[:-1])
    stops = np.flatnonzero(~open_[1:] & open_[:-1])
    for a, b in zip(starts.tolist(), stops.tolist(), strict=True):
        keep[[a + k for k in _longest_of(time[a:b].tolist())]] = True
    return keep


def _longest_of(times: list[int]) -> list[int]:
    """Places of one longest run, by patience sorting (Fredman 1975)."""
    tails: list[int] = []  # smallest last time of a run of each length
    tail_places: list[int] = []
    before: list[int] = []
    for i, time in enumerate(times):
        length = bisect_right(tails, time)
        before.append(tail_places[length - 1] if length else -1)
        tails[length : length + 1] = [time]
        tail_places[length : length + 1] = [i]
    run = []
    place = tail_places[-1]
    while place >= 0:
        run.append(place)
        place = before[place]
    return run[::-1]

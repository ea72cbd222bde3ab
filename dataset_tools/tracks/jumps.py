"""Impossible movement: the rows of a track that nothing can have driven to."""

import heapq
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from dataset_tools.geodesy import distance_m
from dataset_tools.tracks.limits import CleaningLimits
from dataset_tools.tracks.rows import (
    CHORD_SLACK,
    LONGEST_CHORD_M,
    NO_TIME,
    Booleans,
    Faults,
    Floats,
    Integers,
    Reason,
    Rows,
    faults,
    no_faults,
    spans,
)
from dataset_tools.tracks.times import NS_PER_S


def jumps(rows: Rows, limits: CleaningLimits) -> Faults:
    """Short runs of rows that no believable movement joins to the rest.

    The track is cut where a step is impossible; the shortest piece goes first, then
    its neighbours are joined if they fit, until the shortest is long enough to be
    believed. So one wild fix goes, be it the first, and a real displacement stays
    (forming sequences cuts there).
    """
    broken = np.flatnonzero(_steps_broken(rows, limits))
    if broken.size == 0:
        return no_faults()
    sessions = rows.session[broken]
    parts = np.split(broken, np.flatnonzero(sessions[1:] != sessions[:-1]) + 1)
    out: list[_Out] = []
    for breaks in parts:
        session = rows.session[breaks[0]]
        begin = int(np.searchsorted(rows.session, session, side="left"))
        end = int(np.searchsorted(rows.session, session, side="right"))
        out += _Session(rows, limits, begin, end).taken_out(breaks.tolist())
    return _named(rows, out, limits)


@dataclass(frozen=True, slots=True)
class _Out:
    """A stretch of rows taken out, and the row before and behind it (-1: none)."""

    start: int
    stop: int
    before: int
    behind: int


class _Session:
    """The pieces of one session, by their first row: stretches of rows."""

    def __init__(
        self, rows: Rows, limits: CleaningLimits, begin: int, end: int
    ) -> None:
        self.rows, self.limits, self.begin, self.end = rows, limits, begin, end
        untimed = np.cumsum(~rows.timed[begin:end])
        self.untimed: Integers = np.concatenate([[0], untimed])
        self.left: dict[int, int] = {}
        self.right: dict[int, int] = {}

    def taken_out(self, breaks: list[int]) -> list[_Out]:
        """Pieces that are no part of the drive, given the rows before each break."""
        edges = [self.begin, *(b + 1 for b in breaks), self.end]
        pieces = {a: [(a, b)] for a, b in pairwise(edges)}
        sizes = {a: b - a for a, b in pairwise(edges)}
        self.left = {b: a for a, b in pairwise(edges[:-1])}
        self.right = dict(pairwise(edges[:-1]))
        queue = [(size, start) for start, size in sizes.items()]
        heapq.heapify(queue)
        out: list[_Out] = []
        while queue and len(pieces) > 1:
            size, start = heapq.heappop(queue)
            if sizes.get(start) != size:
                continue
            if size >= self.limits.jump_run:
                break
            a, b = self.left.get(start), self.right.get(start)
            before = pieces[a][-1][1] - 1 if a is not None else -1
            behind = pieces[b][0][0] if b is not None else -1
            joins = a is not None and b is not None and self._fits(before, behind)
            # Without times nothing says that two distant places are not both right.
            if not joins and self._has_untimed(pieces[start]):
                continue
            out += [_Out(p, q, before, behind) for p, q in pieces.pop(start)]
            del sizes[start]
            self._link(a, b)
            if joins and a is not None and b is not None:
                pieces[a] += pieces.pop(b)
                sizes[a] += sizes.pop(b)
                self._link(a, self.right.get(b))
                heapq.heappush(queue, (sizes[a], a))
        return out

    def _fits(self, a: int, b: int) -> bool:
        pair = np.array([a, b])
        return not bool(_broken(self.rows, pair[:1], pair[1:], self.limits)[0])

    def _has_untimed(self, piece: list[tuple[int, int]]) -> bool:
        counts = self.untimed
        return any(counts[b - self.begin] > counts[a - self.begin] for a, b in piece)

    def _link(self, a: int | None, b: int | None) -> None:
        if a is not None:
            self.right.pop(a, None)
        if b is not None:
            self.left.pop(b, None)
        if a is not None and b is not None:
            self.right[a], self.left[b] = b, a


def _steps_broken(rows: Rows, limits: CleaningLimits) -> Booleans:
    """[M-1] whether the step to the next row of the session is impossible."""
    steps = rows.steps_m
    # Nearly every step is shorter than what is allowed at least.
    least = min(limits.max_speed_mps * limits.time_resolution_s, limits.max_step_m)
    likely = (steps * CHORD_SLACK > least) | (steps > LONGEST_CHORD_M)
    at = np.flatnonzero(likely & rows.connected)
    allowed = _allowed_m(rows.time[at], rows.time[at + 1], limits)
    likely = (steps[at] * CHORD_SLACK > allowed) | (steps[at] > LONGEST_CHORD_M)
    at = at[likely]
    broken = np.zeros(len(steps), bool)
    broken[at] = rows.distance_m(at, at + 1) > allowed[likely]
    return broken


def _broken(rows: Rows, a: Integers, b: Integers, limits: CleaningLimits) -> Booleans:
    allowed = _allowed_m(rows.time[a], rows.time[b], limits)
    broken: Booleans = rows.distance_m(a, b) > allowed
    return broken


def _allowed_m(a: Integers, b: Integers, limits: CleaningLimits) -> Floats:
    known = (a != NO_TIME) & (b != NO_TIME)
    allowed = limits.max_speed_mps * _elapsed_s(a, b, limits)
    result: Floats = np.where(known, allowed, limits.max_step_m)
    return result


def _elapsed_s(a: Integers, b: Integers, limits: CleaningLimits) -> Floats:
    """Seconds between times, at least the clock's resolution."""
    elapsed: Floats = np.abs(b - a) / NS_PER_S
    return np.maximum(elapsed, limits.time_resolution_s)


def _named(rows: Rows, out: list[_Out], limits: CleaningLimits) -> Faults:
    """Name jumps by their likely cause, measured against the nearer neighbour."""
    starts = np.array([o.start for o in out], np.int64)
    stops = np.array([o.stop for o in out], np.int64)
    where = spans(starts, stops)
    sides = np.array([(o.before, o.behind) for o in out], np.int64).reshape(-1, 2)
    near = np.repeat(sides, stops - starts, axis=0)
    metres = np.full(near.shape, np.inf)
    for side in (0, 1):
        known = near[:, side] >= 0
        metres[known, side] = rows.distance_m(where[known], near[known, side])
    nearer = np.where(metres[:, 1] <= metres[:, 0], 1, 0)
    lines = np.arange(len(where))
    away, by = metres[lines, nearer], near[lines, nearer]
    reason = _causes(rows, where, by, away=away, near_m=limits.mistake_m)
    time, time_by = rows.time[where], rows.time[by]
    timed = (time != NO_TIME) & (time_by != NO_TIME)
    plain = reason == Reason.JUMP
    reason[plain & timed & (time == time_by)] = Reason.EQUAL_TIME
    speed = away / _elapsed_s(time, time_by, limits)
    measured = np.where(plain & timed, speed, away)
    limit = np.where(timed, limits.max_speed_mps, limits.max_step_m)
    return faults(where, reason, measured, np.where(plain, limit, limits.mistake_m))


def _causes(
    rows: Rows, where: Integers, by: Integers, *, away: Floats, near_m: float
) -> Integers:
    """A lost sign, a swap, or nothing better than a jump."""
    track = rows.track
    lat, lon = track.lat[rows.at[where]], track.lon[rows.at[where]]
    lat_by, lon_by = track.lat[rows.at[by]], track.lon[rows.at[by]]
    reason = np.full(len(where), Reason.JUMP, np.int64)
    for why, a, b in (
        (Reason.LOST_SIGN, -lat, lon),
        (Reason.LOST_SIGN, lat, -lon),
        (Reason.LOST_SIGN, -lat, -lon),
        (Reason.SWAPPED_LAT_LON, lon, lat),
    ):
        # A longitude beyond 90 degrees is no latitude; clipped, it is near nothing.
        mistake = distance_m(np.clip(a, -90, 90), b, lat_by, lon_by) < near_m
        reason[mistake & (np.abs(a) <= 90) & (away > near_m)] = why
    return reason

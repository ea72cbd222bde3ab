"""The window that each row of a track would begin, and what is wrong with it.

By distance, time and count a window runs from its row on; circles (the rule "radius")
lie around theirs and have a file of their own.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Self

import numpy as np
import numpy.typing as npt

from dataset_tools.sequences.pieces import COURSE_BASE_M, Codes, Pieces
from dataset_tools.sequences.rule import SequenceRule
from dataset_tools.tracks.rows import NO_TIME, Booleans, Floats, Integers
from dataset_tools.tracks.times import NS_PER_S


class Reason(IntEnum):
    """Why a row is in no sequence; 0: it is in one, or its window is sound."""

    KEPT = 0
    PATH_TOO_LONG = 1
    PATH_TOO_SHORT = 2
    TOO_FAR_FROM_MIDDLE = 3
    TIME_TOO_SHORT = 4
    BENDS_BACK = 5
    NO_TIME = 6
    TOO_FEW_FRAMES = 7
    TOO_MANY_FRAMES = 8
    TOO_FEW_IN_RADIUS = 9
    # A short piece adds what ended it, a `Cut`, to the first of these.
    SHORT_PIECE_SESSION_END = 10
    SHORT_PIECE_TURN = 11
    SHORT_PIECE_SPEED = 12
    SHORT_PIECE_GAP_S = 13
    SHORT_PIECE_GAP_M = 14
    STRIDE_REMAINDER = 15

    @property
    def label(self) -> str:
        """The word for it in rejections."""
        return self.name.lower().replace("_", "-")

    @property
    def counts(self) -> bool:
        """Whether a number of frames was measured."""
        return self >= Reason.TOO_FEW_FRAMES


@dataclass(frozen=True, slots=True)
class Windows:
    """One window a row; arrays [N]."""

    first: Integers
    """First row of the window."""
    stop: Integers
    """The row behind its last."""
    reason: Codes
    """A `Reason`; 0: the window is sound."""
    measured: Floats
    limit: Floats
    speaker: Integers
    """The row whose window says why this row is in none."""

    @classmethod
    def new(cls, first: Integers, stop: Integers, speaker: Integers) -> Self:
        """Windows without a fault."""
        nothing = np.full(len(first), np.nan)
        reason = np.zeros(len(first), np.uint8)
        return cls(first, stop, reason, nothing, nothing.copy(), speaker)

    def blame(
        self,
        where: Booleans,
        reason: npt.ArrayLike,
        measured: npt.NDArray[np.generic],
        limit: npt.ArrayLike,
    ) -> None:
        """Note a fault of windows that have none yet; arrays [N], or one for all."""
        at = np.flatnonzero(where & (self.reason == Reason.KEPT))
        if at.size == 0:
            return
        for column, values in (
            (self.reason, reason),
            (self.measured, measured),
            (self.limit, limit),
        ):
            column[at] = np.broadcast_to(np.asarray(values), where.shape)[at]


def windows_from(pieces: Pieces, rule: SequenceRule) -> Windows:
    """Windows that run from their row on, by distance, time or count.

    Args:
        pieces: N rows.
        rule: any but "radius".
    """
    makers = {"distance": _by_distance, "time": _by_time, "count": _by_count}
    windows = makers[rule.rule](pieces, rule)
    middle = windows.first + (windows.stop - windows.first) // 2
    blame_bends(windows, pieces, middle, rule.bend_deg)
    return windows


def blame_short_pieces(windows: Windows, pieces: Pieces, least: int) -> None:
    """Note the windows of pieces that have fewer rows than any sequence."""
    count = pieces.stop - pieces.start
    reason = pieces.ended_by + np.uint8(Reason.SHORT_PIECE_SESSION_END)
    windows.blame(count < least, reason, count, least)


def blame_bends(
    windows: Windows, pieces: Pieces, middle: Integers, max_bend_deg: float
) -> None:
    """Note the windows that lead to their middle row one way and on another.

    Args:
        windows: one a row.
        pieces: the same N rows.
        middle: [N] row that parts the halves of each window.
        max_bend_deg: largest angle between the two halves, degrees; 180: any.
    """
    if max_bend_deg >= 180.0:
        return
    last = windows.stop - 1
    dot = np.zeros(len(pieces))
    for axis in pieces.places:
        dot += (axis[middle] - axis[windows.first]) * (axis[last] - axis[middle])
    there = pieces.chord_m(windows.first, middle)
    on = pieces.chord_m(middle, last)
    known = np.minimum(there, on) >= COURSE_BASE_M
    cosine = np.divide(dot, there * on, out=np.ones(len(pieces)), where=known)
    bend = np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))
    windows.blame(bend > max_bend_deg, Reason.BENDS_BACK, bend, max_bend_deg)


def _by_count(pieces: Pieces, rule: SequenceRule) -> Windows:
    rows = np.arange(len(pieces))
    stop = np.minimum(rows + rule.length, pieces.stop)
    count = stop - rows
    windows = Windows.new(rows, stop, _speaker(pieces, rows, rule.least))
    blame_short_pieces(windows, pieces, rule.least)
    windows.blame(count < rule.least, Reason.TOO_FEW_FRAMES, count, rule.least)
    return windows


def _by_distance(pieces: Pieces, rule: SequenceRule) -> Windows:
    rows = np.arange(len(pieces))
    least, most = rule.least, rule.most
    wanted = np.full(len(rows), rule.length)
    if least < most:
        wanted = _nearest(pieces, rule.path_m) - rows
    stop = np.minimum(rows + np.clip(wanted, least, most), pieces.stop)
    windows = Windows.new(rows, stop, _speaker(pieces, rows, least))
    blame_short_pieces(windows, pieces, least)
    # Behind the speaker too few rows are left; it has the word, so none is needed.
    windows.blame(stop - rows < least, Reason.TOO_FEW_FRAMES, stop - rows, least)
    path = pieces.along_m[stop - 1] - pieces.along_m[rows]
    longest = rule.path_m * (1 + rule.path_tolerance)
    shortest = rule.path_m * (1 - rule.path_tolerance)
    if least < most:
        short, long = path < shortest, path > longest
        windows.blame(short & (wanted > most), Reason.TOO_MANY_FRAMES, wanted, most)
        windows.blame(long & (wanted < least), Reason.TOO_FEW_FRAMES, wanted, least)
    windows.blame(path > longest, Reason.PATH_TOO_LONG, path, longest)
    windows.blame(path < shortest, Reason.PATH_TOO_SHORT, path, shortest)
    _blame_far_frames(windows, pieces, rule.max_radius_m)
    return windows


def _by_time(pieces: Pieces, rule: SequenceRule) -> Windows:
    rows = np.arange(len(pieces))
    time = pieces.track.time
    width = round(rule.window_s * NS_PER_S)
    stop = np.empty_like(rows)
    for a, b in pieces.sessions:
        # Untimed rows are pieces of their own and end no other's window.
        risen = np.maximum.accumulate(time[a:b])
        stop[a:b] = np.searchsorted(risen, time[a:b] + width, side="right") + a
    # An untimed row searches before all others.
    wanted = np.maximum(np.minimum(stop, pieces.stop), rows + 1) - rows
    stop = rows + np.minimum(wanted, rule.most)
    windows = Windows.new(rows, stop, rows)
    windows.blame(time == NO_TIME, Reason.NO_TIME, np.full(len(rows), np.nan), np.nan)
    blame_short_pieces(windows, pieces, rule.least)
    seconds = (time[stop - 1] - time) / NS_PER_S
    shortest = rule.window_s * (1 - rule.path_tolerance)
    brief = seconds < shortest
    windows.blame(
        brief & (wanted > rule.most), Reason.TOO_MANY_FRAMES, wanted, rule.most
    )
    windows.blame(brief, Reason.TIME_TOO_SHORT, seconds, shortest)
    windows.blame(wanted < rule.least, Reason.TOO_FEW_FRAMES, wanted, rule.least)
    return windows


def _speaker(pieces: Pieces, rows: Integers, least: int) -> Integers:
    """A row that begins a window: itself, or the last of its piece that does."""
    last: Integers = np.maximum(np.minimum(rows, pieces.stop - least), pieces.start)
    return last


def _nearest(pieces: Pieces, path_m: float) -> Integers:
    """[N] the row behind the one of the piece that lies nearest to `path_m` on."""
    stop = np.empty(len(pieces), np.int64)
    ends = pieces.along_m[pieces.stop - 1]
    for a, b in pieces.sessions:
        along = pieces.along_m[a:b]
        target = along + path_m
        # Of rows that are equally near the first, which makes the shorter window.
        behind = np.searchsorted(along, np.minimum(target, ends[a:b]))
        before = np.searchsorted(along, along[np.maximum(behind - 1, 0)])
        closer = np.abs(along[behind] - target) < np.abs(along[before] - target)
        stop[a:b] = np.where(closer, behind, before) + a + 1
    return stop


def _blame_far_frames(windows: Windows, pieces: Pieces, max_radius_m: float) -> None:
    """Windows with a frame too far from their middle one."""
    first, stop, along = windows.first, windows.stop, pieces.along_m
    middle = first + (stop - first) // 2
    reach = np.maximum(along[middle] - along[first], along[stop - 1] - along[middle])
    # No chord is longer than the path: nearly all windows need no closer look.
    at = np.flatnonzero((reach > max_radius_m) & (windows.reason == Reason.KEPT))
    if at.size == 0:
        return
    radius = np.zeros(len(first))
    for k in range(int((stop[at] - first[at]).max())):
        row = np.minimum(first[at] + k, stop[at] - 1)
        radius[at] = np.maximum(radius[at], pieces.chord_m(row, middle[at]))
    windows.blame(
        radius > max_radius_m, Reason.TOO_FAR_FROM_MIDDLE, radius, max_radius_m
    )

"""Course over ground: a heading for frames whose camera or receiver gave none.

Right for a camera that looks forward. A stop has no course, so it stays unknown there.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from dataset_tools.geodesy import chord_bearing_deg, chord_m
from dataset_tools.records import Frame
from dataset_tools.tracks.rows import Floats, Integers, Rows
from dataset_tools.tracks.times import NS_PER_S

REACH: Final = 6
"""How many neighbours to each side are tried until the base is long enough."""


def course_deg(
    rows: Rows,
    unknown: Integers,
    *,
    base_m: float,
    max_gap_m: float,
    max_gap_s: float,
) -> Floats:
    """[U] course of the track at some of its rows, degrees, NaN where it has none.

    The course is the bearing between the neighbours before and after (one-sided at an
    end), taken over the nearest ones that are `base_m` apart. It never spans a gap.

    Args:
        rows: a track in order of travel.
        unknown: [U] the rows asked for.
        base_m: least distance that a course is measured over, metres.
        max_gap_m: a step beyond this ends the track, metres.
        max_gap_s: a pause beyond this ends the track, seconds.
    """
    course = np.full(len(unknown), np.nan)
    if unknown.size == 0 or len(rows) < 2:
        return course
    first, last = _pieces(rows, max_gap_m=max_gap_m, max_gap_s=max_gap_s)
    open_ = np.arange(len(unknown))
    for reach in range(1, REACH + 1):
        at = unknown[open_]
        before = rows.place(np.maximum(at - reach, first[at]))
        after = rows.place(np.minimum(at + reach, last[at]))
        found = chord_m(before, after) >= base_m
        bearing = chord_bearing_deg(before, after)
        course[open_[found]] = bearing[found]
        open_ = open_[~found]
        if open_.size == 0:
            break
    return course


def _pieces(
    rows: Rows, *, max_gap_m: float, max_gap_s: float
) -> tuple[Integers, Integers]:
    """[M] first and last row of the unbroken piece that each row lies in."""
    timed = rows.timed
    paused = np.diff(rows.time) > max_gap_s * NS_PER_S
    cut = ~rows.connected | (rows.steps_m > max_gap_m)
    cut |= timed[1:] & timed[:-1] & paused
    starts = np.concatenate([[0], np.flatnonzero(cut) + 1])
    ends = np.concatenate([np.flatnonzero(cut), [len(rows) - 1]])
    lengths = ends - starts + 1
    return np.repeat(starts, lengths), np.repeat(ends, lengths)


def pauses_s(frames: Sequence[Frame]) -> npt.NDArray[np.float64]:
    """[N-1] seconds to the next frame, NaN where a time is unknown."""
    # Integer differences first: nanoseconds of today lose 0.1 us as floats.
    return np.array(
        [
            np.nan if a.time is None or b.time is None else (b.time - a.time) / NS_PER_S
            for a, b in pairwise(frames)
        ],
        float,
    )

"""Course over ground: a heading for frames whose camera or receiver gave none.

Right for a camera that looks forward. A stop has no course, so it stays unknown there.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from dataset_tools.geodesy import distance_m, inverse
from dataset_tools.records import Frame
from dataset_tools.tracks.times import NS_PER_S

REACH = 6
"""How many neighbours to each side are tried until the base is long enough."""


def fill_headings(
    frames: Sequence[Frame],
    *,
    base_m: float = 4.0,
    max_gap_m: float = 100.0,
    max_gap_s: float = 60.0,
) -> list[Frame]:
    """The same frames, unknown headings replaced by the course of the track.

    The course is the bearing between the neighbours before and after (one-sided at an
    end), taken over the nearest ones that are `base_m` apart. It never spans a gap.

    Args:
        frames: one session in order of travel.
        base_m: least distance that a course is measured over, metres.
        max_gap_m: a step beyond this ends the track, metres.
        max_gap_s: a pause beyond this ends the track, seconds.
    """
    unknown = [i for i, frame in enumerate(frames) if frame.heading_deg is None]
    if not unknown or len(frames) < 2:
        return list(frames)
    lat = np.array([frame.lat for frame in frames])
    lon = np.array([frame.lon for frame in frames])
    first, last = _pieces(
        frames, distance_m(lat[:-1], lon[:-1], lat[1:], lon[1:]), (max_gap_m, max_gap_s)
    )
    course = np.full(len(frames), np.nan)
    open_ = np.array(unknown)
    for reach in range(1, REACH + 1):
        before = np.maximum(open_ - reach, first[open_])
        after = np.minimum(open_ + reach, last[open_])
        bearing, metres = inverse(lat[before], lon[before], lat[after], lon[after])
        found = metres >= base_m
        course[open_[found]] = bearing[found]
        open_ = open_[~found]
        if open_.size == 0:
            break
    filled = list(frames)
    for i in unknown:
        if np.isfinite(course[i]):
            filled[i] = replace(frames[i], heading_deg=float(course[i]))
    return filled


def _pieces(
    frames: Sequence[Frame], steps: npt.NDArray[np.float64], gaps: tuple[float, float]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """[N] first and last index of the unbroken piece that each frame lies in."""
    max_gap_m, max_gap_s = gaps
    cut = steps > max_gap_m
    cut |= pauses_s(frames) > max_gap_s
    starts = np.concatenate([[0], np.flatnonzero(cut) + 1])
    ends = np.concatenate([np.flatnonzero(cut), [len(frames) - 1]])
    piece = np.concatenate([[0], np.cumsum(cut)])
    return starts[piece], ends[piece]


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

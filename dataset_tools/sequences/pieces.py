"""Unbroken pieces of a track: where it is cut, and how far each row has come."""

from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from dataset_tools.geodesy import Columns, distance_m
from dataset_tools.sequences.rule import SequenceRule
from dataset_tools.tracks.rows import NO_TIME, Booleans, Floats, Integers, TrackColumns
from dataset_tools.tracks.times import NS_PER_S

COURSE_BASE_M: Final = 4.0
"""Steps shorter than this have no course to speak of: GPS noise is about 1 m."""
TIME_RESOLUTION_S: Final = 1.0
CHORD_M: Final = 500.0
"""Up to here a chord is a geodesic to 0.2 micrometres (s^3 / 24 R^2)."""
UNCUT: Final = 255

Codes = npt.NDArray[np.uint8]


class Cut(IntEnum):
    """What ended a piece. Later ones win: a gap explains more than its turn."""

    SESSION_END = 0
    TURN = 1
    SPEED = 2
    GAP_S = 3
    GAP_M = 4


@dataclass(frozen=True, slots=True)
class Pieces:
    """A track and the piece of it that each of its N rows lies in; arrays [N]."""

    track: TrackColumns
    places: Columns
    """Earth-centred metres."""
    sessions: list[tuple[int, int]]
    """First row and row behind of each session."""
    start: Integers
    """First row of the row's piece."""
    stop: Integers
    """The row behind its last."""
    ended_by: Codes
    """A `Cut`."""
    along_m: Floats
    """Metres driven since the session began, gaps counted in."""

    def __len__(self) -> int:
        """Rows."""
        return len(self.start)

    def chord_m(self, a: Integers, b: Integers) -> Floats:
        """Straight distance between pairs of rows, metres."""
        squares = np.zeros(len(a))
        for axis in self.places:
            squares += (axis[a] - axis[b]) ** 2
        return np.sqrt(squares)


def pieces_of(track: TrackColumns, places: Columns, rule: SequenceRule) -> Pieces:
    """The pieces of a track whose sessions lie together, in order of travel.

    Args:
        track: N rows.
        places: their Earth-centred x, y, z, each [N] metres.
        rule: the limits of gaps, speed and turns; by time, a row without one is a
            piece of its own.
    """
    count = len(track)
    apart = track.session[1:] != track.session[:-1]
    edges = [0, *(np.flatnonzero(apart) + 1).tolist(), count] if count else [0]
    sessions = list(pairwise(edges))
    steps = _steps(track, places, apart)
    cut = _cuts(track, places, steps, rule=rule)
    cut[apart] = Cut.SESSION_END
    starts = np.concatenate([[0], np.flatnonzero(cut != UNCUT) + 1])[: count or None]
    stops = np.append(starts[1:], count)
    lengths = stops - starts if count else np.zeros(1, np.int64)
    ended = np.append(cut, np.uint8(Cut.SESSION_END))[stops - 1]
    along = np.zeros(count)
    # From zero in each session, so that no other drive moves the last digit.
    for a, b in sessions:
        np.cumsum(steps[a : b - 1], out=along[a + 1 : b])
    return Pieces(
        track=track,
        places=places,
        sessions=sessions,
        start=np.repeat(starts, lengths),
        stop=np.repeat(stops, lengths),
        ended_by=np.repeat(ended, lengths),
        along_m=along,
    )


def _steps(track: TrackColumns, places: Columns, apart: Booleans) -> Floats:
    """[N-1] metres from each row to the next, 0 to that of another session."""
    squares = np.zeros(max(0, len(track) - 1))
    for axis in places:
        step = np.diff(axis)
        step *= step
        squares += step
    steps: Floats = np.sqrt(squares, out=squares)
    steps[apart] = 0.0
    far = np.flatnonzero(steps > CHORD_M)
    if far.size:
        lat, lon = track.lat, track.lon
        steps[far] = distance_m(lat[far], lon[far], lat[far + 1], lon[far + 1])
    return steps


def _cuts(
    track: TrackColumns, places: Columns, steps: Floats, *, rule: SequenceRule
) -> Codes:
    """[N-1] the `Cut` between each row and the next, or `UNCUT`."""
    timed = track.time != NO_TIME
    both = timed[1:] & timed[:-1]
    # Integer differences first: nanoseconds of today lose 0.1 us as floats.
    pauses = np.where(both, np.diff(track.time), 0) / NS_PER_S
    speed = steps / np.maximum(pauses, TIME_RESOLUTION_S)
    cut = np.full(len(steps), UNCUT, np.uint8)
    cut[_turns_back(places, steps, rule.max_turn_deg)] = Cut.TURN
    cut[both & (speed > rule.max_speed_mps)] = Cut.SPEED
    cut[pauses > rule.max_gap_s] = Cut.GAP_S
    if rule.rule == "time":
        cut[~both] = Cut.GAP_S
    cut[steps > rule.max_gap_m] = Cut.GAP_M
    return cut


def _turns_back(places: Columns, steps: Floats, max_turn_deg: float) -> Integers:
    """Steps that turn more than the limit from the step before them."""
    if max_turn_deg >= 180.0 or len(steps) < 2:
        return np.empty(0, np.int64)
    # The cosine of the angle between two steps in space: of a few metres each, so
    # that the curvature of the Earth between them does not count.
    dot = np.zeros(len(steps) - 1)
    for axis in places:
        step = np.diff(axis)
        dot += step[1:] * step[:-1]
    limit = np.cos(np.radians(max_turn_deg)) * steps[1:] * steps[:-1]
    sharp = dot < limit
    sharp &= np.minimum(steps[1:], steps[:-1]) >= COURSE_BASE_M
    return np.flatnonzero(sharp) + 1

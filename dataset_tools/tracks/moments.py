"""Where a track was at a moment: interpolation on the geodesic, within a gap budget."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from dataset_tools.geodesy import Columns, destination, ecef_columns, inverse
from dataset_tools.records import Fix
from dataset_tools.tracks.rows import Booleans, Floats, Integers
from dataset_tools.tracks.times import NS_PER_S

MAX_GAP_S: Final = 10.0
"""A car drives some 150 m in this time: a straight line is no longer its road."""
MAX_GAP_M: Final = 200.0
EDGE_S: Final = 0.5
"""A moment so little before the first fix or behind the last is that of the fix: a
camera's clock shows whole seconds."""


class Place(IntEnum):
    """Where a moment lies on a track."""

    ON = 0
    OUTSIDE = 1
    """Before the first fix or behind the last."""
    GAP_S = 2
    GAP_M = 3
    BETWEEN_SESSIONS = 4


@dataclass(frozen=True, slots=True)
class Moments:
    """The fixes of a track by time; arrays [F]."""

    fixes: list[Fix]
    time: Integers
    lat: Floats
    lon: Floats
    session: Integers

    @classmethod
    def of(cls, fixes: Iterable[Fix]) -> Self:
        """The fixes that have a time, in its order; those without are left out."""
        timed = sorted(
            (fix for fix in fixes if fix.time is not None),
            key=lambda fix: (fix.time or 0, fix.session_id, fix.order),
        )
        numbers: dict[str, int] = {}
        return cls(
            timed,
            np.array([f.time for f in timed], np.int64),
            np.array([f.lat for f in timed], float),
            np.array([f.lon for f in timed], float),
            np.array(
                [numbers.setdefault(f.session_id, len(numbers)) for f in timed],
                np.int64,
            ),
        )

    def __len__(self) -> int:
        """Fixes with a time."""
        return len(self.time)

    @property
    def places(self) -> Columns:
        """[F] Earth-centred metres."""
        return ecef_columns(self.lat, self.lon)


@dataclass(frozen=True, slots=True)
class Found:
    """Where moments lie; arrays [M]."""

    kind: npt.NDArray[np.uint8]
    """A `Place` each."""
    before: Integers
    """The fix before, and behind; the same where a moment is that of a fix."""
    behind: Integers
    share: Floats
    """Of the way from the one to the other, by time."""
    measured: Floats
    """Seconds outside, or the gap in seconds or metres."""

    @property
    def on(self) -> Booleans:
        """[M] whether there is a position."""
        placed: Booleans = self.kind == Place.ON
        return placed


def find(
    track: Moments,
    moments: Integers,
    *,
    max_gap_s: float = MAX_GAP_S,
    max_gap_m: float = MAX_GAP_M,
) -> Found:
    """Between which fixes moments lie, and whether a position between them is known.

    Args:
        track: at least one fix.
        moments: [M] UTC nanoseconds.
        max_gap_s: longest time between the two fixes around a moment, seconds.
        max_gap_m: longest way between them, metres.
    """
    last = len(track) - 1
    near = np.clip(moments, track.time[0], track.time[last])
    moments = np.where(np.abs(moments - near) <= EDGE_S * NS_PER_S, near, moments)
    behind = np.searchsorted(track.time, moments, side="left")
    outside = (behind == 0) | (behind > last)
    behind = np.minimum(behind, last)
    exact = track.time[behind] == moments
    before = np.where(exact, behind, np.maximum(behind - 1, 0))
    span = (track.time[behind] - track.time[before]) / NS_PER_S
    into = (moments - track.time[before]) / NS_PER_S
    share = np.divide(into, span, out=np.zeros(len(moments)), where=span > 0)
    _, way = inverse(
        track.lat[before], track.lon[before], track.lat[behind], track.lon[behind]
    )
    kind = np.zeros(len(moments), np.uint8)
    measured = np.zeros(len(moments))
    edge = np.where(moments < track.time[0], track.time[0], track.time[last])
    for place, wrong, value in (
        (Place.BETWEEN_SESSIONS, track.session[before] != track.session[behind], span),
        (Place.GAP_M, way > max_gap_m, way),
        (Place.GAP_S, span > max_gap_s, span),
        (Place.OUTSIDE, outside & ~exact, np.abs(moments - edge) / NS_PER_S),
    ):
        kind[wrong], measured[wrong] = place, value[wrong]
    return Found(kind, before, behind, share, measured)


def positions(track: Moments, found: Found) -> tuple[Floats, Floats]:
    """[M] latitude and longitude between the fixes around, NaN off the track."""
    a, b = found.before, found.behind
    bearing, way = inverse(track.lat[a], track.lon[a], track.lat[b], track.lon[b])
    lat, lon = destination(track.lat[a], track.lon[a], bearing, found.share * way)
    off = ~found.on
    lat[off], lon[off] = math.nan, math.nan
    return lat, lon

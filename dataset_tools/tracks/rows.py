"""What the checks of cleaning hand each other: the rows still in, the faults found."""

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from dataset_tools.errors import UsageError
from dataset_tools.geodesy import Columns, distance_m, ecef_columns

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

NO_TIME: Final = int(np.iinfo(np.int64).min)
"""Stands for an unknown time in a column of nanoseconds."""

LONGEST_CHORD_M: Final = 500_000.0
CHORD_SLACK: Final = 1.001
"""Up to 500 km a geodesic is at most this much longer than its chord (1.0003)."""


class Reason(IntEnum):
    """Why a row is left out, in the order of the checks; 0 is kept."""

    KEPT = 0
    NOT_A_NUMBER = 1
    LATITUDE_OUT_OF_RANGE = 2
    LONGITUDE_OUT_OF_RANGE = 3
    HDOP = 4
    NULL_ISLAND = 5
    TIME_TOO_EARLY = 6
    TIME_IN_FUTURE = 7
    SWAPPED_BEYOND_90 = 8
    OUT_OF_ORDER = 20
    JUMP = 30
    EQUAL_TIME = 31
    LOST_SIGN = 32
    SWAPPED_LAT_LON = 33
    ZIGZAG = 39
    FROZEN_FIX = 40
    FROZEN_REPEATS = 41
    STATIONARY = 50
    DUPLICATE = 60

    @property
    def label(self) -> str:
        """The word for it in rejections."""
        return _ALIKE.get(self, self).name.lower().replace("_", "-")

    @property
    def check(self) -> int:
        """Number of the check that found it, in the order they run."""
        return int(self) // 10


_ALIKE: Final = {
    Reason.FROZEN_REPEATS: Reason.FROZEN_FIX,
    Reason.SWAPPED_BEYOND_90: Reason.SWAPPED_LAT_LON,
}
"""Reasons that go by the word of another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackColumns:
    """Positions of any number of sessions; all arrays [N].

    Rows of a session are in its order of travel; sessions may be mixed.
    """

    lat: Floats
    """Degrees; NaN is left out as `not-a-number`."""
    lon: Floats
    """Degrees."""
    time: Integers
    """UTC nanoseconds since 1970, `NO_TIME` where unknown."""
    session: Integers
    """Number of the session, any integers."""
    heading: Floats
    """Degrees clockwise from true north, NaN where unknown."""
    hdop: Floats
    """Horizontal dilution of precision, NaN where unknown."""

    def __post_init__(self) -> None:
        """Refuse columns that are no track.

        Raises:
            UsageError: if lengths or types differ from the above.
        """
        for name in ("lat", "lon", "time", "session", "heading", "hdop"):
            column = getattr(self, name)
            kind = np.int64 if name in ("time", "session") else np.float64
            if column.dtype != kind or column.shape != (len(self.lat),):
                message = (
                    f"The column {name} is {column.dtype} {column.shape}; "
                    f"{np.dtype(kind)} ({len(self.lat)},) expected."
                )
                raise UsageError(message)

    def __len__(self) -> int:
        """Rows."""
        return len(self.lat)

    def part(self, begin: int, end: int) -> "TrackColumns":
        """The rows from one to before another, without a copy."""
        return TrackColumns(
            lat=self.lat[begin:end],
            lon=self.lon[begin:end],
            time=self.time[begin:end],
            session=self.session[begin:end],
            heading=self.heading[begin:end],
            hdop=self.hdop[begin:end],
        )

    def take(self, rows: Integers) -> "TrackColumns":
        """These rows in this order, [len(rows)]."""
        return TrackColumns(
            lat=self.lat[rows],
            lon=self.lon[rows],
            time=self.time[rows],
            session=self.session[rows],
            heading=self.heading[rows],
            hdop=self.hdop[rows],
        )


@dataclass(frozen=True)
class Rows:
    """The rows that the checks so far have kept; arrays [M] unless said.

    What several checks ask for is worked out once.
    """

    track: TrackColumns
    at: Integers
    """Which rows of `track` these are."""
    time: Integers
    session: Integers
    places: Columns
    """Earth-centred metres."""

    @classmethod
    def of(cls, track: TrackColumns) -> Self:
        """All rows of a track whose sessions lie together."""
        with np.errstate(invalid="ignore"):
            places = ecef_columns(track.lat, track.lon)
        return cls(track, np.arange(len(track)), track.time, track.session, places)

    def __len__(self) -> int:
        """Rows that are left."""
        return len(self.at)

    def without(self, where: Integers) -> "Rows":
        """The rows but those at these places."""
        if where.size == 0:
            return self
        keep = np.ones(len(self), bool)
        keep[where] = False
        x, y, z = self.places
        return Rows(
            self.track,
            self.at[keep],
            self.time[keep],
            self.session[keep],
            (x[keep], y[keep], z[keep]),
        )

    def place(self, where: Integers) -> Columns:
        """Earth-centred metres of some of the rows."""
        x, y, z = self.places
        return x[where], y[where], z[where]

    @cached_property
    def steps_m(self) -> Floats:
        """[M-1] chord from each row to the next."""
        x, y, z = (np.diff(axis) for axis in self.places)
        x *= x
        y *= y
        z *= z
        x += y
        x += z
        steps: Floats = np.sqrt(x, out=x)
        return steps

    @cached_property
    def connected(self) -> Booleans:
        """[M-1] whether the next row is of the same session."""
        same: Booleans = self.session[1:] == self.session[:-1]
        return same

    @cached_property
    def timed(self) -> Booleans:
        """[M] whether the time is known."""
        known: Booleans = self.time != NO_TIME
        return known

    def distance_m(self, a: Integers, b: Integers) -> Floats:
        """Geodesics between pairs of rows, for what is reported."""
        lat, lon = self.track.lat, self.track.lon
        a, b = self.at[a], self.at[b]
        return distance_m(lat[a], lon[a], lat[b], lon[b])


@dataclass(frozen=True, slots=True)
class Faults:
    """Rows that one check leaves out; all arrays [F]."""

    where: Integers
    """Places among the `Rows` it was given, ascending."""
    reason: npt.NDArray[np.uint8]
    measured: Floats
    limit: Floats


def faults(
    where: npt.ArrayLike,
    reason: npt.ArrayLike,
    measured: npt.ArrayLike,
    limit: npt.ArrayLike,
) -> Faults:
    """Faults in ascending order; reason, measure and limit may be one for all."""
    places = np.asarray(where, np.int64)
    order = np.argsort(places, kind="stable")
    kinds = ((reason, np.uint8), (measured, np.float64), (limit, np.float64))
    sides = [np.broadcast_to(np.asarray(v, t), places.shape)[order] for v, t in kinds]
    return Faults(places[order], *sides)


def no_faults() -> Faults:
    """What a check finds in a sound track."""
    return faults([], 0, 0.0, 0.0)


def joined(parts: list[Faults]) -> Faults:
    """Faults of several kinds in one list; no row may be in two."""
    return faults(
        np.concatenate([p.where for p in parts]),
        np.concatenate([p.reason for p in parts]),
        np.concatenate([p.measured for p in parts]),
        np.concatenate([p.limit for p in parts]),
    )


def spans(starts: Integers, stops: Integers) -> Integers:
    """Every integer of the half-open intervals, one after the other.

    >>> spans(np.array([3, 10]), np.array([5, 11])).tolist()
    [3, 4, 10]
    """
    lengths = stops - starts
    before = np.cumsum(lengths) - lengths
    total = int(lengths.sum())
    found: Integers = np.arange(total) + np.repeat(starts - before, lengths)
    return found

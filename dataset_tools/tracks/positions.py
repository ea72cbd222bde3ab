"""Rows that are wrong by themselves: no position, a doubtful one, null island."""

from typing import Final

import numpy as np

from dataset_tools.geodesy import chord_m, distance_m, ecef_columns
from dataset_tools.tracks.limits import CleaningLimits
from dataset_tools.tracks.rows import (
    NO_TIME,
    Booleans,
    Faults,
    Floats,
    Reason,
    Rows,
    faults,
)

LAST_TIME: Final = int(np.iinfo(np.int64).max)


def unplaced(rows: Rows, limits: CleaningLimits) -> Faults:
    """Rows that cannot be a position, that the receiver doubts, or at 0, 0."""
    lat, lon, hdop = rows.track.lat, rows.track.lon, rows.track.hdop
    time = rows.time
    timed = rows.timed
    earliest = NO_TIME if limits.earliest is None else limits.earliest
    latest = LAST_TIME if limits.latest is None else limits.latest
    reason = np.zeros(len(rows), np.uint8)
    measured = np.full(len(rows), np.nan)
    limit = np.full(len(rows), np.nan)
    wrong = (
        (~(np.isfinite(lat) & np.isfinite(lon)), Reason.NOT_A_NUMBER, lat, np.nan),
        (is_swapped(lat, lon), Reason.SWAPPED_BEYOND_90, lat, 90.0),
        (np.abs(lat) > 90.0, Reason.LATITUDE_OUT_OF_RANGE, lat, 90.0),
        # Some writers count 0 to 360; beyond that it is no longitude.
        ((lon < -180.0) | (lon > 360.0), Reason.LONGITUDE_OUT_OF_RANGE, lon, 180.0),
        (hdop > limits.max_hdop, Reason.HDOP, hdop, limits.max_hdop),
        (timed & (time < earliest), Reason.TIME_TOO_EARLY, time, earliest),
        (time > latest, Reason.TIME_IN_FUTURE, time, latest),
    )
    # From the last to the first, so that the plainest fault has the last word.
    for mask, why, value, most in reversed(wrong):
        if mask.any():
            reason[mask], measured[mask], limit[mask] = why, value[mask], most
    near = chord_m(ecef_columns(0.0, 0.0), rows.places) < limits.null_island_m
    island = np.flatnonzero(near & (reason == 0))
    metres = distance_m(lat[island], lon[island], 0.0, 0.0)
    inside = metres < limits.null_island_m
    reason[island[inside]] = Reason.NULL_ISLAND
    measured[island[inside]] = metres[inside]
    limit[island[inside]] = limits.null_island_m
    where = np.flatnonzero(reason)
    return faults(where, reason[where], measured[where], limit[where])


def is_swapped(lat: Floats, lon: Floats) -> Booleans:
    """[N] whether this can only be a position the other way round."""
    high: Booleans = (np.abs(lat) > 90.0) & (np.abs(lat) <= 180.0)
    return high & (np.abs(lon) <= 90.0)

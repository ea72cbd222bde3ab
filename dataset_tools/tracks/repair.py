"""Positions put right: latitude and longitude swapped back, a lost sign given back.

Only where the neighbours prove the mistake, only if asked, and never without saying so
in the frame's `repair`.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from dataset_tools.geodesy import distance_m
from dataset_tools.records import Frame
from dataset_tools.tracks.columns import CleanedColumns
from dataset_tools.tracks.rows import Reason

REPAIRABLE: Final = (
    Reason.SWAPPED_BEYOND_90,
    Reason.SWAPPED_LAT_LON,
    Reason.LOST_SIGN,
)


def repaired(frames: Sequence[Frame], cleaned: CleanedColumns) -> list[Frame]:
    """The frames, swaps and lost signs that cleaning found put right.

    Args:
        frames: by session and order, as they were cleaned.
        cleaned: what cleaning said of them, row for row.
    """
    fixed = list(frames)
    for row in np.flatnonzero(np.isin(cleaned.reason, REPAIRABLE)).tolist():
        frame, reason = frames[row], Reason(cleaned.reason[row])
        lat, lon = frame.lon, frame.lat
        if reason is Reason.LOST_SIGN:
            at = int(np.searchsorted(cleaned.rows, row))
            beside = [frames[k] for k in cleaned.rows[max(at - 1, 0) : at + 1].tolist()]
            near = [f for f in beside if f.session_id == frame.session_id]
            if not near:
                continue
            lat, lon = _signed(frame, near[0])
        fixed[row] = replace(frame, lat=lat, lon=lon, repair=reason.label)
    return fixed


def _signed(frame: Frame, neighbour: Frame) -> tuple[float, float]:
    """The position with the signs that bring it nearest to a neighbour."""
    lat = np.array([-frame.lat, frame.lat, -frame.lat])
    lon = np.array([frame.lon, -frame.lon, -frame.lon])
    best = int(np.argmin(distance_m(lat, lon, neighbour.lat, neighbour.lon)))
    return float(lat[best]), float(lon[best])

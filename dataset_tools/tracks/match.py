"""Pictures without a position, placed on a track by their time.

Between two fixes the position lies on the geodesic, in proportion to time.
"""

import math
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from dataset_tools.errors import UsageError
from dataset_tools.geodesy import destination, inverse
from dataset_tools.records import Fix, Frame, Outcome, Rejection
from dataset_tools.tracks.resample import blend_headings
from dataset_tools.tracks.times import NS_PER_S

STAGE: Final = "match"
MAX_GAP_S: Final = 10.0
"""A car drives some 150 m in this time: a straight line is no longer its road."""


def place_pictures(
    frames_without_position: Iterable[Frame],
    fixes: Iterable[Fix],
    *,
    clock_offset_s: float = 0.0,
    max_gap_s: float = MAX_GAP_S,
) -> Outcome[Frame]:
    """Frames with the position that the track had when they were taken.

    Args:
        frames_without_position: as `read_pictures(..., need_position=False)` gives
            them; a position they have is replaced.
        fixes: cleaned fixes; those without a time are not used.
        clock_offset_s: seconds to add to the camera's time to get the track's.
        max_gap_s: longest time between the two fixes around a picture, seconds.

    Raises:
        UsageError: if no fix has a time.
    """
    track = sorted(
        (fix for fix in fixes if fix.time is not None),
        key=lambda fix: (fix.time or 0, fix.session_id, fix.order),
    )
    if not track:
        message = "No fix of the track has a time; pictures are placed by time only."
        raise UsageError(message)
    times = [fix.time or 0 for fix in track]
    shift = round(clock_offset_s * NS_PER_S)
    outcome: Outcome[Frame] = Outcome()
    for frame in frames_without_position:
        if frame.time is None:
            outcome.rejected.append(_reject(frame, "no-time", None, "a capture time"))
            continue
        moment = frame.time + shift
        at = bisect_left(times, moment)
        if at < len(track) and times[at] == moment:
            outcome.kept.append(_placed(frame, track[at], track[at], moment))
        elif at in (0, len(track)):
            edge = times[0] if at == 0 else times[-1]
            away = abs(moment - edge) / NS_PER_S
            outcome.rejected.append(_reject(frame, "outside-track", away, 0.0))
        elif (gap := (times[at] - times[at - 1]) / NS_PER_S) > max_gap_s:
            outcome.rejected.append(_reject(frame, "track-gap", gap, max_gap_s))
        elif track[at].session_id != track[at - 1].session_id:
            between = f"{track[at - 1].session_id} | {track[at].session_id}"
            outcome.rejected.append(
                _reject(frame, "between-sessions", between, "one session")
            )
        else:
            outcome.kept.append(_placed(frame, track[at - 1], track[at], moment))
    return outcome


def _placed(frame: Frame, a: Fix, b: Fix, moment: int) -> Frame:
    assert a.time is not None
    assert b.time is not None
    share = (moment - a.time) / (b.time - a.time) if b.time > a.time else 0.0
    bearing, metres = inverse(a.lat, a.lon, b.lat, b.lon)
    lat, lon = destination(a.lat, a.lon, bearing, share * metres)
    heading = frame.heading_deg
    if heading is None and a.heading_deg is not None and b.heading_deg is not None:
        heading = blend_headings(a.heading_deg, b.heading_deg, share, course=math.nan)
    doubts = [h for h in (a.hdop, b.hdop) if h is not None]
    high = a.altitude_m is not None and b.altitude_m is not None
    altitude = a.altitude_m + share * (b.altitude_m - a.altitude_m) if high else None  # type: ignore[operator]
    return replace(
        frame,
        lat=float(lat),
        lon=float(lon),
        # The track's clock from here on, so that sessions stay comparable.
        time=moment,
        altitude_m=altitude,
        heading_deg=heading,
        hdop=max(doubts) if doubts else None,
    )


def _reject(
    frame: Frame, reason: str, measured: float | str | None, limit: float | str
) -> Rejection:
    return Rejection(
        item=frame.frame_id,
        stage=STAGE,
        reason=reason,
        measured=measured,
        limit=limit,
    )

"""Pictures placed on a track: by the name a log gives them, and by their time.

Between two fixes the position lies on the geodesic, in proportion to time. Pictures of
one second are spread over it in the order of their names, as they were taken.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, Final

import numpy as np

from dataset_tools.errors import UsageError
from dataset_tools.records import Fix, Frame, Outcome, Rejection
from dataset_tools.tracks.exif import natural_key
from dataset_tools.tracks.moments import (
    MAX_GAP_M,
    MAX_GAP_S,
    Found,
    Moments,
    Place,
    find,
    positions,
)
from dataset_tools.tracks.resample import blend_headings
from dataset_tools.tracks.times import NS_PER_S

STAGE: Final = "match"
_REASONS: Final = {
    Place.OUTSIDE: "outside-track",
    Place.GAP_S: "track-gap",
    Place.GAP_M: "track-gap-m",
    Place.BETWEEN_SESSIONS: "between-sessions",
}


def place_pictures(
    frames_without_position: Iterable[Frame],
    fixes: Iterable[Fix],
    *,
    clock_offset_s: float | Mapping[str, float] = 0.0,
    max_gap_s: float = MAX_GAP_S,
    max_gap_m: float = MAX_GAP_M,
) -> Outcome[Frame]:
    """Frames with the position that the track had when they were taken.

    Args:
        frames_without_position: as `read_pictures(..., need_position=False)` gives
            them; a position they have is replaced.
        fixes: cleaned fixes; those without a time are not used.
        clock_offset_s: seconds to add to the camera's time to get the track's, one for
            all or session -> seconds; a time by GPS needs none.
        max_gap_s: longest time between the two fixes around a picture, seconds.
        max_gap_m: longest way between them, metres.

    Raises:
        UsageError: if no fix has a time.
    """
    track = Moments.of(fixes)
    if not len(track):
        message = "No fix of the track has a time; pictures are placed by time only."
        raise UsageError(message)
    frames = spread_equal_times(list(frames_without_position))
    outcome: Outcome[Frame] = Outcome()
    timed = [frame for frame in frames if frame.time is not None]
    outcome.rejected.extend(
        _reject(frame, "no-time", None, "a capture time")
        for frame in frames
        if frame.time is None
    )
    moments = [moment_of(frame, clock_offset_s) for frame in timed]
    found = find(
        track, np.array(moments, np.int64), max_gap_s=max_gap_s, max_gap_m=max_gap_m
    )
    lat, lon = positions(track, found)
    limits: dict[Place, float | str] = {
        Place.OUTSIDE: 0.0,
        Place.GAP_S: max_gap_s,
        Place.GAP_M: max_gap_m,
        Place.BETWEEN_SESSIONS: "one session",
    }
    for k, frame in enumerate(timed):
        kind = Place(found.kind[k])
        if kind is Place.ON:
            place = (float(lat[k]), float(lon[k]))
            outcome.kept.append(_placed(frame, track, found, k=k, place=place))
        else:
            measured: float | str = float(found.measured[k])
            if kind is Place.BETWEEN_SESSIONS:
                pair = track.fixes[found.before[k]], track.fixes[found.behind[k]]
                measured = " | ".join(fix.session_id for fix in pair)
            outcome.rejected.append(
                _reject(frame, _REASONS[kind], measured, limits[kind])
            )
    return outcome


def moment_of(frame: Frame, clock_offset_s: float | Mapping[str, float]) -> int:
    """The track's time of a frame that has a time."""
    assert frame.time is not None
    if frame.gps_timed:
        return frame.time
    if isinstance(clock_offset_s, Mapping):
        clock_offset_s = clock_offset_s.get(frame.session_id, 0.0)
    return frame.time + round(clock_offset_s * NS_PER_S)


def spread_equal_times(frames: Sequence[Frame]) -> list[Frame]:
    """Frames of one session and one whole second spread evenly over it, by name.

    A camera's clock shows seconds; frames that it took in one of them would else lie
    at one place. Where the next frame is nearer than a second, they end before it.

    >>> frame = Frame(frame_id="", session_id="", order=0, lat=0.0, lon=0.0)
    >>> two = [replace(frame, frame_id=name, time=0) for name in ("10", "9")]
    >>> [(f.frame_id, f.time) for f in spread_equal_times(two)]
    [('10', 500000000), ('9', 0)]
    """
    whole = [f for f in frames if f.time is not None and f.time % NS_PER_S == 0]
    spread: dict[int, Frame] = {}
    by_session = sorted(whole, key=lambda f: (f.session_id, f.time))
    for _, session in groupby(by_session, key=lambda f: f.session_id):
        seconds = [list(group) for _, group in groupby(session, key=lambda f: f.time)]
        for group, following in zip(seconds, [*seconds[1:], []], strict=True):
            if len(group) == 1:
                continue
            begin = group[0].time or 0
            end = (following[0].time or 0) if following else begin + NS_PER_S
            step = min(end - begin, NS_PER_S) // len(group)
            named = sorted(group, key=lambda f: natural_key(f.frame_id))
            for k, frame in enumerate(named):
                spread[id(frame)] = replace(frame, time=begin + k * step)
    return [spread.get(id(frame), frame) for frame in frames]


def blended(a: Fix, b: Fix, share: float, frame: Frame) -> dict[str, Any]:
    """What a frame takes from the fixes around it besides position and time.

    Args:
        a: the fix before.
        b: the fix behind.
        share: of the way from the one to the other.
        frame: keeps a heading of its own.
    """
    heading = frame.heading_deg
    if heading is None and a.heading_deg is not None and b.heading_deg is not None:
        heading = blend_headings(a.heading_deg, b.heading_deg, share, course=math.nan)
    doubts = [h for h in (a.hdop, b.hdop) if h is not None]
    altitude = None
    if a.altitude_m is not None and b.altitude_m is not None:
        altitude = a.altitude_m + share * (b.altitude_m - a.altitude_m)
    return {
        "heading_deg": heading,
        "altitude_m": altitude,
        "hdop": max(doubts) if doubts else None,
        "repair": a.repair or b.repair or frame.repair,
    }


def _placed(
    frame: Frame, track: Moments, found: Found, *, k: int, place: tuple[float, float]
) -> Frame:
    a, b = track.fixes[found.before[k]], track.fixes[found.behind[k]]
    share = float(found.share[k])
    assert a.time is not None
    assert b.time is not None
    return replace(
        frame,
        lat=place[0],
        lon=place[1],
        # The track's clock from here on, so that sessions stay comparable.
        time=a.time + round(share * (b.time - a.time)),
        **blended(a, b, share, frame),
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

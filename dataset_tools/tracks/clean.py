"""Cleaning a track: what cannot be used is left out, with the measure and the limit.

Order of the checks within a session: position, receiver's own doubt (HDOP), order in
time, impossible movement, then repeats (frozen fix, stop, duplicate). Movement comes
before repeats because a wild fix would look like the end of a stop. Every check sees
only what the ones before it kept. The result does not depend on the order of the input.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable
from itertools import pairwise
from typing import Final

from dataset_tools.geodesy import distance_m, ecef_m
from dataset_tools.records import Frame, Outcome, Rejection
from dataset_tools.tracks.course import fill_headings
from dataset_tools.tracks.fixes import Fault, position_fault
from dataset_tools.tracks.jumps import drop_jumps
from dataset_tools.tracks.limits import CleaningLimits, Faults, degrees, elapsed_s
from dataset_tools.tracks.times import NS_PER_S

__all__ = ["CleaningLimits", "by_session", "clean", "turn_deg"]

STAGE: Final = "clean"


def clean(
    frames: Iterable[Frame], limits: CleaningLimits | None = None
) -> Outcome[Frame]:
    """Usable frames by (session, order), and why each other one is left out.

    Frames without a heading get the course of the cleaned track where it moves.
    Orders and times are kept as they are.

    Args:
        frames: frames or track positions of any number of sessions, in any order.
        limits: what is still usable.
    """
    limits = limits or CleaningLimits()
    outcome: Outcome[Frame] = Outcome()
    count = 0
    for session in by_session(frames):
        count += len(session)
        kept, rejected = _clean_session(session, limits)
        outcome.kept.extend(fill_headings(kept, base_m=limits.course_base_m))
        outcome.rejected.extend(rejected)
    assert len(outcome.kept) + len(outcome.rejected) == count
    return outcome


def by_session(frames: Iterable[Frame]) -> list[list[Frame]]:
    """Frames grouped by session and sorted by (order, frame_id)."""
    groups: dict[str, list[Frame]] = {}
    for frame in frames:
        groups.setdefault(frame.session_id, []).append(frame)
    return [
        sorted(groups[session], key=lambda f: (f.order, f.frame_id))
        for session in sorted(groups)
    ]


def _clean_session(
    frames: list[Frame], limits: CleaningLimits
) -> tuple[list[Frame], list[Rejection]]:
    rejected: list[Rejection] = []
    for check in (
        *(_drop_unplaced, _drop_out_of_order, drop_jumps),
        *(_drop_frozen, _drop_stops, _drop_duplicates),
    ):
        faults = check(frames, limits) if frames else {}
        rejected += [_rejection(frames[i], faults[i]) for i in sorted(faults)]
        frames = [frame for i, frame in enumerate(frames) if i not in faults]
    return frames, rejected


def _drop_unplaced(frames: list[Frame], limits: CleaningLimits) -> Faults:
    faults: Faults = {}
    for i, frame in enumerate(frames):
        fault = position_fault(frame.lat, frame.lon)
        if fault is not None:
            faults[i] = fault
        elif frame.hdop is not None and frame.hdop > limits.max_hdop:
            faults[i] = ("hdop", frame.hdop, limits.max_hdop)
    sound = [i for i in range(len(frames)) if i not in faults]
    lat, lon = degrees([frames[i] for i in sound])
    for i, metres in zip(sound, distance_m(lat, lon, 0.0, 0.0), strict=True):
        if metres < limits.null_island_m:
            faults[i] = ("null-island", float(metres), limits.null_island_m)
    return faults


def _drop_out_of_order(frames: list[Frame], limits: CleaningLimits) -> Faults:
    """All but a longest run of frames whose times never go back.

    The longest run and not the running maximum: one clock far ahead would otherwise
    cost every frame behind it.
    """
    del limits
    timed = [(i, f.time) for i, f in enumerate(frames) if f.time is not None]
    if all(a[1] <= b[1] for a, b in pairwise(timed)):
        return {}
    tails: list[int] = []  # smallest last time of a run of each length
    tail_places: list[int] = []
    before: dict[int, int] = {}
    for i, time in timed:
        length = bisect_right(tails, time)
        before[i] = tail_places[length - 1] if length else -1
        tails[length : length + 1] = [time]
        tail_places[length : length + 1] = [i]
    keep: set[int] = set()
    place = tail_places[-1]
    while place >= 0:
        keep.add(place)
        place = before[place]
    faults: Faults = {}
    last = timed[0][1]
    for i, time in timed:
        if i in keep:
            last = time
        else:
            faults[i] = ("out-of-order", (time - last) / NS_PER_S, 0.0)
    return faults


def _drop_frozen(frames: list[Frame], limits: CleaningLimits) -> Faults:
    """Repeats of one exact position although the camera went on."""
    faults: Faults = {}
    start = 0
    for end in range(1, len(frames) + 1):
        same = end < len(frames) and _place(frames[end]) == _place(frames[start])
        if same:
            continue
        if end - start > 1:
            fault = _frozen_fault(frames, start, end, limits)
            faults |= dict.fromkeys(range(start + 1, end), fault) if fault else {}
        start = end
    return faults


def _frozen_fault(
    frames: list[Frame], start: int, end: int, limits: CleaningLimits
) -> Fault | None:
    first, last = frames[start], frames[end - 1]
    if first.time is None or last.time is None:
        repeats = end - start
        frozen = repeats >= limits.frozen_repeats
        return ("frozen-fix", repeats, limits.frozen_repeats) if frozen else None
    if first.time == last.time or end == len(frames) or frames[end].time is None:
        return None
    after = frames[end]
    metres = float(distance_m(last.lat, last.lon, after.lat, after.lon))
    speed = metres / elapsed_s(last, after, limits)
    # A car that stood at lights creeps away; one that leaves fast never stood.
    released = speed > limits.frozen_release_mps
    return ("frozen-fix", speed, limits.frozen_release_mps) if released else None


def _drop_stops(frames: list[Frame], limits: CleaningLimits) -> Faults:
    """All but the first frame of each stop; needs times."""
    places = _places(frames)
    faults: Faults = {}
    start = 0
    while start < len(frames):
        began, end, until = frames[start].time, start + 1, frames[start].time
        while end < len(frames) and began is not None:
            time = frames[end].time
            away = math.dist(places[start], places[end])
            if time is None or away > limits.stop_radius_m:
                break
            until, end = time, end + 1
        if began is None or until is None:
            start += 1
            continue
        seconds = (until - began) / NS_PER_S
        if end - start > 1 and seconds >= limits.stop_min_s:
            fault: Fault = ("stationary", seconds, limits.stop_min_s)
            faults |= dict.fromkeys(range(start + 1, end), fault)
            start = end
        else:
            start += 1
    return faults


def _drop_duplicates(frames: list[Frame], limits: CleaningLimits) -> Faults:
    """Frames at the last kept one's place that look the same way."""
    places = _places(frames)
    faults: Faults = {}
    last = 0
    for i in range(1, len(frames)):
        metres = math.dist(places[last], places[i])
        turn = turn_deg(frames[last].heading_deg, frames[i].heading_deg)
        near = metres < limits.duplicate_m or metres == 0.0
        if near and (turn is None or turn < limits.duplicate_turn_deg):
            faults[i] = ("duplicate", metres, limits.duplicate_m)
        else:
            last = i
    return faults


def turn_deg(before: float | None, after: float | None) -> float | None:
    """Angle between two headings in [0, 180], None if one is unknown.

    >>> turn_deg(350.0, 10.0), turn_deg(None, 10.0)
    (20.0, None)
    """
    if before is None or after is None:
        return None
    return abs((after - before + 180.0) % 360.0 - 180.0)


def _place(frame: Frame) -> tuple[float, float]:
    return frame.lat, frame.lon


def _places(frames: list[Frame]) -> list[tuple[float, ...]]:
    """Earth-centred metres: chords are exact enough for the few metres of a repeat."""
    return [tuple(p) for p in ecef_m(*degrees(frames)).tolist()]


def _rejection(frame: Frame, fault: Fault) -> Rejection:
    reason, measured, limit = fault
    return Rejection(
        item=frame.frame_id,
        stage=STAGE,
        reason=reason,
        measured=measured,
        limit=limit,
    )

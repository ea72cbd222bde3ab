"""Impossible movement: the frames of a track that nothing can have driven to."""

import heapq
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from dataset_tools.geodesy import distance_m
from dataset_tools.records import Frame
from dataset_tools.tracks.fixes import Fault
from dataset_tools.tracks.limits import CleaningLimits, Faults, degrees, elapsed_s

LIKELY_M: Final = 1_000.0
"""A fix that a swap or a sign brings this near to its neighbour was such a mistake."""


def drop_jumps(frames: list[Frame], limits: CleaningLimits) -> Faults:
    """Short runs of frames that no believable movement joins to the rest.

    The track is cut where a step is impossible; the shortest piece goes first, then
    its neighbours are joined if they fit, until the shortest is long enough to be
    believed. So one wild fix goes, be it the first, and a real displacement stays
    (forming sequences cuts there).
    """
    breaks = np.flatnonzero(_steps_broken(frames, limits))
    if breaks.size == 0:
        return {}
    pieces = {
        int(p[0]): p.tolist() for p in np.split(np.arange(len(frames)), breaks + 1)
    }
    starts = sorted(pieces)
    left = {b: a for a, b in pairwise(starts)}
    right = dict(pairwise(starts))
    queue = [(len(piece), start) for start, piece in pieces.items()]
    heapq.heapify(queue)
    beside: dict[int, list[int]] = {}
    while queue and len(pieces) > 1:
        size, start = heapq.heappop(queue)
        if start not in pieces or len(pieces[start]) != size:
            continue
        if size >= limits.jump_run:
            break
        a, b = left.get(start), right.get(start)
        joins = (
            a is not None
            and b is not None
            and not _is_broken(frames[pieces[a][-1]], frames[pieces[b][0]], limits)
        )
        # Without times nothing says that two distant places are not both right.
        if not joins and any(frames[i].time is None for i in pieces[start]):
            continue
        near = [pieces[a][-1]] if a is not None else []
        near += [pieces[b][0]] if b is not None else []
        beside.update(dict.fromkeys(pieces.pop(start), near))
        _link(left, right, a, b)
        if joins and a is not None and b is not None:
            pieces[a] += pieces.pop(b)
            _link(left, right, a, right.get(b))
            heapq.heappush(queue, (len(pieces[a]), a))
    return _jump_faults(frames, beside, limits)


def _link(
    left: dict[int, int], right: dict[int, int], a: int | None, b: int | None
) -> None:
    if a is not None:
        right.pop(a, None)
    if b is not None:
        left.pop(b, None)
    if a is not None and b is not None:
        right[a], left[b] = b, a


def _steps_broken(frames: list[Frame], limits: CleaningLimits) -> npt.NDArray[np.bool_]:
    """[N-1] whether the step to the next frame is impossible."""
    lat, lon = degrees(frames)
    metres = distance_m(lat[:-1], lon[:-1], lat[1:], lon[1:])
    allowed = [_allowed_m(a, b, limits) for a, b in pairwise(frames)]
    broken: npt.NDArray[np.bool_] = metres > np.array(allowed, float)
    return broken


def _is_broken(a: Frame, b: Frame, limits: CleaningLimits) -> bool:
    metres = float(distance_m(a.lat, a.lon, b.lat, b.lon))
    return metres > _allowed_m(a, b, limits)


def _allowed_m(a: Frame, b: Frame, limits: CleaningLimits) -> float:
    if a.time is None or b.time is None:
        return limits.max_step_m
    return limits.max_speed_mps * elapsed_s(a, b, limits)


def _jump_faults(
    frames: list[Frame], beside: dict[int, list[int]], limits: CleaningLimits
) -> Faults:
    """Name jumps by their likely cause, measured against the nearer neighbour.

    Args:
        frames: the session.
        beside: index of a jump -> its one or two neighbours when it was taken out.
        limits: what was exceeded.
    """
    pairs = [(i, k) for i, near in beside.items() for k in near]
    lat, lon = degrees([frames[i] for i, _ in pairs])
    lat_b, lon_b = degrees([frames[k] for _, k in pairs])
    metres = distance_m(lat, lon, lat_b, lon_b)
    causes = np.full(len(pairs), "jump", dtype="U16")
    for reason, a, b in (
        *(("lost-sign", -lat, lon), ("lost-sign", lat, -lon)),
        *(("lost-sign", -lat, -lon), ("swapped-lat-lon", lon, lat)),
    ):
        # A longitude beyond 90 degrees is no latitude; clipped, it is near nothing.
        mistake = distance_m(np.clip(a, -90, 90), b, lat_b, lon_b) < LIKELY_M
        causes[mistake & (np.abs(a) <= 90) & (metres > LIKELY_M)] = reason
    faults: Faults = {}
    for n in np.argsort(-metres, kind="stable").tolist():
        i, k = pairs[n]
        # From far to near, so that the nearer neighbour has the last word.
        faults[i] = _jump_fault(
            (frames[i], frames[k]), float(metres[n]), str(causes[n]), limits=limits
        )
    return faults


def _jump_fault(
    pair: tuple[Frame, Frame], metres: float, cause: str, *, limits: CleaningLimits
) -> Fault:
    frame, neighbour = pair
    if cause != "jump":
        return cause, metres, LIKELY_M
    if frame.time is None or neighbour.time is None:
        return "jump", metres, limits.max_step_m
    speed = metres / elapsed_s(frame, neighbour, limits)
    reason = "equal-time" if frame.time == neighbour.time else "jump"
    return reason, speed, limits.max_speed_mps

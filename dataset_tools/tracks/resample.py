"""Bringing a track to a spacing in metres: new positions, or a choice of pictures.

Positions without pictures are interpolated along the geodesic. Pictures cannot be
made: of those that lie denser, the one nearest to each multiple of the spacing stays.
A gap is never bridged.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from dataset_tools.errors import UsageError
from dataset_tools.geodesy import destination, inverse
from dataset_tools.records import Frame, Outcome, Rejection
from dataset_tools.tracks.clean import by_session
from dataset_tools.tracks.course import pauses_s

STAGE: Final = "resample"
MAX_GAP_M: Final = 100.0
"""Longest step that is interpolated: 3 s on a motorway, and mapillary's own cut."""
MAX_GAP_S: Final = 60.0
MIN_SPACING_M: Final = 0.01
"""Finer positions would share their names, which count millimetres."""

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Path:
    """One unbroken piece of a session; arrays over its N frames."""

    frames: list[Frame]
    lat: Array
    lon: Array
    bearing: Array
    """[N-1] of each step, degrees."""
    along_m: Array
    """[N] distance driven since the session began, gaps left out."""


def resample(
    frames: Iterable[Frame],
    spacing_m: float,
    *,
    max_gap_m: float = MAX_GAP_M,
    max_gap_s: float = MAX_GAP_S,
) -> Outcome[Frame]:
    """Frames about `spacing_m` apart along each session.

    A session without pictures is replaced by new positions, named by the millimetres
    driven (`SESSION/m000000008050`), the first of each piece being the first fix. Its
    rejections are the fixes that no new position rests on; kept and rejected then do
    not add up to the input, which `Outcome` promises for chosen items only.
    A session with pictures keeps a choice of them, at most one a multiple of the
    spacing; kept and rejected add up. Where it is sparser, all of it is kept.

    Args:
        frames: cleaned frames, any number of sessions.
        spacing_m: distance wanted, metres, at least 0.01.
        max_gap_m: a longer step ends a piece, metres.
        max_gap_s: a longer pause ends a piece, seconds.

    Raises:
        UsageError: if `spacing_m` is below 0.01 m.
    """
    if not (spacing_m >= MIN_SPACING_M and math.isfinite(spacing_m)):
        message = (
            f"The spacing is {spacing_m!r} m; at least {MIN_SPACING_M} m is expected."
        )
        raise UsageError(message)
    outcome: Outcome[Frame] = Outcome()
    for session in by_session(frames):
        pictured = any(frame.source is not None for frame in session)
        kept: list[Frame] = []
        for path in _paths(session, max_gap_m=max_gap_m, max_gap_s=max_gap_s):
            if pictured:
                _choose(path, spacing_m, outcome)
            elif len(path.frames) == 1:
                only = path.frames[0]
                outcome.rejected.append(_alone(only, max_gap_m))
            else:
                kept += _interpolate(path, spacing_m)
        outcome.kept.extend(replace(f, order=i) for i, f in enumerate(kept))
    return outcome


def _paths(session: list[Frame], *, max_gap_m: float, max_gap_s: float) -> list[_Path]:
    lat = np.array([frame.lat for frame in session], float)
    lon = np.array([frame.lon for frame in session], float)
    bearing, steps = inverse(lat[:-1], lon[:-1], lat[1:], lon[1:])
    cut = (steps > max_gap_m) | (pauses_s(session) > max_gap_s)
    driven = np.where(cut, 0.0, steps)
    # Two millimetres between pieces keeps the names of their first positions apart.
    along = np.concatenate([[0.0], np.cumsum(driven + np.where(cut, 0.002, 0.0))])
    edges = [0, *(np.flatnonzero(cut) + 1).tolist(), len(session)]
    return [
        _Path(
            frames=session[a:b],
            lat=lat[a:b],
            lon=lon[a:b],
            bearing=bearing[a : b - 1],
            along_m=along[a:b],
        )
        for a, b in pairwise(edges)
    ]


def _interpolate(path: _Path, spacing_m: float) -> list[Frame]:
    start, length = path.along_m[0], path.along_m[-1] - path.along_m[0]
    # The tolerance keeps the last position of a track that is an exact multiple.
    count = int(np.floor(length / spacing_m + 1e-9)) + 1
    targets = np.minimum(start + spacing_m * np.arange(count), path.along_m[-1])
    step = np.searchsorted(path.along_m, targets, side="right") - 1
    step = np.clip(step, 0, len(path.frames) - 2)
    into = targets - path.along_m[step]
    lat, lon = destination(path.lat[step], path.lon[step], path.bearing[step], into)
    span = path.along_m[step + 1] - path.along_m[step]
    share = np.divide(into, span, out=np.zeros_like(into), where=span > 0)
    return [
        _between(
            path.frames[k],
            path.frames[k + 1],
            float(share[i]),
            place=(float(lat[i]), float(lon[i])),
            name=(float(targets[i]), float(path.bearing[k])),
        )
        for i, k in enumerate(step.tolist())
    ]


def _between(
    a: Frame,
    b: Frame,
    share: float,
    *,
    place: tuple[float, float],
    name: tuple[float, float],
) -> Frame:
    """A position `share` of the way from a to b."""
    along_m, course = name
    timed = a.time is not None and b.time is not None
    high = a.altitude_m is not None and b.altitude_m is not None
    doubts = [h for h in (a.hdop, b.hdop) if h is not None]
    return replace(
        a,
        frame_id=f"{a.session_id}/m{round(along_m * 1000):012d}",
        lat=place[0],
        lon=place[1],
        time=a.time + round(share * (b.time - a.time)) if timed else None,  # type: ignore[operator]
        altitude_m=a.altitude_m + share * (b.altitude_m - a.altitude_m)  # type: ignore[operator]
        if high
        else None,
        heading_deg=blend_headings(a.heading_deg, b.heading_deg, share, course=course),
        hdop=max(doubts) if doubts else None,
    )


def blend_headings(
    a: float | None, b: float | None, share: float, *, course: float
) -> float:
    """Heading `share` of the way from a to b the short way, in [0, 360).

    Args:
        a: heading before, degrees; unknown if None.
        b: heading after, likewise.
        share: 0 at a, 1 at b.
        course: what to say if one of them is unknown, degrees.

    >>> blend_headings(350.0, 20.0, 0.5, course=0.0)
    5.0
    """
    if a is None or b is None:
        return course % 360.0
    turned = (a + share * ((b - a + 180.0) % 360.0 - 180.0)) % 360.0
    return 0.0 if turned >= 360.0 else turned


def _choose(path: _Path, spacing_m: float, outcome: Outcome[Frame]) -> None:
    """Keep the picture nearest to each multiple, within half of the spacing."""
    along = path.along_m - path.along_m[0]
    multiple = np.round(along / spacing_m).astype(int)
    off = np.abs(along - multiple * spacing_m)
    best: dict[int, int] = {}
    for i, frame in enumerate(path.frames):
        k = int(multiple[i])
        if frame.source is not None and (k not in best or off[i] < off[best[k]]):
            best[k] = i
    for i, frame in enumerate(path.frames):
        if best.get(int(multiple[i])) == i:
            outcome.kept.append(frame)
        elif frame.source is None:
            outcome.rejected.append(
                Rejection(item=frame.frame_id, stage=STAGE, reason="no-picture")
            )
        else:
            nearer = best[int(multiple[i])]
            outcome.rejected.append(
                Rejection(
                    item=frame.frame_id,
                    stage=STAGE,
                    reason="denser-than-spacing",
                    measured=float(off[i]),
                    limit=float(off[nearer]),
                )
            )


def _alone(frame: Frame, max_gap_m: float) -> Rejection:
    return Rejection(
        item=frame.frame_id,
        stage=STAGE,
        reason="alone-between-gaps",
        measured=1,
        limit=max_gap_m,
    )

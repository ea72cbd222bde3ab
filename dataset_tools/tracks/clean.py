"""Cleaning a track: what cannot be used is left out, with the measure and the limit.

The checks, their order and their speed are those of `dataset_tools.tracks.columns`;
here frames go in and come out. The result does not depend on the order of the input.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import numpy as np

from dataset_tools.records import Frame, Outcome, Rejection
from dataset_tools.tracks.columns import CleanedColumns, clean_columns
from dataset_tools.tracks.limits import CleaningLimits
from dataset_tools.tracks.repair import REPAIRABLE, repaired
from dataset_tools.tracks.rows import NO_TIME, Reason, TrackColumns
from dataset_tools.tracks.times import NS_PER_S

__all__ = ["CleaningLimits", "by_session", "clean", "columns_of"]

STAGE: Final = "clean"


def clean(
    frames: Iterable[Frame],
    limits: CleaningLimits | None = None,
    *,
    repair: bool = False,
) -> Outcome[Frame]:
    """Usable frames by (session, order), and why each other one is left out.

    Frames without a heading get the course of the cleaned track where it moves.
    Orders and times are kept as they are.

    Args:
        frames: frames or track positions of any number of sessions, in any order.
        limits: what is still usable.
        repair: put a swap of latitude and longitude or a lost sign right where the
            neighbours prove it, instead of leaving the frame out.
    """
    ordered = [frame for session in by_session(frames) for frame in session]
    cleaned = clean_columns(columns_of(ordered), limits)
    if repair and np.isin(cleaned.reason, REPAIRABLE).any():
        ordered = repaired(ordered, cleaned)
        cleaned = clean_columns(columns_of(ordered), limits)
    headings = cleaned.kept.heading.tolist()
    outcome: Outcome[Frame] = Outcome()
    for row, heading in zip(cleaned.rows.tolist(), headings, strict=True):
        frame = ordered[row]
        if frame.heading_deg is None and not math.isnan(heading):
            frame = replace(frame, heading_deg=heading)
        outcome.kept.append(frame)
    outcome.rejected.extend(_rejections(ordered, cleaned))
    assert len(outcome.kept) + len(outcome.rejected) == len(ordered)
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


def columns_of(frames: Sequence[Frame]) -> TrackColumns:
    """Frames as columns, row for row; sessions are numbered in order of appearance."""
    numbers: dict[str, int] = {}
    session = [numbers.setdefault(f.session_id, len(numbers)) for f in frames]
    time = [NO_TIME if f.time is None else f.time for f in frames]
    return TrackColumns(
        lat=np.array([f.lat for f in frames], float),
        lon=np.array([f.lon for f in frames], float),
        time=np.array(time, np.int64),
        session=np.array(session, np.int64),
        # numpy reads None as NaN.
        heading=np.array([f.heading_deg for f in frames], float),
        hdop=np.array([f.hdop for f in frames], float),
    )


def _rejections(
    frames: Sequence[Frame], cleaned: CleanedColumns
) -> Iterator[Rejection]:
    """By session, then in the order of the checks, then in that of travel."""
    out = np.flatnonzero(~cleaned.keep)
    reasons = [Reason(code) for code in cleaned.reason[out].tolist()]
    sessions = [frames[i].session_id for i in out.tolist()]
    columns = (sessions, [r.check for r in reasons], out.tolist(), reasons)
    for _, _, i, reason in sorted(zip(*columns, strict=True)):
        measured: float | str = float(cleaned.measured[i])
        limit: float | str = float(cleaned.limit[i])
        if reason is Reason.NOT_A_NUMBER:
            measured, limit = f"{frames[i].lat}, {frames[i].lon}", "finite degrees"
        elif reason in (Reason.TIME_TOO_EARLY, Reason.TIME_IN_FUTURE):
            measured, limit = _iso(cleaned.measured[i]), _iso(cleaned.limit[i])
        elif reason is Reason.FROZEN_REPEATS:
            measured, limit = int(measured), int(limit)
        yield Rejection(
            item=frames[i].frame_id,
            stage=STAGE,
            reason=reason.label,
            measured=measured,
            limit=limit,
        )


def _iso(nanoseconds: float) -> str:
    """A time to the second, or the number where no calendar holds it."""
    try:
        moment = datetime.fromtimestamp(nanoseconds // NS_PER_S, UTC)
    except (ValueError, OverflowError, OSError):
        return f"{nanoseconds / NS_PER_S:.0f} s"
    return moment.isoformat()

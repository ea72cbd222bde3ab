"""Cleaning of a track in columns: half a million fixes a second and more.

`dataset_tools.tracks.clean` says the same of `Frame` records and rests on this module.
Order of the checks within a session: position and the receiver's own doubt (HDOP),
order in time, impossible movement (a jump, then a zigzag), then repeats (frozen fix,
stop, duplicate).
Movement comes before repeats because a wild fix would look like the end of a stop.
Every check sees only what the ones before it kept.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from dataset_tools.geodesy import Columns
from dataset_tools.tracks.course import course_deg
from dataset_tools.tracks.jumps import jumps
from dataset_tools.tracks.limits import CleaningLimits
from dataset_tools.tracks.order import out_of_order
from dataset_tools.tracks.positions import unplaced
from dataset_tools.tracks.repeats import duplicates, frozen, stops
from dataset_tools.tracks.rows import (
    NO_TIME,
    Faults,
    Floats,
    Integers,
    Reason,
    Rows,
    TrackColumns,
)
from dataset_tools.tracks.zigzags import zigzags

__all__ = ["NO_TIME", "CleanedColumns", "Reason", "TrackColumns", "clean_columns"]

Check = Callable[[Rows, CleaningLimits], Faults]

BLOCK: Final = 65_536
"""Rows cleaned at a time, in whole sessions: columns that stay in the processor's
cache are worked through three times as fast."""

CHECKS: Final[tuple[Check, ...]] = (
    *(unplaced, out_of_order, jumps, zigzags),
    *(frozen, stops, duplicates),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanedColumns:
    """What cleaning kept [K] and why it left out the rest of the input [N]."""

    rows: Integers
    """[K] rows of the input that are kept, by session, then in their order."""
    kept: TrackColumns
    """[K] those rows, unknown headings replaced by the course where it moves."""
    places: Columns
    """[K] Earth-centred x, y, z of those rows, metres: what distances are made of."""
    reason: npt.NDArray[np.uint8]
    """[N] a `Reason` for each row of the input, 0 where it is kept."""
    measured: Floats
    """[N] what was measured; NaN where the row is kept or it is no number."""
    limit: Floats
    """[N] what it was held against."""

    @property
    def keep(self) -> npt.NDArray[np.bool_]:
        """[N] whether a row of the input is kept."""
        kept: npt.NDArray[np.bool_] = self.reason == Reason.KEPT
        return kept

    def reasons(self) -> dict[str, int]:
        """How many rows are left out for which reason, in order of the checks."""
        codes, counts = np.unique(self.reason[~self.keep], return_counts=True)
        found: dict[str, int] = {}
        for code, count in zip(codes.tolist(), counts.tolist(), strict=True):
            label = Reason(code).label
            found[label] = found.get(label, 0) + count
        return found


def clean_columns(
    track: TrackColumns, limits: CleaningLimits | None = None
) -> CleanedColumns:
    """Usable rows of a track, and why each other one is left out.

    Args:
        track: any number of sessions; within one, in its order of travel.
        limits: what is still usable.
    """
    limits = limits or CleaningLimits()
    order = _by_session(track.session)
    ordered = track if order is None else track.take(order)
    reason = np.zeros(len(track), np.uint8)
    measured = np.full(len(track), np.nan)
    limit = np.full(len(track), np.nan)
    parts = []
    for a, b in session_blocks(ordered.session):
        rows = Rows.of(ordered.part(a, b))
        for check in CHECKS:
            found = check(rows, limits)
            at = rows.at[found.where] + a
            reason[at], measured[at] = found.reason, found.measured
            limit[at] = found.limit
            rows = rows.without(found.where)
        parts.append((rows.at + a, rows.places, _heading(rows, limits)))
    at, places, heading = _in_one(parts)
    if order is not None:
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        reason, measured, limit = reason[back], measured[back], limit[back]
    kept = ordered if len(at) == len(ordered) else ordered.take(at)
    return CleanedColumns(
        rows=at if order is None else order[at],
        kept=replace(kept, heading=heading),
        places=places,
        reason=reason,
        measured=measured,
        limit=limit,
    )


def _by_session(session: Integers) -> Integers | None:
    """The order that puts sessions together, None if they already lie so."""
    if bool(np.all(session[1:] >= session[:-1])):
        return None
    return np.argsort(session, kind="stable")


def session_blocks(session: Integers) -> list[tuple[int, int]]:
    """Whole sessions, together about `BLOCK` rows, as (first row, row behind)."""
    starts = np.flatnonzero(session[1:] != session[:-1]) + 1
    # The first session to begin behind each multiple of the block's length.
    wanted = np.searchsorted(starts, np.arange(BLOCK, len(session), BLOCK))
    cuts = np.unique(starts[wanted[wanted < len(starts)]]).tolist()
    return list(pairwise([0, *cuts, len(session)])) if len(session) else []


def _heading(rows: Rows, limits: CleaningLimits) -> Floats:
    """Known headings, and the course where the track moves."""
    heading = rows.track.heading[rows.at]
    unknown = np.flatnonzero(np.isnan(heading))
    heading[unknown] = course_deg(
        rows,
        unknown,
        base_m=limits.course_base_m,
        max_gap_m=limits.course_gap_m,
        max_gap_s=limits.course_gap_s,
    )
    return heading


def _in_one(
    parts: list[tuple[Integers, Columns, Floats]],
) -> tuple[Integers, Columns, Floats]:
    if not parts:
        nothing = np.empty(0)
        return np.empty(0, np.int64), (nothing, nothing, nothing), nothing
    x, y, z = (np.concatenate([p[1][k] for p in parts]) for k in range(3))
    rows = np.concatenate([p[0] for p in parts])
    return rows, (x, y, z), np.concatenate([p[2] for p in parts])

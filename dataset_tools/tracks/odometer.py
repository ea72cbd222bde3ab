"""Videologs of agencies: pictures by odometer, positions by a log or a centre line.

A van takes a picture every so many metres and names it by what the odometer said: the
Vermont release has `20190616.084458/000000281685.jpg`, a session's date and time and
millimetres driven in it. Where such a picture lies is known from a log that gives
positions at distances, or from a line and the distance along it; between two entries
it lies on the geodesic. Odometers start anew with each session.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Final

import numpy as np

from dataset_tools.errors import UnreadableError
from dataset_tools.geodesy import destination, inverse
from dataset_tools.records import Fix, Frame, Outcome, Rejection
from dataset_tools.tracks.csv import csv_records
from dataset_tools.tracks.fields import distance_factor, match_columns
from dataset_tools.tracks.fixes import Fault, is_blank, number, rejection
from dataset_tools.tracks.match import blended
from dataset_tools.tracks.moments import MAX_GAP_M
from dataset_tools.tracks.rows import Floats
from dataset_tools.tracks.rules import PLAIN, ReadingRules

STAGE: Final = "odometer"
RESET_M: Final = 1.0
"""An odometer that falls by more than this was set to zero."""
_MILLIMETRES = re.compile(r"^\d{12}$")


def odometer_m(name: str) -> float | None:
    """Metres driven that a picture's name tells; None if it tells none.

    >>> odometer_m("ROW/20190616.084458/000000281685.jpg"), odometer_m("a/0001.jpg")
    (281.685, None)
    """
    stem = PurePosixPath(name).stem
    return int(stem) / 1000.0 if _MILLIMETRES.match(stem) else None


@dataclass(frozen=True, slots=True)
class Line:
    """Positions along one session or route, by distance; arrays [K]."""

    name: str
    fixes: list[Fix]
    distance_m: Floats


def lines_of(fixes: Iterable[Fix]) -> list[Line]:
    """The stretches of a log along which the distance grows, each on its own.

    Args:
        fixes: in order within each session; those without a distance are left out.
    """
    lines = []
    for name, members in _sessions(fixes).items():
        known = [fix for fix in members if fix.distance_m is not None]
        along = np.array([fix.distance_m for fix in known], float)
        cuts = np.flatnonzero(np.diff(along) < -RESET_M) + 1
        for a, b in pairwise([0, *cuts.tolist(), len(known)]):
            if b > a:
                # An odometer that trembles by less than a reset stands.
                grown = np.maximum.accumulate(along[a:b])
                lines.append(Line(name, known[a:b], grown))
    return lines


def route_lines(fixes: Iterable[Fix]) -> list[Line]:
    """Centre lines, measured along the geodesic where their vertices are not.

    Args:
        fixes: the vertices in order; one session a line. A distance that is the same
            at all of them is where the line begins, and 0 is taken if there is none.
    """
    lines = []
    for name, members in _sessions(fixes).items():
        said = {fix.distance_m for fix in members}
        if len(said) > 1:
            lines += lines_of(members)
            continue
        lat = np.array([fix.lat for fix in members], float)
        lon = np.array([fix.lon for fix in members], float)
        _, steps = inverse(lat[:-1], lon[:-1], lat[1:], lon[1:])
        begin = said.pop() or 0.0
        lines.append(
            Line(name, members, begin + np.concatenate([[0.0], np.cumsum(steps)]))
        )
    return lines


def place_by_distance(
    frames: Iterable[Frame], lines: Sequence[Line], *, max_gap_m: float = MAX_GAP_M
) -> Outcome[Frame]:
    """Frames named by odometer, put on the line of their session.

    Args:
        frames: those without such a name are rejected.
        lines: of the session's name, else all if they have one name.
        max_gap_m: longest way between the two entries around a frame, metres.
    """
    outcome: Outcome[Frame] = Outcome()
    for frame in frames:
        along = odometer_m(frame.source or frame.frame_id)
        if along is None:
            outcome.rejected.append(_reject(frame, "no-odometer", None, "12 digits"))
            continue
        names = (frame.session_id, PurePosixPath(frame.session_id).name)
        found = _found(lines, names, along, max_gap_m)
        if isinstance(found, _At):
            said = blended(found.before, found.behind, found.share, frame)
            time = frame.time if found.time is None else found.time
            placed = replace(frame, lat=found.lat, lon=found.lon, time=time, **said)
            outcome.kept.append(placed)
        else:
            outcome.rejected.append(_reject(frame, *found))
    return outcome


def read_mileposts(
    path: Path,
    lines: Sequence[Line],
    rules: ReadingRules = PLAIN,
    *,
    max_gap_m: float = MAX_GAP_M,
) -> Outcome[Fix]:
    """The rows of a log that tells distances and no positions, put on centre lines.

    Args:
        path: CSV with a distance, mostly a picture, and the route or session.
        lines: as `route_lines` gives them.
        rules: the columns and the unit of distance.
        max_gap_m: longest way between two vertices, metres.

    Raises:
        MissingDataError: if the file is not there.
        UnreadableError: if it is no CSV, or has no column of distance.
    """
    names, first, records = csv_records(path)
    fields = match_columns(names, rules.columns)
    if "distance" not in fields:
        message = (
            f"The log {path} has neither positions nor distances; a column such as "
            "milepost or distance_m is expected, or --columns distance=COLUMN."
        )
        raise UnreadableError(message)
    factor = distance_factor(fields["distance"], rules.distance_unit)
    outcome: Outcome[Fix] = Outcome()
    for order, record in enumerate(records):
        row = {field: record.get(name) for field, name in fields.items()}
        item = f"{path.name}:{first + order}"
        said = number(row["distance"])
        if said is None:
            fault = ("no-distance", str(row["distance"])[:40], "a number")
            outcome.rejected.append(rejection(item, fault))
            continue
        session = "" if is_blank(row.get("session")) else str(row["session"]).strip()
        found = _found(lines, (session,), said * factor, max_gap_m)
        if not isinstance(found, _At):
            outcome.rejected.append(rejection(item, found))
            continue
        picture = row.get("picture")
        outcome.kept.append(
            Fix(
                lat=found.lat,
                lon=found.lon,
                time=rules.clock.read(row.get("time"), row.get("date")),
                session_id=session or path.name.split(".")[0],
                order=order,
                picture=None if is_blank(picture) else str(picture).strip(),
                distance_m=said * factor,
            )
        )
    return outcome


@dataclass(frozen=True, slots=True)
class _At:
    """A position between two entries of a line."""

    lat: float
    lon: float
    before: Fix
    behind: Fix
    share: float

    @property
    def time(self) -> int | None:
        """Between the times of the entries, None if one has none."""
        a, b = self.before.time, self.behind.time
        return None if a is None or b is None else a + round(self.share * (b - a))


def _found(
    lines: Sequence[Line], names: tuple[str, ...], along: float, max_gap_m: float
) -> _At | Fault:
    """The position at a distance of a session, or why there is none."""
    own = [line for line in lines if line.name in names]
    of = own or (list(lines) if len({line.name for line in lines}) == 1 else [])
    if not of:
        return "no-line", names[-1], "a session or route of the log"
    on = [line for line in of if line.distance_m[0] <= along <= line.distance_m[-1]]
    if len(on) > 1:
        # After a reset one distance is at two places, and nothing tells which.
        return "ambiguous-distance", len(on), 1
    if not on:
        ends = [float(line.distance_m[k]) for line in of for k in (0, -1)]
        return "outside-log", along, min(ends, key=lambda end: abs(end - along))
    line = on[0]
    behind = int(np.searchsorted(line.distance_m, along, side="left"))
    before = behind if line.distance_m[behind] == along else behind - 1
    gap = float(line.distance_m[behind] - line.distance_m[before])
    if gap > max_gap_m:
        return "log-gap", gap, max_gap_m
    share = float(along - line.distance_m[before]) / gap if gap > 0 else 0.0
    a, b = line.fixes[before], line.fixes[behind]
    bearing, way = inverse(a.lat, a.lon, b.lat, b.lon)
    lat, lon = destination(a.lat, a.lon, bearing, share * way)
    return _At(float(lat), float(lon), a, b, share)


def _sessions(fixes: Iterable[Fix]) -> dict[str, list[Fix]]:
    sessions: dict[str, list[Fix]] = {}
    for fix in fixes:
        sessions.setdefault(fix.session_id, []).append(fix)
    return sessions


def _reject(
    frame: Frame, reason: str, measured: float | str | None, limit: float | str | None
) -> Rejection:
    return Rejection(
        item=frame.frame_id,
        stage=STAGE,
        reason=reason,
        measured=measured,
        limit=limit,
    )

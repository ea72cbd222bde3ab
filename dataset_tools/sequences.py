"""Forming sequences by GPS: windows of frames along a track, cut where it breaks.

A track is cut at a new session, a gap in metres or seconds, an impossible speed and a
turn back; a window of frames slides over each piece. Every frame is in a sequence or
is rejected with the reason that kept it out. The query's position is that of the
middle frame, number `length // 2` counted from 0.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from dataset_tools.errors import UnreadableError, UsageError
from dataset_tools.geodesy import ecef_m, inverse
from dataset_tools.records import Frame, Outcome, Rejection, Sequence
from dataset_tools.tracks.clean import by_session
from dataset_tools.tracks.course import pauses_s
from dataset_tools.tracks.fixes import Fault
from dataset_tools.tracks.geojson import load_json

STAGE: Final = "sequences"
COURSE_BASE_M: Final = 4.0
"""Steps shorter than this have no course to speak of: GPS noise is about 1 m."""
TIME_RESOLUTION_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceRule:
    """What a sequence is; the defaults follow the Vermont set (7 frames, 50 m)."""

    length: int = 7
    """Frames of a sequence."""
    spacing_m: float = 8.05
    """Nominal distance between frames, metres (1/200 mile)."""
    stride: int = 3
    """Frames from the start of one sequence to the start of the next."""
    path_tolerance: float = 0.2
    """Share by which a path may differ from (length - 1) * spacing_m."""
    max_radius_m: float = 30.0
    """Farthest frame from the middle one, metres: all must fit into the tile."""
    max_gap_m: float = 50.0
    """A longer step between frames cuts the track, metres."""
    max_gap_s: float = 60.0
    """A longer pause between frames cuts the track, seconds."""
    max_speed_mps: float = 60.0
    """A faster step cuts the track, metres a second."""
    max_turn_deg: float = 120.0
    """A sharper turn from one step to the next cuts the track, degrees."""
    min_length: int | None = None
    """A piece shorter than `length` still gives one sequence if it has this many
    frames; None: it gives none."""

    def __post_init__(self) -> None:
        """Refuse rules that no track can meet.

        Raises:
            UsageError: if a parameter is out of its range.
        """
        least = self.length if self.min_length is None else self.min_length
        checks = (
            ("length", self.length, self.length >= 1, "at least 1"),
            ("stride", self.stride, self.stride >= 1, "at least 1"),
            ("spacing_m", self.spacing_m, self.spacing_m > 0, "above 0"),
            ("path_tolerance", self.path_tolerance, self.path_tolerance >= 0, ">= 0"),
            ("max_radius_m", self.max_radius_m, self.max_radius_m > 0, "above 0"),
            ("max_gap_m", self.max_gap_m, self.max_gap_m > 0, "above 0"),
            ("max_gap_s", self.max_gap_s, self.max_gap_s > 0, "above 0"),
            ("max_speed_mps", self.max_speed_mps, self.max_speed_mps > 0, "above 0"),
            ("max_turn_deg", self.max_turn_deg, self.max_turn_deg > 0, "above 0"),
            ("min_length", least, 1 <= least <= self.length, "1 to length"),
        )
        for name, value, fine, expected in checks:
            if not fine:
                message = (
                    f"The sequence rule has {name}={value!r}; {expected} expected."
                )
                raise UsageError(message)


def form_sequences(
    frames: Iterable[Frame], rule: SequenceRule, *, region: str
) -> Outcome[Sequence]:
    """Sequences along each session; every frame in none of them is a rejection.

    Args:
        frames: cleaned frames with different ids, any number of sessions.
        rule: length, spacing and limits.
        region: name of the region, the first part of each sequence's id.

    Raises:
        UsageError: if two frames share an id.
    """
    frames = list(frames)
    doubled = [i for i, n in Counter(f.frame_id for f in frames).items() if n > 1]
    if doubled:
        message = (
            f"{len(doubled)} frame ids occur more than once, such as {min(doubled)!r}; "
            "give each drive a session of its own."
        )
        raise UsageError(message)
    outcome: Outcome[Sequence] = Outcome()
    numbers: Counter[str] = Counter()
    for session in by_session(frames):
        for piece in _pieces(session, rule):
            windows, faults = _windows(piece, rule)
            for start, stop in windows:
                # "." is the drive's own folder and would be no part of a name.
                name = session[0].session_id
                prefix = region if name in ("", ".") else f"{region}/{name}"
                sequence_id = f"{prefix}/{numbers[prefix]:05d}"
                numbers[prefix] += 1
                outcome.kept.append(
                    _sequence(piece, start, stop, names=(sequence_id, region))
                )
            outcome.rejected.extend(
                _rejection(piece.frames[i], faults[i]) for i in sorted(faults)
            )
    return outcome


def assign_strata(
    sequences: Iterable[Sequence], polygons_geojson: Path | None
) -> list[Sequence]:
    """Sequences with the stratum of the first polygon that their position lies in.

    Args:
        sequences: any sequences.
        polygons_geojson: polygons in WGS84 with a property `stratum`; None changes
            nothing.

    Raises:
        MissingDataError: if the file is not there.
        UnreadableError: if it holds no polygon with a stratum.
    """
    sequences = list(sequences)
    if polygons_geojson is None:
        return sequences
    from shapely import STRtree, from_geojson, points
    from shapely.errors import GEOSException

    document = load_json(polygons_geojson)
    features = document.get("features", []) if isinstance(document, dict) else []
    polygons, strata = [], []
    for feature in features if isinstance(features, list) else []:
        properties = feature.get("properties") if isinstance(feature, dict) else None
        stratum = properties.get("stratum") if isinstance(properties, dict) else None
        if stratum is None:
            continue
        try:
            polygons.append(from_geojson(_as_text(feature.get("geometry"))))
        except GEOSException as error:
            message = f"A polygon of {polygons_geojson} cannot be read: {error}."
            raise UnreadableError(message) from error
        strata.append(str(stratum))
    if not polygons:
        message = (
            f"The file {polygons_geojson} holds no polygon with a property 'stratum'."
        )
        raise UnreadableError(message)
    places = points([s.lon for s in sequences], [s.lat for s in sequences])
    inside: dict[int, int] = {}
    # "within" misses a position on an outline shared by two polygons; "intersects"
    # gives both, and the smaller index decides.
    pairs = STRtree(polygons).query(places, predicate="intersects")
    for k, polygon in pairs.T.tolist():
        inside[k] = min(polygon, inside.get(k, polygon))
    return [
        replace(sequence, stratum=strata[inside[k]]) if k in inside else sequence
        for k, sequence in enumerate(sequences)
    ]


def _as_text(geometry: object) -> str:
    import json

    return json.dumps(geometry)


@dataclass(frozen=True, slots=True)
class _Piece:
    """An unbroken part of a session."""

    frames: list[Frame]
    along_m: npt.NDArray[np.float64]
    """[N] path length from the first frame."""
    places: npt.NDArray[np.float64]
    """[N, 3] Earth-centred metres."""
    ended_by: str
    """What cut it off behind its last frame."""


def _pieces(session: list[Frame], rule: SequenceRule) -> list[_Piece]:
    lat = np.array([frame.lat for frame in session], float)
    lon = np.array([frame.lon for frame in session], float)
    bearing, steps = inverse(lat[:-1], lon[:-1], lat[1:], lon[1:])
    cuts = _cuts(session, steps, bearing, rule=rule)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    places = ecef_m(lat, lon)
    edges = [0, *(k + 1 for k in sorted(cuts)), len(session)]
    return [
        _Piece(
            frames=session[a:b],
            along_m=along[a:b] - along[a],
            places=places[a:b],
            ended_by=cuts.get(b - 1, "session-end"),
        )
        for a, b in pairwise(edges)
    ]


def _cuts(
    session: list[Frame],
    steps: npt.NDArray[np.float64],
    bearing: npt.NDArray[np.float64],
    *,
    rule: SequenceRule,
) -> dict[int, str]:
    """Index of the frame in front of each cut -> why the track is cut there."""
    pauses = pauses_s(session)
    speed = steps / np.fmax(pauses, TIME_RESOLUTION_S)
    # Without times fmax leaves the resolution, which would make a speed of a step.
    speed[np.isnan(pauses)] = 0.0
    turn = np.abs((np.diff(bearing) + 180.0) % 360.0 - 180.0)
    known = np.minimum(steps[:-1], steps[1:]) >= COURSE_BASE_M
    back = np.zeros(len(steps), bool)
    back[1:] = known & (turn > rule.max_turn_deg)
    reasons = (
        ("turn", back),
        ("speed", speed > rule.max_speed_mps),
        ("gap-s", pauses > rule.max_gap_s),
        ("gap-m", steps > rule.max_gap_m),
    )
    # Later reasons win: a gap explains more than the turn it contains.
    return {int(k): name for name, at in reasons for k in np.flatnonzero(at)}


def _windows(
    piece: _Piece, rule: SequenceRule
) -> tuple[list[tuple[int, int]], dict[int, Fault]]:
    """(start, stop) of each sequence, and why each frame outside of them is left."""
    count = len(piece.frames)
    least = rule.length if rule.min_length is None else rule.min_length
    if count < least:
        fault: Fault = (f"short-piece-{piece.ended_by}", count, least)
        return [], dict.fromkeys(range(count), fault)
    size = min(rule.length, count)
    windows: list[tuple[int, int]] = []
    faults: dict[int, Fault] = {}
    covered: set[int] = set()
    start = 0
    while start + size <= count:
        found = _window_fault(piece, start, start + size, rule)
        if found is None:
            windows.append((start, start + size))
            covered.update(range(start, start + size))
            start += rule.stride
        else:
            # The window that a frame would have begun explains it best; a frame near
            # the end begins none and takes the last one's word.
            faults.update(dict.fromkeys(range(start, start + size), found))
            start += 1
    left: dict[int, Fault] = {}
    for i in range(count):
        if i not in covered:
            left[i] = faults.get(i, ("stride-remainder", count - i, rule.stride))
    return windows, left


def _window_fault(
    piece: _Piece, start: int, stop: int, rule: SequenceRule
) -> Fault | None:
    path = float(piece.along_m[stop - 1] - piece.along_m[start])
    nominal = (stop - start - 1) * rule.spacing_m
    longest = nominal * (1 + rule.path_tolerance)
    shortest = nominal * (1 - rule.path_tolerance)
    whole = stop - start == rule.length
    if whole and path > longest:
        return "path-too-long", path, longest
    if whole and path < shortest:
        return "path-too-short", path, shortest
    middle = piece.places[start + (stop - start) // 2]
    radius = max(math.dist(middle, place) for place in piece.places[start:stop])
    if radius > rule.max_radius_m:
        return "too-far-from-middle", radius, rule.max_radius_m
    return None


def _sequence(
    piece: _Piece, start: int, stop: int, *, names: tuple[str, str]
) -> Sequence:
    members = piece.frames[start:stop]
    middle = members[len(members) // 2]
    return Sequence(
        sequence_id=names[0],
        region=names[1],
        frame_ids=tuple(frame.frame_id for frame in members),
        lat=middle.lat,
        lon=middle.lon,
        length_m=float(piece.along_m[stop - 1] - piece.along_m[start]),
    )


def _rejection(frame: Frame, fault: Fault) -> Rejection:
    reason, measured, limit = fault
    return Rejection(
        item=frame.frame_id,
        stage=STAGE,
        reason=reason,
        measured=measured,
        limit=limit,
    )

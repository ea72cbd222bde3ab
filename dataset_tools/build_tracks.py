"""The first stages of a build: what a drive and a track hold, put together.

A picture without a position of its own is placed by the name a log gives it, else by
the distance that its name tells, else by its time. What a log says of a picture goes
before what the picture says of itself.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from dataset_tools.build_camera import whole_pictures
from dataset_tools.build_settings import DriveSettings
from dataset_tools.errors import UsageError
from dataset_tools.records import Fix, Frame, Outcome, Rejection
from dataset_tools.stages import Stages
from dataset_tools.tracks.clean import clean
from dataset_tools.tracks.clock import estimate_offsets, given_offset, put_right
from dataset_tools.tracks.csv import has_positions
from dataset_tools.tracks.exif import read_pictures
from dataset_tools.tracks.fields import parse_columns
from dataset_tools.tracks.fixes import frames_from_fixes
from dataset_tools.tracks.formats import read_tracks
from dataset_tools.tracks.limits import CleaningLimits
from dataset_tools.tracks.match import place_pictures
from dataset_tools.tracks.names import place_named
from dataset_tools.tracks.odometer import (
    Line,
    lines_of,
    odometer_m,
    place_by_distance,
    read_mileposts,
    route_lines,
)
from dataset_tools.tracks.precision import precision_warning
from dataset_tools.tracks.rules import ReadingRules
from dataset_tools.tracks.times import NS_PER_S, parse_time


def read_drive(settings: DriveSettings, stages: Stages) -> list[Frame]:
    """Frames of a drive, a track or both, with positions and not yet cleaned.

    Raises:
        UsageError: if neither is given, or a parameter makes no sense.
        MissingDataError: if a file, a folder or a column is not there.
        UnreadableError: if one cannot be read.
    """
    rules = reading_rules(settings)
    if settings.drive is None:
        if settings.track is None:
            message = (
                "Neither a drive nor a track is given, so there is nothing to build "
                "from. Give --drive FOLDER, --track FILE or both."
            )
            raise UsageError(message)
        lines = _route(settings, rules, stages)
        return frames_from_fixes(_fixes(settings, rules, lines, stages))
    frames = _pictures(settings, settings.drive, rules, stages=stages)
    if _is_alone(settings):
        return _on_one_clock(frames, stages)
    lines = _route(settings, rules, stages)
    fixes = _fixes(settings, rules, lines, stages)
    return _placed(settings, frames, fixes, lines=lines, stages=stages)


def _on_one_clock(frames: list[Frame], stages: Stages) -> list[Frame]:
    """Frames whose sessions mix times of two clocks brought to that of the receiver."""
    clocks = estimate_offsets(frames, [])
    stages.clocks = {s: c for s, c in clocks.items() if c.method == "gps-time"}
    return put_right(frames, stages.clocks)


def _is_alone(settings: DriveSettings) -> bool:
    """Whether pictures have to know their positions themselves."""
    return settings.track is None and settings.route is None


def _pictures(
    settings: DriveSettings, drive: Path, rules: ReadingRules, *, stages: Stages
) -> list[Frame]:
    """Frames of whole pictures; without a position only if a track can give them one.

    Of a cube's faces one position is enough.
    """
    alone = _is_alone(settings)
    pictures = read_pictures(
        drive,
        rules,
        need_position=alone and settings.cube_faces is None,
        split_cameras=not settings.one_camera,
    )
    stages.add("pictures", "pictures", len(pictures.kept), pictures.rejected)
    frames, joined = whole_pictures(settings, pictures.kept, need_position=alone)
    if joined is not None:
        faces = sum(len(frame.faces) for frame in joined.kept)
        stages.add("panoramas", "faces", faces, joined.rejected)
    return frames


def reading_rules(settings: DriveSettings) -> ReadingRules:
    """How the settings say files are meant.

    Raises:
        UsageError: if a zone, a date, a CRS or a column mapping is none.
    """
    most = settings.max_accuracy_m
    return ReadingRules(
        columns=parse_columns(settings.columns),
        time_zone=settings.time_zone,
        time_format=settings.time_format,
        time_scale=settings.time_scale,
        date=settings.track_date,
        speed_unit=settings.speed_unit,
        distance_unit=settings.distance_unit,
        crs=settings.track_crs,
        heading_reference=settings.heading_reference,
        declination_deg=settings.declination_deg,
        course_min_speed_mps=settings.course_min_speed_mps,
        min_fix=settings.min_fix,
        min_satellites=settings.min_satellites,
        max_accuracy_m=math.inf if most is None else most,
        max_fix_age_s=settings.max_fix_age_s,
        repair_swapped=settings.repair_coordinates,
    )


def cleaning_limits(
    settings: DriveSettings, *, now: int | None = None
) -> CleaningLimits:
    """What the settings still believe of a track.

    Args:
        settings: every limit.
        now: UTC nanoseconds, to tell times that have not come yet; None: none is.

    Raises:
        UsageError: if `earliest` is no time.
    """
    earliest = parse_time(settings.earliest)
    if earliest is None or settings.earliest.strip().isdecimal():
        message = f"--earliest is {settings.earliest!r}; an ISO date is expected."
        raise UsageError(message)
    ahead = round(settings.max_future_s * NS_PER_S)
    latest = None if now is None else now + ahead
    times: dict[str, Any] = {"earliest": earliest, "latest": latest}
    plain: dict[str, Any] = {
        f.name: getattr(settings, f.name)
        for f in fields(CleaningLimits)
        if f.name not in times
    }
    return CleaningLimits(**plain, **times)


def present_limits(settings: DriveSettings) -> CleaningLimits:
    """The same, times that have not come yet left out too."""
    return cleaning_limits(settings, now=time.time_ns())


def _route(settings: DriveSettings, rules: ReadingRules, stages: Stages) -> list[Line]:
    if settings.route is None:
        return []
    read = read_tracks(settings.route, rules)
    stages.add("route", "vertices", len(read.kept), read.rejected)
    return route_lines(read.kept)


def _fixes(
    settings: DriveSettings, rules: ReadingRules, lines: list[Line], stages: Stages
) -> list[Fix]:
    if settings.track is None:
        return []
    read = _read_track(settings, settings.track, rules, lines=lines)
    stages.add("track", "fixes", len(read.kept), read.rejected)
    repaired = sum(fix.repair is not None for fix in read.kept)
    if repaired:
        stages.warnings.append(f"{repaired} fixes had swapped coordinates, put right.")
    doubt = precision_warning(read.kept)
    if doubt is not None:
        stages.warnings.append(doubt)
    return read.kept


def _read_track(
    settings: DriveSettings, path: Path, rules: ReadingRules, *, lines: list[Line]
) -> Outcome[Fix]:
    if lines and not has_positions(path, rules):
        return read_mileposts(path, lines, rules, max_gap_m=settings.match_gap_m)
    return read_tracks(path, rules, kind=settings.track_format)


def _believed(settings: DriveSettings, fixes: list[Fix], stages: Stages) -> list[Fix]:
    """Fixes that cleaning believes: a jump would put a picture off its place.

    Stops and repeats stay, they place pictures as well as any other fix.
    """
    limits = replace(present_limits(settings), stop_min_s=math.inf, duplicate_m=0.0)
    repair = settings.repair_coordinates
    cleaned = clean(frames_from_fixes(fixes), limits, repair=repair)
    stages.add("clean-track", "fixes", len(cleaned.kept), cleaned.rejected)
    kept = {(f.session_id, f.order): f for f in cleaned.kept}
    return [
        replace(fix, lat=frame.lat, lon=frame.lon, repair=frame.repair)
        for fix in fixes
        if (frame := kept.get((fix.session_id, fix.order))) is not None
    ]


def _placed(
    settings: DriveSettings,
    frames: list[Frame],
    fixes: list[Fix],
    *,
    lines: list[Line],
    stages: Stages,
) -> list[Frame]:
    """Frames in their sessions' order, each by the first way that it can be placed."""
    named = any(fix.picture is not None for fix in fixes)
    if named:
        frames, rows = place_named(frames, fixes)
        stages.add("names", "fixes", len(rows.kept), rows.rejected)
    believed = _believed(settings, fixes, stages) if fixes else []
    lines = lines or lines_of(believed)
    frames = _clocks(settings, frames, believed, stages)
    own, lost = _divided(frames)
    rejected: list[Rejection] = []
    found = list(own)
    if lines:
        measured = [f for f in lost if _odometer(f) is not None]
        lost = [f for f in lost if _odometer(f) is None]
        outcome = place_by_distance(measured, lines, max_gap_m=settings.match_gap_m)
        found += outcome.kept
        rejected += outcome.rejected
    if lost:
        other = named or bool(lines)
        outcome = _by_time(settings, lost, believed, other=other)
        found += outcome.kept
        rejected += outcome.rejected
    stages.add("match", "pictures", len(found), rejected)
    return sorted(found, key=lambda f: (f.session_id, f.order))


def _by_time(
    settings: DriveSettings, lost: list[Frame], fixes: list[Fix], *, other: bool
) -> Outcome[Frame]:
    """Pictures by their time; without times in the track they are not in the log."""
    if other and all(fix.time is None for fix in fixes):
        rejected = [
            Rejection(item=f.frame_id, stage="match", reason="not-in-log") for f in lost
        ]
        return Outcome([], rejected)
    gaps = {"max_gap_s": settings.match_gap_s, "max_gap_m": settings.match_gap_m}
    return place_pictures(lost, fixes, **gaps)


def _clocks(
    settings: DriveSettings, frames: list[Frame], fixes: list[Fix], stages: Stages
) -> list[Frame]:
    """Frames with their cameras' clocks put right, where any picture needs it."""
    _, lost = _divided(frames)
    waiting = {f.session_id for f in lost if not f.gps_timed and f.time is not None}
    if settings.clock_offset_s is not None:
        clocks = given_offset(settings.clock_offset_s, frames)
    elif waiting:
        clocks = estimate_offsets(
            frames,
            fixes,
            max_gap_s=settings.match_gap_s,
            max_gap_m=settings.match_gap_m,
        )
    else:
        return _on_one_clock(frames, stages)
    stages.clocks = {
        s: c for s, c in clocks.items() if s in waiting or c.method != "none"
    }
    return put_right(frames, stages.clocks)


def _divided(frames: Sequence[Frame]) -> tuple[list[Frame], list[Frame]]:
    """Frames with a position, and those without."""
    has = [math.isfinite(f.lat) and math.isfinite(f.lon) for f in frames]
    own = [f for f, placed in zip(frames, has, strict=True) if placed]
    return own, [f for f, placed in zip(frames, has, strict=True) if not placed]


def _odometer(frame: Frame) -> float | None:
    return odometer_m(frame.source or frame.frame_id)

"""The first half of a build: a drive's pictures and track to placed, clean frames."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from dataset_tools.build_camera import (
    is_off_antenna,
    moved_to_camera,
    whole_pictures,
)
from dataset_tools.build_settings import DriveSettings, StageReport
from dataset_tools.errors import UsageError
from dataset_tools.records import (
    Fix,
    Frame,
    Outcome,
    Rejection,
    Sequence,
    count_reasons,
)
from dataset_tools.sequences import SequenceRule, assign_strata, form_sequences
from dataset_tools.tracks.clean import clean
from dataset_tools.tracks.exif import read_pictures
from dataset_tools.tracks.fixes import frames_from_fixes
from dataset_tools.tracks.formats import read_track
from dataset_tools.tracks.limits import CleaningLimits
from dataset_tools.tracks.match import place_pictures
from dataset_tools.tracks.resample import resample

Views = Callable[[list[Frame]], Outcome[Frame]]
"""Frames to frames that know what they show of their pictures."""


@dataclass
class Stages:
    """The stages so far; a mutable list that the build hands along."""

    reports: list[StageReport] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    """Every item left out so far, in order of the stages."""

    def add(self, stage: str, items: str, kept: int, rejected: list[Rejection]) -> None:
        """Note a stage whose kept and rejected items add up to what it was given."""
        report = StageReport(
            stage=stage,
            items=items,
            given=kept + len(rejected),
            kept=kept,
            rejected=count_reasons(rejected),
        )
        self.reports.append(report)
        self.rejections += [replace(r, stage=stage) for r in rejected]

    def told(self) -> str:
        """Where everything went, for a message about nothing being left."""
        return "; ".join(
            f"{r.stage} kept {r.kept} of {r.given} {r.items}"
            + (f" ({_reasons(r.rejected)}{self._example(r)})" if r.rejected else "")
            for r in self.reports
        )

    def _example(self, report: StageReport) -> str:
        """What was measured, where a stage left nothing."""
        if report.kept:
            return ""
        for r in self.rejections:
            if r.stage == report.stage and r.measured is not None:
                return f", such as {r.measured} against {r.limit} of {r.item}"
        return ""


def drive_sequences(
    settings: DriveSettings, stages: Stages, *, views: Views | None = None
) -> tuple[list[Sequence], dict[str, Frame]]:
    """The sequences of a drive, and its frames by id.

    Args:
        settings: of the drive.
        stages: noted here as they are done.
        views: what frames show of their pictures, if not all of them.

    Raises:
        UsageError: if neither a drive nor a track is given.
        MissingDataError: if a file or folder is not there.
        UnreadableError: if one cannot be read.
    """
    before = _read(settings, stages)
    cleaned = clean(before, cleaning_limits(settings))
    stages.add("clean", "frames", len(cleaned.kept), cleaned.rejected)
    frames = cleaned.kept
    if is_off_antenna(settings):
        moved = moved_to_camera(settings, frames, before=before)
        stages.add("camera", "frames", len(moved.kept), moved.rejected)
        frames = moved.kept
    if views is not None:
        seen = views(frames)
        stages.add("view", "frames", len(seen.kept), seen.rejected)
        frames = seen.kept
    if settings.resample_m is not None:
        frames = _resampled(frames, settings.resample_m, stages)
    formed = form_sequences(
        frames, sequence_rule(settings), region=settings.region_name
    )
    used = {i for s in formed.kept for i in s.frame_ids}
    stages.add("sequences", "frames", len(used), formed.rejected)
    sequences = assign_strata(formed.kept, settings.strata)
    return sequences, {f.frame_id: f for f in frames}


def sequence_rule(settings: DriveSettings) -> SequenceRule:
    """How the settings form sequences.

    Raises:
        UsageError: if no sequence can be formed so.
    """
    return SequenceRule(
        rule=settings.sequence_rule,
        length=settings.frames_per_sequence,
        min_length=settings.min_frames,
        max_length=settings.max_frames,
        spacing_m=settings.spacing_m,
        window_s=settings.window_s,
        radius_m=settings.radius_m,
        stride=settings.stride,
        overlap=not settings.no_overlap,
        join_passes=settings.join_passes,
        path_tolerance=settings.path_tolerance,
        max_radius_m=settings.max_radius_m,
        max_gap_m=settings.max_gap_m,
        max_gap_s=settings.max_gap_s,
        max_speed_mps=settings.max_speed_mps,
        max_turn_deg=settings.max_turn_deg,
        max_bend_deg=settings.max_bend_deg,
    )


def cleaning_limits(settings: DriveSettings) -> CleaningLimits:
    """What the settings still believe of a track."""
    return CleaningLimits(max_speed_mps=settings.max_speed_mps)


def _read(settings: DriveSettings, stages: Stages) -> list[Frame]:
    if settings.drive is None:
        if settings.track is None:
            message = (
                "Neither a drive nor a track is given, so there is nothing to build "
                "from. Give --drive FOLDER, --track FILE or both."
            )
            raise UsageError(message)
        return frames_from_fixes(_read_fixes(settings.track, stages))
    frames = _pictures(settings, settings.drive, stages)
    if settings.track is None:
        return frames
    fixes = _clean_fixes(settings, _read_fixes(settings.track, stages), stages)
    return _placed(settings, frames, fixes, stages=stages)


def _pictures(settings: DriveSettings, drive: Path, stages: Stages) -> list[Frame]:
    """Frames of whole pictures; without a position only if a track can give them one.

    Of a cube's faces one position is enough.
    """
    alone = settings.track is None
    is_cube = settings.cube_faces is not None
    pictures = read_pictures(drive, need_position=alone and not is_cube)
    stages.add("pictures", "pictures", len(pictures.kept), pictures.rejected)
    frames, joined = whole_pictures(settings, pictures.kept, need_position=alone)
    if joined is not None:
        faces = sum(len(frame.faces) for frame in joined.kept)
        stages.add("panoramas", "faces", faces, joined.rejected)
    return frames


def _read_fixes(path: Path, stages: Stages) -> list[Fix]:
    read = read_track(path)
    stages.add("track", "fixes", len(read.kept), read.rejected)
    return read.kept


def _clean_fixes(
    settings: DriveSettings, fixes: list[Fix], stages: Stages
) -> list[Fix]:
    """Fixes that cleaning believes: a jump would put a picture off its place.

    Stops and repeats stay, they place pictures as well as any other fix.
    """
    limits = CleaningLimits(
        max_speed_mps=settings.max_speed_mps, stop_radius_m=0.0, duplicate_m=0.0
    )
    cleaned = clean(frames_from_fixes(fixes), limits)
    stages.add("clean-track", "fixes", len(cleaned.kept), cleaned.rejected)
    kept = {(f.session_id, f.order) for f in cleaned.kept}
    return [f for f in fixes if (f.session_id, f.order) in kept]


def _placed(
    settings: DriveSettings, frames: list[Frame], fixes: list[Fix], *, stages: Stages
) -> list[Frame]:
    """Frames in their sessions' order, those without a position put on the track."""
    own = [f for f in frames if math.isfinite(f.lat) and math.isfinite(f.lon)]
    lost = [f for f in frames if not (math.isfinite(f.lat) and math.isfinite(f.lon))]
    if not lost:
        stages.add("match", "pictures", len(own), [])
        return own
    found = place_pictures(lost, fixes, clock_offset_s=settings.clock_offset_s)
    both = sorted([*own, *found.kept], key=lambda f: (f.session_id, f.order))
    stages.add("match", "pictures", len(both), found.rejected)
    return both


def _resampled(frames: list[Frame], spacing_m: float, stages: Stages) -> list[Frame]:
    outcome = resample(frames, spacing_m)
    pictured = any(f.source is not None for f in frames)
    # Positions between fixes are made, not kept: only pictures can be counted through.
    kept = len(outcome.kept) if pictured else len(frames) - len(outcome.rejected)
    stages.add("resample", "frames", kept, outcome.rejected)
    return outcome.kept


def _reasons(rejected: dict[str, int]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in rejected.items())

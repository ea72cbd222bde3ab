"""The first half of a build: a drive's pictures and track to placed, clean frames."""

from collections.abc import Callable

from dataset_tools.build_camera import is_off_antenna, moved_to_camera
from dataset_tools.build_settings import DriveSettings
from dataset_tools.build_tracks import cleaning_limits, present_limits, read_drive
from dataset_tools.records import Frame, Outcome, Sequence
from dataset_tools.sequences import SequenceRule, assign_strata, form_sequences
from dataset_tools.stages import Stages
from dataset_tools.tracks.clean import clean
from dataset_tools.tracks.resample import resample

__all__ = ["Stages", "Views", "cleaning_limits", "drive_sequences", "sequence_rule"]

Views = Callable[[list[Frame]], Outcome[Frame]]
"""Frames to frames that know what they show of their pictures."""


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
    before = read_drive(settings, stages)
    cleaned = clean(
        before, present_limits(settings), repair=settings.repair_coordinates
    )
    stages.add("clean", "frames", len(cleaned.kept), cleaned.rejected)
    frames = cleaned.kept
    mended = sum(frame.repair is not None for frame in frames)
    if mended:
        stages.warnings.append(f"{mended} frames have coordinates that were put right.")
    if is_off_antenna(settings):
        moved = moved_to_camera(settings, frames, before=before)
        stages.add("camera", "frames", len(moved.kept), moved.rejected)
        frames = moved.kept
    if views is not None:
        seen = views(frames)
        stages.add("view", "frames", len(seen.kept), seen.rejected)
        frames = seen.kept
    if settings.resample_m is not None:
        frames = _resampled(settings, frames, settings.resample_m, stages=stages)
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


def _resampled(
    settings: DriveSettings, frames: list[Frame], spacing_m: float, *, stages: Stages
) -> list[Frame]:
    outcome = resample(
        frames,
        spacing_m,
        max_gap_m=settings.resample_gap_m,
        max_gap_s=settings.resample_gap_s,
    )
    pictured = any(f.source is not None for f in frames)
    # Positions between fixes are made, not kept: only pictures can be counted through.
    kept = len(outcome.kept) if pictured else len(frames) - len(outcome.rejected)
    stages.add("resample", "frames", kept, outcome.rejected)
    return outcome.kept

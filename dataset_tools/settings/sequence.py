"""Parameters of sequence formation."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from dataset_tools.settings.base import Settings, file_field


class SequenceSettings(Settings):
    """What a sequence is, and where a track is cut."""

    sequence_rule: Literal["distance", "time", "count", "radius"] = "distance"
    """distance: frames over a path of (frames - 1) x spacing; time: the frames of
    --window-s seconds; count: so many frames, however far apart; radius: all frames
    within --radius-m of a centre frame."""
    frames_per_sequence: int = Field(7, ge=1)
    """Frames of a sequence."""
    min_frames: int | None = Field(None, ge=1)
    """Fewest frames, for sequences of variable length; --frames-per-sequence if none
    is given."""
    max_frames: int | None = Field(None, ge=1)
    """Most frames; if none is given --frames-per-sequence, by time and by radius four
    times that."""
    spacing_m: float = Field(8.05, gt=0)
    """Nominal distance between two frames, metres."""
    window_s: float = Field(5.0, gt=0, le=86_400)
    """By time: from the first frame of a sequence to its last, seconds."""
    radius_m: float = Field(25.0, gt=0)
    """By radius: how far a frame may lie from the centre frame, metres."""
    stride: int = Field(3, ge=1)
    """Frames from the start (or centre) of one sequence to that of the next."""
    no_overlap: bool = False
    """No two sequences share a frame; --stride then does not count."""
    join_passes: bool = False
    """By radius: take the frames of every pass of the place, of either direction and
    any session, into one sequence."""
    path_tolerance: float = Field(0.2, ge=0)
    """Share by which a path may differ from its nominal length, and a time fall short
    of --window-s."""
    max_radius_m: float = Field(30.0, gt=0)
    """By distance: farthest frame from the middle one, metres."""
    max_gap_m: float = Field(50.0, gt=0)
    """A longer step between frames cuts the track, metres."""
    max_gap_s: float = Field(60.0, gt=0)
    """A longer pause between frames cuts the track, seconds."""
    max_turn_deg: float = Field(120.0, gt=0)
    """A sharper turn between steps cuts the track, degrees."""
    max_bend_deg: float | None = Field(None, gt=0)
    """A sequence whose second half leads off from its first by more is none, degrees;
    if none is given 120 by radius unless passes are joined, otherwise any."""
    strata: Path | None = file_field()
    """GeoJSON polygons with a property `stratum`."""
    region: str | None = None
    """Name of the region, the first part of ids; the pack's name, or "drive"."""

    @property
    def region_name(self) -> str:
        """The region's name."""
        return self.region or "drive"

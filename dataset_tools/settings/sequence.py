"""Parameters of sequence formation."""

from pathlib import Path

from pydantic import Field

from dataset_tools.settings.base import Settings, file_field


class SequenceSettings(Settings):
    """What a sequence is, and where a track is cut."""

    frames_per_sequence: int = Field(7, ge=1)
    """Frames of a sequence."""
    spacing_m: float = Field(8.05, gt=0)
    """Nominal distance between two frames, metres."""
    stride: int = Field(3, ge=1)
    """Frames from the start of one sequence to the start of the next."""
    max_gap_m: float = Field(50.0, gt=0)
    """A longer step between frames cuts the track, metres."""
    max_gap_s: float = Field(60.0, gt=0)
    """A longer pause between frames cuts the track, seconds."""
    max_turn_deg: float = Field(120.0, gt=0)
    """A sharper turn between steps cuts the track, degrees."""
    strata: Path | None = file_field()
    """GeoJSON polygons with a property `stratum`."""
    region: str | None = None
    """Name of the region, the first part of ids; the pack's name, or "drive"."""

    @property
    def region_name(self) -> str:
        """The region's name."""
        return self.region or "drive"

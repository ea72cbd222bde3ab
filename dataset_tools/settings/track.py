"""Parameters of reading, matching, cleaning and resampling."""

from pathlib import Path

from pydantic import Field

from dataset_tools.settings.base import Settings, file_field, folder_field


class TrackSettings(Settings):
    """Where frames come from and what is believed of them."""

    drive: Path | None = folder_field()
    """Folder of pictures."""
    track: Path | None = file_field()
    """GPX, CSV or GeoJSON track: places pictures that have no position; without a drive
    its positions become frames without pictures."""
    clock_offset_s: float = 0.0
    """Seconds to add to the camera's time to get the track's."""
    resample_m: float | None = Field(None, gt=0)
    """Bring frames to this spacing first, metres."""
    max_speed_mps: float = Field(60.0, gt=0)
    """A faster step is not believed, metres a second."""

"""Parameters of splits."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from dataset_tools.settings.base import Settings, file_field

SplitScheme = Literal["polygons", "area", "single"]


class SplitSettings(Settings):
    """Who trains, validates and tests."""

    split_scheme: SplitScheme = "single"
    """polygons: by --areas; area: by seeded square cells; single: everything in one."""
    split: Literal["train", "val", "test"] = "test"
    """The split that the scheme "single" puts everything into."""
    areas: Path | None = file_field()
    """GeoJSON polygons with a property `split`, for the scheme "polygons"."""
    cell_m: float = Field(1000.0, gt=0)
    """Side of a cell of the scheme "area", metres."""
    buffer_m: float = Field(200.0, ge=0)
    """Least distance between sequences and tiles of two splits, metres."""

"""Parameters of splits."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from dataset_tools.settings.base import Settings, file_field

SplitScheme = Literal["polygons", "area", "single"]


class SplitSettings(Settings):
    """Who trains, validates and tests."""

    split_scheme: tuple[SplitScheme, ...] = Field(("single",), min_length=1)
    """polygons: by --areas; area: by seeded square cells; single: everything in one.
    Repeatable: the pack then holds several schemes side by side."""
    split: Literal["train", "val", "test"] = "test"
    """The split that the scheme "single" puts everything into."""
    areas: Path | None = file_field()
    """GeoJSON polygons with a property `split`, for the scheme "polygons"."""
    cell_m: float = Field(1000.0, gt=0)
    """Side of a cell of the scheme "area", metres."""
    buffer_m: float = Field(200.0, ge=0)
    """Least distance between sequences and tiles of two splits, metres."""

    @field_validator("split_scheme", mode="before")
    @classmethod
    def _one_or_several(cls, given: Any) -> Any:
        """One name is a list of one; a name given twice counts once."""
        names = (given,) if isinstance(given, str) else given
        return tuple(dict.fromkeys(names))

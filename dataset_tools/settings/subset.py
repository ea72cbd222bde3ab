"""Parameters of cutting a part out of a pack."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from dataset_tools.settings.base import Settings, file_field


class SubsetSettings(Settings):
    """Which sequences stay; each option given narrows the choice."""

    scheme: str | None = None
    """Split scheme that --split is about; needed where the pack has several."""
    split: tuple[Literal["train", "val", "test", "dropped"], ...] = ()
    """Sequences of this split; repeatable."""
    region: tuple[str, ...] = ()
    """Sequences of this region; repeatable."""
    stratum: tuple[str, ...] = ()
    """Sequences of this stratum; repeatable."""
    bbox: tuple[float, float, float, float] | None = None
    """West, south, east and north in degrees: sequences whose position lies inside;
    west beyond east crosses the 180th meridian."""
    ids: Path | None = file_field()
    """Text file with one sequence id a line."""
    first: int | None = Field(None, ge=1)
    """At most this many sequences of what is left, in order of their ids."""
    galleries: Literal["used", "whole"] = "used"
    """used: tiles that are a positive of a sequence that stays; whole: also all other
    tiles in the galleries of its splits, such as distractors."""

    @model_validator(mode="after")
    def _bounds_in_order(self) -> "SubsetSettings":
        if self.bbox is None:
            return self
        west, south, east, north = self.bbox
        fine = (
            -180 <= west <= 180 and -180 <= east <= 180 and -90 <= south < north <= 90
        )
        if not fine:
            message = "bbox is west, south, east, north in degrees, south below north"
            raise ValueError(message)
        return self

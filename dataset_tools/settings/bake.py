"""Parameters of baking: what every picture becomes."""

from typing import Literal

from pydantic import Field, PositiveInt, model_validator

from dataset_tools.settings.base import Settings

Size = tuple[PositiveInt, PositiveInt]


class BakeSettings(Settings):
    """Crop, size and geometry of a model's input."""

    ground_size: Size
    """Height and width of frames, px."""
    satellite_size: Size
    """Height and width of tiles, or of what they become when unrolled, px."""
    ground_rows: tuple[float, float] = (0.0, 1.0)
    """Part of a frame's height to keep, from the top; 0.25 0.75 keeps the middle."""
    tile_m: float | None = Field(None, gt=0)
    """Crop tiles about their centre to this side, metres."""
    polar: bool = False
    """Unroll the tiles around their centre."""
    polar_engine: Literal["exact", "opencv"] = "exact"
    """exact: the same on every machine; opencv: faster, within 1 grey level or so."""

    @model_validator(mode="after")
    def _rows_in_order(self) -> "BakeSettings":
        top, bottom = self.ground_rows
        if not 0 <= top < bottom <= 1:
            message = f"ground_rows {top} {bottom}: two parts 0 <= top < bottom <= 1"
            raise ValueError(message)
        return self

"""Parameters of imagery and of satellite pairing."""

from pathlib import Path

from pydantic import Field

from dataset_tools.settings.base import Settings, any_path_field, file_field


class TileSettings(Settings):
    """Where tiles are cut from, how large they are and where they lie."""

    imagery: tuple[Path, ...] = any_path_field(..., min_length=1)
    """GeoTIFF, picture with a world file, tile folder or tile list; repeatable, where
    two cover a place the first one given is used."""
    licence: str = Field(min_length=1)
    """Licence of imagery and pictures, as an SPDX id or a sentence."""
    attribution: str = ""
    """Whom to credit."""
    imagery_crs: str | None = None
    """CRS of imagery that does not state its own, such as EPSG:32618."""
    captured: str | None = None
    """ISO date of capture of imagery that does not state it."""
    season: str | None = None
    """Season of the imagery in your own word."""
    gallery: tuple[Path, ...] = file_field(())
    """Tile list whose pictures all join the open gallery; repeatable."""
    gallery_side_m: float | None = Field(None, gt=0)
    """Side of listed pictures whose list states none, metres."""
    tile_m: float = Field(80.0, gt=0)
    """Side of a tile on the ground, metres."""
    m_per_px: float = Field(0.5, gt=0)
    """Resolution of the tiles, metres per pixel."""
    jitter_m: float = Field(0.0, ge=0)
    """Tile centres are off the query by up to this much east and north, metres."""
    margin_m: float = Field(2.0, ge=0)
    """Every frame lies inside its tile by at least this much, metres."""
    thin_m: float = Field(70.0, ge=0)
    """Least distance of centres in the thinned gallery, metres."""
    distractors_per_tile: int = Field(0, ge=0)
    """Tiles off the road in the test split's open galleries, for each tile of its
    thinned one."""

    @property
    def size_px(self) -> int:
        """Side of a tile in pixels."""
        return max(1, round(self.tile_m / self.m_per_px))

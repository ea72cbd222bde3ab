"""Parameters of imagery and of satellite pairing."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from dataset_tools.settings.base import Settings, any_path_field, file_field

MOST_TILE_PX = 10_000
"""Side of the largest tile, pixels; 300 MB as it is cut."""


class ImagerySettings(Settings):
    """What tiles are cut from, on what terms, and what its files do not say."""

    imagery: tuple[Path, ...] = any_path_field(())
    """GeoTIFF, picture with a world file, folder or index of rasters, tile folder,
    MBTiles or tile list; repeatable, where two cover a place the first one given is
    used."""
    imagery_sources: Path | None = file_field()
    """YAML or CSV list of imagery that states path, licence and more for each; its
    sources come after those of --imagery."""
    licence: str = Field(min_length=1)
    """Licence of the pictures and of --imagery, as an SPDX id or a sentence."""
    attribution: str = ""
    """Whom to credit."""
    imagery_crs: str | None = None
    """CRS of imagery that does not state its own, such as EPSG:32618."""
    imagery_band: tuple[int, ...] = ()
    """Number of the band to take as red, then green, then blue, from 1; give it three
    times, or once for grey; what the file says if not given."""
    imagery_low: float | None = None
    """Stored value that becomes black, with --imagery-high; measured if not given."""
    imagery_high: float | None = None
    """Stored value that becomes white; needed beyond 8 bits to give two builds one
    scale."""
    imagery_layout: str | None = None
    """Names of map tiles in a folder, such as {z}/{y}/{x}, {z}/{x}/{-y} with rows from
    the south, or {quadkey}; {z}/{x}/{y} if not given."""
    min_covered: float = Field(0.999, gt=0, le=1)
    """Share of a tile that imagery must cover; holes in the rest get its mean
    colour."""
    captured: str | None = None
    """ISO date of capture, in place of what files say of themselves; the rows of an
    index or a list keep theirs."""
    season: str | None = None
    """Season of the imagery in your own word, likewise."""

    @model_validator(mode="after")
    def _some_imagery(self) -> "ImagerySettings":
        """Refuse settings that name no imagery at all."""
        if not self.imagery and self.imagery_sources is None:
            raise ValueError("give imagery: --imagery PATH, or --imagery-sources FILE")
        return self


class TileSettings(ImagerySettings):
    """How large tiles are, where they lie and which of them make a gallery."""

    tile_m: float = Field(80.0, gt=0)
    """Side of a tile on the ground, metres."""
    m_per_px: float = Field(0.5, gt=0)
    """Resolution of the tiles, metres per pixel."""
    tile_layout: Literal["centred", "grid"] = "centred"
    """centred: a tile for each sequence, around its query; grid: a regular grid whose
    tiles the sequences share."""
    centre: Literal["middle-frame", "path-midpoint"] = "middle-frame"
    """Point that a centred tile is placed around, before any shift."""
    ahead_m: float = Field(0.0, ge=0)
    """Centred tiles lie this much ahead of their point, metres."""
    ahead_along: Literal["heading", "course"] = "heading"
    """What ahead means: the camera's heading at the middle frame, or the course."""
    jitter_m: float = Field(0.0, ge=0)
    """Centres are moved at random by up to this much east and north, metres."""
    jitter_shape: Literal["square", "disc"] = "square"
    """Random moves fill a square, or a disc of that radius."""
    grid_overlap: float = Field(0.5, ge=0, lt=1)
    """Share of its side by which a tile of the grid overlaps the next one."""
    grid_reach_m: float = Field(200.0, ge=0)
    """The grid holds every tile whose centre is this near to a query, metres."""
    grid_area: Path | None = file_field()
    """GeoJSON polygons: the grid holds every tile with its centre inside instead."""
    margin_m: float = Field(2.0, ge=0)
    """Every frame lies inside its tile by at least this much, metres."""
    frames_may_leave: bool = False
    """Only the query itself must lie inside its tile, not every frame."""
    semi_max_m: float | None = Field(None, gt=0)
    """Farthest centre of a semi-positive from the query, metres; any tile that shows
    the query if not given."""
    gallery: tuple[Path, ...] = file_field(())
    """Tile list whose pictures all join the open gallery; repeatable."""
    gallery_side_m: float | None = Field(None, gt=0)
    """Side of listed pictures whose list states none, metres."""
    thin_m: float = Field(70.0, ge=0)
    """Least distance of centres in the thinned gallery, metres."""
    distractors_per_tile: int = Field(0, ge=0)
    """Tiles off the road in the test split's open galleries, for each tile of its
    thinned one."""

    @model_validator(mode="after")
    def _tiles_of_some_size(self) -> "TileSettings":
        """Refuse tiles of more pixels than anybody looks at."""
        if self.tile_m / self.m_per_px > MOST_TILE_PX:
            message = (
                f"a tile of {self.tile_m:g} m at {self.m_per_px:g} m per pixel has "
                f"more than {MOST_TILE_PX} pixels a side; give a smaller --tile-m or "
                "a larger --m-per-px"
            )
            raise ValueError(message)
        return self

    @property
    def size_px(self) -> int:
        """Side of a tile in pixels."""
        return max(1, round(self.tile_m / self.m_per_px))

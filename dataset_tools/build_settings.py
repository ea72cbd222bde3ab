"""Every parameter of a build, with unit, default and meaning, and its report."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

SplitScheme = Literal["polygons", "area", "single"]


class BuildSettings(BaseModel):
    """Parameters of `build_pack`; the command's options have the same names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    out: Path
    """The pack's folder, by custom ending in `.pack`."""
    imagery: tuple[Path, ...] = Field(min_length=1)
    """GeoTIFFs, pictures with a world file, tile folders or tile lists; where two
    cover a place, the first one given is used."""
    licence: str = Field(min_length=1)
    """Licence of imagery and pictures, as an SPDX id or a sentence."""
    attribution: str = ""
    """Whom to credit."""
    gallery: tuple[Path, ...] = ()
    """Tile lists whose pictures all join the open gallery."""
    gallery_side_m: float | None = Field(None, gt=0)
    """Side of listed pictures whose list states none, metres."""
    drive: Path | None = None
    """Folder of pictures."""
    track: Path | None = None
    """GPX, CSV or GeoJSON track: places pictures that have no position; without a
    drive its positions become frames without pictures."""
    clock_offset_s: float = 0.0
    """Seconds to add to the camera's time to get the track's."""
    imagery_crs: str | None = None
    """CRS of imagery that does not state its own, such as EPSG:32618."""
    captured: str | None = None
    """ISO date of capture of imagery that does not state it."""
    season: str | None = None
    """Season of the imagery in your own word."""
    name: str | None = None
    """Name of the pack; its folder's name without suffix if None."""
    region: str | None = None
    """Name of the region, the first part of ids; the pack's name if None."""
    strata: Path | None = None
    """GeoJSON polygons with a property `stratum`."""
    areas: Path | None = None
    """GeoJSON polygons with a property `split`, for the scheme "polygons"."""
    split_scheme: SplitScheme = "single"
    """polygons: by `areas`; area: by seeded square cells; single: one test split."""
    split: Literal["train", "val", "test"] = "test"
    """The split that the scheme "single" puts everything into."""
    cell_m: float = Field(1000.0, gt=0)
    """Side of a cell of the scheme "area", metres."""
    buffer_m: float = Field(200.0, ge=0)
    """Least distance between sequences and tiles of two splits, metres."""

    frames_per_sequence: int = Field(7, ge=1)
    """Frames of a sequence."""
    spacing_m: float = Field(8.05, gt=0)
    """Nominal distance between two frames, metres."""
    stride: int = Field(3, ge=1)
    """Frames from the start of one sequence to the start of the next."""
    resample_m: float | None = Field(None, gt=0)
    """Bring frames to this spacing first, metres."""
    max_gap_m: float = Field(50.0, gt=0)
    """A longer step between frames cuts the track, metres."""
    max_gap_s: float = Field(60.0, gt=0)
    """A longer pause between frames cuts the track, seconds."""
    max_speed_mps: float = Field(60.0, gt=0)
    """A faster step is not believed, metres a second."""
    max_turn_deg: float = Field(120.0, gt=0)
    """A sharper turn between steps cuts the track, degrees."""

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
    seed: int = Field(0, ge=0)
    """Seed of everything random."""
    overwrite: bool = False
    """Replace a pack that is already there."""

    @property
    def pack_name(self) -> str:
        """The pack's name."""
        return self.name or self.out.name.removesuffix(".pack")

    @property
    def region_name(self) -> str:
        """The region's name."""
        return self.region or self.pack_name

    @property
    def size_px(self) -> int:
        """Side of a tile in pixels."""
        return max(1, round(self.tile_m / self.m_per_px))


@dataclass(frozen=True, slots=True, kw_only=True)
class StageReport:
    """What one stage did; `kept` and the rejections add up to `given`."""

    stage: str
    items: str
    """What was counted: "pictures", "frames", "sequences" ..."""
    given: int
    kept: int
    rejected: dict[str, int]
    """Reason -> how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildReport:
    """The finished pack and what each stage kept and left out."""

    path: Path
    stages: tuple[StageReport, ...]
    counts: dict[str, int]
    """As in `pack.json`."""
    warnings: tuple[str, ...] = ()

"""What a synthetic drive is made of: regions, their four switches, their areas.

Metres are counted east and north from a region's south-west corner, which lies at
`RegionSettings.origin` in UTM zone 18N (EPSG:32618), in Vermont.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

from dataset_tools.errors import UsageError, suggest

CRS = "EPSG:32618"
RASTER_M = 0.5
"""Metres per pixel of the world's own rasters, whatever the orthophoto has."""
FRONT_SPACING_M = 8.05
"""Distance between two pictures of the front camera, as in the Vermont videolog."""
PANORAMA_EVERY = 3
"""A panorama is taken with each third front picture: every 24.15 m."""
PRESETS = ("tiny", "small", "town")
SWITCHES = ("appearance", "layout", "camera", "imagery")
SMALL_SIDES_M = (1740.0, 1560.0, 1740.0, 1740.0)
"""Sides of the cross regions of the preset small, in the order of `SWITCHES`."""
HOME_ORIGIN = (690_000.0, 4_903_000.0)
REGION_STEP_M = 9_000.0
"""Regions lie this far apart, so that none sees another."""
MARGIN_M = 110.0
"""World beyond the driven areas: a ray runs 90 m, half a tile is 45 m."""

Season = Literal["summer", "autumn"]
Split = Literal["train", "val", "test"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Appearance:
    """First switch: which facades, roofs and season of the ground pictures."""

    style: Literal["clapboard", "brick"] = "clapboard"
    season: Season = "summer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Second switch: how streets and lots are laid out."""

    bearing_deg: tuple[float, float] = (0.0, 15.0)
    """Range of the street grid's bearing, degrees from grid north."""
    block_m: float = 110.0
    jitter: float = 0.13
    """Displacement of crossings, standard deviation as a share of a block."""
    density: float = 1.0
    """Multiplies the share of lots that are built on."""
    zone_m: float = 420.0
    """Typical size of an urban, suburban or rural zone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """Third switch: the car's cameras. Sizes are (rows, columns) in pixels."""

    focal_35mm: int = 18
    """Focal length for a 36 mm wide picture, in whole millimetres as EXIF holds it."""
    height_m: float = 2.2
    pitch_deg: float = 0.0
    front_px: tuple[int, int] = (64, 96)
    panorama_px: tuple[int, int] = (64, 256)
    panorama_elevation_deg: float = 40.0
    """A panorama reaches as far above and below the horizon."""

    @property
    def hfov_deg(self) -> float:
        """Horizontal field of view of the front camera, degrees."""
        return 2 * math.degrees(math.atan(18.0 / self.focal_35mm))


@dataclass(frozen=True, slots=True, kw_only=True)
class Imagery:
    """Fourth switch: the orthophoto."""

    m_per_px: float = 0.5
    season: Season = "summer"
    captured: str = "2024:06:18 15:30:00"
    """TIFFTAG_DATETIME, UTC."""
    sun_azimuth_deg: float = 215.0
    sun_elevation_deg: float = 52.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """A rectangle that cars drive in, metres from the region's corner."""

    split: Split
    west: float
    south: float
    east: float
    north: float
    outskirts_m: float = 0.0
    """How far the split's land goes on to the east of it, with streets that nobody
    drives: room for the open gallery."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionSettings:
    """One region: an island of world with its own drive and orthophoto."""

    name: str
    index: int
    width_m: float
    height_m: float
    areas: tuple[Area, ...]
    switches: tuple[str, ...] = ()
    """Which of the four switches differ from the home region."""
    drive_share: float = 1.0
    """Share of the street length in each area that is driven, in (0, 1]."""
    appearance: Appearance = Appearance()
    layout: Layout = Layout()
    camera: Camera = Camera()
    imagery: Imagery = Imagery()

    @property
    def origin(self) -> tuple[float, float]:
        """(easting, northing) of the south-west corner in EPSG:32618, metres."""
        return HOME_ORIGIN[0], HOME_ORIGIN[1] + self.index * REGION_STEP_M


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthesisSettings:
    """A whole synthetic data set: preset name, seed and regions."""

    preset: str
    seed: int
    regions: tuple[RegionSettings, ...]


def preset_settings(name: str, *, seed: int = 0) -> SynthesisSettings:
    """The regions of a named preset.

    Args:
        name: "tiny" (seconds), "small" (minutes on 2 cores) or "town" (for a GPU).
        seed: any integer of at least 0; the same seed gives the same bytes.

    Returns:
        Settings for `dataset_tools.synthetic.synthesize`.

    Raises:
        UsageError: if no preset has that name or the seed is negative.

    >>> [region.name for region in preset_settings("tiny").regions][:2]
    ['home', 'cross-appearance']
    """
    if name not in PRESETS:
        raise UsageError(f"No preset is called {name!r}. {suggest(name, PRESETS)}")
    if seed < 0:
        raise UsageError(f"The seed must be 0 or more, got {seed}: choose another.")
    regions = {"tiny": _tiny, "small": _small, "town": _town}[name]()
    return SynthesisSettings(preset=name, seed=seed, regions=regions)


def _tiny() -> tuple[RegionSettings, ...]:
    layout = Layout(zone_m=230.0)
    home = _home(
        train=(860.0, 760.0),
        val=(230.0, 760.0),
        test=(400.0, 760.0),
        outskirts_m=360.0,
        layout=layout,
    )
    return home, *(
        _cross(home, name, index=i, side_m=420.0, share=0.85)
        for i, name in enumerate(SWITCHES, start=1)
    )


def _small() -> tuple[RegionSettings, ...]:
    home = _home(
        train=(1650.0, 1740.0),
        val=(330.0, 740.0),
        test=(1740.0, 1740.0),
        outskirts_m=1760.0,
        layout=Layout(),
    )
    # Smaller blocks hold more streets, so that region is smaller: each test keeps some
    # 300 tiles whose centres are 70 m apart.
    return home, *(
        _cross(home, name, index=i, side_m=side, share=0.97)
        for i, (name, side) in enumerate(zip(SWITCHES, SMALL_SIDES_M, strict=True), 1)
    )


def _town() -> tuple[RegionSettings, ...]:
    home = _home(
        train=(4000.0, 3400.0),
        val=(800.0, 1500.0),
        test=(3400.0, 3400.0),
        outskirts_m=3600.0,
        layout=Layout(),
    )
    return home, *(
        _cross(home, name, index=i, side_m=3400.0, share=0.85)
        for i, name in enumerate(SWITCHES, start=1)
    )


def _home(
    *,
    train: tuple[float, float],
    val: tuple[float, float],
    test: tuple[float, float],
    outskirts_m: float,
    layout: Layout,
) -> RegionSettings:
    """Train, val and test side by side, 220 m apart, each (width, height) in metres.

    The test area's land goes on to the east by `outskirts_m`.
    """
    areas, west = [], MARGIN_M
    sizes: tuple[tuple[Split, tuple[float, float]], ...] = (
        ("train", train),
        ("val", val),
        ("test", test),
    )
    for split, (width, height) in sizes:
        areas.append(
            Area(
                split=split,
                west=west,
                south=MARGIN_M,
                east=west + width,
                north=MARGIN_M + height,
                outskirts_m=outskirts_m if split == "test" else 0.0,
            )
        )
        west += width + 220.0
    return RegionSettings(
        name="home",
        index=0,
        width_m=areas[-1].east + outskirts_m + MARGIN_M,
        height_m=max(a.north for a in areas) + MARGIN_M,
        areas=tuple(areas),
        layout=layout,
    )


def _cross(
    home: RegionSettings, switch: str, *, index: int, side_m: float, share: float
) -> RegionSettings:
    """A square region that differs from home by one switch."""
    side = side_m + 2 * MARGIN_M
    area = Area(
        split="test",
        west=MARGIN_M,
        south=MARGIN_M,
        east=MARGIN_M + side_m,
        north=MARGIN_M + side_m,
    )
    region = replace(
        home,
        name=f"cross-{switch}",
        index=index,
        width_m=side,
        height_m=side,
        areas=(area,),
        switches=(switch,),
        drive_share=share,
    )
    return _switched(region, switch)


def _switched(region: RegionSettings, switch: str) -> RegionSettings:
    """The region with one of the four switches on."""
    if switch == "appearance":
        style = Appearance(style="brick", season="autumn")
        return replace(region, appearance=style)
    if switch == "layout":
        other = replace(
            region.layout,
            bearing_deg=(30.0, 60.0),
            block_m=72.0,
            jitter=0.03,
            density=0.6,
        )
        return replace(region, layout=other)
    if switch == "camera":
        camera = replace(
            region.camera,
            focal_35mm=26,
            height_m=1.5,
            pitch_deg=4.0,
            panorama_elevation_deg=34.0,
        )
        return replace(region, camera=camera)
    imagery = Imagery(
        m_per_px=0.6,
        season="autumn",
        captured="2022:10:09 14:05:00",
        sun_azimuth_deg=165.0,
        sun_elevation_deg=36.0,
    )
    return replace(region, imagery=imagery)

"""Ground pictures: rays marched through the height raster, all columns at once.

For each column of a picture the raster is sampled at `SAMPLES` distances. The running
maximum of the elevation along a column grows with distance, so the first sample seen
by a row of the picture is found by a sorted search: no loop over pixels.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dataset_tools.synthetic.appearance import (
    class_light,
    colour_table,
    roof_table,
    texture,
)
from dataset_tools.synthetic.scatter import EAVES, GABLE_BELOW_M
from dataset_tools.synthetic.settings import RASTER_M, Camera, RegionSettings
from dataset_tools.synthetic.sprites import add_sprites
from dataset_tools.synthetic.world import (
    BROADLEAF,
    BUILDING,
    CONIFER,
    HEIGHT_M,
    WATER,
    World,
)

Floats = npt.NDArray[np.float32]
Picture = npt.NDArray[np.uint8]

SAMPLES = 160
NEAREST_M, FARTHEST_M = 0.8, 90.0
FLAT_M = 0.3
"""Below this height a hit counts as ground and is placed exactly on the plane."""
STOREY_M = 3.2
WINDOW_M = 2.8
"""Spacing of windows along a wall."""


@dataclass(frozen=True, slots=True)
class Rays:
    """Directions of a picture's pixels relative to its middle column."""

    azimuth: Floats
    """[W] radians clockwise of the middle column."""
    slope: Floats
    """[W, H] height gained per metre on the ground, from the lowest row up."""


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a picture is taken from and what tells it from others."""

    east: float
    north: float
    azimuth_deg: float
    """Of the middle column, clockwise from grid north."""
    session: int
    seed: tuple[int, ...]
    """Seed of what exists in this picture alone: exposure, grain, cars, people."""


def panorama_rays(camera: Camera) -> Rays:
    """Rays of an equirectangular strip whose middle column looks ahead."""
    rows, columns = camera.panorama_px
    azimuth = ((np.arange(columns) + 0.5) / columns - 0.5) * 2 * np.pi
    top = camera.panorama_elevation_deg
    elevation = ((np.arange(rows) + 0.5) / rows * 2 - 1) * top + camera.pitch_deg
    slope = np.tan(np.radians(elevation))
    return _rays(azimuth, np.broadcast_to(slope, (columns, rows)))


def front_rays(camera: Camera) -> Rays:
    """Rays of a perspective picture; pitch moves the horizon as a shifted lens does."""
    rows, columns = camera.front_px
    focal = columns / 2 / np.tan(np.radians(camera.hfov_deg / 2))
    azimuth = np.arctan((np.arange(columns) + 0.5 - columns / 2) / focal)
    up = (np.arange(rows) + 0.5 - rows / 2) / focal + np.tan(
        np.radians(camera.pitch_deg)
    )
    # Off the axis the same image height spans a longer distance on the ground.
    return _rays(azimuth, np.cos(azimuth)[:, None] * up[None, :])


def _rays(azimuth: npt.ArrayLike, slope: npt.ArrayLike) -> Rays:
    return Rays(np.asarray(azimuth, np.float32), np.asarray(slope, np.float32))


class GroundView:
    """Renders ground pictures of one region; holds its colours and ray tables."""

    def __init__(self, world: World, region: RegionSettings, *, seed: int) -> None:
        """Draw the ground view's colours, from the seed and the region alone."""
        self.world, self.region, self.seed = world, region, seed
        key = (seed, region.index)
        self.colours = colour_table(
            world.objects,
            view="ground",
            season=region.appearance.season,
            style=region.appearance.style,
            seed=(*key, 3),
        )
        self.roofs = roof_table(len(self.colours), seed=(*key, 11))
        self.noise = texture((*key, 4))
        self.ranges = np.geomspace(NEAREST_M, FARTHEST_M, SAMPLES).astype(np.float32)
        self.panorama = panorama_rays(region.camera)
        self.front = front_rays(region.camera)

    def render(self, rays: Rays, pose: Pose) -> Picture:
        """One picture.

        Args:
            rays: `self.panorama` or `self.front`.
            pose: position in metres from the region's corner, direction, seed.

        Returns:
            [H, W, 3] uint8, upper row first.
        """
        rng = np.random.default_rng(pose.seed)
        azimuth = rays.azimuth + np.float32(np.radians(pose.azimuth_deg))
        ray = np.stack([np.sin(azimuth), np.cos(azimuth)], axis=1).astype(np.float32)
        distance, top, hit = self._march(rays, ray, pose)
        colour = self._surface(rays, ray, (distance, top), pose)
        colour = self._air(colour, rays, distance, hit, pose)
        depth = np.where(hit, distance, np.float32(FARTHEST_M))
        add_sprites(colour, depth, rays, camera_m=self.region.camera.height_m, rng=rng)
        return _expose(colour, self.noise, rng)

    def _indices(
        self, east: Floats, north: Floats
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Raster (row, column) of positions; beyond the border the border's pixel."""
        rows, columns = self.world.height.shape
        row = ((self.region.height_m - north) * (1 / RASTER_M)).astype(np.int32)
        column = (east * (1 / RASTER_M)).astype(np.int32)
        return row.clip(0, rows - 1), column.clip(0, columns - 1)

    def _march(
        self, rays: Rays, ray: Floats, pose: Pose
    ) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
        """Distance and height of the thing hit, and whether anything is, all [W, H]."""
        camera_m = np.float32(self.region.camera.height_m)
        row, column = self._indices(
            np.float32(pose.east) + ray[:, :1] * self.ranges,
            np.float32(pose.north) + ray[:, 1:] * self.ranges,
        )
        height = self.world.height[row, column] * np.float32(HEIGHT_M)
        seen = np.maximum.accumulate((height - camera_m) / self.ranges, axis=1)
        # One search for all columns: each is lifted into an interval of its own.
        lift = np.arange(len(ray))[:, None] * 10.0
        keys = seen.clip(-4.0, 4.0) + lift
        first = np.searchsorted(keys.ravel(), (rays.slope + lift).ravel())
        first = first.reshape(rays.slope.shape) - np.arange(len(ray))[:, None] * SAMPLES
        hit = first < SAMPLES
        first = np.minimum(first, SAMPLES - 1)
        top = np.take_along_axis(height, first, axis=1)
        distance = self.ranges[first]
        with np.errstate(divide="ignore"):
            plane = np.clip(
                camera_m / -rays.slope, self.ranges[np.maximum(first - 1, 0)], distance
            )
        flat = (top < FLAT_M) & (rays.slope < 0)
        return np.where(flat, plane, distance), top, hit

    def _surface(
        self, rays: Rays, ray: Floats, where: tuple[Floats, Floats], pose: Pose
    ) -> Floats:
        """[W, H, 3] colours of what is hit, before air and exposure."""
        distance, top = where
        east = np.float32(pose.east) + ray[:, :1] * distance
        north = np.float32(pose.north) + ray[:, 1:] * distance
        row, column = self._indices(east, north)
        thing = self.world.object_id[row, column]
        kind = self.world.objects.class_id[thing]
        light = class_light((self.seed, self.region.index, 5, pose.session))
        up = np.float32(self.region.camera.height_m) + rays.slope * distance
        grain = self.noise[row & 511, column & 511]
        # Leaves and facades vary upwards as well, so their grain follows the height.
        lifted = self.noise[(row + (up * 5).astype(np.int32)) & 511, (column * 3) & 511]
        shade = 1.0 + np.where(top > FLAT_M, lifted, grain)
        tree = (kind == BROADLEAF) | (kind == CONIFER)
        crown = np.clip(up / np.maximum(top, 1.0), 0.0, 1.0)
        shade = np.where(tree, shade * (0.62 + 0.5 * crown) + 1.2 * lifted, shade)
        colour = self.colours[thing] * light[kind] * shade[..., None]
        wall = np.nonzero((kind == BUILDING) & (top > FLAT_M))
        if wall[0].size:
            spot = np.stack([east[wall], north[wall], up[wall]], axis=1)
            colour[wall] *= self._wall(thing[wall], spot, pose)[:, None]
            self._roof(colour, wall, thing, up)
        wet = kind == WATER
        colour[wet] = colour[wet] * 0.6 + np.float32(70.0)
        return np.asarray(colour, np.float32)

    def _roof(
        self,
        colour: Floats,
        wall: tuple[npt.NDArray[np.intp], ...],
        thing: npt.NDArray[np.int32],
        up: Floats,
    ) -> None:
        """Recolour what lies above the eaves of gabled buildings, in place."""
        ridge = self.world.objects.height_m[thing[wall]]
        above = (ridge < GABLE_BELOW_M) & (up[wall] > EAVES * ridge + 0.2)
        roof = wall[0][above], wall[1][above]
        colour[roof] = self.roofs[thing[roof]]

    def _wall(self, thing: npt.NDArray[np.int32], spot: Floats, pose: Pose) -> Floats:
        """[N] factors of wall pixels: light by the wall's direction, and windows."""
        box = self.world.objects.box[thing]
        dx, dy = spot[:, 0] - box[:, 0], spot[:, 1] - box[:, 1]
        along = dx * box[:, 2] + dy * box[:, 3]
        across = dy * box[:, 2] - dx * box[:, 3]
        front = np.abs(across) / box[:, 5] > np.abs(along) / box[:, 4]
        side = np.where(front, np.sign(across), np.sign(along))
        normal_east = side * np.where(front, -box[:, 3], box[:, 2])
        normal_north = side * np.where(front, box[:, 2], box[:, 3])
        sun = 1.3 + 2.4 * np.modf(pose.session * 0.618)[0]
        factor = 0.86 + 0.2 * (normal_east * np.sin(sun) + normal_north * np.cos(sun))
        place = np.where(front, along, across)
        # The window's rhythm belongs to the house and is seen from the ground only.
        rhythm = WINDOW_M * (0.8 + 0.5 * np.modf(thing * 0.7548777)[0])
        u, v = np.mod(place / rhythm, 1.0), np.mod(spot[:, 2] / STOREY_M, 1.0)
        height = self.world.objects.height_m[thing]
        height = np.where(height < GABLE_BELOW_M, EAVES * height + 0.2, height)
        glass = (np.abs(u - 0.5) < 0.24) & (np.abs(v - 0.55) < 0.22)
        glass &= spot[:, 2] < height - 0.6
        eaves = spot[:, 2] > height - 0.45
        factor = np.where(glass, factor * 0.42, factor)
        return np.asarray(np.where(eaves, factor * 0.68, factor), np.float32)

    def _air(
        self,
        colour: Floats,
        rays: Rays,
        distance: Floats,
        hit: npt.NDArray[np.bool_],
        pose: Pose,
    ) -> Floats:
        """Haze over distance, and sky where nothing is hit."""
        rng = np.random.default_rng((self.seed, self.region.index, 6, pose.session))
        zenith = rng.uniform((70, 110, 170), (150, 170, 225))
        haze = rng.uniform((185, 195, 205), (230, 230, 230))
        mix = (distance / FARTHEST_M) ** 2 * 0.35
        colour += (haze.astype(np.float32) - colour) * mix[..., None]
        high = np.sqrt(np.clip(rays.slope, 0.0, 1.0))[..., None]
        sky = haze + (zenith - haze) * high
        # Beyond the last sample lies more land; it ends in a low blueish line.
        hills = (rays.slope < 0.03)[..., None]
        sky = np.where(hills, haze * np.array([0.62, 0.68, 0.66]), sky)
        return np.asarray(np.where(hit[..., None], colour, sky), np.float32)


def _expose(colour: Floats, noise: Floats, rng: np.random.Generator) -> Picture:
    """[H, W, 3] uint8 from [W, H, 3]: exposure, contrast and grain of one frame."""
    gain = np.float32(np.exp(rng.normal(0.0, 0.18)))
    gamma = rng.uniform(0.85, 1.2)
    top, left = rng.integers(0, 256, 2)
    grain = noise[top : top + colour.shape[0], left : left + colour.shape[1]] * 40.0
    bright = (colour * gain).clip(0, 255) / 255.0
    value = bright ** np.float32(gamma) * 255.0 + grain[..., None]
    picture = value.clip(0, 255).astype(np.uint8)
    return np.ascontiguousarray(picture.transpose(1, 0, 2)[::-1])

"""The orthophoto: colours, relief, shadows, clouds and cars as seen from above.

It is computed and written in strips of whole tile rows, so that memory does not grow
with the region.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from dataset_tools.synthetic.appearance import class_light, colour_table, texture
from dataset_tools.synthetic.scatter import GABLE_BELOW_M
from dataset_tools.synthetic.settings import CRS, RASTER_M, RegionSettings
from dataset_tools.synthetic.world import (
    BROADLEAF,
    BUILDING,
    CONIFER,
    HEIGHT_M,
    World,
)

Floats = npt.NDArray[np.float32]
Picture = npt.NDArray[np.uint8]

BLOCK_PX = 256
STRIP_PX = 2 * BLOCK_PX
TALLEST_M = 24.0
"""Nothing is taller by more than a little: how far shadows are looked for."""
CLOUD_SHARE = 0.03
CAR_SPACING_M = 45.0
"""Mean distance between two cars on a street."""
JPEG_QUALITY = 90


class SatelliteView:
    """Renders the orthophoto of one region; holds its colours and clouds."""

    def __init__(self, world: World, region: RegionSettings, *, seed: int) -> None:
        """Draw the satellite view's colours, from the seed and the region alone."""
        self.world, self.region = world, region
        key = (seed, region.index)
        self.colours = colour_table(
            world.objects,
            view="satellite",
            season=region.imagery.season,
            style=region.appearance.style,
            seed=(*key, 7),
        )
        self.light = class_light((*key, 8), spread=0.08)
        self.noise = texture((*key, 9))
        rng = np.random.default_rng((*key, 10))
        self.cars = self._place_cars(rng)
        self.waves = self._cloud_waves(rng)
        scale = region.imagery.m_per_px
        self.size = round(region.height_m / scale), round(region.width_m / scale)
        sun = np.radians(region.imagery.sun_azimuth_deg)
        self.sun = float(np.sin(sun)), float(np.cos(sun))

    def render(self, top: int, bottom: int) -> Picture:
        """Rows of the orthophoto.

        Args:
            top: first row, in orthophoto pixels.
            bottom: row after the last.

        Returns:
            [bottom - top, W, 3] uint8, north-up.
        """
        scale = self.region.imagery.m_per_px
        south = (np.arange(top, bottom) + 0.5) * scale
        east = np.asarray((np.arange(self.size[1]) + 0.5) * scale, np.float64)
        row = (
            (south / RASTER_M).astype(np.int64).clip(max=self.world.height.shape[0] - 1)
        )
        column = (east / RASTER_M).astype(np.int64)
        column = column.clip(max=self.world.height.shape[1] - 1)
        grid = np.ix_(row, column)
        thing = self.world.object_id[grid]
        kind = self.world.objects.class_id[thing]
        north = np.asarray(self.region.height_m - south, np.float64)
        shade = 1.0 + self.noise[np.ix_(row & 511, column & 511)] * 0.9
        shade *= self._relief(thing, kind, east.astype(np.float32), north)
        shade[self._shadow(row[0], row[-1] + 1)[row - row[0]][:, column]] *= 0.55
        colour = self.colours[thing] * self.light[kind]
        cars = self.cars[grid]
        colour[cars > 0] = CAR_COLOURS[cars[cars > 0]]
        colour *= shade[..., None]
        return self._clouds(colour, east, north)

    def _relief(
        self,
        thing: npt.NDArray[np.int32],
        kind: npt.NDArray[np.uint8],
        east: Floats,
        north: npt.NDArray[np.float64],
    ) -> Floats:
        """[rows, columns] factors: roof halves and crowns, lit from the sun's side."""
        factor = np.ones(thing.shape, np.float32)
        raised = np.nonzero(kind >= BUILDING)
        box = self.world.objects.box[thing[raised]]
        dx = east[raised[1]] - box[:, 0]
        dy = north[raised[0]].astype(np.float32) - box[:, 1]
        across = dy * box[:, 2] - dx * box[:, 3]
        gable = self.world.objects.height_m[thing[raised]] < GABLE_BELOW_M
        toward = np.sign(across) * (box[:, 2] * self.sun[1] - box[:, 3] * self.sun[0])
        roof = np.where(gable, 1.0 + 0.24 * toward, 1.0)
        rim = (np.abs(across) > box[:, 5] - 0.6) & ~gable
        roof = np.where(rim, 0.8, roof)
        lit = (dx * self.sun[0] + dy * self.sun[1]) / np.maximum(box[:, 4], 0.5)
        tree = np.isin(kind[raised], (BROADLEAF, CONIFER))
        factor[raised] = np.where(tree, 1.0 + 0.3 * lit, roof)
        return factor

    def _shadow(self, top: int, bottom: int) -> npt.NDArray[np.bool_]:
        """[rows, columns] of the world's raster: whether the sun is hidden there."""
        imagery = self.region.imagery
        rise = np.tan(np.radians(imagery.sun_elevation_deg)) * RASTER_M / HEIGHT_M
        steps = int(TALLEST_M / HEIGHT_M / rise)
        reach = steps + 1
        rows, columns = self.world.height.shape
        first, last = max(top - reach, 0), min(bottom + reach, rows)
        pad = ((first - (top - reach), bottom + reach - last), (reach, reach))
        around = np.pad(self.world.height[first:last], pad).astype(np.int16)
        here = around[reach:-reach, reach:-reach]
        hidden = np.zeros(here.shape, bool)
        for step in range(1, steps + 1):
            down = reach - round(step * self.sun[1])
            right = reach + round(step * self.sun[0])
            there = around[down : down + bottom - top, right : right + columns]
            hidden |= there > here + int(step * rise)
        return hidden

    def _clouds(
        self,
        colour: Floats,
        east: npt.NDArray[np.float64],
        north: npt.NDArray[np.float64],
    ) -> Picture:
        """Blend in small clouds, and the shadow each throws on the ground."""
        for shift, tone, strength in ((140.0, 25.0, 0.5), (0.0, 240.0, 0.9)):
            x = (east + shift * self.sun[0])[None, :]
            y = (north + shift * self.sun[1])[:, None]
            field = sum(np.sin(a * x + b * y + c) for a, b, c in self.waves)
            cover = np.clip((field - self.cloud_level) * 1.6, 0.0, 1.0) * strength
            if cover.any():
                colour += (tone - colour) * cover[..., None].astype(np.float32)
        return np.asarray(colour.clip(0, 255), np.uint8)

    def _cloud_waves(self, rng: np.random.Generator) -> npt.NDArray[np.float64]:
        """[5, 3] waves (east, north, phase) whose highest crests are clouds."""
        angle = rng.uniform(0, 2 * np.pi, 5)
        length = rng.uniform(70.0, 380.0, 5)
        phase = rng.uniform(0, 2 * np.pi, 5)
        waves = np.stack(
            [np.cos(angle) / length, np.sin(angle) / length, phase / (2 * np.pi)],
            axis=1,
        )
        waves *= 2 * np.pi
        spots = rng.uniform(0, 1, (4000, 2)) * (
            self.region.width_m,
            self.region.height_m,
        )
        field = np.sin(spots @ waves[:, :2].T + waves[:, 2]).sum(axis=1)
        self.cloud_level = float(np.quantile(field, 1 - CLOUD_SHARE))
        return np.asarray(waves)

    def _place_cars(self, rng: np.random.Generator) -> Picture:
        """[H, W] raster of the cars there on the day of the flight; 0 is none."""
        rows, columns = self.world.height.shape
        image = Image.new("L", (columns, rows), 0)
        draw = ImageDraw.Draw(image)
        for edge in self.world.network.edges:
            length = float(np.hypot(*np.diff(edge.points, axis=0).T).sum())
            for _ in range(int(rng.poisson(length / CAR_SPACING_M))):
                k = int(rng.integers(1, len(edge.points) - 2))
                step = edge.points[k + 1] - edge.points[k]
                ahead = step / np.hypot(*step)
                right = np.array([ahead[1], -ahead[0]])
                lane = (
                    float(rng.choice((-1, 1))) * edge.asphalt_m * rng.uniform(0.2, 0.4)
                )
                centre = edge.points[k] + right * lane
                corners = [
                    centre + a * ahead * 2.2 + b * right * 0.9
                    for a, b in ((1, 1), (1, -1), (-1, -1), (-1, 1))
                ]
                outline = [
                    (e / RASTER_M, (self.region.height_m - n) / RASTER_M)
                    for e, n in corners
                ]
                draw.polygon(outline, fill=int(rng.integers(1, len(CAR_COLOURS))))
        return np.array(image)


CAR_COLOURS = np.array(
    [
        (0, 0, 0),
        (235, 235, 232),
        (30, 32, 36),
        (165, 45, 40),
        (60, 85, 140),
        (170, 172, 175),
    ],
    np.float32,
)
"""[6, 3]; the first is never used."""


def strips(rows: int) -> Iterator[tuple[int, int]]:
    """(first, after the last) row of each strip of an orthophoto.

    >>> list(strips(700))
    [(0, 512), (512, 700)]
    """
    for top in range(0, rows, STRIP_PX):
        yield top, min(top + STRIP_PX, rows)


def orthophoto_profile(region: RegionSettings, size: tuple[int, int]) -> dict[str, Any]:
    """Rasterio creation options of a tiled JPEG GeoTIFF of (rows, columns) pixels."""
    from rasterio.transform import from_origin

    east, north = region.origin[0], region.origin[1] + region.height_m
    scale = region.imagery.m_per_px
    return {
        "driver": "GTiff",
        "height": size[0],
        "width": size[1],
        "count": 3,
        "dtype": "uint8",
        "crs": CRS,
        "transform": from_origin(east, north, scale, scale),
        "tiled": True,
        "blockxsize": BLOCK_PX,
        "blockysize": BLOCK_PX,
        "compress": "JPEG",
        "photometric": "YCBCR",
        "JPEG_QUALITY": JPEG_QUALITY,
    }


def write_orthophoto(path: Path, view: SatelliteView) -> Iterator[int]:
    """Write the whole orthophoto, yielding the number of rows after each strip."""
    import rasterio

    region = view.region
    with rasterio.open(path, "w", **orthophoto_profile(region, view.size)) as target:
        target.update_tags(
            TIFFTAG_DATETIME=region.imagery.captured,
            TIFFTAG_IMAGEDESCRIPTION=f"synthetic orthophoto, {region.imagery.season}",
        )
        for top, bottom in strips(view.size[0]):
            rows = view.render(top, bottom).transpose(2, 0, 1)
            target.write(rows, window=((top, bottom), (0, view.size[1])))
            yield bottom - top

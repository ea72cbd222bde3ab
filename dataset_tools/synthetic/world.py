"""The synthetic world as rasters: which object covers a pixel, and how high it is.

Rasters are north-up at `RASTER_M` metres per pixel: row 0 is the northern edge.
Nothing here has a colour; each view draws its own, so that the two views share
layout and semantic class and nothing else.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from dataset_tools.synthetic.network import RURAL, URBAN, Edge, Network, build_network
from dataset_tools.synthetic.scatter import Canvas, place_buildings, place_trees
from dataset_tools.synthetic.settings import RASTER_M, RegionSettings

CLASSES = (
    "grass",
    "field",
    "forest",
    "water",
    "paved",
    "sidewalk",
    "asphalt",
    "marking",
    "building",
    "broadleaf",
    "conifer",
)
(
    GRASS,
    FIELD,
    FOREST,
    WATER,
    PAVED,
    SIDEWALK,
    ASPHALT,
    MARKING,
    BUILDING,
    BROADLEAF,
    CONIFER,
) = range(len(CLASSES))
HEIGHT_M = 0.25
"""Metres per unit of the height raster, which holds 0 to 63.75 m in a byte."""
PARCELS = (
    ((GRASS, 0.45), (PAVED, 0.45), (FIELD, 0.10)),
    ((GRASS, 0.80), (PAVED, 0.06), (FOREST, 0.14)),
    ((FIELD, 0.45), (GRASS, 0.25), (FOREST, 0.22), (WATER, 0.08)),
)
"""Land cover of parcels with its share, by stratum."""


@dataclass(frozen=True, slots=True)
class Objects:
    """Columns over the objects of a world; index 0 is unused ground."""

    class_id: npt.NDArray[np.uint8]
    box: npt.NDArray[np.float32]
    """[N, 6]: centre east and north, cosine and sine of the long axis's angle from
    east, half length, half width; metres. Zero where an object has no box."""
    height_m: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class World:
    """One region's rasters and objects."""

    object_id: npt.NDArray[np.int32]
    """[H, W] index into `objects`."""
    height: npt.NDArray[np.uint8]
    """[H, W] in units of `HEIGHT_M`."""
    objects: Objects
    network: Network

    @property
    def class_id(self) -> npt.NDArray[np.uint8]:
        """[H, W] index into `CLASSES`."""
        return self.objects.class_id[self.object_id]


def build_world(region: RegionSettings, *, seed: int) -> World:
    """The rasters of a region.

    Args:
        region: extent and layout switch; the other switches do not matter here.
        seed: the data set's seed, at least 0.

    Returns:
        A world that depends on its arguments only.
    """
    network = region_network(region, seed=seed)
    rng = np.random.default_rng([seed, region.index, 1])
    canvas = _ground(region, network, rng)
    place_buildings(canvas, network, density=region.layout.density, rng=rng)
    place_trees(canvas, network, rng=rng)
    objects = Objects(
        class_id=np.array(canvas.class_of, np.uint8),
        box=np.array(canvas.box_of, np.float32),
        height_m=np.array(canvas.height_of, np.float32),
    )
    return World(canvas.object_id, canvas.height, objects, network)


def region_network(region: RegionSettings, *, seed: int) -> Network:
    """The streets of a region, which are cheap to have without its rasters."""
    rng = np.random.default_rng([seed, region.index, 0])
    size = {"width_m": region.width_m, "height_m": region.height_m}
    return build_network(region.layout, **size, rng=rng)


def _ground(
    region: RegionSettings, network: Network, rng: np.random.Generator
) -> Canvas:
    """Everything flat: parcels, a river, streets, sidewalks and markings."""
    size = round(region.width_m / RASTER_M), round(region.height_m / RASTER_M)
    image = Image.new("I", size, 1)
    draw = ImageDraw.Draw(image)
    canvas = Canvas(height_m=region.height_m, classes=CLASSES)
    canvas.add(GRASS)
    canvas.add(GRASS)
    for block in network.blocks:
        _parcels(
            draw, canvas, block, int(network.zones.at(block.mean(0)[None])[0]), rng
        )
    river = _river(region, rng)
    draw.line(canvas.pixels(river), fill=canvas.add(WATER), width=44, joint="curve")
    _streets(draw, canvas, network, rng)
    canvas.use(np.array(image, dtype=np.int32))
    return canvas


def _parcels(
    draw: ImageDraw.ImageDraw,
    canvas: Canvas,
    block: npt.NDArray[np.float64],
    stratum: int,
    rng: np.random.Generator,
) -> None:
    """Cut a block into lots and give each its own land cover."""
    cuts = (3, 4, 2)[stratum]
    inner = np.sort(rng.uniform(0.1, 0.9, (2, cuts - 1)), axis=1)
    u, v = (np.concatenate([[0.0], cut, [1.0]]) for cut in inner)
    kinds, shares = zip(*PARCELS[stratum], strict=True)
    a, b, c, d = block
    for i in range(cuts):
        for j in range(cuts):
            corners = [
                (1 - s) * (1 - t) * a + s * (1 - t) * b + s * t * c + (1 - s) * t * d
                for s, t in (
                    (u[i], v[j]),
                    (u[i + 1], v[j]),
                    (u[i + 1], v[j + 1]),
                    (u[i], v[j + 1]),
                )
            ]
            kind = int(rng.choice(kinds, p=shares))
            draw.polygon(canvas.pixels(np.stack(corners)), fill=canvas.add(kind))


def _river(region: RegionSettings, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """[P, 2] course of a river from the southern to the northern edge."""
    north = np.linspace(-60.0, region.height_m + 60.0, 160)
    east = region.width_m * rng.uniform(0.2, 0.8) + (north - region.height_m / 2) * 0.2
    for _ in range(2):
        wave = rng.uniform(200.0, 500.0)
        east = east + rng.uniform(15, 40) * np.sin(
            north / wave * 6.3 + rng.uniform(0, 6)
        )
    return np.stack([east, north], axis=1)


def _streets(
    draw: ImageDraw.ImageDraw,
    canvas: Canvas,
    network: Network,
    rng: np.random.Generator,
) -> None:
    """Sidewalks below, then asphalt, then markings, so that crossings stay open."""
    for edge in network.edges:
        if edge.sidewalk_m > 0:
            width = round((edge.asphalt_m + 2 * edge.sidewalk_m) / RASTER_M)
            fill = canvas.add(SIDEWALK)
            draw.line(canvas.pixels(edge.points), fill=fill, width=width, joint="curve")
    for edge in network.edges:
        width = round(edge.asphalt_m / RASTER_M)
        fill = canvas.add(ASPHALT)
        draw.line(canvas.pixels(edge.points), fill=fill, width=width, joint="curve")
    for edge in network.edges:
        _markings(draw, canvas, edge, plain=bool(rng.random() < 0.35))


def _markings(
    draw: ImageDraw.ImageDraw, canvas: Canvas, edge: Edge, *, plain: bool
) -> None:
    """Centre line, edge lines and stop lines of one street."""
    points = edge.points
    step = np.gradient(points, axis=0)
    right = np.stack([step[:, 1], -step[:, 0]], 1) / np.hypot(*step.T)[:, None]
    fill = canvas.add(MARKING)
    open_part = slice(2, -2)
    if edge.arterial or not plain:
        draw.line(canvas.pixels(points[open_part]), fill=fill, width=1)
    if edge.arterial or edge.stratum == RURAL:
        for side in (-1, 1):
            line = points + side * (edge.asphalt_m / 2 - 0.8) * right
            draw.line(canvas.pixels(line[open_part]), fill=fill, width=1)
    if edge.stratum == URBAN:
        for k in (2, -3):
            ends = points[k] + np.outer((-0.45, 0.45), right[k]) * edge.asphalt_m
            draw.line(canvas.pixels(ends), fill=fill, width=3)

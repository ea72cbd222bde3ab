"""Buildings along the streets and trees between them, each checked against the ground.

Every object is stamped into the rasters pixel by pixel inside its own small window.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from dataset_tools.synthetic.network import RURAL, SUBURBAN, URBAN, Edge, Network
from dataset_tools.synthetic.settings import RASTER_M

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

UNITS_PER_M = 4
"""The height raster holds quarter metres."""
GABLE_BELOW_M = 9.0
"""Lower buildings have a ridge along their length, higher ones a flat roof."""
EAVES = 0.62
"""Height of a gabled building's walls, as a share of its ridge's."""


@dataclass(slots=True)
class Canvas:
    """The rasters while they are drawn, with one row of columns per object."""

    height_m: float
    """Extent of the region to the north, metres: rows count from there."""
    classes: Sequence[str]
    class_of: list[int] = field(default_factory=list)
    box_of: list[tuple[float, ...]] = field(default_factory=list)
    height_of: list[float] = field(default_factory=list)
    object_id: npt.NDArray[np.int32] = field(init=False)
    height: npt.NDArray[np.uint8] = field(init=False)
    class_id: npt.NDArray[np.uint8] = field(init=False)

    def add(
        self, kind: int, *, box: tuple[float, ...] = (0.0,) * 6, height_m: float = 0.0
    ) -> int:
        """The index of a new object of a class."""
        self.class_of.append(kind)
        self.box_of.append(box)
        self.height_of.append(height_m)
        return len(self.class_of) - 1

    def use(self, object_id: npt.NDArray[np.int32]) -> None:
        """Take the flat ground; heights start at 0."""
        self.object_id = object_id
        self.height = np.zeros(object_id.shape, np.uint8)
        self.class_id = np.array(self.class_of, np.uint8)[object_id]

    def pixels(self, points: Array) -> list[tuple[float, float]]:
        """(column, row) of [P, 2] positions in metres."""
        column = points[:, 0] / RASTER_M
        row = (self.height_m - points[:, 1]) / RASTER_M
        return list(zip(column.tolist(), row.tolist(), strict=True))

    def window(
        self, east: float, north: float, reach: float
    ) -> tuple[tuple[slice, slice], Array, Array] | None:
        """Raster window around a position with the metres east and north of it."""
        rows, columns = self.object_id.shape
        column, row = east / RASTER_M, (self.height_m - north) / RASTER_M
        left, right = int(column - reach / RASTER_M), int(column + reach / RASTER_M) + 2
        top, bottom = int(row - reach / RASTER_M), int(row + reach / RASTER_M) + 2
        if left < 0 or top < 0 or right > columns or bottom > rows:
            return None
        dx = np.asarray((np.arange(left, right) + 0.5) * RASTER_M - east, np.float64)
        dy = self.height_m - (np.arange(top, bottom) + 0.5) * RASTER_M - north
        where = slice(top, bottom), slice(left, right)
        return where, dx[None, :], np.asarray(dy, np.float64)[:, None]

    def is_class(self, *names: str) -> npt.NDArray[np.bool_]:
        """[classes] whether a class is one of those named."""
        return np.array([name in names for name in self.classes])


def place_buildings(
    canvas: Canvas, network: Network, *, density: float, rng: np.random.Generator
) -> None:
    """Line the streets with buildings, denser and higher where it is urban.

    Args:
        canvas: rasters with the ground drawn; buildings are added to them.
        network: the streets.
        density: multiplies the share of lots that are built on.
        rng: source of every draw.
    """
    free = canvas.is_class("grass", "field", "forest", "paved")
    kind = canvas.classes.index("building")
    share = (0.92, 0.85, 0.22)
    for edge in network.edges:
        for side in (-1.0, 1.0):
            along = rng.uniform(8.0, 16.0)
            while along < _length(edge.points) - 10.0:
                lot = _lot(edge.stratum, rng)
                built = rng.random() < share[edge.stratum] * density
                centre, angle = _beside(
                    edge, along + lot[0] / 2, side, lot[3] + lot[1] / 2
                )
                if built:
                    _stamp_box(canvas, (*centre, angle, *lot[:3]), free, kind=kind)
                if edge.stratum == SUBURBAN and rng.random() < 0.4 * density:
                    shed = rng.uniform(16.0, 24.0)
                    spot, angle = _beside(edge, along + lot[0], side, lot[3] + shed)
                    _stamp_box(canvas, (*spot, angle, 6.0, 5.0, 3.2), free, kind=kind)
                along += lot[0] + lot[4]


def place_trees(canvas: Canvas, network: Network, *, rng: np.random.Generator) -> None:
    """Street trees, garden trees, hedgerows and forest.

    Args:
        canvas: rasters with ground and buildings; trees are added to them.
        network: the streets, for street trees and for the stratum of a position.
        rng: source of every draw.
    """
    free = canvas.is_class("grass", "field", "forest", "paved", "sidewalk", "water")
    kinds = canvas.classes.index("broadleaf"), canvas.classes.index("conifer")
    for edge in network.edges:
        gap = (13.0, 17.0, 24.0)[edge.stratum]
        for side in (-1.0, 1.0):
            if rng.random() < 0.45:
                continue
            for along in np.arange(rng.uniform(5, gap), _length(edge.points) - 5, gap):
                spot, _ = _beside(edge, float(along), side, rng.uniform(2.0, 4.0))
                radius = rng.uniform(1.2, 2.6)
                _stamp_tree(canvas, (*spot, radius), free, kind=kinds[0], rng=rng)
    rows, columns = canvas.object_id.shape
    area = rows * columns * RASTER_M**2
    spots = rng.uniform(size=(int(area / 75.0), 2)) * (
        columns * RASTER_M,
        canvas.height_m,
    )
    strata = network.zones.at(spots)
    chance = np.array([_chance(name) for name in canvas.classes])
    ground = canvas.class_id[
        ((canvas.height_m - spots[:, 1]) / RASTER_M).astype(int).clip(0, rows - 1),
        (spots[:, 0] / RASTER_M).astype(int).clip(0, columns - 1),
    ]
    conifers = rng.random(len(spots)) < np.array([0.1, 0.3, 0.5])[strata]
    kept = rng.random(len(spots)) < chance[ground, strata]
    for spot, conifer in zip(spots[kept], conifers[kept], strict=True):
        kind, radius = kinds[int(conifer)], rng.uniform(1.5, 4.5)
        _stamp_tree(canvas, (*spot, radius), free, kind=kind, rng=rng)


def _chance(name: str) -> tuple[float, float, float]:
    """Chance that a candidate tree on a ground class stands, by stratum."""
    table = {
        "grass": (0.30, 0.34, 0.18),
        "field": (0.10, 0.10, 0.02),
        "forest": (0.95, 0.95, 0.95),
        "paved": (0.05, 0.05, 0.03),
    }
    return table.get(name, (0.0, 0.0, 0.0))


def _lot(
    stratum: int, rng: np.random.Generator
) -> tuple[float, float, float, float, float]:
    """Length, depth, height, setback and gap to the next of one building, metres."""
    if stratum == URBAN:
        storeys = int(rng.choice((2, 3, 4, 6), p=(0.35, 0.35, 0.2, 0.1)))
        return (
            rng.uniform(11, 26),
            rng.uniform(10, 18),
            3.2 * storeys + 1.0,
            rng.uniform(0.8, 4.5),
            rng.choice((0.8, 3.0, 9.0)),
        )
    if stratum == RURAL:
        size = rng.uniform(10, 26)
        setback, gap = rng.uniform(8, 28), rng.uniform(14, 30)
        return size, rng.uniform(8, 14), rng.uniform(4.5, 9), setback, gap
    size = rng.uniform(9, 16)
    setback, gap = rng.uniform(4.5, 11), rng.uniform(6, 15)
    return size, rng.uniform(8, 12), rng.uniform(4.5, 8), setback, gap


def _length(points: Array) -> float:
    """Length of a line [P, 2] in metres."""
    return float(np.hypot(*np.diff(points, axis=0).T).sum())


def _beside(
    edge: Edge, along: float, side: float, beyond: float
) -> tuple[tuple[float, float], float]:
    """A position beside a street and the street's angle from east there, radians."""
    steps = np.hypot(*np.diff(edge.points, axis=0).T)
    reached = np.concatenate([[0.0], np.cumsum(steps)])
    k = int(np.searchsorted(reached, along).clip(1, len(steps))) - 1
    direction = (edge.points[k + 1] - edge.points[k]) / steps[k]
    centre = edge.points[k] + direction * (along - reached[k])
    out = side * (edge.asphalt_m / 2 + edge.sidewalk_m + beyond)
    east, north = centre + out * np.array([direction[1], -direction[0]])
    return (float(east), float(north)), float(np.arctan2(direction[1], direction[0]))


def _stamp_box(
    canvas: Canvas, box: tuple[float, ...], free: Mask, *, kind: int
) -> None:
    """Raise a building if all of its ground is free.

    `box`: centre east, north, angle from east (radians), length, depth, height.
    """
    east, north, angle, length, depth, height = box
    window = canvas.window(east, north, float(np.hypot(length, depth)) / 2)
    if window is None:
        return
    where, dx, dy = window
    cosine, sine = np.cos(angle), np.sin(angle)
    across = np.abs(dy * cosine - dx * sine) / (depth / 2)
    inside = (np.abs(dx * cosine + dy * sine) < length / 2) & (across < 1)
    if not free[canvas.class_id[where][inside]].all():
        return
    shape = (east, north, cosine, sine, length / 2, depth / 2)
    new = canvas.add(kind, box=shape, height_m=height)
    canvas.object_id[where][inside] = new
    canvas.class_id[where][inside] = kind
    roof = 1 - (1 - EAVES) * across if height < GABLE_BELOW_M else np.ones_like(across)
    tops = height * UNITS_PER_M * roof[inside]
    canvas.height[where][inside] = tops.round().astype(np.uint8)


def _stamp_tree(
    canvas: Canvas,
    disc: tuple[float, ...],
    free: Mask,
    *,
    kind: int,
    rng: np.random.Generator,
) -> None:
    """Raise a tree if its crown hangs over nothing but free ground.

    `disc`: stem's east and north, crown's radius; metres.
    """
    east, north, radius = disc
    top, profile = _crown(canvas.classes[kind], radius, rng)
    window = canvas.window(east, north, radius)
    if window is None:
        return
    where, dx, dy = window
    distance = np.hypot(dx, dy)
    inside = distance < radius
    if not free[canvas.class_id[where][inside]].all():
        return
    shape = (east, north, 1.0, 0.0, radius, radius)
    new = canvas.add(kind, box=shape, height_m=top)
    canvas.object_id[where][inside] = new
    canvas.class_id[where][inside] = kind
    heights = top * profile(distance[inside] / radius) * UNITS_PER_M
    canvas.height[where][inside] = heights.astype(np.uint8)


def _crown(
    name: str, radius: float, rng: np.random.Generator
) -> tuple[float, Callable[[Array], Array]]:
    """Height in metres and its profile over the distance from the stem in [0, 1)."""
    if name == "conifer":
        return radius * rng.uniform(2.6, 3.6), lambda t: 1.0 - 0.75 * t
    return radius * rng.uniform(1.9, 2.7), lambda t: 0.45 + 0.55 * np.sqrt(1 - t**2)

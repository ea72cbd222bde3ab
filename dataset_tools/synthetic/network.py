"""Streets of a synthetic region: a jittered, warped grid thinned out by zone.

Coordinates are metres east and north of the region's south-west corner.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dataset_tools.synthetic.settings import Layout

Array = npt.NDArray[np.float64]

STRATA = ("urban", "suburban", "rural")
URBAN, SUBURBAN, RURAL = range(3)
ARTERIAL_EVERY = 4
"""Each fourth line of the grid is a wide through road that is never removed."""
REMOVED_SHARE = (0.04, 0.16, 0.42)
"""Share of the other street edges left out, by stratum."""
ASPHALT_M = (9.0, 7.5, 7.0)
ARTERIAL_M = 13.0
SIDEWALK_M = (2.5, 1.5, 0.0)
POINTS_PER_EDGE = 25


@dataclass(frozen=True, slots=True)
class Zones:
    """Nearest-centre zones: which stratum a position belongs to."""

    centres: Array
    """[Z, 2] metres."""
    stratum: npt.NDArray[np.int64]
    """[Z] index into `STRATA`."""

    def at(self, points: Array) -> npt.NDArray[np.int64]:
        """[N] index into `STRATA` of [N, 2] positions in metres."""
        delta = points[:, None, :] - self.centres[None, :, :]
        nearest = np.argmin((delta**2).sum(axis=-1), axis=1)
        return np.asarray(self.stratum[nearest])


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """One street between two crossings."""

    start: int
    end: int
    points: Array
    """[P, 2] centre line in metres."""
    asphalt_m: float
    sidewalk_m: float
    stratum: int
    arterial: bool


@dataclass(frozen=True, slots=True)
class Network:
    """Crossings, the streets between them and the blocks they enclose."""

    nodes: Array
    """[N, 2] metres."""
    edges: list[Edge]
    blocks: list[Array]
    """Outlines [4, 2] of the grid's cells in metres."""
    zones: Zones


def build_network(
    layout: Layout, *, width_m: float, height_m: float, rng: np.random.Generator
) -> Network:
    """Streets that run through a whole region and beyond its border.

    Args:
        layout: the region's layout switch.
        width_m: extent to the east, metres.
        height_m: extent to the north, metres.
        rng: source of every draw.

    Returns:
        A network whose edges reach at least into the region.
    """
    zones = _zones(layout.zone_m, width_m, height_m, rng)
    grid = _grid(layout, width_m, height_m, rng)
    edges = _edges(grid, zones, (width_m, height_m), rng)
    blocks = [
        np.stack([grid[i, j], grid[i + 1, j], grid[i + 1, j + 1], grid[i, j + 1]])
        for i in range(grid.shape[0] - 1)
        for j in range(grid.shape[1] - 1)
    ]
    size = np.array([width_m, height_m])
    kept = [b for b in blocks if np.all(b.max(0) > 0) and np.all(b.min(0) < size)]
    return Network(grid.reshape(-1, 2), edges, kept, zones)


def _zones(
    zone_m: float, width_m: float, height_m: float, rng: np.random.Generator
) -> Zones:
    """Jittered zone centres whose strata alternate, so that any area has all three."""
    columns = int(np.ceil(width_m / zone_m)) + 2
    rows = int(np.ceil(height_m / zone_m)) + 2
    gx, gy = np.meshgrid(np.arange(columns), np.arange(rows), indexing="ij")
    cells = np.stack([gx.ravel(), gy.ravel()], axis=1)
    jitter = rng.uniform(-0.3, 0.3, cells.shape)
    stratum = (cells[:, 0] + 2 * cells[:, 1] + int(rng.integers(3))) % 3
    return Zones((cells - 0.5 + jitter) * zone_m, stratum)


def _grid(
    layout: Layout, width_m: float, height_m: float, rng: np.random.Generator
) -> Array:
    """[I, J, 2] crossings: a rotated grid, each displaced, all bent by slow waves."""
    reach = np.hypot(width_m, height_m) / 2 + 3 * layout.block_m
    count = int(np.ceil(reach / layout.block_m))
    ticks = np.arange(-count, count + 1) * layout.block_m
    across, along = np.meshgrid(ticks, ticks, indexing="ij")
    angle = np.radians(rng.uniform(*layout.bearing_deg))
    grid = np.stack(
        [
            across * np.cos(angle) + along * np.sin(angle) + width_m / 2,
            along * np.cos(angle) - across * np.sin(angle) + height_m / 2,
        ],
        axis=-1,
    )
    # Displacement is cut at two deviations so that no two crossings meet.
    jitter = rng.normal(size=grid.shape).clip(-2, 2) * layout.jitter
    warp = np.zeros_like(grid)
    for _ in range(3):
        wave = rng.normal(size=2)
        wave *= 2 * np.pi / (rng.uniform(6, 12) * layout.block_m * np.hypot(*wave))
        push = rng.normal(size=2) * 0.17 * layout.block_m
        warp += np.sin(grid @ wave + rng.uniform(0, 2 * np.pi))[..., None] * push
    bent: Array = grid + jitter * layout.block_m + warp
    return bent


def _edges(
    grid: Array, zones: Zones, size: tuple[float, float], rng: np.random.Generator
) -> list[Edge]:
    """Streets along both directions of the grid, thinned out by stratum."""
    count = grid.shape[0]
    phase = rng.integers(ARTERIAL_EVERY, size=2)
    edges = []
    for axis in (0, 1):
        lines = grid if axis == 0 else grid.transpose(1, 0, 2)
        for step in range(1, count - 2):
            for line in range(count):
                keep, bend = rng.random(), rng.normal() * 3.0
                ends = [(step, line), (step + 1, line)]
                ids = [i * count + j if axis == 0 else j * count + i for i, j in ends]
                points = _curve(lines[step - 1 : step + 3, line], bend)
                if not _inside(points, size):
                    continue
                stratum = int(zones.at(points[POINTS_PER_EDGE // 2][None])[0])
                arterial = line % ARTERIAL_EVERY == phase[axis]
                if keep < REMOVED_SHARE[stratum] and not arterial:
                    continue
                edges.append(
                    Edge(
                        start=ids[0],
                        end=ids[1],
                        points=points,
                        asphalt_m=ARTERIAL_M if arterial else ASPHALT_M[stratum],
                        sidewalk_m=SIDEWALK_M[stratum],
                        stratum=stratum,
                        arterial=bool(arterial),
                    )
                )
    return edges


def _curve(control: Array, bend: float) -> Array:
    """[P, 2] Catmull-Rom piece between the middle two of [4, 2] points, with a bend."""
    t = np.linspace(0, 1, POINTS_PER_EDGE)[:, None]
    a, b, c, d = control
    curve = 0.5 * (
        2 * b
        + (c - a) * t
        + (2 * a - 5 * b + 4 * c - d) * t**2
        + (3 * b - a - 3 * c + d) * t**3
    )
    chord = (c - b) / np.hypot(*(c - b))
    # sin^2 keeps the direction at both crossings, so that roads run on smoothly.
    sideways = np.sin(np.pi * t) ** 2 * bend * np.array([chord[1], -chord[0]])
    return np.asarray(curve + sideways, dtype=float)


def _inside(points: Array, size: tuple[float, float]) -> bool:
    """Whether any point lies in the region or just outside it."""
    inside = (points > -40.0) & (points < np.array(size) + 40.0)
    return bool(np.any(inside.all(axis=1)))

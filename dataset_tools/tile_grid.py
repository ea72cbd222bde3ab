"""A regular grid of tile centres over the Earth, the same for every drive.

Rows are a stated distance apart along the meridian, counted from the equator; columns
divide a circle of latitude evenly, counted from Greenwich. The number of columns is
that of the widest row of a band of latitude, so that columns of neighbouring rows lie
above each other and neighbours are never farther apart than stated. A cell keeps its
number whatever is paired with it: a new drive, or a new year, finds the same tiles.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import shapely

from dataset_tools.areas import read_polygons
from dataset_tools.errors import UsageError
from dataset_tools.geodesy import (
    ECCENTRICITY_2,
    SEMI_MAJOR_M,
    destination,
    distance_m,
    ecef_m,
)

Array = npt.NDArray[np.float64]
Cells = npt.NDArray[np.int64]
"""[N, 2] row, counted to the north from the equator, and column, to the east."""

BAND_M = 25_000.0
"""Rows of one band share their columns; over it a circle of latitude 45 degrees gets
0.4 % shorter, and so do the steps between columns."""
MAX_CELLS = 5_000_000
BLOCK = 256
"""Positions that are looked around at a time, which bounds the memory."""
MAX_LATITUDE = 85.0


@dataclass(frozen=True, slots=True)
class TileGrid:
    """Cells `spacing_m` apart; numbers and centres of them."""

    spacing_m: float

    def centres(self, cells: Cells) -> tuple[Array, Array]:
        """(lat, lon) in degrees of cells [N, 2]."""
        rows, row_of = np.unique(cells[:, 0], return_inverse=True)
        north = rows * self.spacing_m
        lat, _ = destination(0.0, 0.0, np.where(north < 0, 180.0, 0.0), np.abs(north))
        lon = cells[:, 1] * 360.0 / self._columns(cells[:, 0])
        return lat[row_of], np.mod(lon + 180.0, 360.0) - 180.0

    def nearest(self, lat: Array, lon: Array) -> Cells:
        """The cell [N, 2] with the nearest centre to each position in degrees."""
        _check(lat)
        middle = self._rows(lat)
        best = self._in_row(middle, lon)
        away = self._away(best, lat, lon)
        # Where bands meet, columns do not: the next row can have the nearer centre.
        for step in (-1, 1):
            other = self._in_row(middle + step, lon)
            there = self._away(other, lat, lon)
            nearer = there < away
            best[nearer], away[nearer] = other[nearer], there[nearer]
        return best

    def near(self, lat: Array, lon: Array, *, reach_m: float) -> Cells:
        """Every cell [N, 2], sorted, with a centre within `reach_m` of a position.

        Raises:
            UsageError: if there are more than `MAX_CELLS`.
        """
        _check(lat)
        parts = [np.zeros((0, 2), np.int64)]
        for start in range(0, len(lat), BLOCK):
            some = slice(start, start + BLOCK)
            parts.append(self._near(lat[some], lon[some], reach_m=reach_m))
            if start // BLOCK % 64 == 0:
                parts = [np.unique(np.concatenate(parts), axis=0)]
                _refuse_many(len(parts[0]), self.spacing_m)
        found = np.unique(np.concatenate(parts), axis=0)
        _refuse_many(len(found), self.spacing_m)
        return found

    def _near(self, lat: Array, lon: Array, *, reach_m: float) -> Cells:
        reach = math.ceil(reach_m / self.spacing_m) + 1
        # Towards the pole of a band columns are closer than at its other border.
        side = reach + reach // 8 + 1
        rows = self._rows(lat)[:, None] + np.arange(-reach, reach + 1)
        starts = self._in_row(rows.ravel(), np.repeat(lon, rows.shape[1]))
        columns = starts[:, 1:] + np.arange(-side, side + 1)
        cells = np.column_stack([np.repeat(starts[:, 0], 2 * side + 1), columns.flat])
        cells = self._wrapped(cells)
        # At this range a straight line is as long as the geodesic, to 0.1 um.
        here = np.repeat(ecef_m(lat, lon), len(cells) // len(lat), axis=0)
        away = np.linalg.norm(ecef_m(*self.centres(cells)) - here, axis=1)
        return np.unique(cells[away <= reach_m], axis=0)

    def inside(self, areas: Path) -> Cells:
        """Every cell [N, 2], sorted, with its centre in a polygon of a GeoJSON file.

        Raises:
            MissingDataError: if there is no such file.
            UnreadableError: if it holds no polygons in degrees.
            UsageError: if there are more than `MAX_CELLS`.
        """
        polygons = read_polygons(areas)
        west, south, east, north = shapely.bounds(polygons)
        _check(np.array([south, north]))
        rows = np.arange(
            self._rows(np.array([south]))[0] - 1, self._rows(np.array([north]))[0] + 2
        )
        first = self._in_row(rows, np.full(rows.size, west), wrap=False)[:, 1] - 1
        last = self._in_row(rows, np.full(rows.size, east), wrap=False)[:, 1] + 1
        shapely.prepare(polygons)
        kept = [np.zeros((0, 2), np.int64)]
        count = 0
        for row, start, end in zip(rows, first, last, strict=True):
            columns = np.arange(start, end + 1)
            cells = np.column_stack([np.full(columns.size, row), columns])
            lon = columns * 360.0 / self._columns(cells[:1, 0])
            lat, _ = self.centres(cells)
            kept.append(cells[shapely.contains_xy(polygons, lon, lat)])
            count += len(kept[-1])
            _refuse_many(count, self.spacing_m)
        return np.unique(self._wrapped(np.concatenate(kept)), axis=0)

    def _rows(self, lat: Array) -> Cells:
        zero = np.zeros_like(lat)
        north = np.copysign(distance_m(zero, zero, lat, zero), lat)
        rows: Cells = np.floor(north / self.spacing_m + 0.5).astype(np.int64)
        return rows

    def _columns(self, rows: Cells) -> Cells:
        """Number of columns of the circles that rows lie on."""
        bands, band_of = np.unique(
            np.floor(rows * self.spacing_m / BAND_M), return_inverse=True
        )
        # The border of the band that is nearer to the equator is the longer one.
        border = np.where(bands >= 0, bands, -bands - 1) * BAND_M
        lat, _ = destination(0.0, 0.0, 0.0, border)
        phi = np.radians(lat)
        radius = SEMI_MAJOR_M / np.sqrt(1 - ECCENTRICITY_2 * np.sin(phi) ** 2)
        around = 2 * math.pi * radius * np.cos(phi)
        columns: Cells = np.ceil(around / self.spacing_m).astype(np.int64)[band_of]
        return columns

    def _in_row(self, rows: Cells, lon: Array, *, wrap: bool = True) -> Cells:
        """The cell of a row whose centre has the nearest longitude."""
        columns = np.floor(lon / 360.0 * self._columns(rows) + 0.5).astype(np.int64)
        cells: Cells = np.column_stack([rows, columns])
        return self._wrapped(cells) if wrap else cells

    def _wrapped(self, cells: Cells) -> Cells:
        """Columns brought to [-n / 2, n / 2), so that a place has one number."""
        count = self._columns(cells[:, 0])
        half = count // 2
        cells = cells.copy()
        cells[:, 1] = np.mod(cells[:, 1] + half, count) - half
        return cells

    def _away(self, cells: Cells, lat: Array, lon: Array) -> Array:
        there_lat, there_lon = self.centres(cells)
        return distance_m(lat, lon, there_lat, there_lon)


def cell_name(cell: npt.NDArray[np.int64]) -> str:
    """Id of a cell.

    >>> cell_name(np.array([138022, -160123]))
    'cell+138022-160123'
    """
    row, column = cell.tolist()
    return f"cell{row:+d}{column:+d}"


def _check(lat: Array) -> None:
    if lat.size and np.abs(lat).max() > MAX_LATITUDE:
        raise UsageError(
            f"A grid of tiles reaches to {MAX_LATITUDE:g} degrees north and south; a "
            f"position lies at {lat[np.argmax(np.abs(lat))]:g}. Use centred tiles."
        )


def _refuse_many(count: int, spacing_m: float) -> None:
    if count > MAX_CELLS:
        raise UsageError(
            f"A grid of tiles {spacing_m:g} m apart would have more than "
            f"{MAX_CELLS:,} tiles here. Choose a smaller area or reach, larger tiles "
            "or less overlap."
        )

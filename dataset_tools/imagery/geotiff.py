"""One georeferenced raster: GeoTIFF or COG, JPEG 2000, JPEG or PNG + world file."""

import math
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import numpy as np
from rasterio.errors import RasterioError

from dataset_tools.errors import UnreadableError, UsageError
from dataset_tools.geodesy import distance_m, shift_doubt_m, transformer
from dataset_tools.imagery.bands import Bands, read_bands
from dataset_tools.imagery.blocks import Blocks
from dataset_tools.imagery.chunks import ChunkCache, ChunkedRaster
from dataset_tools.imagery.gdal_files import (
    Placed,
    open_placed,
    reading,
    system_name,
)
from dataset_tools.imagery.sampling import Aim, Array, Level, aim
from dataset_tools.imagery.sidecars import completed
from dataset_tools.imagery.source import About, RasterImagery, Reading
from dataset_tools.records import Rejection

WGS84 = "EPSG:4326"


def open_geotiff(
    path: Path,
    about: About,
    told: Reading | None = None,
    *,
    cache: ChunkCache | None = None,
) -> "GeoRaster":
    """A georeferenced raster; what is not stated of it, it says itself.

    Args:
        path: a local GeoTIFF, JPEG 2000, or JPEG or PNG with a world file.
        about: licence, attribution, date of capture and season.
        told: CRS, bands and scale that the file does not state.
        cache: where its pixels are kept; its own where None.

    Raises:
        MissingDataError: if there is no such file.
        UsageError: if the CRS is no known system, or another one than the file's.
        UnreadableError: if the file is of another kind, broken, or not georeferenced.
    """
    told = told or Reading()
    placed = open_placed(path, crs=told.crs)
    try:
        with reading():
            bands = read_bands(
                placed.dataset, name=path.name, wanted=told.bands, values=told.values
            )
        raster = GeoRaster(
            placed,
            completed(about, path, placed.dataset.tags()),
            bands=bands,
            name=path.name,
            cache=cache or ChunkCache(),
        )
        _ = raster.bounds  # told now if it lies nowhere, not at the first crop
    except (UnreadableError, UsageError):
        placed.close()
        raise
    except RasterioError as error:
        placed.close()
        raise UnreadableError(
            f"{path} is damaged: its pixels cannot be read. Fetch or export it again. "
            f"GDAL: {error}"
        ) from error
    return raster


class GeoRaster(RasterImagery):
    """Crops out of one open raster dataset; made by `open_geotiff`."""

    def __init__(
        self,
        placed: Placed,
        about: About,
        *,
        bands: Bands,
        name: str,
        cache: ChunkCache,
        key: Hashable = None,
    ) -> None:
        """Take over an open dataset.

        Args:
            placed: the dataset and its place.
            about: its terms and date.
            bands: how its pixels are read.
            name: what tiles and messages call it.
            cache: where its pixels are kept.
            key: tells its pixels from others' in the cache; the object where None.
        """
        self.about, self.source = about, name
        self._placed, self._bands = placed, bands
        self._inverse = ~placed.transform
        self._cache = cache
        self._key = id(self) if key is None else key
        self._full = self._level(placed.dataset, 0)
        self._coarser: list[Level] | None = None
        self._opened = [placed.dataset]

    @property
    def grid(self) -> tuple[Any, ...]:
        """Size, transform and system: equal for bands of one picture."""
        placed = self._placed
        shape = (placed.dataset.width, placed.dataset.height)
        return (*shape, tuple(placed.transform), placed.crs)

    @property
    def is_one_grey_band(self) -> bool:
        """Whether the file holds a single band of brightness."""
        return self._placed.dataset.count == 1 and self._bands.palette is None

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(west, south, east, north) in degrees; west > east over the antimeridian."""
        width, height = self._placed.dataset.width, self._placed.dataset.height
        u, v = np.meshgrid(np.linspace(0, width, 17), np.linspace(0, height, 17))
        lat, lon = self._to_degrees(u.ravel() - 0.5, v.ravel() - 0.5)
        if not (np.isfinite(lat).all() and np.isfinite(lon).all()):
            raise UnreadableError(
                f"{self.source} lies nowhere on Earth in its own system. Are its "
                "coordinates in another order or unit, or is the CRS wrong?"
            )
        middle = float(lon[lon.size // 2])
        lon = middle + np.mod(lon - middle + 180.0, 360.0) - 180.0
        west, east = (
            float((x + 180.0) % 360.0 - 180.0) for x in (lon.min(), lon.max())
        )
        return west, float(lat.min()), east, float(lat.max())

    @property
    def doubts(self) -> tuple[str, ...]:
        """That the shift grid of the raster's system is missing, if it is."""
        off_m = shift_doubt_m(self._placed.crs)
        if off_m is None:
            return ()
        return (
            f"{self.source} is in an old system whose shift grid PROJ does not have "
            f"here: its tiles may lie up to {off_m:g} m off. Fetch the grid with "
            "projsync, or reproject the file where it is installed.",
        )

    def described(self) -> list[dict[str, Any]]:
        """How the file is read, ready for JSON."""
        bands = self._bands
        said: dict[str, Any] = {
            "source": self.source,
            "kind": "raster",
            "crs": system_name(self._placed.crs),
            "bands": list(bands.colour),
            "alpha": bands.alpha,
            "nodata": list(bands.nodata),
            "black_and_white": bands.stretch and list(bands.stretch),
            "overviews": self._factors(),
        }
        return [said | {"note": bands.note} if bands.note else said]

    def m_per_px_at(self, lat: float, lon: float) -> float:
        """Metres on the ground per raster pixel at a position, mean of both axes.

        The unit and the scale of the raster's own system do not matter.
        """
        column, row = self._to_pixels(np.array([lat]), np.array([lon]))
        u = column[0] + np.array([-0.5, 0.5, 0.0, 0.0])
        v = row[0] + np.array([0.0, 0.0, -0.5, 0.5])
        lats, lons = self._to_degrees(u, v)
        sides = distance_m(lats[::2], lons[::2], lats[1::2], lons[1::2])
        return math.sqrt(float(sides[0]) * float(sides[1]))

    def close(self) -> None:
        """Close the file."""
        for dataset in self._opened:
            dataset.close()
        self._opened = []

    def _aim(
        self, lat: float, lon: float, *, side_m: float, size_px: int
    ) -> Aim | Rejection:
        at = (lat, lon)
        return aim(self._choose, self._to_pixels, at, side_m=side_m, size_px=size_px)

    def _choose(self, ratio: float) -> Level:
        """The coarsest level with a pixel of at most `ratio` full ones, opened now."""
        if ratio < 2:
            return self._full
        if self._coarser is None:
            self._coarser = []
            for number in range(len(self._factors())):
                self._opened.append(self._placed.overview(number))
                self._coarser.append(self._level(self._opened[-1], number + 1))
        fit = [level for level in self._coarser if max(level.shrink) <= ratio]
        return fit[-1] if fit else self._full

    def _factors(self) -> list[int]:
        with reading():
            return list(self._placed.dataset.overviews(self._bands.colour[0]))

    def _level(self, dataset: Any, number: int) -> Level:
        full = self._placed.dataset
        blocks = Blocks(dataset, self._bands)
        raster = ChunkedRaster(
            blocks.fetch,
            chunk_shape=blocks.chunk_shape,
            cache=self._cache,
            key=(self._key, number),
            known=blocks.known,
        )
        return Level(raster, (full.width / dataset.width, full.height / dataset.height))

    def _to_pixels(self, lat: Array, lon: Array) -> tuple[Array, Array]:
        placed = self._placed
        x, y = transformer(WGS84, placed.crs).transform(lon, lat)
        x, y = np.asarray(x, float), np.asarray(y, float)
        if placed.is_geographic:
            # The raster may count longitude from 0 to 360, or cross 180.
            dataset, t = placed.dataset, placed.transform
            middle = t.c + t.a * dataset.width / 2 + t.b * dataset.height / 2
            x = middle + np.mod(x - middle + 180.0, 360.0) - 180.0
        i = self._inverse
        return i.a * x + i.b * y + i.c - 0.5, i.d * x + i.e * y + i.f - 0.5

    def _to_degrees(self, columns: Array, rows: Array) -> tuple[Array, Array]:
        t = self._placed.transform
        u, v = columns + 0.5, rows + 0.5
        lon, lat = transformer(self._placed.crs, WGS84).transform(
            t.a * u + t.b * v + t.c, t.d * u + t.e * v + t.f
        )
        return np.asarray(lat, float), np.asarray(lon, float)

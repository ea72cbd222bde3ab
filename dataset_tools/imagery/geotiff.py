"""One georeferenced raster file: GeoTIFF or COG, JPEG 2000, JPEG or PNG + world file.

Only the drivers named here are opened: a VRT or a GDAL path beginning with /vsi can
point anywhere, the network included.
"""

import math
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.crs import CRS
from rasterio.errors import CRSError, NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from dataset_tools.errors import MissingDataError, UnreadableError, UsageError
from dataset_tools.geodesy import distance_m, transformer
from dataset_tools.imagery.bands import read_bands
from dataset_tools.imagery.sampling import (
    BUDGET_BYTES,
    Array,
    Chunk,
    ChunkedRaster,
    View,
    look,
)
from dataset_tools.imagery.source import About, RasterImagery, unreadable
from dataset_tools.records import Rejection

SIGNATURES = (
    (b"II*\x00", "GTiff"),
    (b"MM\x00*", "GTiff"),
    (b"II+\x00", "GTiff"),
    (b"MM\x00+", "GTiff"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\x00\x00\x00\x0cjP  ", "JP2OpenJPEG"),
    (b"\xff\x4f\xff\x51", "JP2OpenJPEG"),
)
"""First bytes of the files we open, and the only GDAL driver each is opened with."""
CHUNK_PX = 512
WGS84 = "EPSG:4326"


def open_geotiff(path: Path, about: About, *, crs: str | None = None) -> "GeoRaster":
    """A georeferenced raster, its date taken from its tags where none is stated.

    Args:
        path: a local GeoTIFF, JPEG 2000, or JPEG or PNG with a world file.
        about: licence, attribution, date of capture and season.
        crs: coordinate reference system of a file that names none, e.g. "EPSG:32618".

    Raises:
        MissingDataError: if there is no such file.
        UsageError: if `crs` is no known system, or another one than the file's.
        UnreadableError: if the file is of another kind, broken, or not georeferenced.
    """
    if not path.is_file():
        raise MissingDataError(f"There is no imagery file {path}; check the path.")
    dataset = _open(path)
    try:
        return GeoRaster(dataset, about, crs=_crs(dataset, path, crs), name=path.name)
    except (UnreadableError, UsageError):
        dataset.close()
        raise
    except RasterioError as error:
        dataset.close()
        raise UnreadableError(
            f"{path} is damaged: its pixels cannot be read. Fetch or export it again. "
            f"GDAL: {error}"
        ) from error


def _open(path: Path) -> Any:
    """The dataset behind a path, opened by the one driver its first bytes ask for."""
    with path.open("rb") as file:
        head = file.read(12)
    driver = next((d for start, d in SIGNATURES if head.startswith(start)), None)
    if driver is None:
        raise UnreadableError(
            f"{path} is no imagery that can be read here: expected a GeoTIFF, JPEG "
            "2000, JPEG or PNG (a VRT is refused, as it can point anywhere). Convert "
            "it with gdal_translate to a GeoTIFF."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            return rasterio.open(str(path.resolve()), driver=driver)
    except (RasterioError, OSError) as error:
        raise UnreadableError(
            f"{path} cannot be read as imagery. Fetch or export it again. GDAL: {error}"
        ) from error


class GeoRaster(RasterImagery):
    """Crops out of one open raster dataset; made by `open_geotiff`."""

    def __init__(self, dataset: Any, about: About, *, crs: str, name: str) -> None:
        """Take over an open dataset and its system as WKT."""
        _check_transform(dataset, name)
        self.about, self.source = _with_tags(about, dataset), name
        self._dataset, self._crs = dataset, crs
        self._is_geographic = CRS.from_user_input(crs).is_geographic
        self._inverse = ~dataset.transform
        self._bands = read_bands(dataset, name=name)
        self._raster = ChunkedRaster(self._fetch, chunk_shape=_chunk_shape(dataset))

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(west, south, east, north) in degrees; west > east over the antimeridian."""
        width, height = self._dataset.width, self._dataset.height
        u, v = np.meshgrid(np.linspace(0, width, 17), np.linspace(0, height, 17))
        lat, lon = self._to_degrees(u.ravel() - 0.5, v.ravel() - 0.5)
        middle = float(lon[lon.size // 2])
        lon = middle + np.mod(lon - middle + 180.0, 360.0) - 180.0
        west, east = (
            float((x + 180.0) % 360.0 - 180.0) for x in (lon.min(), lon.max())
        )
        return west, float(lat.min()), east, float(lat.max())

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
        self._dataset.close()

    def _look(
        self, lat: float, lon: float, *, side_m: float, size_px: int
    ) -> View | Rejection:
        at = (lat, lon)
        try:
            return look(
                self._raster, self._to_pixels, at, side_m=side_m, size_px=size_px
            )
        except RasterioError as error:
            return unreadable(lat, lon, fault=f"{self.source}: {error}")

    def _fetch(self, row: int, column: int) -> Chunk | None:
        dataset = self._dataset
        chunk_height, chunk_width = _chunk_shape(dataset)
        top, left = row * chunk_height, column * chunk_width
        height = min(chunk_height, dataset.height - top)
        width = min(chunk_width, dataset.width - left)
        if top < 0 or left < 0 or height <= 0 or width <= 0:
            return None
        part = self._bands.read(dataset, Window(left, top, width, height))
        return _padded(part, chunk_height, chunk_width)

    def _to_pixels(self, lat: Array, lon: Array) -> tuple[Array, Array]:
        x, y = transformer(WGS84, self._crs).transform(lon, lat)
        x, y = np.asarray(x, float), np.asarray(y, float)
        if self._is_geographic:
            # The raster may count longitude from 0 to 360, or cross 180.
            dataset = self._dataset
            t = dataset.transform
            middle = t.c + t.a * dataset.width / 2 + t.b * dataset.height / 2
            x = middle + np.mod(x - middle + 180.0, 360.0) - 180.0
        i = self._inverse
        return i.a * x + i.b * y + i.c - 0.5, i.d * x + i.e * y + i.f - 0.5

    def _to_degrees(self, column: Array, row: Array) -> tuple[Array, Array]:
        t = self._dataset.transform
        u, v = column + 0.5, row + 0.5
        x, y = t.a * u + t.b * v + t.c, t.d * u + t.e * v + t.f
        lon, lat = transformer(self._crs, WGS84).transform(x, y)
        return np.asarray(lat, float), np.asarray(lon, float)


def _padded(part: Chunk, height: int, width: int) -> Chunk:
    """A chunk at the raster's edge filled up to full size with invalid pixels."""
    h, w = part.pixels.shape[:2]
    if (h, w) == (height, width):
        return part
    pixels = np.zeros((height, width, 3), np.uint8)
    valid = np.zeros((height, width), np.bool_)
    pixels[:h, :w] = part.pixels
    valid[:h, :w] = True if part.valid is None else part.valid
    return Chunk(pixels, valid)


def _crs(dataset: Any, path: Path, given: str | None) -> str:
    """The dataset's system as WKT, or the given one where it has none."""
    stated: Any = None
    if given is not None:
        try:
            stated = CRS.from_user_input(given)
        except CRSError as error:
            raise UsageError(
                f"--imagery-crs {given!r} is no known coordinate reference system; "
                "give a code such as EPSG:32618."
            ) from error
    own = dataset.crs
    if not own and stated is None:
        raise UnreadableError(
            f"{path} has no coordinate reference system, so no tile can be cut from "
            "it. Say which one it uses, for example --imagery-crs EPSG:32618."
        )
    if own and stated is not None and own != stated:
        raise UsageError(
            f"--imagery-crs {given} contradicts {path}, which says "
            f"{own.to_string()[:60]}. Leave it away."
        )
    used: Any = own or stated
    if not (used.is_projected or used.is_geographic):
        raise UnreadableError(
            f"{path} uses the local system {used.to_string()[:60]!r}, which has no "
            "place on Earth. Export it in a projected system such as EPSG:32618."
        )
    return str(used.to_wkt(version="WKT2_2019"))


def _check_transform(dataset: Any, name: str) -> None:
    transform = dataset.transform
    if transform == rasterio.Affine.identity() or transform.determinant == 0:
        raise UnreadableError(
            f"{name} is not georeferenced: its pixels have no coordinates. Put a world "
            "file (.tfw, .jgw, .pgw) beside it, or export it with its georeference."
        )


def _chunk_shape(dataset: Any) -> tuple[int, int]:
    """(height, width) of the chunks to read, following how the file is stored."""
    total = dataset.width * dataset.height * 4
    if dataset.driver in ("JPEG", "PNG") and total <= BUDGET_BYTES:
        return dataset.height, dataset.width  # these can only be read from the top
    block_height, block_width = dataset.block_shapes[0]
    if block_width < dataset.width or dataset.width > 32 * CHUNK_PX:
        return CHUNK_PX, CHUNK_PX
    return max(CHUNK_PX // 2, min(block_height, CHUNK_PX)), dataset.width


def _with_tags(about: About, dataset: Any) -> About:
    """The stated facts, completed from the file's own tags."""
    tags = {k.lower(): v for k, v in dataset.tags().items()}
    text = tags.get("captured") or tags.get("tifftag_datetime") or ""
    found = re.match(r"(\d{4})[:-](\d{2})[:-](\d{2})", text)
    date = "-".join(found.groups()) if found else None
    return About(
        licence=about.licence,
        attribution=about.attribution or tags.get("tifftag_copyright", ""),
        captured=about.captured or date,
        season=about.season or tags.get("season"),
    )

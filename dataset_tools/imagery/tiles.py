"""A folder of Web Mercator tiles, `z/x/y.ext`, as web map tools write them.

Rows count from the north (XYZ). A crop is cut across tile borders, at the coarsest
zoom that is still as fine as the crop, or the next finer one where tiles are missing.
"""

import io
import math
import re
from pathlib import Path

import numpy as np

from dataset_tools.errors import MissingDataError, UnreadableError
from dataset_tools.imagery.sampling import (
    Array,
    Chunk,
    ChunkedRaster,
    ToPixels,
    View,
    look,
)
from dataset_tools.imagery.source import About, RasterImagery, unreadable
from dataset_tools.pictures import DECODING_ERRORS, open_bounded
from dataset_tools.records import Rejection

EQUATOR_M = 2 * math.pi * 6378137.0
"""Length of the equator on the sphere of Web Mercator."""
TILE_NAME = re.compile(r"^(\d{1,9})\.(png|jpe?g|webp)$", re.IGNORECASE)
MAX_ZOOM = 26
MAX_TILE_PX = 4096
FINE_ENOUGH = 1.01
"""A zoom up to 1 % coarser than the crop still counts as fine enough."""
Index = dict[tuple[int, int], str]
"""(x, y) of a tile to its file name."""


def open_tiles(path: Path, about: About) -> "TileFolder":
    """The tiles below a folder.

    Args:
        path: folder with `z/x/y.png`, `.jpg`, `.jpeg` or `.webp`.
        about: licence, attribution, date of capture and season.

    Raises:
        MissingDataError: if there is no such folder.
        UnreadableError: if it holds no tiles, or the first one is broken.
    """
    if not path.is_dir():
        raise MissingDataError(f"There is no tile folder {path}; check the path.")
    zooms = {z: _index(path / str(z), z) for z in _zooms(path)}
    zooms = {z: index for z, index in sorted(zooms.items()) if index}
    if not zooms:
        raise UnreadableError(
            f"{path} holds no map tiles: expected ZOOM/X/Y.png (or jpg, webp) with "
            "rows counted from the north. Join a folder of GeoTIFFs into one file with "
            "gdalwarp first."
        )
    return TileFolder(path, about, zooms=zooms)


class TileFolder(RasterImagery):
    """Crops out of a Web Mercator tile folder; made by `open_tiles`."""

    def __init__(self, path: Path, about: About, *, zooms: dict[int, Index]) -> None:
        """Take the folder and the tiles found in it, by zoom in rising order."""
        self.about, self.source = about, path.name
        self._path, self._zooms = path, zooms
        finest = max(zooms)
        (x, _), name = min(zooms[finest].items())
        self._tile_px = _read(path / str(finest) / str(x) / name).pixels.shape[0]
        self._rasters = {z: self._raster(z) for z in zooms}

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(west, south, east, north) in degrees of the finest zoom's tiles."""
        zoom = max(self._zooms)
        columns = sorted({x for x, _ in self._zooms[zoom]})
        rows = sorted({y for _, y in self._zooms[zoom]})
        count = 1 << zoom
        # The widest gap between columns is outside: tiles may lie on both sides of 180.
        following = [*columns[1:], columns[0] + count]
        gaps = [b - a for a, b in zip(columns, following, strict=True)]
        last = max(range(len(gaps)), key=gaps.__getitem__)
        west = columns[(last + 1) % len(columns)] / count * 360.0 - 180.0
        east = (columns[last] + 1) / count * 360.0 - 180.0
        north, south = (_latitude(r / count) for r in (rows[0], rows[-1] + 1))
        return west, south, east, north

    def m_per_px_at(self, lat: float, lon: float) -> float:
        """Metres on the ground per pixel of the finest zoom at a latitude."""
        return self._gsd(max(self._zooms), lat)

    def close(self) -> None:
        """Forget the tiles read so far."""
        self._rasters = {z: self._raster(z) for z in self._zooms}

    def _gsd(self, zoom: int, lat: float) -> float:
        pixels = float(self._tile_px << zoom)
        return EQUATOR_M * math.cos(math.radians(lat)) / pixels

    def _look(
        self, lat: float, lon: float, *, side_m: float, size_px: int
    ) -> View | Rejection:
        """The first zoom that covers the crop, else the best covered Rejection."""
        wanted = side_m / size_px * FINE_ENOUGH
        fine = [z for z in self._zooms if self._gsd(z, lat) <= wanted]
        best: Rejection | None = None
        for zoom in fine or [max(self._zooms)]:
            try:
                seen = look(
                    self._rasters[zoom],
                    self._to_pixels(zoom, lon),
                    (lat, lon),
                    side_m=side_m,
                    size_px=size_px,
                )
            except UnreadableError as error:
                return unreadable(lat, lon, fault=str(error))
            if not isinstance(seen, Rejection):
                return seen
            best = seen if best is None else max(best, seen, key=_share)
        assert best is not None
        return best

    def _raster(self, zoom: int) -> ChunkedRaster:
        index, count = self._zooms[zoom], 1 << zoom
        size = (self._tile_px, self._tile_px)

        def fetch(row: int, column: int) -> Chunk | None:
            x = column % count
            name = index.get((x, row))
            if name is None:
                return None
            chunk = _read(self._path / str(zoom) / str(x) / name)
            if chunk.pixels.shape[:2] != size:
                raise UnreadableError(
                    f"tile {zoom}/{x}/{name} has {chunk.pixels.shape[1]} x "
                    f"{chunk.pixels.shape[0]} pixels, the others {size[0]}"
                )
            return chunk

        return ChunkedRaster(fetch, chunk_shape=size)

    def _to_pixels(self, zoom: int, middle: float) -> ToPixels:
        """The way to world pixels of a zoom, without a jump near `middle` degrees."""
        world = float(self._tile_px << zoom)

        def convert(lat: Array, lon: Array) -> tuple[Array, Array]:
            near = middle + np.mod(lon - middle + 180.0, 360.0) - 180.0
            columns = (near + 180.0) / 360.0 * world - 0.5
            north = np.arcsinh(np.tan(np.radians(lat))) / math.pi
            rows = (1.0 - north) / 2.0 * world - 0.5
            return columns, rows

        return convert


def _share(rejection: Rejection) -> float:
    value = rejection.measured
    return value if isinstance(value, float) else 0.0


def _latitude(share: float) -> float:
    """Latitude at a share of the world's height, 0 in the north."""
    return math.degrees(math.atan(math.sinh(math.pi * (1.0 - 2.0 * share))))


def _zooms(path: Path) -> list[int]:
    names = [p.name for p in path.iterdir() if p.is_dir()]
    zooms = [int(n) for n in names if n.isascii() and n.isdigit() and n == str(int(n))]
    return sorted(z for z in zooms if z <= MAX_ZOOM)


def _index(folder: Path, zoom: int) -> Index:
    """Tiles of one zoom; of two files for one tile the first by name."""
    index: Index = {}
    for column in sorted(folder.iterdir()):
        if not (column.name.isascii() and column.name.isdigit() and column.is_dir()):
            continue
        for file in sorted(column.iterdir()):
            found = TILE_NAME.match(file.name)
            x, y = int(column.name), int(found[1]) if found else -1
            if 0 <= y < 1 << zoom and x < 1 << zoom:
                index.setdefault((x, y), file.name)
    return index


def _read(path: Path) -> Chunk:
    """One tile; transparent pixels are not covered.

    Raises:
        UnreadableError: if it is no square picture of at most MAX_TILE_PX a side.
    """
    name = "/".join(path.parts[-3:])
    try:
        with open_bounded(
            io.BytesIO(path.read_bytes()), max_pixels=MAX_TILE_PX**2
        ) as picture:
            rgba = np.asarray(picture.convert("RGBA"), dtype=np.uint8)
    except DECODING_ERRORS as error:
        raise UnreadableError(
            f"tile {name} cannot be decoded; fetch it again"
        ) from error
    if rgba.shape[0] != rgba.shape[1]:
        raise UnreadableError(
            f"tile {name} has {rgba.shape[1]} x {rgba.shape[0]} pixels; map tiles are "
            "square"
        )
    valid = rgba[..., 3] > 0
    return Chunk(np.ascontiguousarray(rgba[..., :3]), None if valid.all() else valid)

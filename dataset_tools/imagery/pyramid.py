"""Web Mercator map tiles, wherever they are stored: a pyramid of zooms.

A crop is cut across tile borders, at the coarsest zoom that is still as fine as the
crop, or the next finer one where tiles are missing. Rows count from the north (XYZ).
"""

import io
import math
from functools import partial
from typing import Any, Protocol

import numpy as np

from dataset_tools.errors import UnreadableError
from dataset_tools.imagery.chunks import Chunk, ChunkCache, ChunkedRaster
from dataset_tools.imagery.sampling import Aim, Array, Level, ToPixels, aim
from dataset_tools.imagery.source import READING_ERRORS, About, RasterImagery
from dataset_tools.pictures import DECODING_ERRORS, decoding_fault, open_bounded
from dataset_tools.records import Rejection

EQUATOR_M = 2 * math.pi * 6378137.0
"""Length of the equator on the sphere of Web Mercator."""
MAX_ZOOM = 26
MAX_TILE_PX = 4096
FINE_ENOUGH = 1.01
"""A zoom up to 1 % coarser than the crop still counts as fine enough."""


class TileStore(Protocol):
    """Encoded map tiles by zoom, column and row."""

    @property
    def zooms(self) -> list[int]:
        """Zooms that have tiles, rising; at least one."""

    def span(self, zoom: int) -> tuple[list[int], tuple[int, int]]:
        """Columns of a zoom that have tiles, sorted; its first and its last row."""

    def first(self, zoom: int) -> tuple[int, int]:
        """Column and row of some tile of a zoom, the same each time."""

    def name(self, zoom: int, x: int, y: int) -> str:
        """What messages call a tile."""

    def read(self, zoom: int, x: int, y: int) -> bytes | None:
        """An encoded picture, or None where there is no such tile.

        Raises:
            UnreadableError: if it is there and cannot be read.
        """

    def is_solid(self, zoom: int, x: int, y: int) -> bool | None:
        """Whether a tile is there and cannot be transparent; None: read it to see."""

    def described(self) -> dict[str, Any]:
        """How the store is read, ready for JSON."""

    def close(self) -> None:
        """Release files."""


class TilePyramid(RasterImagery):
    """Crops out of Web Mercator map tiles."""

    def __init__(
        self, store: TileStore, about: About, *, name: str, cache: ChunkCache
    ) -> None:
        """Take over a store; one tile is decoded to see how large tiles are.

        Raises:
            UnreadableError: if that tile is broken.
        """
        self.about, self.source, self._store = about, name, store
        self._tile_px = self._side()
        self._levels = {zoom: self._level(zoom, cache) for zoom in store.zooms}

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(west, south, east, north) in degrees of the finest zoom's tiles."""
        zoom = self._store.zooms[-1]
        columns, rows = self._store.span(zoom)
        count = 1 << zoom
        # The widest gap between columns is outside: tiles may lie on both sides of 180.
        following = [*columns[1:], columns[0] + count]
        gaps = [b - a for a, b in zip(columns, following, strict=True)]
        last = max(range(len(gaps)), key=gaps.__getitem__)
        west = columns[(last + 1) % len(columns)] / count * 360.0 - 180.0
        east = (columns[last] + 1) / count * 360.0 - 180.0
        north, south = (_latitude(r / count) for r in (rows[0], rows[-1] + 1))
        return west, south, east, north

    def described(self) -> list[dict[str, Any]]:
        """How the tiles are read, ready for JSON."""
        said = {"source": self.source, "kind": "map tiles", "tile_px": self._tile_px}
        return [said | {"zooms": self._store.zooms} | self._store.described()]

    def m_per_px_at(self, lat: float, lon: float) -> float:
        """Metres on the ground per pixel of the finest zoom at a latitude."""
        del lon
        return self._gsd(self._store.zooms[-1], lat)

    def close(self) -> None:
        """Release the files of the store."""
        self._store.close()

    def _gsd(self, zoom: int, lat: float) -> float:
        pixels = float(self._tile_px << zoom)
        return EQUATOR_M * math.cos(math.radians(lat)) / pixels

    def _aim(
        self, lat: float, lon: float, *, side_m: float, size_px: int
    ) -> Aim | Rejection:
        """In the first zoom that covers the crop, else in the best covered one."""
        wanted = side_m / max(size_px, 1) * FINE_ENOUGH
        fine = [z for z in self._levels if self._gsd(z, lat) <= wanted]
        best: Aim | Rejection | None = None
        share = -1.0
        for zoom in fine or [max(self._levels)]:
            place = aim(
                partial(_always, self._levels[zoom]),
                self._to_pixels(zoom, lon),
                (lat, lon),
                side_m=side_m,
                size_px=size_px,
            )
            if isinstance(place, Rejection):
                best = place if best is None else best
                continue
            try:
                fault = place.covered(self.least_covered)
            except READING_ERRORS:
                return place  # reading it again tells what is wrong
            if fault is None:
                return place
            if _share(fault) > share:
                best, share = place, _share(fault)
        assert best is not None
        return best

    def _level(self, zoom: int, cache: ChunkCache) -> Level:
        count, side = 1 << zoom, self._tile_px
        store = self._store

        def fetch(row: int, column: int) -> Chunk | None:
            return self._tile(zoom, column % count, row)

        def known(row: int, column: int) -> tuple[int, int] | None:
            solid = store.is_solid(zoom, column % count, row)
            return None if solid is None else ((side, side) if solid else (0, 0))

        raster = ChunkedRaster(
            fetch,
            chunk_shape=(side, side),
            cache=cache,
            key=(id(self), zoom),
            known=known,
        )
        return Level(raster)

    def _tile(self, zoom: int, x: int, y: int) -> Chunk | None:
        data = self._store.read(zoom, x, y)
        if data is None:
            return None
        name = self._store.name(zoom, x, y)
        chunk = _decode(data, name)
        height, width = chunk.pixels.shape[:2]
        if (height, width) != (self._tile_px, self._tile_px):
            raise UnreadableError(
                f"tile {name} has {width} x {height} pixels, the others {self._tile_px}"
            )
        return chunk

    def _side(self) -> int:
        """Side in pixels of the first tile of the finest zoom."""
        zoom = self._store.zooms[-1]
        at = (zoom, *self._store.first(zoom))
        data = self._store.read(*at)
        if data is None:
            raise UnreadableError(f"{self.source} holds no tile of zoom {zoom}.")
        return int(_decode(data, self._store.name(*at)).pixels.shape[0])

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


def _always(level: Level, ratio: float) -> Level:
    del ratio
    return level


def _share(rejection: Rejection) -> float:
    value = rejection.measured
    return value if isinstance(value, float) else 0.0


def _latitude(share: float) -> float:
    """Latitude at a share of the world's height, 0 in the north."""
    return math.degrees(math.atan(math.sinh(math.pi * (1.0 - 2.0 * share))))


def _decode(data: bytes, name: str) -> Chunk:
    """One tile; transparent pixels are not covered.

    Raises:
        UnreadableError: if it is no square picture of at most MAX_TILE_PX a side.
    """
    try:
        with open_bounded(io.BytesIO(data), max_pixels=MAX_TILE_PX**2) as picture:
            rgba = np.asarray(picture.convert("RGBA"), dtype=np.uint8)
    except DECODING_ERRORS as error:
        raise UnreadableError(
            f"tile {name} cannot be decoded ({decoding_fault(error)}); fetch it again"
        ) from error
    if rgba.shape[0] != rgba.shape[1]:
        raise UnreadableError(
            f"tile {name} has {rgba.shape[1]} x {rgba.shape[0]} pixels; map tiles are "
            "square"
        )
    valid = rgba[..., 3] > 0
    return Chunk(np.ascontiguousarray(rgba[..., :3]), None if valid.all() else valid)

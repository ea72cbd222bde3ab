"""A raster as equal chunks, loaded when first needed and kept up to a budget.

All readers of a build share one cache, so that memory does not grow with the number
of files; what was not used for longest is forgotten first.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

BUDGET_BYTES = 256_000_000


class Chunk(NamedTuple):
    """One rectangle of a raster: pixels [h, w, 3] and which are valid (None: all)."""

    pixels: Pixels
    valid: Mask | None


class ChunkCache:
    """The chunks read last, of any number of rasters, within a budget of bytes."""

    def __init__(self, budget_bytes: int = BUDGET_BYTES) -> None:
        """Start empty."""
        self.budget_bytes, self.held_bytes = budget_bytes, 0
        self._kept: OrderedDict[Hashable, Chunk | None] = OrderedDict()

    def get(self, key: Hashable, fetch: Callable[[], Chunk | None]) -> Chunk | None:
        """The chunk of a key, fetched if it is not held."""
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        chunk = fetch()
        self._kept[key] = chunk
        self.held_bytes += _size(chunk)
        while self.held_bytes > self.budget_bytes and len(self._kept) > 1:
            self.held_bytes -= _size(self._kept.popitem(last=False)[1])
        return chunk


class ChunkedRaster:
    """A raster that is read by rectangles and loaded by chunks."""

    def __init__(
        self,
        fetch: Callable[[int, int], Chunk | None],
        *,
        chunk_shape: tuple[int, int],
        cache: ChunkCache,
        key: Hashable,
        known: Callable[[int, int], tuple[int, int] | None] | None = None,
    ) -> None:
        """Take chunks of `chunk_shape` (height, width) from fetch(row, column).

        Args:
            fetch: a chunk, or None where there is none.
            chunk_shape: height and width of every chunk in pixels.
            cache: where chunks are kept.
            key: tells this raster's chunks from others in the cache.
            known: (height, width) of a chunk's valid part at its top left where that
                is known without loading it, else None.
        """
        self._fetch, self._known = fetch, known
        self._height, self._width = chunk_shape
        self._cache, self._key = cache, key

    def window(self, top: int, left: int, *, height: int, width: int) -> Chunk:
        """The rectangle [height, width] at (top, left); invalid where there is none."""
        rows, columns = self._span(top, left, height, width)
        if len(rows) == len(columns) == 1:
            return self._part(rows[0], columns[0], top, left, height, width)
        pixels = np.zeros((height, width, 3), np.uint8)
        valid = np.zeros((height, width), np.bool_)
        for row in rows:
            for column in columns:
                y0, x0 = row * self._height, column * self._width
                up, low = max(top, y0), min(top + height, y0 + self._height)
                lef, rig = max(left, x0), min(left + width, x0 + self._width)
                part = self._part(row, column, up, lef, low - up, rig - lef)
                at = np.s_[up - top : low - top, lef - left : rig - left]
                pixels[at] = part.pixels
                valid[at] = True if part.valid is None else part.valid
        return Chunk(pixels, None if valid.all() else valid)

    def validity(self, top: int, left: int, *, height: int, width: int) -> Mask | None:
        """Which pixels of a rectangle are valid (None: all), loading what it must."""
        rows, columns = self._span(top, left, height, width)
        valid = np.zeros((height, width), np.bool_)
        for row in rows:
            for column in columns:
                part = None if self._known is None else self._known(row, column)
                if part is None:
                    window = self.window(top, left, height=height, width=width)
                    return window.valid
                y0, x0 = row * self._height - top, column * self._width - left
                low, rig = y0 + part[0], x0 + part[1]
                valid[max(y0, 0) : max(low, 0), max(x0, 0) : max(rig, 0)] = True
        return None if valid.all() else valid

    def _span(
        self, top: int, left: int, height: int, width: int
    ) -> tuple[range, range]:
        return (
            range(top // self._height, (top + height - 1) // self._height + 1),
            range(left // self._width, (left + width - 1) // self._width + 1),
        )

    def _part(
        self, row: int, column: int, top: int, left: int, height: int, width: int
    ) -> Chunk:
        chunk = self._cache.get(
            (self._key, row, column), lambda: self._fetch(row, column)
        )
        if chunk is None:
            shape = (height, width)
            return Chunk(np.zeros((*shape, 3), np.uint8), np.zeros(shape, np.bool_))
        y0, x0 = top - row * self._height, left - column * self._width
        at = np.s_[y0 : y0 + height, x0 : x0 + width]
        valid = None if chunk.valid is None else chunk.valid[at]
        return Chunk(chunk.pixels[at], valid)


def _size(chunk: Chunk | None) -> int:
    if chunk is None:
        return 0
    return chunk.pixels.nbytes + (0 if chunk.valid is None else chunk.valid.nbytes)

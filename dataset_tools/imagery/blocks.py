"""A dataset's pixels by chunks that follow the blocks it is stored in."""

from pathlib import Path
from typing import Any

import numpy as np
from rasterio.enums import Interleaving
from rasterio.windows import Window

from dataset_tools.imagery.bands import Bands
from dataset_tools.imagery.chunks import Chunk
from dataset_tools.imagery.gdal_files import reading

CHUNK_PX = 256
STRIP_ROWS = 128
WHOLE_BYTES = 128_000_000
"""JPEG and PNG up to this size are decoded once and held as a whole."""


class Blocks:
    """The chunks of an open dataset; a chunk is a block, or a few small ones."""

    def __init__(self, dataset: Any, bands: Bands) -> None:
        """Look at how the dataset is stored; nothing is decoded yet."""
        self._dataset, self._bands = dataset, bands
        self.chunk_shape = _chunk_shape(dataset)
        is_tiff = dataset.driver == "GTiff"  # not known of bands in a file each
        self._stored: dict[tuple[int, int], bool] = {}
        self._bytes = Path(dataset.name).stat().st_size if is_tiff else 0

    def fetch(self, row: int, column: int) -> Chunk | None:
        """Decode one chunk; None outside the raster."""
        height, width = self._size(row, column)
        if height <= 0 or width <= 0:
            return None
        top, left = row * self.chunk_shape[0], column * self.chunk_shape[1]
        with reading():
            part = self._bands.read(self._dataset, Window(left, top, width, height))
        return _padded(part, *self.chunk_shape)

    def known(self, row: int, column: int) -> tuple[int, int] | None:
        """Size of a chunk's valid part, or None where only its pixels can tell.

        They need not be asked where every pixel of the file is valid and the chunk is
        stored within it: a file cut short lacks some.
        """
        height, width = self._size(row, column)
        if height <= 0 or width <= 0:
            return 0, 0
        if not self._bands.is_solid or self._dataset.dtypes[0].startswith("float"):
            return None
        if not self._bytes:
            return None
        if (row, column) not in self._stored:
            self._stored[row, column] = self._is_stored(row, column)
        return (height, width) if self._stored[row, column] else None

    def _size(self, row: int, column: int) -> tuple[int, int]:
        if min(row, column) < 0:
            return 0, 0
        height, width = self.chunk_shape
        return (
            min(height, self._dataset.height - row * height),
            min(width, self._dataset.width - column * width),
        )

    def _is_stored(self, row: int, column: int) -> bool:
        height, width = self._size(row, column)
        top, left = row * self.chunk_shape[0], column * self.chunk_shape[1]
        block_height, block_width = self._dataset.block_shapes[0]
        apart = self._dataset.interleaving == Interleaving.band
        return all(
            self._ends_inside(x, y, band)
            for y in range(top // block_height, (top + height - 1) // block_height + 1)
            for x in range(left // block_width, (left + width - 1) // block_width + 1)
            for band in (self._bands.colour if apart else (1,))
        )

    def _ends_inside(self, x: int, y: int, band: int) -> bool:
        """Whether a TIFF's block is stored, and within the file."""
        tell = self._dataset.get_tag_item
        start = tell(f"BLOCK_OFFSET_{x}_{y}", "TIFF", bidx=band)
        size = tell(f"BLOCK_SIZE_{x}_{y}", "TIFF", bidx=band)
        if not start or not size:
            return False
        return int(start) + int(size) <= self._bytes


def _chunk_shape(dataset: Any) -> tuple[int, int]:
    """(height, width) of the chunks to read, following how the file is stored."""
    total = dataset.width * dataset.height * 4
    if dataset.driver in ("JPEG", "PNG") and total <= WHOLE_BYTES:
        return dataset.height, dataset.width  # these can only be read from the top
    height, width = dataset.block_shapes[0]
    if width >= dataset.width and width > 2 * CHUNK_PX:
        return max(height, -(-STRIP_ROWS // height) * height), width
    return tuple(-(-CHUNK_PX // side) * side for side in (height, width))


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

"""North-up crops out of any raster: footprint to pixels, area sampling, coverage.

The grid of a crop is azimuthal equidistant around the tile's centre, true north up:
a point at a bearing and a distance, which is how its control points are computed.
Between control points the way into the raster is bilinear; they lie at most
`CONTROL_M` apart, where the map of any usual projection is straight to well below a
millimetre. Rasters come as chunks, loaded when first needed and kept up to a budget.
"""

import math
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dataset_tools.errors import UsageError
from dataset_tools.geodesy import destination
from dataset_tools.records import Rejection

Pixels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Array = npt.NDArray[np.float64]
ToPixels = Callable[[Array, Array], tuple[Array, Array]]
"""(lat, lon) in degrees to (column, row); the centre of the first pixel is 0, 0."""

MIN_COVERED = 0.999
"""Share of a crop that must be covered; the rest is a dozen pixels at a seam."""
CONTROL_M = 100.0
LANE = 21
"""Bits of each of three colours in one 64-bit number."""
BUDGET_BYTES = 500_000_000
MAX_WINDOW_PX = 64_000_000
"""The largest part of a raster one crop may read: 8,000 x 8,000 pixels."""
NOT_COVERED = "imagery-does-not-cover"


class Chunk(NamedTuple):
    """One rectangle of a raster: pixels [h, w, 3] and which are valid (None: all)."""

    pixels: Pixels
    valid: Mask | None


class ChunkedRaster:
    """A raster as equal chunks, the least recently used forgotten over a budget."""

    def __init__(
        self,
        fetch: Callable[[int, int], Chunk | None],
        *,
        chunk_shape: tuple[int, int],
        budget_bytes: int = BUDGET_BYTES,
    ) -> None:
        """Take chunks of `chunk_shape` (height, width) from fetch(row, column)."""
        self._fetch = fetch
        self._height, self._width = chunk_shape
        self._budget, self._held = budget_bytes, 0
        self._kept: OrderedDict[tuple[int, int], Chunk | None] = OrderedDict()

    def window(self, top: int, left: int, *, height: int, width: int) -> Chunk:
        """The rectangle [height, width] at (top, left); invalid where there is none."""
        rows = range(top // self._height, (top + height - 1) // self._height + 1)
        columns = range(left // self._width, (left + width - 1) // self._width + 1)
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

    def _part(
        self, row: int, column: int, top: int, left: int, height: int, width: int
    ) -> Chunk:
        chunk = self._get(row, column)
        if chunk is None:
            shape = (height, width)
            return Chunk(np.zeros((*shape, 3), np.uint8), np.zeros(shape, np.bool_))
        y0, x0 = top - row * self._height, left - column * self._width
        at = np.s_[y0 : y0 + height, x0 : x0 + width]
        valid = None if chunk.valid is None else chunk.valid[at]
        return Chunk(chunk.pixels[at], valid)

    def _get(self, row: int, column: int) -> Chunk | None:
        key = (row, column)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        chunk = self._fetch(row, column)
        self._kept[key] = chunk
        self._held += _size(chunk)
        while self._held > self._budget and len(self._kept) > 1:
            self._held -= _size(self._kept.popitem(last=False)[1])
        return chunk


def _size(chunk: Chunk | None) -> int:
    if chunk is None:
        return 0
    return chunk.pixels.nbytes + (0 if chunk.valid is None else chunk.valid.nbytes)


def refuse(lat: float, lon: float, *, share: float) -> Rejection:
    """The record of a crop that the imagery covers only in part.

    Args:
        lat: latitude of the crop's centre in degrees.
        lon: longitude of the crop's centre in degrees.
        share: the covered part in [0, 1].
    """
    return Rejection(
        item=f"{lat:.7f},{lon:.7f}",
        stage="imagery",
        reason=NOT_COVERED,
        measured=round(share, 4),
        limit=MIN_COVERED,
    )


class View(NamedTuple):
    """A covered crop before its pixels are computed."""

    part: Chunk
    columns: Array
    """[n, n] control columns in the part, from the NW to the SE corner."""
    rows: Array
    size_px: int


def look(
    raster: ChunkedRaster,
    to_pixels: ToPixels,
    centre: tuple[float, float],
    *,
    side_m: float,
    size_px: int,
) -> View | Rejection:
    """Where a north-up square lies in a raster, if the raster covers it.

    Args:
        raster: where the pixels come from.
        to_pixels: the way from degrees into the raster.
        centre: (lat, lon) of the square in degrees.
        side_m: side of the square on the ground in metres, above 0.
        size_px: side of the crop in pixels, at least 1.

    Returns:
        The view, to be rendered, or a Rejection with the covered share.

    Raises:
        UsageError: if the side or the size is not positive.
    """
    if not (side_m > 0 and math.isfinite(side_m) and size_px >= 1):
        raise UsageError(
            f"A crop needs a side above 0 m and at least 1 pixel, got "
            f"side_m={side_m!r} and size_px={size_px!r}."
        )
    columns, rows = _control_points(to_pixels, centre, side_m=side_m)
    if not (np.isfinite(columns).all() and np.isfinite(rows).all()):
        return refuse(*centre, share=0.0)
    margin = 1 + _block(columns, rows, size_px=size_px)
    top, left = math.floor(rows.min()) - margin, math.floor(columns.min()) - margin
    height = math.ceil(rows.max()) + 1 + margin - top
    width = math.ceil(columns.max()) + 1 + margin - left
    if height * width > MAX_WINDOW_PX:
        return Rejection(
            item=f"{centre[0]:.7f},{centre[1]:.7f}",
            stage="imagery",
            reason="crop-reads-too-many-pixels",
            measured=height * width,
            limit=MAX_WINDOW_PX,
        )
    part = raster.window(top, left, height=height, width=width)
    view = View(part, columns - left, rows - top, size_px)
    share = _covered(view)
    return view if share >= MIN_COVERED else refuse(*centre, share=share)


def _control_points(
    to_pixels: ToPixels, centre: tuple[float, float], *, side_m: float
) -> tuple[Array, Array]:
    """Raster columns and rows [n, n] of a regular grid from the NW to the SE corner."""
    count = max(3, math.ceil(side_m / CONTROL_M) + 1)
    steps = np.linspace(-side_m / 2, side_m / 2, min(count, 129))
    east, north = np.meshgrid(steps, -steps)
    lat, lon = destination(
        np.full(east.shape, centre[0]),
        np.full(east.shape, centre[1]),
        np.degrees(np.arctan2(east, north)),
        np.hypot(east, north),
    )
    return to_pixels(lat, lon)


def _spread(control: Array, *, size_px: int) -> npt.NDArray[np.float32]:
    """[n, n] control values at the size_px x size_px pixel centres, bilinear."""
    n = control.shape[0]
    at = (np.arange(size_px) + 0.5) / size_px * (n - 1)
    low = np.minimum(at.astype(np.intp), n - 2)
    weight = np.zeros((size_px, n))
    weight[np.arange(size_px), low] = low + 1 - at
    weight[np.arange(size_px), low + 1] = at - low
    return (weight @ control @ weight.T).astype(np.float32)


def _covered(view: View) -> float:
    """Share of the crop's pixels whose nearest raster pixel is valid."""
    if view.part.valid is None:
        return 1.0
    x, y = (
        np.floor(_spread(v, size_px=view.size_px) + 0.5).astype(np.intp)
        for v in (view.columns, view.rows)
    )
    return float(np.mean(view.part.valid[y, x]))


def _ratio(columns: Array, rows: Array, *, size_px: int) -> float:
    """Raster pixels a pixel of the crop, along its longer side."""
    along = math.hypot(columns[0, -1] - columns[0, 0], rows[0, -1] - rows[0, 0])
    down = math.hypot(columns[-1, 0] - columns[0, 0], rows[-1, 0] - rows[0, 0])
    return max(along, down) / size_px


def _block(columns: Array, rows: Array, *, size_px: int) -> int:
    """Side in raster pixels of the blocks that are averaged before sampling."""
    # A hair of tolerance: a map scale of 0.9999 must not turn 2 into 1.
    return max(1, int(_ratio(columns, rows, size_px=size_px) + 0.01))


def render(view: View) -> Pixels:
    """[size_px, size_px, 3] uint8: block means, then bilinear samples."""
    columns, rows, size = view.columns, view.rows, view.size_px
    pixels = _filled(view.part)
    block = _block(columns, rows, size_px=size)
    # Up to 1.05 raster pixels a step, bilinear skips nothing that the eye could miss.
    fine = 2 if _ratio(columns, rows, size_px=size) / block > 1.05 else 1
    if block > 1:
        pixels = _block_means(pixels, block)
        columns, rows = ((v + 0.5) / block - 0.5 for v in (columns, rows))
    x, y = (_spread(v, size_px=size * fine) for v in (columns, rows))
    return _bilinear(pixels, x, y, fine=fine)


def _filled(part: Chunk) -> Pixels:
    """The window's pixels, invalid ones as the mean of the valid ones."""
    if part.valid is None or not part.valid.any():
        return part.pixels
    pixels = part.pixels.copy()
    mean = pixels[part.valid].mean(axis=0)
    pixels[~part.valid] = (mean + 0.5).astype(np.uint8)
    return pixels


def _block_means(pixels: Pixels, block: int) -> Pixels:
    """[h // block, w // block, 3] means; the incomplete last blocks are left off."""
    height, width = pixels.shape[0] // block, pixels.shape[1] // block
    whole = pixels[: height * block, : width * block]
    blocks = whole.reshape(height, block, width, block, 3)
    total = np.add.reduce(blocks, axis=3, dtype=np.uint32).sum(axis=1)
    means: Pixels = (total / np.float32(block * block) + 0.5).astype(np.uint8)
    return means


def _bilinear(
    pixels: Pixels,
    x: npt.NDArray[np.float32],
    y: npt.NDArray[np.float32],
    *,
    fine: int,
) -> Pixels:
    """[n / fine, n / fine, 3] means of fine x fine samples, the edge repeated outside.

    Three colours travel in one 64-bit number, 21 bits each, so that every gather and
    every product serves all three: eight bits of colour, twelve of weight.
    """
    bits = 12 if fine == 1 else 10  # four samples are added up before the division
    height, width = pixels.shape[:2]
    flat = _pack(pixels)
    x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
    x0 = np.minimum(x.astype(np.int32), max(width - 2, 0))
    y0 = np.minimum(y.astype(np.int32), max(height - 2, 0))
    first = y0 * width + x0
    fx, fy = x - x0, y - y0
    one = 1 << bits
    both = (fx * fy * one + 0.5).astype(np.int64)
    beside = np.maximum((fx * one + 0.5).astype(np.int64) - both, 0)
    below = np.maximum((fy * one + 0.5).astype(np.int64) - both, 0)
    right, down = min(1, width - 1), width if height > 1 else 0
    total = flat.take(first) * (one - both - beside - below)
    total += flat.take(first + right) * beside
    total += flat.take(first + down) * below
    total += flat.take(first + (down + right)) * both
    if fine == 2:
        total = total[::2] + total[1::2]
        total = total[:, ::2] + total[:, 1::2]
    return _unpack(total)


def _pack(pixels: Pixels) -> npt.NDArray[np.int64]:
    """[h * w] numbers with red, green and blue in lanes of `LANE` bits."""
    red, green, blue = (pixels[..., i].astype(np.int64) for i in range(3))
    return (red | (green << LANE) | (blue << (2 * LANE))).ravel()


def _unpack(total: npt.NDArray[np.int64]) -> Pixels:
    """[h, w, 3] colours out of lanes that hold 4096 times their value, rounded."""
    rounded = total + (2048 | (2048 << LANE) | (2048 << (2 * LANE)))
    image = np.empty((*total.shape, 3), np.uint8)
    for i in range(3):
        image[..., i] = rounded >> (12 + i * LANE)  # the store keeps the low 8 bits
    return image

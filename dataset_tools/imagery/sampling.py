"""North-up crops out of any raster: footprint to pixels, area sampling, coverage.

The grid of a crop is azimuthal equidistant around the tile's centre, true north up:
a point at a bearing and a distance, which is how its control points are computed.
Between control points the way into the raster is bilinear; they lie at most
`CONTROL_M` apart, where the map of any usual projection is straight to well below a
millimetre.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dataset_tools.errors import UsageError
from dataset_tools.geodesy import destination
from dataset_tools.imagery.chunks import Chunk, ChunkedRaster, Mask, Pixels
from dataset_tools.records import Rejection

Array = npt.NDArray[np.float64]
ToPixels = Callable[[Array, Array], tuple[Array, Array]]
"""(lat, lon) in degrees to (column, row); the centre of the first pixel is 0, 0."""

MIN_COVERED = 0.999
"""Share of a crop that must be covered; the rest is a dozen pixels at a seam."""
CONTROL_M = 100.0
LANE = 21
"""Bits of each of three colours in one 64-bit number."""
STRIP_SAMPLES = 8192
"""Samples that are computed at a time."""
SPARE = 2.0
"""Pixels of an overview that a pixel of the crop must at least span."""
MAX_WINDOW_PX = 64_000_000
"""The largest part of a raster one crop may read: 8,000 x 8,000 pixels."""
NOT_COVERED = "imagery-does-not-cover"


class Level(NamedTuple):
    """A raster at one resolution: itself, or an overview of it."""

    raster: ChunkedRaster
    shrink: tuple[float, float] = (1.0, 1.0)
    """Pixels of the full raster per pixel of this one, across and down; at least 1."""


def refuse(
    lat: float, lon: float, *, share: float, least: float = MIN_COVERED
) -> Rejection:
    """The record of a crop that the imagery covers only in part.

    Args:
        lat: latitude of the crop's centre in degrees.
        lon: longitude of the crop's centre in degrees.
        share: the covered part in [0, 1].
        least: what would have been enough.
    """
    return Rejection(
        item=f"{lat:.7f},{lon:.7f}",
        stage="imagery",
        reason=NOT_COVERED,
        measured=round(share, 4),
        limit=least,
    )


class Aim(NamedTuple):
    """Where a crop lies in a raster, before any pixel of it is read."""

    raster: ChunkedRaster
    centre: tuple[float, float]
    box: tuple[int, int, int, int]
    """Top, left, height and width of the pixels that it needs."""
    columns: Array
    """[n, n] control columns within the box, from the NW to the SE corner."""
    rows: Array
    size_px: int

    def seen(self) -> Mask:
        """[size_px, size_px] pixels that the raster covers, decoding what it must."""
        return _seen(self, self._validity())

    def covered(self, least: float) -> Rejection | None:
        """Why the raster covers less than a share, or None, decoding what it must."""
        share = _covered(self, self._validity())
        enough = share >= least
        return None if enough else refuse(*self.centre, share=share, least=least)

    def _validity(self) -> Mask | None:
        top, left, height, width = self.box
        return self.raster.validity(top, left, height=height, width=width)

    def view(self) -> "View":
        """The pixels that the crop needs."""
        top, left, height, width = self.box
        part = self.raster.window(top, left, height=height, width=width)
        return View(self, part)


class View(NamedTuple):
    """A crop's part of a raster before the crop's own pixels are computed."""

    aim: Aim
    part: Chunk

    def share(self) -> float:
        """Share of the crop's pixels that the raster covers, in [0, 1]."""
        return _covered(self.aim, self.part.valid)

    def seen(self) -> Mask:
        """[size_px, size_px] which pixels of the crop the raster covers."""
        return _seen(self.aim, self.part.valid)

    def pixels(self) -> Pixels:
        """[size_px, size_px, 3] uint8: block means, then bilinear samples."""
        return _render(self)


def aim(
    choose: Callable[[float], Level],
    to_pixels: ToPixels,
    centre: tuple[float, float],
    *,
    side_m: float,
    size_px: int,
) -> Aim | Rejection:
    """Where a north-up square lies in a raster.

    Args:
        choose: the coarsest level whose pixels span no more than a number of full
            ones. It is asked for a level that still has `SPARE` pixels along a pixel
            of the crop, so that overviews made without averaging do no harm.
        to_pixels: the way from degrees into the full raster.
        centre: (lat, lon) of the square in degrees.
        side_m: side of the square on the ground in metres, above 0.
        size_px: side of the crop in pixels, at least 1.

    Returns:
        The place, or a Rejection where the square lies nowhere in the raster's system
        or would read too much.

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
    level = choose(_ratio(columns, rows, size_px=size_px) / SPARE)
    columns, rows = (
        (v + 0.5) / shrink - 0.5
        for v, shrink in zip((columns, rows), level.shrink, strict=True)
    )
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
    box = (top, left, height, width)
    return Aim(level.raster, centre, box, columns - left, rows - top, size_px)


def _control_points(
    to_pixels: ToPixels, centre: tuple[float, float], *, side_m: float
) -> tuple[Array, Array]:
    """Raster columns and rows [n, n] of a regular grid from the NW to the SE corner."""
    return to_pixels(*_control_degrees(*centre, side_m))


@lru_cache(maxsize=8)
def _control_degrees(lat: float, lon: float, side_m: float) -> tuple[Array, Array]:
    """(lat, lon) [n, n] of that grid; several files are asked for one crop."""
    count = max(3, math.ceil(side_m / CONTROL_M) + 1)
    steps = np.linspace(-side_m / 2, side_m / 2, min(count, 129))
    east, north = np.meshgrid(steps, -steps)
    found = destination(
        np.full(east.shape, lat),
        np.full(east.shape, lon),
        np.degrees(np.arctan2(east, north)),
        np.hypot(east, north),
    )
    for one in found:
        one.flags.writeable = False
    return found


def _spread(control: Array, *, size_px: int) -> npt.NDArray[np.float32]:
    """[n, n] control values at the size_px x size_px pixel centres, bilinear."""
    n = control.shape[0]
    at = (np.arange(size_px) + 0.5) / size_px * (n - 1)
    low = np.minimum(at.astype(np.intp), n - 2)
    weight = np.zeros((size_px, n))
    weight[np.arange(size_px), low] = low + 1 - at
    weight[np.arange(size_px), low + 1] = at - low
    return (weight @ control @ weight.T).astype(np.float32)


def _covered(place: Aim, valid: Mask | None) -> float:
    """Share of the crop's pixels whose nearest raster pixel is valid."""
    return 1.0 if valid is None else float(np.mean(_seen(place, valid)))


def _seen(place: Aim, valid: Mask | None) -> Mask:
    size = place.size_px
    if valid is None:
        return np.ones((size, size), np.bool_)
    x, y = (
        np.floor(_spread(v, size_px=size) + 0.5).astype(np.intp)
        for v in (place.columns, place.rows)
    )
    seen: Mask = valid[y, x]
    return seen


def _ratio(columns: Array, rows: Array, *, size_px: int) -> float:
    """Raster pixels a pixel of the crop, along its longer side."""
    along = math.hypot(columns[0, -1] - columns[0, 0], rows[0, -1] - rows[0, 0])
    down = math.hypot(columns[-1, 0] - columns[0, 0], rows[-1, 0] - rows[0, 0])
    return max(along, down) / size_px


def _block(columns: Array, rows: Array, *, size_px: int) -> int:
    """Side in raster pixels of the blocks that are averaged before sampling."""
    # A hair of tolerance: a map scale of 0.9999 must not turn 2 into 1.
    return max(1, int(_ratio(columns, rows, size_px=size_px) + 0.01))


def _render(view: View) -> Pixels:
    place = view.aim
    columns, rows, size = place.columns, place.rows, place.size_px
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
    """The window's pixels, invalid ones as the mean of the valid ones, about."""
    if part.valid is None or not part.valid.any():
        return part.pixels
    pixels = part.pixels.copy()
    # A sixteenth of the pixels tells the mean, unless too few are valid.
    step = 4 if part.valid[::4, ::4].any() else 1
    mean = pixels[::step, ::step][part.valid[::step, ::step]].mean(axis=0)
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
    flat, shape = _pack(pixels), pixels.shape[:2]
    size = x.shape[0] // fine
    image = np.empty((size, size, 3), np.uint8)
    # By strips that fit the cache: large temporaries cost more than the arithmetic.
    strip = max(1, STRIP_SAMPLES // (size * fine * fine))
    for top in range(0, size, strip):
        some = np.s_[top * fine : (top + strip) * fine]
        total = _samples(flat, shape, x[some], y[some], fine=fine)
        image[top : top + strip] = _unpack(total)
    return image


def _samples(
    flat: npt.NDArray[np.int64],
    shape: tuple[int, ...],
    x: npt.NDArray[np.float32],
    y: npt.NDArray[np.float32],
    *,
    fine: int,
) -> npt.NDArray[np.int64]:
    """[m / fine, n / fine] packed colours at columns x and rows y, times 4096."""
    bits = 12 if fine == 1 else 10  # four samples are added up before the division
    height, width = shape
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
    total: npt.NDArray[np.int64] = flat.take(first) * (one - both - beside - below)
    total += flat.take(first + right) * beside
    total += flat.take(first + down) * below
    total += flat.take(first + (down + right)) * both
    if fine == 2:
        total = total[::2] + total[1::2]
        total = total[:, ::2] + total[:, 1::2]
    return total


def _pack(pixels: Pixels) -> npt.NDArray[np.int64]:
    """[h * w] numbers with red, green and blue in lanes of `LANE` bits."""
    packed = pixels[..., 2].astype(np.int64)
    for i in (1, 0):
        packed <<= LANE
        packed |= pixels[..., i]
    return packed.ravel()


def _unpack(total: npt.NDArray[np.int64]) -> Pixels:
    """[h, w, 3] colours out of lanes that hold 4096 times their value, rounded."""
    rounded = total + (2048 | (2048 << LANE) | (2048 << (2 * LANE)))
    image = np.empty((*total.shape, 3), np.uint8)
    for i in range(3):
        image[..., i] = rounded >> (12 + i * LANE)  # the store keeps the low 8 bits
    return image

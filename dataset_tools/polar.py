"""Polar transform: a north-up satellite tile as a pseudo panorama around its centre.

Column 0 looks south, a quarter of the width west, half of it north, three quarters
east; the top row is half a tile away and the bottom row is the centre itself. The
geometry is the one published with SAFA (Shi et al., NeurIPS 2019), in its own order
of operations, so that its numbers are met to the last bit.

The engine "exact" is that, in float64. "opencv" is `cv2.remap` with float32
coordinates: several times faster, rounded instead of cut off, so up to 1 grey level
above it with OpenCV 5; OpenCV 4 also reads at 1/32 of a pixel, which can be off by
1/16 of the difference between neighbouring pixels. It needs the extra `fast`.
"""

from functools import lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from dataset_tools.bilinear import (
    Floats,
    Indices,
    Reading,
    pairs_of,
    read_rgb,
)
from dataset_tools.errors import UsageError

Output = Literal["uint8", "float"]
Engine = Literal["exact", "opencv"]


class _SampleMap(NamedTuple):
    """Where each output pixel [h*w] reads: four flat indices and four weights."""

    reading: Reading
    upper_right: Indices
    lower_right: Indices


def polar_transform(
    tile: npt.NDArray[np.generic],
    height: int,
    width: int,
    *,
    output: Output = "uint8",
    engine: Engine = "exact",
) -> npt.NDArray[np.generic]:
    """The tile unrolled around its centre, north in the middle column.

    Args:
        tile: [S, S, C] values of a square north-up tile, S at least 2.
        height: rows of the result, at least 1; from half a tile away to the centre.
        width: columns of the result, at least 1; 360 degrees from south over west.
        output: "uint8" drops the fraction, as GeoDTR's writer did and for values in
            0..255; "float" keeps it.
        engine: "exact", the same on every machine, or "opencv", which takes uint8
            tiles and gives uint8.

    Returns:
        [height, width, C], uint8 or float64.

    Raises:
        UsageError: if the tile is not square, a size is below 1, or the engine cannot
            do what is asked or is not installed.

    >>> polar_transform(np.full((8, 8, 3), 7, np.uint8), 2, 4).shape
    (2, 4, 3)
    """
    _refuse_shapes(tile, height, width)
    if engine == "opencv":
        return _by_opencv(tile, height, width, output=output)
    at = _sample_map(tile.shape[0], height, width)
    shape = height, width, tile.shape[2]
    if output == "uint8" and tile.dtype == np.uint8 and tile.shape[2] == 3:
        # Bit for bit `_of_any` with the fraction dropped.
        pairs = pairs_of(tile.view(np.uint8))
        return read_rgb(pairs, at.reading).reshape(shape)
    image = _of_any(tile, at).reshape(shape)
    return image.astype(np.uint8) if output == "uint8" else image


def _refuse_shapes(tile: npt.NDArray[np.generic], height: int, width: int) -> None:
    if tile.ndim != 3 or tile.shape[0] != tile.shape[1] or tile.shape[0] < 2:
        raise UsageError(
            f"The polar transform needs a square tile [S, S, C] with S >= 2, got the "
            f"shape {tile.shape}; crop the tile to a square first."
        )
    if height < 1 or width < 1:
        raise UsageError(
            f"The polar transform needs a height and a width of at least 1, got "
            f"{height} x {width}."
        )


def _of_any(tile: npt.NDArray[np.generic], at: _SampleMap) -> Floats:
    """[h*w, C] of a tile of any type and number of channels."""
    flat = tile.reshape(-1, tile.shape[2]).astype(np.float64)
    above, below, left, right, upper, lower = at.reading
    left, right = left[:, None], right[:, None]
    upper, lower = upper[:, None], lower[:, None]
    values = left * (upper * flat[above] + lower * flat[below])
    values += right * (upper * flat[at.upper_right] + lower * flat[at.lower_right])
    return values


def _by_opencv(
    tile: npt.NDArray[np.generic], height: int, width: int, *, output: Output
) -> npt.NDArray[np.uint8]:
    if tile.dtype != np.uint8 or output != "uint8":
        message = (
            f"The polar engine 'opencv' makes uint8 of uint8 tiles, got {tile.dtype} "
            f"and output={output!r}. Use engine='exact'."
        )
        raise UsageError(message)
    cv2 = opencv()
    row, column = _float_map(tile.shape[0], height, width)
    image = cv2.remap(
        tile, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(image, np.uint8).reshape(height, width, tile.shape[2])


def opencv() -> Any:
    """The module `cv2`.

    Raises:
        UsageError: if it is not installed.
    """
    try:
        import cv2
    except ImportError as error:
        message = (
            "The engine 'opencv' needs OpenCV, which is not installed: "
            "pip install 'crossview-geobench[fast]', or use engine='exact'."
        )
        raise UsageError(message) from error
    return cv2


@lru_cache(maxsize=16)
def _float_map(
    side: int, height: int, width: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Row and column [height, width] that each output pixel reads."""
    row, column = _places(side, height, width)
    return row.astype(np.float32), column.astype(np.float32)


def _places(side: int, height: int, width: int) -> tuple[Floats, Floats]:
    """Row and column [height, width] of the tile, pixels."""
    half = side / 2.0
    i, j = np.arange(height, dtype=np.float64), np.arange(width, dtype=np.float64)
    radius = (half / height * (height - 1 - i))[:, None]
    angle = (2 * np.pi * j / width)[None, :]
    return half + radius * np.cos(angle), half - radius * np.sin(angle)


@lru_cache(maxsize=16)
def _sample_map(side: int, height: int, width: int) -> _SampleMap:
    """Indices and weights for one tile size and one output size."""
    row, column = (place.ravel() for place in _places(side, height, width))
    top, left = row.astype(np.intp), column.astype(np.intp)
    # The lower neighbour can lie one past the edge on tiles with fewer pixels than
    # `height`; its weight is then below one pixel and the published code counts 0.
    below, beside = top + 1, left + 1
    upper, lower = below - row, np.where(below < side, row - top, 0.0)
    lefts, rights = beside - column, np.where(beside < side, column - left, 0.0)
    below, beside = np.minimum(below, side - 1), np.minimum(beside, side - 1)
    # Beside the last column lies the next row's first pixel: its weight is 0.
    reading = Reading(
        upper_left=top * side + left,
        lower_left=below * side + left,
        left=lefts,
        right=rights,
        upper=upper,
        lower=lower,
    )
    return _SampleMap(reading, top * side + beside, below * side + beside)

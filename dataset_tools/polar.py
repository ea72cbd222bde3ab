"""Polar transform: a north-up satellite tile as a pseudo panorama around its centre.

Column 0 looks south, a quarter of the width west, half of it north, three quarters
east; the top row is half a tile away and the bottom row is the centre itself. The
geometry is the one published with SAFA (Shi et al., NeurIPS 2019), in its own order
of operations, so that its numbers are met to the last bit.
"""

from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from dataset_tools.errors import UsageError

Output = Literal["uint8", "float"]


class _SampleMap(NamedTuple):
    """Where each output pixel [h*w] reads: four flat indices and four weights."""

    upper_left: npt.NDArray[np.intp]
    lower_left: npt.NDArray[np.intp]
    upper_right: npt.NDArray[np.intp]
    lower_right: npt.NDArray[np.intp]
    left: npt.NDArray[np.float64]
    right: npt.NDArray[np.float64]
    upper: npt.NDArray[np.float64]
    lower: npt.NDArray[np.float64]


def polar_transform(
    tile: npt.NDArray[np.generic],
    height: int,
    width: int,
    *,
    output: Output = "uint8",
) -> npt.NDArray[np.generic]:
    """The tile unrolled around its centre, north in the middle column.

    Args:
        tile: [S, S, C] values of a square north-up tile, S at least 2.
        height: rows of the result, at least 1; from half a tile away to the centre.
        width: columns of the result, at least 1; 360 degrees from south over west.
        output: "uint8" drops the fraction, as GeoDTR's writer did and for values in
            0..255; "float" keeps it.

    Returns:
        [height, width, C], uint8 or float64.

    Raises:
        UsageError: if the tile is not square or a size is below 1.

    >>> polar_transform(np.full((8, 8, 3), 7, np.uint8), 2, 4).shape
    (2, 4, 3)
    """
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
    at = _sample_map(tile.shape[0], height, width)
    flat = tile.reshape(-1, tile.shape[2]).astype(np.float64)
    values = at.left * (at.upper * flat[at.upper_left] + at.lower * flat[at.lower_left])
    values += at.right * (
        at.upper * flat[at.upper_right] + at.lower * flat[at.lower_right]
    )
    image = values.reshape(height, width, tile.shape[2])
    return image.astype(np.uint8) if output == "uint8" else image


@lru_cache(maxsize=16)
def _sample_map(side: int, height: int, width: int) -> _SampleMap:
    """Indices and weights for one tile size and one output size."""
    half = side / 2.0
    radius = half / height * (height - 1 - np.arange(height))[:, None]
    angle = 2 * np.pi * np.arange(width)[None, :] / width
    row = (half + radius * np.cos(angle)).ravel()
    column = (half - radius * np.sin(angle)).ravel()
    top, left = row.astype(np.intp), column.astype(np.intp)
    # The lower neighbour can lie one past the edge on tiles with fewer pixels than
    # `height`; its weight is then below one pixel and the published code counts 0.
    below, beside = top + 1, left + 1
    upper, lower = below - row, np.where(below < side, row - top, 0.0)
    lefts, rights = beside - column, np.where(beside < side, column - left, 0.0)
    below, beside = np.minimum(below, side - 1), np.minimum(beside, side - 1)
    return _SampleMap(
        upper_left=top * side + left,
        lower_left=below * side + left,
        upper_right=top * side + beside,
        lower_right=below * side + beside,
        left=lefts[:, None],
        right=rights[:, None],
        upper=upper[:, None],
        lower=lower[:, None],
    )

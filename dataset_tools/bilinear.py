"""Reading a picture between its pixels, bilinearly and fast.

Places are in pixel coordinates whose integers are pixel centres or corners, as the
caller defines them; here they are only taken apart into neighbours and weights.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]
Pixels = npt.NDArray[np.uint8]
Weights = npt.NDArray[np.floating]
Pairs = npt.NDArray[np.uint64]


class Reading(NamedTuple):
    """Where each of N output pixels reads, and how much of each neighbour.

    Indices count pixels of the flattened picture. The pixel to the right of each must
    follow it in memory, or have the weight 0.
    """

    upper_left: Indices
    lower_left: Indices
    left: Weights
    right: Weights
    upper: Weights
    lower: Weights


def reading(row: Floats, column: Floats, width: int) -> Reading:
    """The reading at places [N] of a picture, all of whose neighbours exist.

    Args:
        row: in [0, height - 1) of the picture, integers at pixel centres.
        column: in [0, width - 1), likewise.
        width: of the picture, px.
    """
    top, left = row.astype(np.intp), column.astype(np.intp)
    upper_left = top * width + left
    lower = (row - top).astype(np.float32)
    right = (column - left).astype(np.float32)
    return Reading(
        upper_left=upper_left,
        lower_left=upper_left + width,
        left=1 - right,
        right=right,
        upper=1 - lower,
        lower=lower,
    )


def pairs_of(picture: Pixels) -> Pairs:
    """[H * W] of a picture [H, W, 3]: each pixel with the one that follows it.

    The two lie in 6 neighbouring bytes, so 8 bytes at every pixel make two gathers do
    for four, and the channels come out of them as columns.
    """
    count = picture.shape[0] * picture.shape[1]
    raw = np.zeros(picture.size + 8, np.uint8)
    raw[: picture.size] = picture.reshape(-1)
    return np.ndarray((count,), np.uint64, buffer=raw, strides=(3,)).copy()


def read_rgb(pairs: Pairs, at: Reading, *, plus: float = 0.0) -> Pixels:
    """[N, 3] values of a picture, the fraction dropped.

    Args:
        pairs: of the picture, from `pairs_of`.
        at: where to read.
        plus: added before the fraction is dropped; 0.5 rounds.
    """
    above = pairs.take(at.upper_left).view(np.uint8).reshape(-1, 8)
    below = pairs.take(at.lower_left).view(np.uint8).reshape(-1, 8)
    image = np.empty((len(above), 3), np.uint8)
    values, beside, term = (np.empty(len(above), at.upper.dtype) for _ in range(3))
    for c in range(3):
        np.multiply(at.upper, above[:, c], out=values)
        np.multiply(at.lower, below[:, c], out=term)
        values += term
        values *= at.left
        np.multiply(at.upper, above[:, c + 3], out=beside)
        np.multiply(at.lower, below[:, c + 3], out=term)
        beside += term
        beside *= at.right
        values += beside
        if plus:
            values += plus
        image[:, c] = values
    return image

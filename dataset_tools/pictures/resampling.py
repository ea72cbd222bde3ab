"""Pictures read at places that a plan works out, antialiased by averaging.

Places are continuous: 0 is the upper or left edge, the centre of the first pixel lies
at 0.5.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Protocol

import numpy as np
from PIL import Image

from dataset_tools.bilinear import Floats, Reading, pairs_of, read_rgb, reading
from dataset_tools.pictures.codec import Pixels

Places = tuple[Floats, Floats]
"""Rows and columns, px."""

SAMPLES = 2
"""Places read along each side of an output pixel that is coarser than its source."""
_BLOCK = 1 << 18
_MOST_KEPT = 1 << 22
"""Most places whose readings are kept for the next picture, at 32 bytes each."""


class Plan(Protocol):
    """Where each place of an output picture lies in its source; hashable."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the output, px."""

    @property
    def samples(self) -> int:
        """Places read along each side of an output pixel."""

    @property
    def source_width(self) -> int:
        """Columns of the source, px."""

    def places(self, row: Floats, column: Floats) -> Places:
        """Rows and columns [h, w] of the source, at least half a pixel inside of it.

        Args:
            row: [h] of the output.
            column: [w] of the output.
        """

    def __hash__(self) -> int:
        """Equal plans have equal readings."""


def resampled(source: Pixels, plan: Plan) -> Pixels:
    """A source [H, W, 3] as its plan lays it out, [height, width, 3]."""
    height, width = plan.size
    k = plan.samples
    pairs = pairs_of(source)
    image = np.empty((height, width, 3), np.uint8)
    kept = height * width * k * k <= _MOST_KEPT
    for rows, at in _kept_blocks(plan) if kept else _blocks(plan):
        read = read_rgb(pairs, at, plus=0.5)
        if k > 1:
            squares = read.reshape(-1, k, width, k, 3)
            total = squares.sum(axis=(1, 3), dtype=np.uint16)
            read = ((total + k * k // 2) // (k * k)).astype(np.uint8)
        image[rows] = read.reshape(-1, width, 3)
    return image


@lru_cache(maxsize=2)
def _kept_blocks(plan: Plan) -> tuple[tuple[slice, Reading], ...]:
    return tuple(_blocks(plan))


def _blocks(plan: Plan) -> Iterator[tuple[slice, Reading]]:
    """Rows of the output and what they read, about `_BLOCK` places at a time."""
    height, width = plan.size
    k = plan.samples
    column = (np.arange(width * k) + 0.5) / k
    step = max(1, _BLOCK // (width * k * k))
    for top in range(0, height, step):
        rows = slice(top, min(height, top + step))
        row = (np.arange(rows.start * k, rows.stop * k) + 0.5) / k
        y, x = plan.places(row, column)
        yield rows, reading(y.ravel() - 0.5, x.ravel() - 0.5, plan.source_width)


def shrunk(picture: Pixels, share: float, *, around: bool = False) -> Pixels:
    """A picture [H, W, 3] at `share` of its size, antialiased.

    Args:
        picture: returned as it is if the share is 1 or more.
        share: of both sides.
        around: its last column is a neighbour of its first.
    """
    height, width = picture.shape[:2]
    if share >= 1.0:
        return picture
    size = max(2, round(width * share)), max(2, round(height * share))
    # The filter reaches one new pixel to each side, also past the box.
    border = min(width, int(np.ceil(1.0 / share)) + 1) if around else 0
    if border:
        picture = np.pad(picture, ((0, 0), (border, border), (0, 0)), mode="wrap")
    image = Image.fromarray(picture)
    box = (border, 0, border + width, height)
    return np.asarray(image.resize(size, Image.Resampling.HAMMING, box=box))

"""The polar transform beside a plain numpy version of the published method."""

import numpy as np
import pytest
from PIL import Image

from dataset_tools.polar import polar_transform

SIDE, HEIGHT, WIDTH = 750, 112, 616


@pytest.fixture(scope="module")
def tile():
    """A tile [750, 750, 3] with detail of ten pixels."""
    noise = np.random.default_rng(0).integers(0, 256, (75, 75, 3)).astype(np.uint8)
    image = Image.fromarray(noise).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return np.asarray(image)


def plain(tile, kind):
    """The published method: a grid of places, four bounded gathers, float64.

    "float64" turns the tile into it first, "uint8" only what it gathers.
    """
    i, j = np.meshgrid(np.arange(HEIGHT), np.arange(WIDTH), indexing="ij")
    radius = SIDE / 2 / HEIGHT * (HEIGHT - 1 - i)
    row = SIDE / 2 + radius * np.cos(2 * np.pi * j / WIDTH)
    column = SIDE / 2 - radius * np.sin(2 * np.pi * j / WIDTH)
    top, left = row.astype(int), column.astype(int)
    down, right = (row - top)[..., None], (column - left)[..., None]
    tile = tile.astype(kind)

    def read(rows, columns):
        inside = (rows >= 0) & (rows < SIDE) & (columns >= 0) & (columns < SIDE)
        values = np.zeros((*rows.shape, 3))
        values[inside] = tile[rows[inside], columns[inside]]
        return values

    first = (1 - down) * read(top, left) + down * read(top + 1, left)
    second = (1 - down) * read(top, left + 1) + down * read(top + 1, left + 1)
    return (1 - right) * first + right * second


@pytest.mark.parametrize("kind", ["float64", "uint8"])
def test_plain_numpy(benchmark, tile, kind):
    benchmark.pedantic(plain, (tile, kind), rounds=20, warmup_rounds=2)


@pytest.mark.parametrize(("engine", "levels"), [("exact", 1), ("opencv", 2)])
def test_the_polar_transform(benchmark, tile, engine, levels):
    found = benchmark.pedantic(
        polar_transform,
        (tile, HEIGHT, WIDTH),
        {"engine": engine},
        rounds=50,
        warmup_rounds=2,
    )
    published = plain(tile, "float64").astype(np.uint8)
    assert np.abs(found.astype(int) - published).max() <= levels

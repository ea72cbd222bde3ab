import numpy as np
import pytest
import rasterio
from rasterio.enums import Resampling

from dataset_tools.imagery.chunks import Chunk, ChunkCache, ChunkedRaster
from dataset_tools.records import Rejection

MIDDLE = (690_500.0, 4_929_625.0)


@pytest.fixture
def pixels():
    """[1500, 2000, 3] with structure of every size."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 200, (30, 40, 3)).repeat(50, 0).repeat(50, 1)
    return (coarse + rng.integers(0, 55, coarse.shape)).astype(np.uint8)


def with_overviews(path, resampling):
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2, 4, 8, 16], resampling)
    return path


@pytest.mark.parametrize("resampling", [Resampling.average, Resampling.nearest])
@pytest.mark.parametrize("size_px", [50, 77, 130])
def test_a_coarse_crop_from_overviews_is_that_of_the_full_raster(
    write_raster, pixels, opened, place, resampling, size_px
):
    plain = opened(write_raster(pixels, name="plain.tif", tiled=True))
    path = with_overviews(write_raster(pixels, name="o.tif", tiled=True), resampling)
    one, other = (
        i.crop(*place(*MIDDLE), side_m=500.0, size_px=size_px)
        for i in (plain, opened(path))
    )
    apart = np.abs(one.astype(int) - other).mean()
    assert apart < 6.0
    # Off its place by a pixel, in either direction, it would differ far more.
    for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
        moved = np.roll(other, step, axis=axis).astype(int)
        assert np.abs(one - moved)[2:-2, 2:-2].mean() > 3 * apart


def test_a_coarse_crop_reads_few_pixels(write_raster, pixels, opened, place):
    path = with_overviews(write_raster(pixels, tiled=True), Resampling.average)
    held = []
    for one in (path, write_raster(pixels, name="plain.tif", tiled=True)):
        imagery = opened(one)
        imagery.crop(*place(*MIDDLE), side_m=600.0, size_px=60)
        held.append(imagery._cache.held_bytes)
    # 600 m are 1200 pixels a side; a crop pixel is 20 of them, so the eighth will do.
    assert held[1] >= 1200 * 1200 * 3
    assert held[0] <= held[1] / 16


def test_what_is_too_much_to_read_is_not_with_overviews(
    write_raster, pixels, opened, place, monkeypatch
):
    from dataset_tools.imagery import sampling

    monkeypatch.setattr(sampling, "MAX_WINDOW_PX", 300_000)
    plain = opened(write_raster(pixels, name="p.tif", tiled=True))
    size = {"side_m": 600.0, "size_px": 60}
    assert isinstance(plain.crop(*place(*MIDDLE), **size), Rejection)
    path = with_overviews(write_raster(pixels, tiled=True), Resampling.average)
    assert opened(path).crop(*place(*MIDDLE), **size).shape == (60, 60, 3)


def test_a_fine_crop_reads_the_full_raster(write_raster, pixels, opened, place):
    plain = opened(write_raster(pixels, name="p.tif", tiled=True))
    path = with_overviews(write_raster(pixels, tiled=True), Resampling.average)
    size = {"side_m": 80.0, "size_px": 60}
    crops = [i.crop(*place(*MIDDLE), **size) for i in (plain, opened(path))]
    assert np.array_equal(*crops)


def test_a_cache_keeps_its_budget_whatever_is_read():
    cache = ChunkCache(budget_bytes=10 * 300)
    loads = []

    def raster(name):
        def fetch(row, column):
            loads.append((name, row, column))
            return Chunk(np.zeros((10, 10, 3), np.uint8), None)

        return ChunkedRaster(fetch, chunk_shape=(10, 10), cache=cache, key=name)

    one, other = raster("one"), raster("other")
    for k in range(20):
        one.window(0, 10 * k, height=10, width=10)
        other.window(0, 10 * k, height=10, width=10)
        assert cache.held_bytes <= 3000
    assert len(loads) == 40
    other.window(0, 190, height=10, width=10)  # still held
    assert len(loads) == 40
    one.window(0, 0, height=10, width=10)  # long forgotten
    assert len(loads) == 41


def test_a_chunk_larger_than_the_budget_is_still_read():
    cache = ChunkCache(budget_bytes=1)
    raster = ChunkedRaster(
        lambda r, c: Chunk(np.full((8, 8, 3), r + c, np.uint8), None),
        chunk_shape=(8, 8),
        cache=cache,
        key="a",
    )
    assert raster.window(0, 0, height=16, width=16).pixels[12, 12, 0] == 2

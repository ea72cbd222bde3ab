import numpy as np
import pytest
import rasterio
from rasterio.enums import Resampling
from scipy.ndimage import gaussian_filter

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


def shift_px(one, other):
    """Columns and rows by which the content of one picture lies off the other's."""
    one, other = one[..., 0].astype(float), other[..., 0].astype(float)
    slopes = [np.gradient(one, axis=axis).ravel() for axis in (1, 0)]
    found, *_ = np.linalg.lstsq(np.stack(slopes, 1), (other - one).ravel(), rcond=None)
    return np.abs(found).max()


@pytest.mark.parametrize(
    ("resampling", "off_px"), [(Resampling.average, 0.01), (Resampling.nearest, 0.26)]
)
@pytest.mark.parametrize("size_px", [50, 77, 130])
def test_a_coarse_crop_from_overviews_lies_where_the_full_raster_does(
    write_raster, opened, place, resampling, off_px, size_px
):
    smooth = gaussian_filter(np.random.default_rng(0).normal(size=(1500, 2000)), 25)
    grey = (smooth - smooth.min()) / np.ptp(smooth) * 255
    pixels = np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)
    plain = opened(write_raster(pixels, name="plain.tif", tiled=True))
    path = with_overviews(write_raster(pixels, name="o.tif", tiled=True), resampling)
    one, other = (
        i.crop(*place(*MIDDLE), side_m=500.0, size_px=size_px)
        for i in (plain, opened(path))
    )
    assert not np.array_equal(one, other)
    # GDAL's nearest overviews show the corner of each pixel instead of its middle.
    assert shift_px(one, other) < off_px


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

"""North-up crops beside the bare decoding of the windows that they are cut from."""

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin
from rasterio.windows import Window
from scipy.ndimage import zoom

from dataset_tools.geodesy import transformer
from dataset_tools.imagery import About, open_imagery

X, Y, RES = 690_000.0, 4_930_000.0, 0.5
WIDTH, HEIGHT, SHEET = 6_000, 4_000, 1_000
CROPS, SIDE_M, SIZE_PX = 200, 80.0, 160
BLOCKS = {"tiled": True, "blockxsize": 256, "blockysize": 256}
STORED = {
    "deflate": BLOCKS | {"compress": "deflate"},
    "jpeg": BLOCKS | {"compress": "jpeg", "photometric": "ycbcr"},
    "strips": {},
}


@pytest.fixture(scope="module")
def pixels():
    """[3, 4000, 6000] with the detail of a photograph."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 255, (3, HEIGHT // 8, WIDTH // 8)).astype(np.float32)
    fine = zoom(coarse, (1, 8, 8), order=1) + rng.normal(0, 6, (3, HEIGHT, WIDTH))
    return np.clip(fine, 0, 255).astype(np.uint8)


def write(path, part, *, left=0, top=0, **profile):
    place = from_origin(X + left * RES, Y - top * RES, RES, RES)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=part.shape[2],
        height=part.shape[1],
        count=3,
        dtype="uint8",
        crs="EPSG:32618",
        transform=place,
        **profile,
    ) as dataset:
        dataset.write(part)
    return path


@pytest.fixture(scope="module")
def rasters(pixels, tmp_path_factory):
    """The picture stored in each way, and as 24 files in a folder."""
    folder = tmp_path_factory.mktemp("rasters")
    found = {k: write(folder / f"{k}.tif", pixels, **how) for k, how in STORED.items()}
    (folder / "sheets").mkdir()
    for left in range(0, WIDTH, SHEET):
        for top in range(0, HEIGHT, SHEET):
            part = pixels[:, top : top + SHEET, left : left + SHEET]
            path = folder / "sheets" / f"{left}-{top}.tif"
            write(path, part, left=left, top=top, **STORED["deflate"])
    return found | {"24 files": folder / "sheets"}


@pytest.fixture(scope="module", params=["a drive", "scattered"])
def places(request):
    """[200, 2] eastings and northings: each 12 m along a street, or anywhere."""
    if request.param == "a drive":
        along = np.arange(CROPS) * 12.0
        return np.column_stack([X + 200 + along, Y - 500 - 300 * np.sin(along / 400)])
    low, high = [X + 60, Y - HEIGHT * RES + 60], [X + WIDTH * RES - 60, Y - 60]
    return np.random.default_rng(1).uniform(low, high, (CROPS, 2))


@pytest.mark.parametrize("kind", STORED)
def test_reading_the_windows_alone(benchmark, rasters, places, kind):
    side = SIZE_PX + 4

    def read():
        with rasterio.open(rasters[kind]) as dataset:
            for x, y in places:
                row, column = dataset.index(x, y)
                window = Window(column - side // 2, row - side // 2, side, side)
                dataset.read(window=window)

    benchmark.pedantic(read, rounds=5, warmup_rounds=1)


@pytest.mark.parametrize("kind", [*STORED, "24 files"])
def test_cutting_crops(benchmark, rasters, places, kind):
    lon, lat = transformer("EPSG:32618", "EPSG:4326").transform(*places.T)

    def cut():
        imagery = open_imagery(rasters[kind], About(licence="CC0-1.0"))
        crops = [
            imagery.crop(a, o, side_m=SIDE_M, size_px=SIZE_PX)
            for a, o in zip(lat, lon, strict=True)
        ]
        imagery.close()
        return crops

    crops = benchmark.pedantic(cut, rounds=5, warmup_rounds=1)
    assert all(crop.shape == (SIZE_PX, SIZE_PX, 3) for crop in crops)


@pytest.mark.parametrize("kind", ["deflate", "24 files"])
def test_asking_whether_crops_are_covered(benchmark, rasters, places, kind):
    lon, lat = transformer("EPSG:32618", "EPSG:4326").transform(*places.T)

    def ask():
        imagery = open_imagery(rasters[kind], About(licence="CC0-1.0"))
        found = [
            imagery.covers(a, o, side_m=SIDE_M, size_px=SIZE_PX)
            for a, o in zip(lat, lon, strict=True)
        ]
        imagery.close()
        return found

    assert set(benchmark.pedantic(ask, rounds=5, warmup_rounds=1)) == {None}

import numpy as np
import pytest
from rasterio.enums import Resampling
from rasterio.transform import from_origin

from dataset_tools.errors import UnreadableError, UsageError
from dataset_tools.imagery import About, Reading, open_imagery
from dataset_tools.imagery.sources import open_sources
from dataset_tools.settings.tile import ImagerySettings

MIDDLE = (690_100.0, 4_929_925.0)
SIZE = {"side_m": 40.0, "size_px": 80}
ABOUT = About(licence="CC0-1.0")


@pytest.fixture
def bands(write_raster, ramp):
    """Each band of the ramp as a file of its own, and a fourth one."""
    four = np.dstack([ramp, np.full((300, 400, 1), 9, np.uint8)])
    return tuple(
        write_raster(np.ascontiguousarray(four[..., i : i + 1]), name=f"b{i + 1}.tif")
        for i in range(4)
    )


def test_three_files_are_one_picture(bands, write_raster, ramp, opened, place):
    with_bands = open_imagery(bands[:3], ABOUT)
    crop = with_bands.crop(*place(*MIDDLE), **SIZE)
    plain = opened(write_raster(ramp)).crop(*place(*MIDDLE), **SIZE)
    assert np.array_equal(crop, plain)
    assert with_bands.source == "b1.tif"
    with_bands.close()


def test_of_more_files_the_bands_are_told(bands, place):
    imagery = open_imagery(bands, ABOUT, Reading(bands=(4, 1, 2)))
    crop = imagery.crop(*place(*MIDDLE), **SIZE)
    assert (crop[..., 0] == 9).all()
    with pytest.raises(UsageError, match="4 band files were given"):
        open_imagery(bands, ABOUT)
    with pytest.raises(UsageError, match="2 band files were given"):
        open_imagery(bands[:2], ABOUT)


def test_nodata_and_overviews_of_the_files_count(write_raster, ramp, place):
    import rasterio

    paths = []
    for i in range(3):
        band = np.maximum(ramp[..., i : i + 1], 1)
        band[150:] = 0
        paths.append(write_raster(band, name=f"n{i}.tif", nodata=0))
        with rasterio.open(paths[-1], "r+") as dataset:
            dataset.build_overviews([2, 4], Resampling.average)
    imagery = open_imagery(tuple(paths), ABOUT)
    hole = imagery.crop(*place(*MIDDLE), **SIZE)
    assert hole.measured == pytest.approx(0.5, abs=0.02)
    coarse = imagery.crop(*place(690_100.0, 4_929_965.0), side_m=60.0, size_px=15)
    assert coarse.shape == (15, 15, 3)
    assert imagery.described()[0]["overviews"] == [2, 4]


@pytest.mark.parametrize(
    "other",
    [
        {"transform": from_origin(690_000.0, 4_930_000.5, 0.5, 0.5)},
        {"crs": "EPSG:32619"},
        {"pixels": np.zeros((300, 399, 1), np.uint8)},
        {"pixels": np.zeros((300, 400, 3), np.uint8)},
    ],
    ids=["moved", "another zone", "narrower", "three bands"],
)
def test_files_that_are_no_bands_of_one_picture_are_told(bands, write_raster, other):
    pixels = other.pop("pixels", np.zeros((300, 400, 1), np.uint8))
    odd = write_raster(pixels, name="odd.tif", **other)
    with pytest.raises(UnreadableError, match=r"odd\.tif.* (no bands|3 bands)"):
        open_imagery((*bands[:2], odd), ABOUT)


def test_a_list_of_sources_names_the_files_of_one_picture(bands, tmp_path, place):
    listing = tmp_path / "sources.csv"
    listing.write_text("path,licence\nb1.tif;b2.tif;b3.tif,CC0-1.0\n")
    given = ImagerySettings(licence="CC0-1.0", imagery_sources=listing)
    with open_sources(given) as imagery:
        crop = imagery.crop(*place(*MIDDLE), **SIZE)
        assert (crop[..., 2] == 77).all()
        assert crop[..., 0].max() > 80


def test_three_grey_files_of_one_grid_are_not_taken_for_three_pictures(bands):
    given = ImagerySettings(licence="CC0-1.0", imagery=bands[:3])
    with (
        pytest.raises(UsageError, match=r"path: \[b1\.tif, b2\.tif, b3\.tif\]"),
        open_sources(given),
    ):
        pass

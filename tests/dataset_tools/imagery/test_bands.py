import numpy as np
import pytest
import rasterio
from PIL import Image, TiffImagePlugin
from rasterio.enums import ColorInterp
from rasterio.transform import from_origin

from dataset_tools.errors import UnreadableError, UsageError
from dataset_tools.geodesy import destination, transformer
from dataset_tools.imagery import bands as bands_module
from dataset_tools.records import Rejection

MIDDLE = (690_100.0, 4_929_925.0)
SIZE = {"side_m": 40.0, "size_px": 80}


@pytest.fixture
def crop(opened, place):
    """The middle of a raster, 40 m in 80 pixels."""

    def go(path, at=MIDDLE, **told):
        return opened(path, **told).crop(*place(*at), **SIZE)

    return go


def tag(path, *colours):
    with rasterio.open(path, "r+") as dataset:
        dataset.colorinterp = colours
    return path


def test_bands_that_are_asked_for_are_taken_in_their_order(write_raster, ramp, crop):
    path = write_raster(np.dstack([ramp, np.full((300, 400, 1), 9, np.uint8)]))
    plain, turned = crop(path), crop(path, bands=(4, 1, 2))
    assert (turned[..., 0] == 9).all()
    assert np.array_equal(turned[..., 1], plain[..., 0])
    assert np.array_equal(crop(path, bands=(2,))[..., 2], plain[..., 1])


@pytest.mark.parametrize("bands", [(1, 2, 9), (0, 1, 2), (1, 2)])
def test_bands_that_are_not_there_are_a_wrong_usage(write_raster, ramp, opened, bands):
    with pytest.raises(UsageError, match=r"has 3\. Give three numbers"):
        opened(write_raster(ramp), bands=bands)


def test_tags_say_where_red_is(write_raster, ramp, crop):
    path = tag(
        write_raster(ramp[..., ::-1].copy()),
        ColorInterp.blue,
        ColorInterp.green,
        ColorInterp.red,
    )
    assert np.array_equal(crop(path), crop(write_raster(ramp, name="other.tif")))


def test_a_stated_scale_is_used_and_told(write_raster, ramp, opened, place):
    path = write_raster(ramp.astype(np.uint16) * 16)
    imagery = opened(path, values=(0.0, 16 * 255.0))
    told = imagery.crop(*place(*MIDDLE), **SIZE)
    plain = opened(write_raster(ramp, name="p.tif")).crop(*place(*MIDDLE), **SIZE)
    assert np.abs(told.astype(int) - plain).max() <= 1
    assert imagery.described()[0]["black_and_white"] == [0.0, 4080.0]


def test_a_measured_scale_is_told_too(write_raster, ramp, opened):
    (said,) = opened(write_raster(ramp.astype(np.uint16) * 16)).described()
    low, high = said["black_and_white"]
    assert 0 <= low < high <= 200 * 16


@pytest.mark.parametrize("kind", [np.int16, np.float32])
def test_signed_and_real_samples_with_nodata_leave_a_hole(
    write_raster, ramp, crop, kind
):
    values = ramp.astype(kind)
    values[150:] = -9999
    path = write_raster(values, nodata=-9999)
    hole = crop(path)
    assert hole.measured == pytest.approx(0.5, abs=0.02)
    whole = crop(path, at=(690_100.0, 4_929_970.0))
    assert np.ptp(whole[..., 0].astype(int)) > 30


def test_real_samples_that_are_no_number_leave_a_hole(write_raster, ramp, crop):
    values = ramp.astype(np.float32)
    values[150:] = np.nan
    assert crop(write_raster(values)).measured == pytest.approx(0.5, abs=0.02)


def test_a_pixel_is_missing_only_where_it_is_so_in_each_colour(
    write_raster, ramp, crop
):
    path = write_raster(ramp, nodata=77)  # blue is 77 everywhere
    assert not isinstance(crop(path), Rejection)


def test_nodata_beyond_the_range_of_samples_hides_nothing(write_raster, ramp, crop):
    path = write_raster(ramp)
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(note="nodata is written as text by some tools")
    assert not isinstance(crop(path), Rejection)


def test_an_internal_mask_leaves_a_hole(write_raster, ramp, crop):
    path = write_raster(ramp)
    mask = np.full((300, 400), 255, np.uint8)
    mask[150:] = 0
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(path, "r+") as raster,
    ):
        raster.write_mask(mask)
    assert crop(path).measured == pytest.approx(0.5, abs=0.02)


def test_grey_with_alpha_is_grey_with_holes(write_raster, ramp, crop):
    alpha = np.full((300, 400, 1), 255, np.uint8)
    alpha[150:] = 0
    path = tag(
        write_raster(np.dstack([ramp[..., :1], alpha])),
        ColorInterp.gray,
        ColorInterp.alpha,
    )
    assert crop(path).measured == pytest.approx(0.5, abs=0.02)
    whole = crop(path, at=(690_100.0, 4_929_970.0))
    assert np.array_equal(whole[..., 0], whole[..., 2])


def test_infrared_tagged_as_alpha_is_told(write_raster, ramp, opened):
    infrared = np.random.default_rng(0).integers(0, 256, (300, 400, 1), dtype=np.uint8)
    path = write_raster(np.dstack([ramp, infrared]), photometric="RGB", alpha="YES")
    (said,) = opened(path).described()
    assert (said["alpha"], said["note"]) == (
        None,
        "band 4 is tagged alpha and used as none",
    )


def test_infrared_as_alpha_hides_nothing_even_where_it_is_zero(
    write_raster, ramp, crop
):
    infrared = np.random.default_rng(0).integers(1, 256, (300, 400, 1), dtype=np.uint8)
    infrared[140:160, 190:210] = 0  # a pond
    path = write_raster(np.dstack([ramp, infrared]), photometric="RGB", alpha="YES")
    assert not isinstance(crop(path), Rejection)


def test_a_palette_becomes_its_colours_and_its_clear_entry_a_hole(
    write_raster, crop, tmp_path
):
    index = np.zeros((300, 400, 1), np.uint8)
    index[:, 200:] = 1
    path = write_raster(index, photometric="palette")
    with rasterio.open(path, "r+") as dataset:
        dataset.write_colormap(1, {0: (250, 10, 20, 255), 1: (30, 240, 50, 255)})
    shown = crop(path)
    assert shown[40, 5].tolist() == [250, 10, 20]
    assert shown[40, 75].tolist() == [30, 240, 50]
    picture = Image.fromarray(index[..., 0], "P")
    picture.putpalette([250, 10, 20, 30, 240, 50])
    picture.save(tmp_path / "p.png", transparency=1)
    (tmp_path / "p.pgw").write_text("0.5\n0\n0\n-0.5\n690000.25\n4929999.75\n")
    hole = crop(tmp_path / "p.png", crs="EPSG:32618")
    assert hole.measured == pytest.approx(0.5, abs=0.02)


def test_one_bit_is_black_and_white(write_raster, crop):
    index = np.zeros((300, 400, 1), np.uint8)
    index[:, 200:] = 1
    shown = crop(write_raster(index, nbits=1))
    assert (shown[40, 5, 0], shown[40, 75, 0]) == (0, 255)


def test_inks_are_refused(write_raster, ramp, opened):
    path = tag(
        write_raster(np.dstack([ramp, ramp[..., :1]]), photometric="MINISBLACK"),
        ColorInterp.cyan,
        ColorInterp.magenta,
        ColorInterp.yellow,
        ColorInterp.black,
    )
    with pytest.raises(UnreadableError, match="inks"):
        opened(path)


def test_complex_numbers_are_refused(write_raster, opened):
    path = write_raster(np.zeros((20, 20, 1), np.complex64))
    with pytest.raises(UnreadableError, match="real numbers"):
        opened(path)


def test_a_large_raster_is_measured_by_pieces(write_raster, ramp, opened, monkeypatch):
    wide = np.tile(ramp.astype(np.uint16), (2, 2, 1)) * 16
    (whole,) = opened(write_raster(wide)).described()
    monkeypatch.setattr(bands_module, "SAMPLE_PX", 100)
    (pieces,) = opened(write_raster(wide)).described()
    assert pieces["black_and_white"] == pytest.approx(whole["black_and_white"], abs=160)


def test_jpeg_2000_is_imagery(write_raster, ramp, opened, place):
    try:
        path = write_raster(ramp, name="a.jp2", driver="JP2OpenJPEG", quality=100)
    except rasterio.errors.RasterioError:
        pytest.skip("this GDAL has no JPEG 2000")
    crop = opened(path).crop(*place(*MIDDLE), **SIZE)
    plain = opened(write_raster(ramp)).crop(*place(*MIDDLE), **SIZE)
    assert np.abs(crop.astype(int) - plain).mean() < 2.0


def geotiff(path, pixels, *, point):
    """A TIFF whose tie point at raster 0, 0 is written as numbers, not by GDAL."""
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags.tagtype[33550] = tags.tagtype[33922] = 12
    tags[33550] = (0.5, 0.5, 0.0)
    tags[33922] = (0.0, 0.0, 0.0, 690_000.0, 4_930_000.0, 0.0)
    tags.tagtype[34735] = 3
    kind = 2 if point else 1
    tags[34735] = (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, kind, 3072, 0, 1, 32618)
    Image.fromarray(pixels).save(path, tiffinfo=tags)
    return path


def test_where_a_pixel_is_a_point_the_tie_is_its_centre(tmp_path, ramp, crop):
    area = geotiff(tmp_path / "area.tif", ramp, point=False)
    point = geotiff(tmp_path / "point.tif", ramp, point=True)
    one, other = crop(area), crop(point)
    # The point raster lies half a pixel (0.25 m) further west: all shows 0.25 m later.
    shift = (other[..., 0].astype(float) - one[..., 0]).mean()
    assert shift == pytest.approx(0.25, abs=0.05)
    same = crop(area, at=(MIDDLE[0] + 0.25, MIDDLE[1] - 0.25))
    assert np.abs(other.astype(int) - same).max() <= 1


def test_control_points_alone_are_no_place(tmp_path, opened, ramp):
    path = tmp_path / "gcp.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=400, height=300, count=3, dtype="uint8"
    ) as dataset:
        dataset.write(np.moveaxis(ramp, 2, 0))
        points = [
            rasterio.control.GroundControlPoint(r, c, 690_000 + c, 4_930_000 - r)
            for r, c in ((0, 0), (0, 399), (299, 0))
        ]
        dataset.gcps = (points, rasterio.crs.CRS.from_epsg(32618))
    with pytest.raises(UnreadableError, match=r"--imagery-crs|control points only"):
        opened(path)
    with pytest.raises(UnreadableError, match="control points only"):
        opened(path, crs="EPSG:32618")


def test_a_raster_of_nodata_only_covers_nothing(write_raster, crop):
    hole = crop(write_raster(np.zeros((300, 400, 3), np.uint8), nodata=0))
    assert (hole.reason, hole.measured) == ("imagery-does-not-cover", 0.0)
    wide = write_raster(np.zeros((300, 400, 3), np.uint16), nodata=0, name="w.tif")
    assert crop(wide).measured == 0.0


@pytest.mark.parametrize(
    ("code", "lat", "lon", "metres"),
    [("EPSG:2222", 34.0, -110.2, 0.3048), ("EPSG:5646", 44.5, -72.6, 1200 / 3937)],
)
def test_international_and_survey_feet_differ_by_two_millionths(
    write_raster, ramp, opened, code, lat, lon, metres
):
    x, y = transformer("EPSG:4326", code).transform(lon, lat)
    # The scale of the projection itself, by the projection: 1 km north in its unit.
    north, east = destination(lat, lon, 0.0, 1000.0)
    far = transformer("EPSG:4326", code).transform(float(east), float(north))
    scale = np.hypot(far[0] - x, far[1] - y) * metres / 1000.0
    path = write_raster(ramp, crs=code, transform=from_origin(x, y, 1.0, 1.0))
    gsd = opened(path).m_per_px_at(lat, lon)
    assert gsd == pytest.approx(metres / scale, rel=3e-7)
    assert scale == pytest.approx(1.0, abs=1e-3)

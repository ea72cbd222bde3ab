import time

import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp
from rasterio.transform import from_origin

from dataset_tools.errors import MissingDataError, UnreadableError, UsageError
from dataset_tools.geodesy import LocalFrame, transformer
from dataset_tools.records import Rejection

MIDDLE = (690_100.0, 4_929_925.0)
"""The point between the pixels 199 and 200, 149 and 150 of a 400 x 300 raster."""


def truth(at, *, side_m, size_px, crs="EPSG:32618", origin=(690_000.0, 4_930_000.0)):
    """Raster columns and rows of each pixel of a crop, by the projection itself."""
    steps = ((np.arange(size_px) + 0.5) / size_px - 0.5) * side_m
    lat, lon = LocalFrame(*at).to_degrees(*np.meshgrid(steps, -steps))
    x, y = transformer("EPSG:4326", crs).transform(lon, lat)
    return x - origin[0], origin[1] - y


def test_a_crop_shows_what_lies_at_its_place_with_north_up(
    write_raster, ramp, opened, place
):
    at = place(*MIDDLE)
    crop = opened(write_raster(ramp)).crop(*at, side_m=80.0, size_px=160)
    east, south = truth(at, side_m=80.0, size_px=160)
    # Red is half the column (0.5 m each), so it grows by 1 each metre.
    assert crop.shape == (160, 160, 3)
    assert crop.dtype == np.uint8
    assert np.abs(crop[..., 0] - (east - 0.25)).max() < 1.3
    assert np.abs(crop[..., 1] - (south - 0.25)).max() < 1.3
    # Convergence is +1.7 degrees here: true north is not the grid's.
    assert abs(int(crop[0, 80, 0]) - int(crop[-1, 80, 0])) == pytest.approx(
        2.4, abs=1.5
    )


@pytest.mark.parametrize(("side_m", "size_px"), [(90.0, 50), (100.0, 71), (40.0, 160)])
def test_shrinking_averages_over_area_and_keeps_the_place(
    write_raster, ramp, opened, place, side_m, size_px
):
    at = place(*MIDDLE)
    crop = opened(write_raster(ramp)).crop(*at, side_m=side_m, size_px=size_px)
    east, south = truth(at, side_m=side_m, size_px=size_px)
    assert np.abs(crop[..., 0] - (east - 0.25)).mean() < 0.5
    assert np.abs(crop[..., 1] - (south - 0.25)).mean() < 0.5


def test_a_checkerboard_shrinks_to_grey_without_moire(write_raster, opened, place):
    rows, columns = np.indices((300, 400))
    board = np.repeat((((rows + columns) % 2) * 255)[..., None], 3, axis=2)
    imagery = opened(write_raster(board.astype(np.uint8)))
    crop = imagery.crop(*place(*MIDDLE), side_m=120.0, size_px=60)
    assert np.abs(crop.astype(float) - 127.5).max() < 20


@pytest.mark.parametrize(
    ("crs", "unit"),
    [
        ("EPSG:32145", 1.0),  # Vermont, metres
        ("EPSG:5646", 1200 / 3937),  # Vermont, US survey feet
        ("EPSG:3857", 1.0),
        ("EPSG:4326", 1.0),
    ],
)
def test_any_system_and_unit_gives_the_same_ground(
    write_raster, ramp, opened, crs, unit
):
    lat, lon = 44.5, -72.6
    x, y = transformer("EPSG:4326", crs).transform(lon, lat)
    step = {"EPSG:4326": 0.5 / 90_000, "EPSG:3857": 0.5 / 0.713}.get(crs, 0.5 / unit)
    transform = from_origin(x - 200 * step, y + 150 * step, step, step)
    imagery = opened(write_raster(ramp, crs=crs, transform=transform))
    if crs != "EPSG:4326":
        assert imagery.m_per_px_at(lat, lon) == pytest.approx(0.5, rel=2e-3)
    crop = imagery.crop(lat, lon, side_m=60.0, size_px=120)
    px, py = truth((lat, lon), side_m=60.0, size_px=120, crs=crs, origin=(x, y))
    assert np.abs(crop[..., 0] - (px / step + 200 - 0.5) / 2).max() < 1.3
    assert np.abs(crop[..., 1] - (py / step + 150 - 0.5) / 2).max() < 1.3
    west, south, east, north = imagery.bounds
    assert west < lon < east
    assert south < lat < north


def test_a_rotated_raster_is_turned_north_up(write_raster, ramp, opened, place):
    c, s = np.cos(np.radians(30.0)) / 2, np.sin(np.radians(30.0)) / 2
    east, north = MIDDLE[0] - 200 * c - 150 * s, MIDDLE[1] - 200 * s + 150 * c
    transform = rasterio.Affine(c, s, east, s, -c, north)
    imagery = opened(write_raster(ramp, transform=transform))
    at = place(*MIDDLE)
    crop = imagery.crop(*at, side_m=60.0, size_px=60)
    x, y = truth(at, side_m=60.0, size_px=60, origin=MIDDLE)
    inverse = ~transform
    column = inverse.a * (x + MIDDLE[0]) + inverse.b * (MIDDLE[1] - y) + inverse.c
    assert np.abs(crop[..., 0] - (column - 0.5) / 2).max() < 1.3


def test_a_raster_over_the_antimeridian_is_cropped_across_it(
    write_raster, ramp, opened
):
    step = 0.5 / 111_000
    transform = from_origin(180 - 200 * step, 150 * step, step, step)
    imagery = opened(write_raster(ramp, crs="EPSG:4326", transform=transform))
    crop = imagery.crop(0.0, -180.0, side_m=50.0, size_px=100)
    assert np.array_equal(crop, imagery.crop(0.0, 180.0, side_m=50.0, size_px=100))
    assert crop[50, :, 0].min() < 80 < 120 < crop[50, :, 0].max()
    west, _, east, _ = imagery.bounds
    assert west > 179.9
    assert east < -179.9


def test_beyond_the_edge_the_covered_share_is_measured(
    write_raster, ramp, opened, place
):
    imagery = opened(write_raster(ramp))
    west = imagery.crop(*place(690_000.0, MIDDLE[1]), side_m=40.0, size_px=80)
    assert isinstance(west, Rejection)
    assert west.reason == "imagery-does-not-cover"
    assert west.measured == pytest.approx(0.5, abs=0.02)
    assert west.limit == 0.999
    away = imagery.crop(0.0, 0.0, side_m=40.0, size_px=80)
    assert away.measured == 0.0


def test_covers_says_what_crop_would(write_raster, ramp, opened, place):
    imagery = opened(write_raster(ramp))
    for east in (690_010.0, 690_021.0, 690_100.0):
        at = place(east, MIDDLE[1])
        fault = imagery.covers(*at, side_m=40.0, size_px=80)
        crop = imagery.crop(*at, side_m=40.0, size_px=80)
        assert fault == crop if isinstance(crop, Rejection) else fault is None


@pytest.mark.parametrize("kind", ["alpha", "nodata"])
def test_a_hole_is_not_covered(write_raster, ramp, opened, place, kind):
    pixels = np.maximum(ramp, 1)
    if kind == "alpha":
        alpha = np.full((300, 400, 1), 255, np.uint8)
        alpha[150:] = 0
        path = write_raster(np.dstack([pixels, alpha]))
        with rasterio.open(path, "r+") as dataset:
            dataset.colorinterp = [
                ColorInterp.red,
                ColorInterp.green,
                ColorInterp.blue,
                ColorInterp.alpha,
            ]
    else:
        pixels[150:] = 0
        path = write_raster(pixels, nodata=0)
    hole = opened(path).crop(*place(*MIDDLE), side_m=40.0, size_px=80)
    assert hole.measured == pytest.approx(0.5, abs=0.02)
    whole = opened(path).crop(*place(690_100.0, 4_929_970.0), side_m=40.0, size_px=80)
    assert whole.shape == (80, 80, 3)


def test_near_infrared_tagged_as_alpha_hides_nothing(write_raster, ramp, opened, place):
    infrared = np.random.default_rng(0).integers(0, 256, (300, 400, 1), dtype=np.uint8)
    path = write_raster(np.dstack([ramp, infrared]), photometric="RGB", alpha="YES")
    imagery = opened(path)
    assert not isinstance(
        imagery.crop(*place(*MIDDLE), side_m=80.0, size_px=80), Rejection
    )


def test_sixteen_bits_are_stretched_alike_everywhere(write_raster, ramp, opened, place):
    wide = ramp.astype(np.uint16) * 40 + 300
    imagery = opened(write_raster(wide))
    crop = imagery.crop(*place(*MIDDLE), side_m=80.0, size_px=160)
    east, _ = truth(place(*MIDDLE), side_m=80.0, size_px=160)
    line = np.polyfit(east[80], crop[80, :, 0].astype(float), 1)
    assert 1.0 < line[0] < 1.4
    assert np.abs(np.polyval(line, east[80]) - crop[80, :, 0]).max() < 3


def test_one_grey_band_becomes_three_equal_ones(write_raster, ramp, opened, place):
    crop = opened(write_raster(ramp[..., :1])).crop(
        *place(*MIDDLE), side_m=40, size_px=40
    )
    assert np.array_equal(crop[..., 0], crop[..., 2])


def test_tags_tell_date_and_season_unless_the_user_does(write_raster, ramp, opened):
    tags = {"TIFFTAG_DATETIME": "2023:04:15 12:00:00", "season": "leaf-off"}
    path = write_raster(ramp, tags=tags)
    assert (opened(path).captured, opened(path).season) == ("2023-04-15", "leaf-off")
    assert opened(path, captured="2020-01-01").captured == "2020-01-01"
    assert opened(path).source == "ortho.tif"


def test_a_geotiff_without_a_system_asks_for_crs(write_raster, ramp, opened, place):
    path = write_raster(ramp, crs=None)
    with pytest.raises(UnreadableError, match=r"no coordinate.*--imagery-crs EPSG"):
        opened(path)
    crop = opened(path, crs="EPSG:32618").crop(*place(*MIDDLE), side_m=40, size_px=40)
    assert crop.shape == (40, 40, 3)


def test_a_wrong_crs_is_one_clear_sentence(write_raster, ramp, opened):
    with pytest.raises(UsageError, match="no known coordinate reference system"):
        opened(write_raster(ramp, crs=None), crs="EPSG:99999999")
    with pytest.raises(UsageError, match="contradicts"):
        opened(write_raster(ramp), crs="EPSG:32619")


@pytest.mark.parametrize(
    ("driver", "name", "world"), [("PNG", "a.png", "a.pgw"), ("JPEG", "a.jpg", "a.jgw")]
)
def test_a_picture_with_a_world_file_is_imagery(
    write_raster, ramp, opened, place, tmp_path, driver, name, world
):
    path = write_raster(ramp, driver=driver, name=name, crs=None, transform=None)
    with pytest.raises(UnreadableError, match="world file"):
        opened(path, crs="EPSG:32618")
    (tmp_path / world).write_text("0.5\n0\n0\n-0.5\n690000.25\n4929999.75\n")
    crop = opened(path, crs="EPSG:32618").crop(*place(*MIDDLE), side_m=40, size_px=40)
    east, _ = truth(place(*MIDDLE), side_m=40.0, size_px=40)
    assert np.abs(crop[..., 0] - (east - 0.25)).mean() < 2.0


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"<VRTDataset rasterXSize='1' rasterYSize='1'/>", "a VRT is refused"),
        (b"", "no imagery that can be read"),
        (b"II*\x00garbage", "cannot be read as imagery"),
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path, opened, content, match):
    path = tmp_path / "ortho.tif"
    path.write_bytes(content)
    with pytest.raises(UnreadableError, match=match):
        opened(path)


def test_virtual_paths_and_missing_files_are_refused(tmp_path, opened):
    with pytest.raises(UsageError, match="virtual path"):
        opened(tmp_path.__class__("/vsicurl/http://example.org/a.tif"))
    with pytest.raises(MissingDataError, match=r"none\.tif"):
        opened(tmp_path / "none.tif")


def test_a_damaged_part_is_a_rejection_and_not_a_traceback(
    write_raster, ramp, opened, place
):
    noise = np.random.default_rng(0).integers(0, 256, ramp.shape, dtype=np.uint8)
    path = write_raster(
        noise, tiled=True, blockxsize=64, blockysize=64, compress="deflate"
    )
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 4000] = bytes(4000)
    path.write_bytes(bytes(data))
    crop = opened(path).crop(*place(*MIDDLE), side_m=140.0, size_px=70)
    assert isinstance(crop, Rejection)
    assert crop.reason == "imagery-unreadable"


def test_a_crop_that_would_read_everything_is_refused(
    write_raster, ramp, opened, place
):
    imagery = opened(write_raster(ramp, res=0.001))
    at = place(690_000.2, 4_929_999.8)
    crop = imagery.crop(*at, side_m=80.0, size_px=80)
    assert crop.reason == "crop-reads-too-many-pixels"


def test_a_crop_without_a_size_is_refused(write_raster, ramp, opened, place):
    with pytest.raises(UsageError, match="at least 1 pixel"):
        opened(write_raster(ramp)).crop(*place(*MIDDLE), side_m=0.0, size_px=10)


def test_windows_join_the_chunks_of_a_tiled_raster(write_raster, opened, place):
    pixels = np.random.default_rng(1).integers(0, 256, (1200, 1300, 3), dtype=np.uint8)
    tiled = opened(write_raster(pixels, tiled=True, blockxsize=256, blockysize=256))
    whole = opened(write_raster(pixels, name="strips.tif"))
    at = place(690_000 + 256.0, 4_930_000 - 256.0)  # the corner of four chunks
    one, other = (i.crop(*at, side_m=80.0, size_px=160) for i in (tiled, whole))
    assert np.array_equal(one, other)


def test_a_hundred_crops_take_less_than_two_seconds(write_raster, opened, place):
    pixels = np.zeros((1000, 1000, 3), np.uint8)
    imagery = opened(write_raster(pixels))
    at = place(690_250.0, 4_929_750.0)
    start = time.process_time()
    for _ in range(100):
        imagery.crop(*at, side_m=80.0, size_px=160)
    assert time.process_time() - start < 2.0

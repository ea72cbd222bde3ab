import math

import numpy as np
import pytest
from PIL import Image

from dataset_tools.errors import MissingDataError, UnreadableError, UsageError
from dataset_tools.geodesy import LocalFrame
from dataset_tools.records import Rejection

ZOOM = 18
LAT, LON = 44.5, -72.6
GSD_18 = 0.4259
"""Metres per pixel at zoom 18 and 44.5 degrees north."""


def world_pixel(lat, lon, zoom=ZOOM):
    size = 256 * 2.0**zoom
    y = (1 - np.arcsinh(np.tan(np.radians(lat))) / math.pi) / 2 * size
    return (np.asarray(lon) + 180) / 360 * size, y


@pytest.fixture
def write_tiles(tmp_path):
    """Tiles around (LAT, LON) whose red and green grow with the world pixel."""

    def write(*, zoom=ZOOM, reach=1, middle=LON, suffix="png", skip=()):
        cx, cy = (int(v // 256) for v in world_pixel(LAT, middle, zoom))
        for i in range(-reach, reach + 1):
            for j in range(-reach, reach + 1):
                if (i, j) in skip:
                    continue
                x, y = (cx + i) % 2**zoom, cy + j
                pixels = np.full((256, 256, 3), 90, np.uint8)
                pixels[..., 0] = ((i + reach) * 256 + np.arange(256))[None] / 4
                pixels[..., 1] = ((j + reach) * 256 + np.arange(256))[:, None] / 4
                file = tmp_path / "xyz" / str(zoom) / str(x) / f"{y}.{suffix}"
                file.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(file)
        return tmp_path / "xyz", (cx - reach) * 256, (cy - reach) * 256

    return write


def test_a_crop_runs_across_tile_borders_with_north_up(write_tiles, opened):
    path, left, top = write_tiles()
    imagery = opened(path)
    crop = imagery.crop(LAT, LON, side_m=150.0, size_px=300)
    steps = ((np.arange(300) + 0.5) / 300 - 0.5) * 150.0
    lat, lon = LocalFrame(LAT, LON).to_degrees(*np.meshgrid(steps, -steps))
    x, y = world_pixel(lat, lon)
    assert np.abs(crop[..., 0] - (x - left - 0.5) / 4).max() < 1.6
    assert np.abs(crop[..., 1] - (y - top - 0.5) / 4).max() < 1.6
    assert imagery.m_per_px_at(LAT, LON) == pytest.approx(GSD_18, abs=1e-4)


def test_a_missing_tile_is_a_measured_hole(write_tiles, opened):
    path, _, _ = write_tiles(skip={(0, 1), (0, -1)})
    hole = opened(path).crop(LAT, LON, side_m=190.0, size_px=190)
    assert isinstance(hole, Rejection)
    assert hole.reason == "imagery-does-not-cover"
    assert 0.3 < hole.measured < 0.9


def test_a_transparent_pixel_is_not_covered(write_tiles, opened):
    path, _, _ = write_tiles(reach=0)
    (file,) = path.rglob("*.png")
    rgba = np.full((256, 256, 4), 255, np.uint8)
    rgba[:, :128, 3] = 0
    Image.fromarray(rgba).save(file)
    x, y = int(file.parent.name), int(file.stem)
    lon = (x + 0.5) / 2**ZOOM * 360 - 180
    lat = math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * (y + 0.5) / 2**ZOOM))))
    hole = opened(path).crop(lat, lon, side_m=40.0, size_px=80)
    assert hole.measured == pytest.approx(0.5, abs=0.02)


def test_the_coarsest_zoom_that_is_fine_enough_is_used(write_tiles, opened):
    write_tiles(zoom=17)
    path, _, _ = write_tiles(zoom=18)
    imagery = opened(path)
    assert imagery.m_per_px_at(LAT, LON) == pytest.approx(GSD_18, abs=1e-4)
    coarse = imagery.crop(LAT, LON, side_m=100.0, size_px=100)
    fine = imagery.crop(LAT, LON, side_m=100.0, size_px=200)
    # A pixel of red is 4 world pixels: zoom 17 changes half as fast over the ground.
    assert np.ptp(fine[..., 0].astype(int)) > 1.7 * np.ptp(coarse[..., 0].astype(int))


def test_tiles_on_both_sides_of_the_antimeridian_are_one_place(write_tiles, opened):
    path, _, _ = write_tiles(middle=179.9999)
    imagery = opened(path)
    east = imagery.crop(LAT, 180.0, side_m=100.0, size_px=100)
    assert np.array_equal(east, imagery.crop(LAT, -180.0, side_m=100.0, size_px=100))
    west, south, east_end, north = imagery.bounds
    assert west > 179.0
    assert east_end < -179.0
    assert south < LAT < north


@pytest.mark.parametrize(
    "damage",
    [
        lambda f: f.write_bytes(b"no picture"),
        lambda f: Image.new("RGB", (128, 128)).save(f),
    ],
    ids=["broken", "another-size"],
)
def test_a_bad_tile_is_a_rejection_and_not_a_traceback(write_tiles, opened, damage):
    path, _, _ = write_tiles()
    x, y = (int(v // 256) for v in world_pixel(LAT, LON))
    damage(path / str(ZOOM) / str(x) / f"{y}.png")
    crop = opened(path).crop(LAT, LON, side_m=20.0, size_px=20)
    assert crop.reason == "imagery-unreadable"
    assert f"{ZOOM}/{x}/{y}.png" in crop.measured


def test_a_folder_without_tiles_is_refused(tmp_path, opened):
    with pytest.raises(UnreadableError, match="holds no map tiles"):
        opened(tmp_path)
    with pytest.raises(MissingDataError, match="nowhere"):
        opened(tmp_path / "nowhere")


def test_a_system_for_a_tile_folder_is_refused(write_tiles, opened):
    with pytest.raises(UsageError, match="is a tile folder, for which 'crs' cannot"):
        opened(write_tiles()[0], crs="EPSG:3857")

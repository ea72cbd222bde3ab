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


def quadkey(zoom, x, y):
    digits = []
    for i in range(zoom, 0, -1):
        mask = 1 << (i - 1)
        digits.append(str((1 if x & mask else 0) + (2 if y & mask else 0)))
    return "".join(digits)


NAMES = {
    "{z}/{y}/{x}": lambda z, x, y: f"{z}/{y}/{x}",
    "{z}/{x}/{-y}": lambda z, x, y: f"{z}/{x}/{2**z - 1 - y}",
    "{quadkey}": quadkey,
    "{q}": quadkey,
    "OAM-{x}-{y}-{z}": lambda z, x, y: f"OAM-{x}-{y}-{z}",
    "city/{z}_{x}_{y}": lambda z, x, y: f"city/{z}_{x}_{y}",
    "{z}/{x}/{y}": lambda z, x, y: f"{z:02d}/{x:07d}/{y:07d}",
}


def renamed(folder, to, name):
    for file in sorted(folder.rglob("*.png")):
        z, x, y = (int(p.split(".")[0]) for p in file.parts[-3:])
        target = to / (name(z, x, y) + ".png")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.read_bytes())
    return to


@pytest.mark.parametrize("layout", NAMES)
def test_each_layout_gives_the_same_picture(write_tiles, opened, tmp_path, layout):
    path, _, _ = write_tiles()
    other = renamed(path, tmp_path / "other", NAMES[layout])
    size = {"side_m": 150.0, "size_px": 200}
    plain = opened(path).crop(LAT, LON, **size)
    assert plain.shape == (200, 200, 3)
    assert np.array_equal(opened(other, layout=layout).crop(LAT, LON, **size), plain)


@pytest.mark.parametrize("layout", ["{quadkey}", "{z}/{x}/{-y}"])
def test_layouts_that_tell_of_themselves_are_found(
    write_tiles, opened, tmp_path, layout
):
    path, _, _ = write_tiles()
    other = renamed(path, tmp_path / "other", NAMES[layout])
    if layout == "{z}/{x}/{-y}":
        (other / "tilemapresource.xml").write_text("<TileMap/>")
    imagery = opened(other)
    assert imagery.described()[0]["layout"] == layout
    plain = opened(path).crop(LAT, LON, side_m=150.0, size_px=200)
    assert np.array_equal(imagery.crop(LAT, LON, side_m=150.0, size_px=200), plain)


@pytest.mark.parametrize("layout", ["", "{z}/{x}", "{z}/{x}/{y}/{y}", "{a}", "{x}{q}"])
def test_a_layout_that_names_no_tile_is_refused(write_tiles, opened, layout):
    with pytest.raises(UsageError, match="must hold"):
        opened(write_tiles()[0], layout=layout)


def test_names_of_another_layout_are_told(write_tiles, opened):
    with pytest.raises(UnreadableError, match="Say how they are named"):
        opened(write_tiles()[0], layout="{quadkey}")


def test_a_link_out_of_the_folder_is_not_followed(write_tiles, opened, tmp_path):
    path, _, _ = write_tiles()
    x, y = (int(v // 256) for v in world_pixel(LAT, LON))
    file = path / str(ZOOM) / str(x) / f"{y}.png"
    outside = tmp_path / "outside.png"
    file.rename(outside)
    file.symlink_to(outside)
    crop = opened(path).crop(LAT, LON, side_m=20.0, size_px=20)
    assert crop.reason == "imagery-unreadable"
    assert "link out of the folder" in crop.measured


def test_a_bomb_among_tiles_is_a_rejection(write_tiles, opened):
    path, _, _ = write_tiles()
    x, y = (int(v // 256) for v in world_pixel(LAT, LON))
    bomb = path / str(ZOOM) / str(x) / f"{y}.png"
    Image.new("1", (9000, 9000)).save(bomb)
    crop = opened(path).crop(LAT, LON, side_m=20.0, size_px=20)
    assert crop.reason == "imagery-unreadable"


def test_covers_needs_no_decoding_of_jpeg(write_tiles, opened, monkeypatch):
    from dataset_tools.imagery import pyramid

    path, _, _ = write_tiles(suffix="jpg")
    imagery = opened(path)
    monkeypatch.setattr(pyramid, "_decode", None)
    assert imagery.covers(LAT, LON, side_m=100.0, size_px=200) is None
    assert imagery.covers(LAT, LON, side_m=900.0, size_px=900).measured < 1.0

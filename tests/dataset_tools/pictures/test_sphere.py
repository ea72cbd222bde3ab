"""Crops of panoramas, against a scene whose colour is a function of direction."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_scene import panorama, seen, stored

from dataset_tools.pictures.sphere import (
    View,
    crop,
    degrees_beyond,
    directions,
    height_for,
    turned,
    yaw_to_north,
)
from dataset_tools.records import Extent

PANORAMA = stored(panorama(256, 512))


@pytest.mark.parametrize(
    ("yaw", "pitch", "hfov"),
    [
        *((0, 0, 90), (180, 0, 90), (-179.5, 10, 60), (37.3, 20, 70)),
        *((90, -45, 100), (0, 90, 90), (10, -90, 60)),
    ],
)
@pytest.mark.parametrize("size", [(40, 60), (150, 200)], ids=["shrunk", "as fine"])
def test_a_crop_shows_in_each_pixel_what_lies_in_its_direction(yaw, pitch, hfov, size):
    view = View(
        hfov_deg=hfov,
        width_px=size[1],
        height_px=size[0],
        yaw_deg=yaw,
        pitch_deg=pitch,
    )
    off = np.abs(crop(PANORAMA, view, extent=Extent()) - seen(view))
    assert off.max() <= 2.6
    assert off.mean() <= 0.5


@given(yaw=st.floats(-180, 180), pitch=st.floats(-90, 90), hfov=st.floats(20, 120))
@settings(max_examples=25, deadline=None)
def test_any_camera_sees_the_scene(yaw, pitch, hfov):
    view = View(hfov_deg=hfov, width_px=24, height_px=18, yaw_deg=yaw, pitch_deg=pitch)
    assert np.abs(crop(PANORAMA, view, extent=Extent()) - seen(view)).max() <= 6.0


@pytest.mark.parametrize("bearing", [0.0, 90.0, 180.0, 270.0, 44.8])
def test_a_lamp_in_a_known_direction_stands_in_the_middle_of_a_crop_that_way(bearing):
    # 720 columns of half a degree: the lamp covers two of them around its azimuth.
    scene = np.zeros((360, 720, 3), np.uint8)
    column = round((bearing / 360.0 + 0.5) * 720) % 720
    scene[179:181, [column - 1, column]] = 255
    view = View(hfov_deg=60.0, width_px=101, height_px=101, yaw_deg=bearing)
    found = crop(scene, view, extent=Extent())[:, :, 0].astype(float)
    rows, columns = np.indices(found.shape)
    assert (columns * found).sum() / found.sum() == pytest.approx(50, abs=0.6)
    assert (rows * found).sum() / found.sum() == pytest.approx(50, abs=0.6)


def test_the_edge_of_a_crop_looks_half_its_field_of_view_aside():
    view = View(hfov_deg=90.0, width_px=64, height_px=64, yaw_deg=20.0)
    azimuth, elevation = directions(view, np.array([0.0, 32.0]), np.array([0.0, 64.0]))
    assert azimuth[1].tolist() == pytest.approx([-25.0, 65.0])
    assert elevation[1].tolist() == pytest.approx([0.0, 0.0])
    # The corner of a cube's face.
    assert elevation[0, 0] == pytest.approx(np.degrees(np.arctan(1 / np.sqrt(2))))


def test_fine_stripes_become_grey_and_do_not_alias():
    scene = np.zeros((256, 2048, 3), np.uint8)
    scene[:, ::2] = 255
    view = View(hfov_deg=90.0, width_px=100, height_px=60)
    found = crop(scene, view, extent=Extent(top_deg=22.5, bottom_deg=-22.5))
    assert np.abs(found[20:40].astype(int) - 127).max() <= 2


def test_a_shrunk_panorama_has_no_seam_behind():
    scene = stored(panorama(1024, 2048))
    view = View(hfov_deg=30.0, width_px=20, height_px=20, yaw_deg=180.0)
    assert np.abs(crop(scene, view, extent=Extent()) - seen(view)).max() <= 1.0


def test_a_strip_that_covers_part_of_the_heights_is_read_where_it_lies():
    strip = stored(panorama(90, 300, top_deg=40.0, bottom_deg=-20.0, width_deg=200.0))
    extent = Extent(width_deg=200.0, top_deg=40.0, bottom_deg=-20.0)
    view = View(hfov_deg=40.0, width_px=60, height_px=40, yaw_deg=-60.0, pitch_deg=10.0)
    assert degrees_beyond(view, extent) == 0.0
    assert np.abs(crop(strip, view, extent=extent) - seen(view)).max() <= 2.0


@pytest.mark.parametrize(
    ("pitch", "yaw", "beyond"), [(0, 0, 5), (20, 0, 25), (0, 60, 10), (90, 0, 85)]
)
def test_how_far_a_camera_looks_past_the_edge_is_measured(pitch, yaw, beyond):
    view = View(hfov_deg=90.0, width_px=9, height_px=9, yaw_deg=yaw, pitch_deg=pitch)
    extent = Extent(width_deg=190.0, top_deg=40.0, bottom_deg=-90.0)
    assert degrees_beyond(view, extent) == pytest.approx(beyond, abs=0.01)


def test_a_full_panorama_is_never_looked_past():
    view = View(hfov_deg=150.0, width_px=9, height_px=9, yaw_deg=170.0, pitch_deg=80.0)
    assert degrees_beyond(view, Extent()) == 0.0


def test_rows_follow_from_both_fields_of_view():
    assert height_for(640, hfov_deg=90.0, vfov_deg=53.13010235415598) == 320


@given(
    heading=st.floats(0, 360, exclude_max=True), width=st.sampled_from([36, 37, 512])
)
def test_north_comes_to_within_half_a_column_of_the_middle(heading, width):
    left = (heading + yaw_to_north(width, heading)) % 360.0
    assert min(left, 360.0 - left) <= 180.0 / width + 1e-6


def test_a_panorama_turned_north_shows_north_in_its_middle():
    # Red grows to the right of the middle, which looks at 90 degrees: north lies to
    # the left of it, where red is least.
    found = turned(PANORAMA, yaw_to_north(512, 90.0))
    assert found[128, 255:257, 0].max() <= 2
    assert np.array_equal(turned(found, 90.0), PANORAMA)

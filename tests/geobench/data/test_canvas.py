import numpy as np
import pytest

from geobench.data.canvas import lay_on_canvas, resize, roll_to_north

GREY = np.full(3, 128, np.uint8)


def _striped(column, *, width=90, height=45):
    picture = np.zeros((height, width, 3), np.uint8)
    picture[:, max(0, column - 2) : column + 3] = 255
    return picture


def _canvas(picture, heading_deg, hfov_deg=90.0):
    return lay_on_canvas(
        picture,
        view_deg=(heading_deg, hfov_deg),
        size=(32, 128),
        vfov_deg=80.0,
        empty=GREY,
    )


@pytest.mark.parametrize(
    ("heading_deg", "column"), [(0, 64), (90, 96), (180, 0), (270, 32), (45, 80)]
)
def test_the_middle_of_a_picture_lies_at_its_heading(heading_deg, column):
    canvas = _canvas(_striped(45), heading_deg)
    assert canvas[16, :, 0].argmax() == pytest.approx(column, abs=1)


def test_the_right_edge_of_a_picture_lies_clockwise_of_its_heading():
    canvas = _canvas(_striped(87), 0.0)
    brightest = canvas[16, :, 0].astype(int).argmax()
    assert 64 + 13 <= brightest <= 64 + 16  # 45 degrees are 16 columns


def test_what_no_pixel_covers_keeps_the_empty_colour():
    canvas = _canvas(np.zeros((45, 90, 3), np.uint8), 0.0)
    covered = (canvas == 0).all(2)
    assert (canvas[~covered] == 128).all()
    assert covered[16].sum() == pytest.approx(128 / 4, abs=1)
    assert not covered[0].any()  # 40 degrees up is above a 53 degree high picture


def test_a_picture_across_south_is_wrapped():
    canvas = _canvas(np.zeros((45, 90, 3), np.uint8), 180.0)
    covered = (canvas == 0).all(2)[16]
    assert covered[0]
    assert covered[-1]
    assert not covered[64]


def test_elevation_rises_upwards_on_the_canvas():
    picture = np.zeros((90, 90, 3), np.uint8)
    picture[:45] = 255
    canvas = _canvas(picture, 0.0)
    assert (canvas[2:15, 64] == 255).all()
    assert (canvas[17:30, 64] == 0).all()


def test_a_panorama_is_rolled_so_that_its_middle_looks_north():
    panorama = np.zeros((4, 64, 3), np.uint8)
    panorama[:, 16] = 255  # a quarter turn left of the middle
    rolled = roll_to_north(panorama, 90.0)  # so it lies due north
    assert rolled[0, :, 0].argmax() == 32


def test_resizing_to_the_same_size_changes_nothing():
    picture = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    assert resize(picture, (4, 4)) is picture

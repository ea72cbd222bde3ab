"""Panoramas from cube faces, against a scene whose colour follows from direction."""

import numpy as np
import pytest
from made_scene import faces, panorama

from dataset_tools.errors import UnreadableError
from dataset_tools.pictures.cube import FACES, SIDES, panorama_of


@pytest.mark.parametrize(
    ("side", "size"),
    [(64, (128, 256)), (64, (101, 203)), (128, (48, 96)), (17, (90, 180))],
)
def test_a_panorama_shows_in_each_pixel_what_lies_in_its_direction(side, size):
    off = np.abs(panorama_of(faces(side), size) - panorama(*size))
    # Rounded twice; between coarse pixels the scene is not quite linear.
    assert off.max() <= (1.8 if side >= 64 else 2.6)
    assert off.mean() <= 0.4


@pytest.mark.parametrize(
    ("name", "row", "column"),
    [
        *(("front", 45, 90), ("right", 45, 135), ("back", 45, 0), ("left", 45, 45)),
        *(("up", 2, 90), ("down", 87, 90)),
    ],
)
def test_each_face_lies_where_its_name_says(name, row, column):
    black = {n: np.zeros((30, 30, 3), np.uint8) for n in FACES}
    black[name] = np.full((30, 30, 3), 255, np.uint8)
    found = panorama_of(black, (90, 180))
    assert (found[row, column] == 255).all()
    # Each sees a sixth of all directions; rows near the poles count for less.
    weight = np.cos(np.radians(89 - 2 * np.arange(90)))[:, None]
    share = (weight * (found[:, :, 0] > 127)).sum() / (180 * weight.sum())
    assert share == pytest.approx(1 / 6, abs=0.01)


@pytest.mark.parametrize(
    ("name", "edge", "row", "column"),
    [
        # Just above the horizon's 45 degrees in front; and the lower edges alike.
        *(("up", "last row", 21, 90), ("up", "first row", 21, 0)),
        *(("down", "first row", 68, 90), ("down", "last row", 68, 0)),
        *(("up", "last column", 21, 135), ("down", "first column", 68, 45)),
    ],
)
def test_up_and_down_join_the_front_as_stated(name, edge, row, column):
    pictures = {n: np.zeros((40, 40, 3), np.uint8) for n in FACES}
    which, along = edge.split()
    at = slice(-6, None) if which == "last" else slice(6)
    pictures[name][(at, slice(None)) if along == "row" else (slice(None), at)] = 255
    assert (panorama_of(pictures, (90, 180))[row, column] == 255).all()


def test_no_seam_shows_between_faces_of_one_colour():
    plain = {n: np.full((20, 20, 3), 77, np.uint8) for n in FACES}
    assert (panorama_of(plain, (64, 128)) == 77).all()


def test_four_sides_leave_the_poles_grey_and_a_low_strip_has_no_grey():
    sides = {n: f for n, f in faces(64).items() if n in SIDES}
    whole = panorama_of(sides, (90, 180), empty=9)
    assert (whole[[0, -1]] == 9).all()
    strip = panorama_of(sides, (35, 180), vfov_deg=70.0)
    want = panorama(35, 180, top_deg=35.0, bottom_deg=-35.0)
    assert np.abs(strip - want).max() <= 1.6


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"left": None}, "there is no 'left'"),
        ({"up": None}, "there is no 'up'"),
        ({"back": np.zeros((8, 9, 3), np.uint8)}, "'back' has 9 x 8 pixels"),
        ({"back": np.zeros((9, 9, 3), np.uint8)}, "'back' has 9 pixels a side"),
    ],
)
def test_faces_that_make_no_cube_are_refused(change, words):
    pictures = {n: np.zeros((8, 8, 3), np.uint8) for n in FACES} | change
    pictures = {n: f for n, f in pictures.items() if f is not None}
    with pytest.raises(UnreadableError, match=words):
        panorama_of(pictures, (8, 16))

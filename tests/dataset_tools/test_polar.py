import os
import sys
from pathlib import Path

import numpy as np
import pytest

from dataset_tools.errors import UsageError
from dataset_tools.polar import polar_transform

SHARED = Path(
    os.environ.get("GEOBENCH_SHARED", Path(__file__).parents[2] / ".." / "shared")
)
GOLDEN = SHARED / "golden" / "polar_60_14x77.npz"


@pytest.mark.skipif(not GOLDEN.is_file(), reason=f"no golden file at {GOLDEN}")
def test_the_published_transform_is_met_to_the_last_bit():
    golden = np.load(GOLDEN)
    exact = polar_transform(golden["img"], 14, 77, output="float")
    assert np.array_equal(exact, golden["out_float"])
    stored = polar_transform(golden["img"], 14, 77)
    assert stored.dtype == np.uint8
    assert np.array_equal(stored, golden["out_uint8_trunc"])


@pytest.mark.parametrize(
    ("column", "pixel"),
    [(0, (52, 32)), (16, (32, 12)), (32, (12, 32)), (48, (32, 52))],
    ids=["south", "west", "north", "east"],
)
def test_a_bright_spot_lands_in_the_column_of_its_bearing(column, pixel):
    tile = np.zeros((64, 64, 1), np.uint8)
    tile[pixel[0] - 1 : pixel[0] + 2, pixel[1] - 1 : pixel[1] + 2] = 255
    polar = polar_transform(tile, 32, 64)[:, :, 0]
    assert np.unravel_index(polar.argmax(), polar.shape)[1] == column


def test_turning_the_tile_by_a_quarter_rolls_the_result_by_a_quarter():
    # rot90 turns about 31.5, the transform about 32: a gradient shows both the same
    # up to half a pixel, at most 3 of its steps.
    ramp = np.add.outer(np.arange(64.0), 2 * np.arange(64.0))
    smooth = np.repeat(ramp[:, :, None], 3, axis=2)
    turned = polar_transform(np.rot90(smooth, -1), 16, 64, output="float")
    rolled = np.roll(polar_transform(smooth, 16, 64, output="float"), 16, axis=1)
    assert np.abs(turned - rolled).max() <= 3.0


def test_a_constant_tile_stays_constant():
    polar = polar_transform(np.full((40, 40, 3), 200, np.uint8), 12, 40)
    assert (polar == 200).all()


@pytest.mark.parametrize("shape", [(4, 5, 3), (4, 4), (1, 1, 3)])
def test_a_tile_that_is_not_square_is_refused(shape):
    with pytest.raises(UsageError, match="square tile"):
        polar_transform(np.zeros(shape, np.uint8), 4, 8)


def test_an_empty_result_is_refused():
    with pytest.raises(UsageError, match="at least 1"):
        polar_transform(np.zeros((4, 4, 3), np.uint8), 0, 8)


@pytest.mark.parametrize(("side", "height"), [(61, 14), (20, 50), (2, 9), (33, 33)])
def test_the_quick_way_for_rgb_gives_the_bits_of_the_general_one(side, height):
    tile = np.random.default_rng(side).integers(0, 256, (side, side, 3), np.uint8)
    quick = polar_transform(tile, height, 77)
    general = polar_transform(tile, height, 77, output="float")
    assert np.array_equal(quick, general.astype(np.uint8))


def test_a_tile_that_is_a_slice_of_another_array_is_read_right():
    whole = np.random.default_rng(0).integers(0, 256, (40, 50, 4), np.uint8)
    part = whole[3:33, 5:35, :3]
    assert np.array_equal(
        polar_transform(part, 8, 32), polar_transform(part.copy(), 8, 32)
    )


def test_opencv_stays_within_its_stated_deviation():
    pytest.importorskip("cv2")
    tile = np.random.default_rng(3).integers(0, 256, (90, 90, 3), np.uint8)
    exact = polar_transform(tile, 28, 154).astype(int)
    quick = polar_transform(tile, 28, 154, engine="opencv").astype(int)
    assert quick.shape == exact.shape
    # Noise is the worst case: neighbours differ by up to 255.
    assert np.abs(quick - exact).max() <= 1 + 255 / 16
    assert np.abs(quick - exact).mean() <= 1.0


def test_opencv_keeps_a_single_channel():
    pytest.importorskip("cv2")
    tile = np.full((12, 12, 1), 9, np.uint8)
    assert (polar_transform(tile, 4, 8, engine="opencv") == np.full((4, 8, 1), 9)).all()


def test_opencv_refuses_what_it_cannot_do_and_names_its_package(monkeypatch):
    tile = np.zeros((8, 8, 3), np.uint8)
    with pytest.raises(UsageError, match="Use engine='exact'"):
        polar_transform(tile, 4, 8, output="float", engine="opencv")
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(UsageError, match=r"crossview-geobench\[fast\]"):
        polar_transform(tile, 4, 8, engine="opencv")

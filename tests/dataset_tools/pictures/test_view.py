"""What frames show of their pictures, decided from headers."""

import numpy as np
import pytest

from dataset_tools.errors import UsageError
from dataset_tools.pictures.sphere import View
from dataset_tools.pictures.view import PictureRule, decide_views, stated
from dataset_tools.records import Extent, Frame

CAMERA = View(hfov_deg=90.0, width_px=64, height_px=48, yaw_deg=30.0)


def frame(**changes):
    values = {
        "frame_id": "a",
        "session_id": "s",
        "order": 0,
        "lat": 44.5,
        "lon": -72.6,
        "heading_deg": 350.0,
        "hfov_deg": 360.0,
        "projection": "equirectangular",
        "source": "a.jpg",
        "size_px": (512, 256),
        "extent": Extent(),
    }
    return Frame(**(values | changes))


def decided(one, *, mask=None, **rule):
    outcome = decide_views([one], PictureRule(**rule), mask=mask)
    if outcome.kept:
        return outcome.kept[0]
    (rejected,) = outcome.rejected
    return rejected.reason, rejected.measured, rejected.limit


def test_a_crop_has_its_own_heading_and_field_of_view():
    seen = decided(frame(), crop=CAMERA)
    assert (seen.heading_deg, seen.hfov_deg) == (20.0, 90.0)
    assert (seen.projection, seen.yaw_deg) == ("perspective", 30.0)


def test_a_crop_at_a_bearing_turns_the_short_way():
    seen = decided(frame(), crop=CAMERA, crop_bearing_deg=10.0)
    assert (seen.heading_deg, seen.yaw_deg) == (10.0, 20.0)


def test_a_crop_of_a_panorama_with_unknown_heading_looks_nobody_knows_where():
    seen = decided(frame(heading_deg=None), crop=CAMERA)
    assert (seen.heading_deg, seen.hfov_deg) == (None, 90.0)


def test_a_panorama_turned_north_keeps_what_is_left_of_its_heading():
    seen = decided(frame(), north_up=True)
    # 350 degrees are 497.8 of 512 columns.
    assert seen.yaw_deg == -498 * 360 / 512
    assert seen.heading_deg == pytest.approx((350.0 - 498 * 360 / 512) % 360.0)
    assert min(seen.heading_deg, 360 - seen.heading_deg) < 180 / 512


@pytest.mark.parametrize(
    ("changes", "rule", "fault"),
    [
        (
            {"extent": None, "projection": "perspective"},
            {"crop": CAMERA},
            ("no-panorama", "perspective", "equirectangular"),
        ),
        (
            {"heading_deg": None},
            {"crop": CAMERA, "crop_bearing_deg": 0.0},
            ("no-heading", None, "a heading, to cut at a bearing"),
        ),
        (
            {"heading_deg": None},
            {"north_up": True},
            ("no-heading", None, "a heading, to turn north"),
        ),
        (
            {"extent": Extent(width_deg=180.0)},
            {"north_up": True},
            ("part-of-a-circle", 180.0, 360.0),
        ),
        (
            {},
            {"mask_bottom_px": 300},
            ("mask-size", "512 x 256 px", "more than 300 rows"),
        ),
        (
            {},
            {"mask": np.ones((8, 8), bool)},
            ("mask-size", "512 x 256 px", "8 x 8 px"),
        ),
    ],
)
def test_a_frame_that_cannot_show_it_is_rejected_with_the_reason(changes, rule, fault):
    assert decided(frame(**changes), **rule) == fault


def test_a_crop_that_looks_past_the_edge_is_rejected_with_how_far():
    narrow = frame(extent=Extent(top_deg=20.0, bottom_deg=-60.0))
    reason, measured, limit = decided(narrow, crop=CAMERA)
    # Half of 48 rows at a focal length of 32: 36.9 degrees up.
    assert reason == "crop-beyond-panorama"
    assert measured == pytest.approx(np.degrees(np.arctan(24 / 32)) - 20.0, abs=1e-6)
    assert limit == 0.0


def test_positions_without_pictures_are_left_alone():
    bare = frame(source=None, extent=None, projection="perspective")
    assert decided(bare, crop=CAMERA) is bare


def test_a_rule_that_contradicts_itself_is_refused():
    with pytest.raises(UsageError, match="--crop-bearing-deg 0"):
        PictureRule(crop=CAMERA, north_up=True)
    with pytest.raises(UsageError, match="--crop-hfov-deg"):
        PictureRule(crop_bearing_deg=0.0)


def test_what_the_user_knows_is_believed_where_files_say_nothing():
    flat = frame(
        projection="perspective", extent=None, hfov_deg=None, size_px=(360, 90)
    )
    (same,) = stated([flat], "as-tagged", hfov_deg=70.0)
    assert same.hfov_deg == 70.0
    (round_,) = stated([flat], "equirectangular", hfov_deg=None)
    assert round_.extent == Extent(top_deg=45.0, bottom_deg=-45.0)
    assert (round_.projection, round_.hfov_deg) == ("equirectangular", 360.0)
    (tagged,) = stated([frame()], "equirectangular", hfov_deg=70.0)
    assert tagged == frame()
    (plain,) = stated([frame()], "perspective", hfov_deg=70.0)
    assert (plain.projection, plain.hfov_deg, plain.extent) == (
        "perspective",
        70.0,
        None,
    )

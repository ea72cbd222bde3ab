"""Positions moved from the antenna to the camera."""

import pytest

from dataset_tools.geodesy import inverse
from dataset_tools.records import Frame
from dataset_tools.tracks.lever_arm import LeverArm, at_camera, looking


def frame(name="a", *, heading=0.0, altitude=100.0):
    return Frame(
        frame_id=name,
        session_id="s",
        order=0,
        lat=44.5,
        lon=-72.6,
        heading_deg=heading,
        altitude_m=altitude,
    )


def moved(arm, **of):
    (found,) = at_camera([frame(**of)], arm).kept
    bearing, metres = inverse(44.5, -72.6, found.lat, found.lon)
    return float(bearing) % 360.0, float(metres), found


@pytest.mark.parametrize(
    ("heading", "arm", "bearing", "metres"),
    [
        (0.0, LeverArm(forward_m=2.0), 0.0, 2.0),
        (90.0, LeverArm(forward_m=2.0), 90.0, 2.0),
        (90.0, LeverArm(forward_m=-2.0), 270.0, 2.0),
        (350.0, LeverArm(right_m=1.5), 80.0, 1.5),
        (10.0, LeverArm(right_m=-1.5), 280.0, 1.5),
        (30.0, LeverArm(forward_m=3.0, right_m=4.0), 83.13010235, 5.0),
        # A camera that looks right: the vehicle heads 90 degrees less.
        (120.0, LeverArm(forward_m=2.0, yaw_deg=90.0), 30.0, 2.0),
    ],
)
def test_a_frame_moves_in_its_vehicles_frame(heading, arm, bearing, metres):
    found = moved(arm, heading=heading)
    assert found[0] == pytest.approx(bearing, abs=1e-4)
    assert found[1] == pytest.approx(metres, abs=1e-7)


def test_height_is_added_to_the_altitude_and_needs_no_heading():
    (up,) = at_camera([frame(heading=None)], LeverArm(up_m=2.5)).kept
    assert (up.altitude_m, up.lat, up.lon) == (102.5, 44.5, -72.6)
    (unknown,) = at_camera([frame(altitude=None)], LeverArm(up_m=2.5)).kept
    assert unknown.altitude_m is None


def test_a_frame_without_a_heading_is_rejected_with_what_it_lacks():
    frames = [frame("a"), frame("b", heading=None)]
    outcome = at_camera(frames, LeverArm(forward_m=3.0, right_m=4.0))
    assert [f.frame_id for f in outcome.kept] == ["a"]
    (rejected,) = outcome.rejected
    assert (rejected.item, rejected.reason) == ("b", "no-heading")
    assert rejected.limit == "a heading, to move by 5 m"


def test_only_headings_from_the_course_are_turned_to_where_the_camera_looks():
    frames = [frame("own", heading=10.0), frame("course", heading=300.0)]
    turned = looking(frames, {"own"}, 90.0)
    assert [f.heading_deg for f in turned] == [10.0, 30.0]

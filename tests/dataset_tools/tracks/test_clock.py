"""The camera's clock: what settles it, and what does not."""

import math
from dataclasses import replace

import numpy as np
import pytest
from made_drive import SECOND, START, drive, fixes_of

from dataset_tools.tracks.clock import estimate_offsets, given_offset

HOUR = 3600


def winding(count=900, speed=10.0):
    """A drive at a second a fix that never repeats a place."""
    angle = np.linspace(0.0, 5.0, count)
    heading = np.sin(3.0 * angle) + 0.2 * angle
    east = np.cumsum(speed * np.sin(heading))
    return drive(east, np.cumsum(speed * np.cos(heading)))


def pictures(track, every=7, *, late_s=0.0, noise_m=0.0, start=20, count=60):
    """Frames taken along the track by a clock that is late by so many seconds."""
    generator = np.random.default_rng(0)
    frames = []
    for k in range(start, min(start + every * count, len(track)), every):
        metres = generator.normal(0.0, noise_m or 1e-9, 2)
        frames.append(
            replace(
                track[k],
                frame_id=f"p{k:04d}",
                session_id="cam",
                order=k,
                source="a.jpg",
                lat=track[k].lat + metres[0] / 111_111,
                lon=track[k].lon + metres[1] / 79_000,
                time=track[k].time - round(late_s * SECOND),
            )
        )
    return frames


def without_position(frames):
    return [replace(f, lat=math.nan, lon=math.nan) for f in frames]


def estimate(frames, track):
    return estimate_offsets(frames, fixes_of(track))["cam"]


@pytest.mark.parametrize("late_s", [0.0, 12.3, -7215.5, 86_400.0 * 40])
def test_pictures_with_positions_settle_any_offset(late_s):
    track = winding()
    clock = estimate(pictures(track, late_s=late_s, noise_m=3.0), track)
    assert clock.method == "positions"
    assert clock.offset_s == pytest.approx(late_s, abs=0.2)
    assert clock.uncertainty_s < 0.2
    assert 1.0 < clock.residuals["distance median m"] < 6.0
    assert "estimated by positions from 60 pictures" in clock.told()


def test_a_road_driven_twice_is_settled_by_the_pass_that_fits_all():
    there = winding(400)
    back = [replace(f, time=START + (900 + k) * SECOND) for k, f in enumerate(there)]
    again = [replace(f, order=400 + k) for k, f in enumerate(reversed(there))]
    again = [replace(f, time=b.time) for f, b in zip(again, back, strict=True)]
    frames = pictures(there, late_s=5.0, count=50)
    clock = estimate(frames, [*there, *again])
    assert (clock.method, clock.offset_s) == ("positions", pytest.approx(5.0, abs=0.1))


def test_a_road_driven_twice_alike_settles_nothing_by_position():
    there = winding(400)
    again = [
        replace(f, order=400 + k, time=f.time + 1000 * SECOND)
        for k, f in enumerate(there)
    ]
    clock = estimate(pictures(there, late_s=5.0), [*there, *again])
    assert clock.method != "positions"


def test_pictures_elsewhere_settle_nothing():
    track = winding()
    far = [replace(f, lat=f.lat + 1.0) for f in pictures(track)]
    clock = estimate(far, track)
    assert (clock.method, clock.offset_s) == ("none", 0.0)


def test_pictures_at_a_stop_settle_nothing():
    stop = drive(np.random.default_rng(0).normal(0, 0.5, 300))
    clock = estimate(pictures(stop, late_s=30.0, noise_m=1.0), stop)
    assert clock.method != "positions"


def test_both_clocks_in_a_picture_settle_it_without_a_track():
    frames = [
        replace(
            f,
            gps_timed=True,
            camera_time=f.time - 12 * SECOND - (f.order % 2) * SECOND // 2,
        )
        for f in pictures(winding())
    ]
    frames += without_position([replace(frames[0], frame_id="lost", gps_timed=False)])
    clock = estimate_offsets(frames, [])["cam"]
    assert clock.method == "gps-time"
    assert clock.offset_s == pytest.approx(12.25, abs=0.26)
    assert clock.residuals["residual largest s"] <= 0.5


def test_clocks_that_disagree_settle_nothing():
    frames = [
        replace(f, gps_timed=True, camera_time=f.time - f.order * 30 * SECOND)
        for f in pictures(winding())
    ]
    frames += without_position([replace(frames[0], gps_timed=False)])
    assert estimate_offsets(frames, [])["cam"].method == "none"


def test_a_clock_that_runs_fast_is_reported_with_its_drift():
    track = winding(5000)
    frames = [
        replace(
            f,
            gps_timed=True,
            camera_time=START + round((f.time - START) * (1 + 0.5 / 3600)),
        )
        for f in pictures(track, every=100, count=48)
    ]
    frames += without_position([replace(frames[0], gps_timed=False)])
    assert "drift -0.50 s an hour" in estimate_offsets(frames, [])["cam"].note


@pytest.mark.parametrize(("hours", "lon"), [(2, 2.0), (-4, -72.5), (5.5, 77.0)])
def test_local_time_taken_for_utc_is_found_by_the_ranges(hours, lon):
    track = [replace(f, lon=f.lon + 72.5 + lon) for f in winding(600)]
    frames = without_position(pictures(track, late_s=-hours * HOUR))
    clock = estimate(frames, track)
    assert (clock.method, clock.offset_s) == ("time-zone", -hours * HOUR)
    assert f"UTC{hours:+g} h" in clock.told()


def test_a_clock_that_fits_is_left_alone():
    track = winding(600)
    clock = estimate(without_position(pictures(track)), track)
    assert (clock.method, clock.offset_s) == ("none", 0.0)
    assert "100% of the pictures lie on the track as they are" in clock.told()


@pytest.mark.parametrize(("late_h", "told"), [(20, "at no time zone"), (9.5, "alike")])
def test_a_track_of_a_whole_day_fits_many_zones_or_none(late_h, told):
    track = drive(np.arange(0, 86_400, 5.0), seconds=5.0)
    frames = without_position(pictures(track[6000:7000], late_s=late_h * HOUR))
    clock = estimate(frames, track)
    assert (clock.method, clock.offset_s) == ("none", 0.0)
    assert told in clock.note


def test_a_size_of_leap_seconds_is_pointed_out():
    track = winding()
    clock = estimate(pictures(track, late_s=18.0, noise_m=1.0), track)
    assert "GPS time" in clock.note


def test_a_session_that_settles_nothing_takes_the_word_of_all():
    track = winding()
    frames = pictures(track, late_s=12.0, noise_m=2.0)
    lost = [
        replace(f, session_id="other", frame_id="o" + f.frame_id)
        for f in without_position(frames[:2])
    ]
    clocks = estimate_offsets([*frames, *lost], fixes_of(track))
    assert clocks["other"].method == "positions"
    assert clocks["other"].offset_s == pytest.approx(12.0, abs=0.1)


def test_cameras_have_clocks_of_their_own():
    track = winding()
    left = pictures(track, late_s=12.0)
    right = [replace(f, session_id="right") for f in pictures(track, late_s=-40.0)]
    clocks = estimate_offsets([*left, *right], fixes_of(track))
    found = {name: round(clock.offset_s) for name, clock in clocks.items()}
    assert found == {"cam": 12, "right": -40}


def test_pictures_timed_by_gps_need_no_clock():
    frames = [replace(f, gps_timed=True) for f in pictures(winding())]
    assert estimate_offsets(frames, []) == {}
    assert given_offset(3.0, frames) == {}


def test_a_given_offset_is_told_as_such():
    clock = given_offset(-3.5, pictures(winding()))["cam"]
    assert clock.told() == "camera clock -3.50 s, as given"
    assert clock.as_json()["method"] == "given"

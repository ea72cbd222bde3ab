"""Pictures placed on a track by time."""

from dataclasses import replace

import pytest
from made_drive import SECOND, START, drive, fixes_of

from dataset_tools.errors import UsageError
from dataset_tools.geodesy import offset_m
from dataset_tools.tracks.match import place_pictures, spread_equal_times

TRACK = drive([0.0, 20.0, 40.0, 60.0], seconds=2.0)


def picture(seconds):
    nowhere = {"lat": float("nan"), "lon": float("nan"), "source": "a.jpg"}
    time = None if seconds is None else START + round(seconds * SECOND)
    return replace(TRACK[0], frame_id="a", time=time, **nowhere)


def east_m(frame):
    return float(offset_m(TRACK[0].lat, TRACK[0].lon, frame.lat, frame.lon)[0])


@pytest.mark.parametrize(("seconds", "metres"), [(0, 0), (2, 20), (3.5, 35), (6, 60)])
def test_a_picture_lies_where_the_track_was(seconds, metres):
    (frame,) = place_pictures([picture(seconds)], fixes_of(TRACK)).kept
    assert east_m(frame) == pytest.approx(metres, abs=1e-4)
    assert frame.source == "a.jpg"


def test_a_wrong_clock_is_put_right():
    outcome = place_pictures([picture(3601.0)], fixes_of(TRACK), clock_offset_s=-3600.0)
    assert east_m(outcome.kept[0]) == pytest.approx(10.0, abs=1e-4)
    assert outcome.kept[0].time == START + SECOND


@pytest.mark.parametrize(
    ("seconds", "options", "reason"),
    [
        (None, {}, "no-time"),
        (-1, {}, "outside-track"),
        (7, {}, "outside-track"),
        (3, {"max_gap_s": 1.0}, "track-gap"),
    ],
)
def test_what_cannot_be_placed_is_rejected(seconds, options, reason):
    outcome = place_pictures([picture(seconds)], fixes_of(TRACK), **options)
    assert outcome.kept == []
    assert outcome.reasons() == {reason: 1}


def test_no_position_lies_between_two_sessions():
    fixes = fixes_of(TRACK)
    fixes[2:] = [replace(f, session_id="t") for f in fixes[2:]]
    outcome = place_pictures([picture(3.0)], fixes)
    assert outcome.reasons() == {"between-sessions": 1}


def test_a_track_without_times_is_refused():
    fixes = [replace(f, time=None) for f in fixes_of(TRACK)]
    with pytest.raises(UsageError, match="No fix"):
        place_pictures([picture(0)], fixes)


def test_a_time_by_gps_needs_no_offset_and_each_session_has_its_own():
    frames = [
        replace(picture(3601.0), session_id="a"),
        replace(picture(-1.0), session_id="b", frame_id="b"),
        replace(picture(2.0), session_id="a", frame_id="c", gps_timed=True),
    ]
    offsets = {"a": -3600.0, "b": 3.0}
    outcome = place_pictures(frames, fixes_of(TRACK), clock_offset_s=offsets)
    assert [round(east_m(f)) for f in outcome.kept] == [10, 20, 20]


def test_pictures_of_one_second_are_spread_over_it_by_name():
    names = ["9", "10", "11", "12"]
    frames = [replace(picture(2.0), frame_id=name) for name in names]
    outcome = place_pictures(frames, fixes_of(TRACK))
    assert [round(east_m(f), 1) for f in outcome.kept] == [20.0, 22.5, 25.0, 27.5]


def test_a_finer_clock_is_believed_and_a_near_neighbour_not_passed():
    fine = [replace(picture(2.25), frame_id=name) for name in "ab"]
    assert [f.time for f in spread_equal_times(fine)] == [f.time for f in fine]
    frames = [replace(picture(2.0), frame_id=n) for n in "ab"] + [picture(3.0)]
    spread = [f.time - START for f in spread_equal_times(frames)]
    assert spread == [2 * SECOND, 5 * SECOND // 2, 3 * SECOND]


def test_a_way_longer_than_the_budget_is_not_bridged():
    far = drive([0.0, 20.0, 400.0], seconds=2.0)
    outcome = place_pictures([picture(3.0)], fixes_of(far))
    (rejection,) = outcome.rejected
    assert (rejection.reason, rejection.limit) == ("track-gap-m", 200.0)
    assert rejection.measured == pytest.approx(380.0, abs=1e-3)
    assert len(place_pictures([picture(3.0)], fixes_of(far), max_gap_m=500.0).kept) == 1


def test_positions_cross_the_antimeridian():
    track = drive([-20.0, 20.0], seconds=2.0, origin=(10.0, 180.0))
    (frame,) = place_pictures([picture(1.0)], fixes_of(track)).kept
    assert abs(frame.lon) == pytest.approx(180.0, abs=1e-6)

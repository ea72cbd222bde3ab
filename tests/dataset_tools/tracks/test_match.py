"""Pictures placed on a track by time."""

from dataclasses import replace

import pytest
from made_drive import SECOND, START, drive, fixes_of

from dataset_tools.errors import UsageError
from dataset_tools.geodesy import offset_m
from dataset_tools.tracks.match import place_pictures

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

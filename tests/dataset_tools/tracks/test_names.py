"""Pictures placed by a log that names them."""

import math
from dataclasses import replace

import pytest

from dataset_tools.records import Fix, Frame
from dataset_tools.tracks.names import place_named

NOWHERE = Frame(
    frame_id="", session_id="", order=0, lat=math.nan, lon=math.nan, heading_deg=7.0
)


def frame(source, **changes):
    return replace(NOWHERE, frame_id=source.rsplit(".", 1)[0], source=source, **changes)


def fix(picture, **changes):
    return Fix(**({"lat": 1.0, "lon": 2.0, "picture": picture} | changes))


@pytest.mark.parametrize(
    "name", ["a/1.jpg", "1.JPG", "1", "x\\a\\1.jpg", "/data/drive/a/1.jpg", "A/1.jpg"]
)
def test_a_name_fits_the_end_of_a_path(name):
    frames = [frame("a/1.jpg"), frame("b/2.jpg")]
    (first, second), rows = place_named(frames, [fix(name)])
    assert (first.lat, first.lon) == (1.0, 2.0)
    assert math.isnan(second.lat)
    assert (len(rows.kept), rows.rejected) == (1, [])


def test_the_log_s_word_goes_before_the_picture_s_own():
    own = frame("1.jpg", time=5, altitude_m=9.0)
    row = fix("1.jpg", time=6, heading_deg=90.0, hfov_deg=60.0)
    ((placed,), _) = place_named([own], [row])
    assert (placed.time, placed.heading_deg, placed.hfov_deg) == (6, 90.0, 60.0)
    assert (placed.altitude_m, placed.gps_timed) == (9.0, True)
    ((placed,), _) = place_named([own], [fix("1.jpg")])
    assert (placed.time, placed.heading_deg, placed.gps_timed) == (5, 7.0, False)


def test_the_path_that_agrees_in_most_folders_is_meant():
    frames = [frame("a/1.jpg"), frame("b/1.jpg")]
    placed, rows = place_named(frames, [fix("drive/b/1.jpg")])
    assert math.isnan(placed[0].lat)
    assert placed[1].lat == 1.0
    assert rows.rejected == []


def test_rows_that_name_nothing_or_too_much_are_counted():
    frames = [frame("a/1.jpg"), frame("b/1.jpg"), frame("2.jpg")]
    rows = [fix("1.jpg"), fix("3.jpg"), fix("2.jpg"), fix("2.jpg"), fix(None)]
    placed, outcome = place_named(frames, rows)
    assert len(placed) == 3
    assert len(outcome.kept) == 1
    assert outcome.reasons() == {
        "ambiguous-name": 1,
        "named-twice": 1,
        "no-such-picture": 1,
    }
    assert outcome.rejected[0].measured == 2


def test_a_log_of_several_sessions_says_which_one_a_picture_is_of():
    frames = [frame(f"{k}.jpg", order=k) for k in range(4)]
    rows = [
        fix("0.jpg", session_id="b", order=7),
        fix("1.jpg", session_id="a", order=5, time=20),
        fix("2.jpg", session_id="a", order=9, time=10),
    ]
    placed, _ = place_named(frames, rows)
    found = {f.frame_id: (f.session_id, f.order) for f in placed}
    assert found == {"0": ("b", 7), "1": ("a", 1), "2": ("a", 0), "3": ("", 3)}


def test_times_of_a_log_put_pictures_in_their_order():
    frames = [frame(f"{k}.jpg", order=k, session_id="s") for k in range(3)]
    rows = [fix(f"{k}.jpg", time=t) for k, t in enumerate((30, 10, 20))]
    placed, _ = place_named(frames, rows)
    assert [f.order for f in placed] == [2, 0, 1]
    placed, _ = place_named(frames, rows[:2])
    assert [f.order for f in placed] == [0, 1, 2]

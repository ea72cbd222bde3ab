"""Videologs: names in millimetres, logs by distance, centre lines."""

from dataclasses import replace

import numpy as np
import pytest
from made_drive import SECOND, START, drive, fixes_of

from dataset_tools.errors import UnreadableError
from dataset_tools.geodesy import distance_m, offset_m
from dataset_tools.tracks.formats import read_track
from dataset_tools.tracks.odometer import (
    lines_of,
    odometer_m,
    place_by_distance,
    read_mileposts,
    route_lines,
)
from dataset_tools.tracks.rules import ReadingRules

SESSION = "20190616.084458"
LOG = drive(20.0 * np.arange(6), seconds=2.0, heading_deg=90.0)


def log(distances, session=SESSION, frames=LOG):
    return [
        replace(fix, distance_m=metres, session_id=session)
        for fix, metres in zip(fixes_of(frames), distances, strict=True)
    ]


def pictures(*metres, session=f"ROW/{SESSION}"):
    nowhere = {"lat": float("nan"), "lon": float("nan"), "session_id": session}
    return [
        replace(
            LOG[0],
            frame_id=f"{session}/{round(m * 1000):012d}",
            source=f"{session}/{round(m * 1000):012d}.jpg",
            order=k,
            time=None,
            heading_deg=None,
            **nowhere,
        )
        for k, m in enumerate(metres)
    ]


def east_m(frame):
    return float(offset_m(LOG[0].lat, LOG[0].lon, frame.lat, frame.lon)[0])


def test_only_twelve_digits_are_millimetres():
    assert odometer_m("ROW/20190616.084458/000000281685.jpg") == 281.685
    assert [odometer_m(n) for n in ("0000281685.jpg", "a.jpg", "")] == [None] * 3


def test_pictures_lie_between_the_entries_of_their_session():
    lines = lines_of(log(100.0 + 20.0 * np.arange(6)))
    outcome = place_by_distance(pictures(100.0, 108.05, 200.0), lines)
    assert [east_m(f) for f in outcome.kept] == pytest.approx(
        [0.0, 8.05, 100.0], abs=1e-3
    )
    assert [f.heading_deg for f in outcome.kept] == pytest.approx([90.0] * 3)
    assert outcome.kept[1].time == START + round(0.805 * SECOND)


@pytest.mark.parametrize(
    ("metres", "limits", "reason"),
    [
        (99.0, {}, "outside-log"),
        (201.0, {}, "outside-log"),
        (110.0, {"max_gap_m": 10.0}, "log-gap"),
    ],
)
def test_a_distance_that_the_log_does_not_tell_is_rejected(metres, limits, reason):
    lines = lines_of(log(100.0 + 20.0 * np.arange(6)))
    outcome = place_by_distance(pictures(metres), lines, **limits)
    assert outcome.reasons() == {reason: 1}


def test_each_session_has_an_odometer_of_its_own():
    other = "20190617.070000"
    moved = drive(20.0 * np.arange(6), 500.0, seconds=2.0)
    lines = lines_of(
        [*log(20.0 * np.arange(6)), *log(20.0 * np.arange(6), other, moved)]
    )
    both = pictures(50.0) + pictures(50.0, session=other)
    first, second = place_by_distance(both, lines).kept
    assert float(distance_m(first.lat, first.lon, second.lat, second.lon)) > 499.0
    stray = place_by_distance(pictures(50.0, session="20200101.000000"), lines)
    assert stray.reasons() == {"no-line": 1}


def test_an_odometer_set_to_zero_begins_another_line():
    lines = lines_of(log([100.0, 120.0, 140.0, 0.0, 20.0, 40.0]))
    assert [line.distance_m.tolist() for line in lines] == [
        [100.0, 120.0, 140.0],
        [0.0, 20.0, 40.0],
    ]
    outcome = place_by_distance(pictures(30.0, 110.0), lines)
    assert [round(east_m(f)) for f in outcome.kept] == [90, 10]
    twice = lines_of(log([0.0, 20.0, 40.0, 0.0, 20.0, 40.0]))
    outcome = place_by_distance(pictures(30.0), twice)
    assert outcome.reasons() == {"ambiguous-distance": 1}


def test_an_odometer_that_trembles_stands():
    lines = lines_of(log([0.0, 20.0, 19.9, 20.0, 40.0, 60.0]))
    assert len(lines) == 1
    assert np.all(np.diff(lines[0].distance_m) >= 0)


def test_a_centre_line_is_measured_along_itself():
    (line,) = route_lines([replace(f, distance_m=None) for f in fixes_of(LOG)])
    assert line.distance_m == pytest.approx(20.0 * np.arange(6), abs=1e-3)
    begun = route_lines(log([1609.344] * 6))[0]
    assert begun.distance_m[0] == 1609.344
    outcome = place_by_distance(pictures(8.0, session="any"), [line])
    assert east_m(outcome.kept[0]) == pytest.approx(8.0, abs=1e-3)


def test_measures_of_a_line_are_taken_as_they_are(tmp_path):
    first, last = LOG[0], LOG[-1]
    wkt = f"LINESTRING M ({first.lon} {first.lat} 0, {last.lon} {last.lat} 50)"
    (tmp_path / "route.csv").write_text(f'route,wkt\nVT-12,"{wkt}"\n')
    (line,) = route_lines(read_track(tmp_path / "route.csv").kept)
    assert (line.name, line.distance_m.tolist()) == ("VT-12", [0.0, 50.0])
    outcome = place_by_distance(pictures(25.0), [line])
    assert east_m(outcome.kept[0]) == pytest.approx(50.0, abs=1e-3)


def test_mileposts_without_positions_lie_on_their_route(tmp_path):
    fixes = [replace(f, session_id="VT-12") for f in fixes_of(LOG)]
    lines = route_lines(fixes)
    (tmp_path / "log.csv").write_text(
        "route,milepost,image,time\n"
        "VT-12,0.0062137,a.jpg,2019-06-16T08:44:58Z\n"
        "VT-12,x,b.jpg,\n"
        "VT-12,5.0,c.jpg,\n"
        "VT-14,0.001,d.jpg,\n"
    )
    outcome = read_mileposts(tmp_path / "log.csv", [*lines, *route_lines(log([0] * 6))])
    (fix,) = outcome.kept
    assert east_m(fix) == pytest.approx(10.0, abs=1e-3)
    assert (fix.picture, fix.session_id) == ("a.jpg", "VT-12")
    assert fix.time == 1_560_674_698 * SECOND
    assert outcome.reasons() == {"no-distance": 1, "no-line": 1, "outside-log": 1}
    metres = ReadingRules(columns={"distance": "milepost"}, distance_unit="m")
    assert read_mileposts(tmp_path / "log.csv", lines, metres).kept


def test_a_log_of_neither_positions_nor_distances_is_refused(tmp_path):
    (tmp_path / "log.csv").write_text("image\na.jpg\n")
    with pytest.raises(UnreadableError, match="neither positions nor distances"):
        read_mileposts(tmp_path / "log.csv", [])

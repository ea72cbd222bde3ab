"""JSON logs: objects with keys of any name, WKT, one object a line."""

import json

import pytest

from dataset_tools.errors import MissingDataError, UnreadableError
from dataset_tools.tracks.formats import read_track
from dataset_tools.tracks.rules import ReadingRules
from dataset_tools.tracks.times import parse_time


def read(tmp_path, document, *, name="log.json", **rules):
    path = tmp_path / name
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return read_track(path, ReadingRules(**rules))


def test_wkt_points_with_a_zone_are_read(tmp_path):
    entry = {"point": "POINT(11.56 48.16)", "time": "2014-09-10 06:54:07+0200", "id": 1}
    (fix,) = read(tmp_path, [entry]).kept
    assert (fix.lat, fix.lon) == (48.16, 11.56)
    assert fix.time == parse_time("2014-09-10T04:54:07Z")


def test_keys_within_keys_are_found_by_their_last_part(tmp_path):
    entry = {"coords": {"latitude": 1.0, "longitude": 2.0, "heading": 10}, "trip": "t"}
    (fix,) = read(tmp_path, {"meta": {}, "points": [entry]}).kept
    assert (fix.lat, fix.lon, fix.heading_deg, fix.session_id) == (1.0, 2.0, 10.0, "t")


def test_keys_can_be_named(tmp_path):
    entry = {"pos": {"north": 1.0, "east": 2.0}}
    columns = {"lat": "pos.north", "lon": "pos.east"}
    assert len(read(tmp_path, [entry], columns=columns).kept) == 1
    with pytest.raises(MissingDataError, match=r"'pos\.nort'"):
        read(tmp_path, [entry], columns={"lat": "pos.nort"})


def test_ten_millionths_and_milliseconds_of_phones_are_read(tmp_path):
    entry = {
        "latitudeE7": 445000000,
        "longitudeE7": -725000000,
        "timestampMs": "1560674698500",
        "accuracy": 20,
    }
    (fix,) = read(tmp_path, {"locations": [entry]}).kept
    assert (fix.lat, fix.lon) == pytest.approx((44.5, -72.5))
    assert fix.time == 1_560_674_698_500_000_000
    outcome = read(tmp_path, {"locations": [entry]}, max_accuracy_m=10.0)
    assert outcome.reasons() == {"accuracy": 1}


def test_a_line_is_a_fix_for_each_vertex(tmp_path):
    entry = {"wkt": "LINESTRING Z (1 2 9, 1 3 9)", "time": [5, 6], "session": "s"}
    fixes = read(tmp_path, [entry]).kept
    assert [(f.lat, f.lon, f.altitude_m) for f in fixes] == [(2, 1, 9), (3, 1, 9)]
    assert [f.time for f in fixes] == [5 * 10**9, 6 * 10**9]
    untimed = read(tmp_path, [{**entry, "time": 5}]).kept
    assert [f.time for f in untimed] == [None, None]


def test_geojson_points_within_objects_are_read(tmp_path):
    entry = {"geometry": {"type": "Point", "coordinates": [1, 2]}}
    (fix,) = read(tmp_path, [entry]).kept
    assert (fix.lat, fix.lon) == (2.0, 1.0)


def test_one_object_a_line_is_read(tmp_path):
    text = '{"lat": 1, "lon": 2}\n\n{"lat": 1, "lon": 3}\n'
    assert len(read(tmp_path, text, name="log.jsonl").kept) == 2
    with pytest.raises(UnreadableError, match="Line 2"):
        read(tmp_path, '{"lat": 1, "lon": 2}\n{', name="log.ndjson")


def test_bad_entries_are_counted(tmp_path):
    good = {"point": "POINT(1 2)"}
    bad = [
        {"point": "POINT(1)"},
        {"point": None},
        "x",
        {"point": "SRID=3857;POINT(1 2)"},
    ]
    outcome = read(tmp_path, [good, *bad])
    assert len(outcome.kept) == 1
    assert outcome.reasons() == {"bad-geometry": 2, "no-object": 1, "no-position": 1}


@pytest.mark.parametrize("text", ["[]", "3", "{}", "[1, 2]", '{"a": [1]}', "[[]]"])
def test_json_without_objects_is_one_clear_error(tmp_path, text):
    with pytest.raises(UnreadableError, match="no list of objects"):
        read(tmp_path, text)


def test_depth_without_end_is_one_clear_error(tmp_path):
    with pytest.raises(UnreadableError):
        read(tmp_path, "[" * 100_000)

"""GeoJSON: points and lines, with and without times."""

import json

import pytest

from dataset_tools.errors import MissingDataError, UnreadableError
from dataset_tools.tracks.geojson import read_geojson
from dataset_tools.tracks.rules import ReadingRules
from dataset_tools.tracks.times import parse_time


def read(tmp_path, *features):
    path = tmp_path / "track.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return read_geojson(path)


def feature(kind, coordinates, **properties):
    geometry = {"type": kind, "coordinates": coordinates}
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def test_a_line_is_a_session_without_times(tmp_path):
    outcome = read(tmp_path, feature("LineString", [[-72, 44, 9], [-72.1, 44]], id="d"))
    first, second = outcome.kept
    assert (first.lat, first.lon, first.altitude_m) == (44.0, -72.0, 9.0)
    assert (second.session_id, second.order, second.time) == ("d", 1, None)


def test_lines_of_one_name_stay_apart(tmp_path):
    line = feature("LineString", [[1, 2]], id="d")
    assert [f.session_id for f in read(tmp_path, line, line).kept] == ["d", "d-001"]


def test_each_part_of_a_multi_line_is_a_session_with_its_times(tmp_path):
    outcome = read(
        tmp_path,
        feature("MultiLineString", [[[1, 2]], [[3, 4]]], coordTimes=[[5], [1e9]]),
    )
    assert [f.session_id for f in outcome.kept] == ["track-0000", "track-0000-001"]
    assert [f.time for f in outcome.kept] == [5 * 10**9, 10**18]


def test_times_that_do_not_match_the_line_are_ignored(tmp_path):
    line = feature("LineString", [[1, 2], [1, 3]], coordTimes=["2020-01-01T00:00:00Z"])
    assert [f.time for f in read(tmp_path, line).kept] == [None, None]


def test_points_share_a_session_and_are_put_in_time_order(tmp_path):
    late, early = "2025-01-01T00:00:09Z", "2025-01-01T00:00:00Z"
    outcome = read(
        tmp_path,
        feature("Point", [1, 2], collectionId="c", datetime=late, azimuth=130),
        feature("Point", [3, 4], collectionId="c", datetime=early, lon=99),
    )
    assert [f.lon for f in outcome.kept] == [3.0, 1.0]
    assert outcome.kept[1].heading_deg == 130.0
    assert outcome.kept[0].time == parse_time(early)


def test_what_is_no_track_is_rejected(tmp_path):
    nothing = {"type": "Feature", "geometry": None, "properties": None}
    outcome = read(
        tmp_path,
        feature("Polygon", [[[0, 0], [0, 1], [1, 1], [0, 0]]]),
        nothing,
        feature("Point", [1]),
        feature("Point", [1, 181]),
        feature("LineString", [[1, 2], "x", [None, 2]]),
    )
    assert len(outcome.kept) == 1
    assert outcome.reasons() == {
        "no-position": 3,
        "not-a-track": 2,
        "latitude-out-of-range": 1,
    }


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"type": "FeatureCollection"}'])
def test_what_is_no_geojson_is_one_clear_error(tmp_path, text):
    (tmp_path / "a.geojson").write_text(text)
    with pytest.raises(UnreadableError):
        read_geojson(tmp_path / "a.geojson")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(MissingDataError, match="nowhere"):
        read_geojson(tmp_path / "nowhere.json")


def test_another_crs_is_named_and_not_read_as_degrees(tmp_path):
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::2154"}}
    point = feature("Point", [652000, 6862000])
    document = {"type": "FeatureCollection", "crs": crs, "features": [point]}
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps(document))
    with pytest.raises(UnreadableError, match="EPSG::2154"):
        read_geojson(path)
    (fix,) = read_geojson(path, ReadingRules(crs="EPSG:2154")).kept
    assert (fix.lat, fix.lon) == pytest.approx((48.86, 2.35), abs=0.02)


def test_properties_can_be_named(tmp_path):
    path = tmp_path / "a.geojson"
    document = feature("Point", [1, 2], richtung=90, picture="a.jpg")
    path.write_text(json.dumps(document))
    (fix,) = read_geojson(path, ReadingRules(columns={"heading": "richtung"})).kept
    assert (fix.heading_deg, fix.picture) == (90.0, "a.jpg")
    with pytest.raises(MissingDataError, match="'richtun'"):
        read_geojson(path, ReadingRules(columns={"heading": "richtun"}))

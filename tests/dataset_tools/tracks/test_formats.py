"""Which reader a file is for, folders of tracks, and the names of columns."""

import gzip
import json

import pytest

from dataset_tools.errors import MissingDataError, UnreadableError, UsageError
from dataset_tools.tracks.fields import match_columns, parse_columns
from dataset_tools.tracks.formats import read_track, read_tracks
from dataset_tools.tracks.rules import ReadingRules
from dataset_tools.tracks.wkt import parse_wkt

CSV = "lat,lon,session\n1,2,s\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", CSV),
        ("a.TXT", CSV),
        ("a.log", CSV),
        ("a.json", '[{"lat": 1, "lon": 2}]'),
        ("a.json", '{"type": "Point", "coordinates": [2, 1]}'),
        ("a.json", '[{"MAPLatitude": 1, "MAPLongitude": 2, "filename": "b"}]'),
        ("a.jsonl", '{"lat": 1, "lon": 2}'),
        ("a.gpx", '<gpx><trk><trkseg><trkpt lat="1" lon="2"/></trkseg></trk></gpx>'),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_file_is_known_by_its_suffix_or_by_how_it_begins(
    tmp_path, name, text, packed
):
    path = tmp_path / (name + ".gz" * packed)
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    (fix,) = read_track(path).kept
    assert (fix.lat, fix.lon) == (1.0, 2.0)


def test_the_format_may_be_named(tmp_path):
    (tmp_path / "a.dat").write_text(CSV)
    assert len(read_track(tmp_path / "a.dat", kind="csv").kept) == 1
    with pytest.raises(UsageError, match=r"ends in '\.dat'"):
        read_track(tmp_path / "a.dat")
    with pytest.raises(UnreadableError):
        read_track(tmp_path / "a.dat", kind="gpx")


def test_bytes_of_no_known_kind_are_told(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"\x7fELF" * 9)
    with pytest.raises(UnreadableError, match="DEVC"):
        read_track(tmp_path / "a.bin")


def test_a_folder_is_all_its_tracks_with_sessions_kept_apart(tmp_path):
    (tmp_path / "b").mkdir()
    for name in ("a.csv", "b/a.csv", "c.csv"):
        (tmp_path / name).write_text(CSV.replace("s\n", "t\n") if "c." in name else CSV)
    (tmp_path / ".hidden.csv").write_text("rubbish")
    (tmp_path / "notes.pdf").write_text("rubbish")
    sessions = [f.session_id for f in read_tracks(tmp_path).kept]
    assert sessions == ["a.csv/s", "b/a.csv/s", "t"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(MissingDataError, match="holds no track"):
        read_tracks(tmp_path / "empty")


def test_columns_are_given_as_field_and_column():
    assert parse_columns(["lat = Breite", "time=UTC, s"]) == {
        "lat": "Breite",
        "time": "UTC, s",
    }
    for wrong in ("lat", "lat=", "=x"):
        with pytest.raises(UsageError):
            parse_columns([wrong])
    with pytest.raises(UsageError, match="'lat'"):
        parse_columns(["latt=x"])


def test_the_more_telling_of_two_columns_is_taken():
    names = ["timestamp", "time_utc", "Latitude [deg]", "gps.longitude", "time"]
    assert match_columns(names) == {
        "lat": "Latitude [deg]",
        "lon": "gps.longitude",
        "time": "time_utc",
    }


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("point z(1 2 3)", [[(1.0, 2.0, 3.0, None)]]),
        ("POINT ZM (1 2 3 4)", [[(1.0, 2.0, 3.0, 4.0)]]),
        ("SRID=4326;POINT(-1.5e1 .5)", [[(-15.0, 0.5, None, None)]]),
        ("MULTIPOINT ((1 2), (3 4))", [[(1, 2, None, None)], [(3, 4, None, None)]]),
        (
            "MULTILINESTRING((1 2, 3 4), (5 6, 7 8))",
            [
                [(1, 2, None, None), (3, 4, None, None)],
                [(5, 6, None, None), (7, 8, None, None)],
            ],
        ),
    ],
)
def test_points_and_lines_are_read_from_text(text, parts):
    assert parse_wkt(text) == parts


@pytest.mark.parametrize(
    "text",
    [
        *("", "POINT", "POINT()", "POINT(1)", "POINT(1 x)", "POINT(nan 1)"),
        *("POLYGON((1 2, 3 4, 5 6, 1 2))", "POINT M (1 2)", "SRID=2154;POINT(1 2)"),
        *("POINT(1 2", "POINT(1 2) x", "LINESTRING(1 2,)", "POINT(1 2 3 4 5)"),
    ],
)
def test_what_is_no_point_or_line_is_none(text):
    assert parse_wkt(text) is None


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ({"time_zone": "Nowhere"}, "Europe/Paris"),
        ({"date": "16.06.2019"}, "2019-06-16"),
    ],
)
def test_rules_that_mean_nothing_are_refused(rules, told):
    with pytest.raises(UsageError, match=told):
        ReadingRules(**rules)


def test_json_of_nothing_is_one_clear_error(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"type": "Topology"}))
    with pytest.raises(UnreadableError, match="no feature"):
        read_track(tmp_path / "a.json")

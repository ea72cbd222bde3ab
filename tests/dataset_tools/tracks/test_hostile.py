"""Whatever a file holds, a reader gives fixes, rejections or one clear error."""

import json
import math
from dataclasses import fields

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_gpmf import gps5, gps9, video

from dataset_tools.errors import DatasetToolsError
from dataset_tools.records import Fix
from dataset_tools.tracks.clean import clean
from dataset_tools.tracks.fixes import frames_from_fixes
from dataset_tools.tracks.formats import read_track
from dataset_tools.tracks.limits import CleaningLimits
from dataset_tools.tracks.nmea import checksum
from dataset_tools.tracks.rules import ReadingRules

NMEA = "".join(
    f"${body}*{checksum(body):02X}\r\n"
    for body in (
        "GPRMC,084458.00,A,4430.0,N,07230.0,W,10,45,160619,,,A",
        "GPGGA,084458.00,4430.0,N,07230.0,W,1,08,1.2,30.5,M,,M,,",
    )
).encode()
GPX = (
    b'<gpx version="1.1"><trk><trkseg><trkpt lat="1" lon="2"><ele>3</ele>'
    b"<time>2019-02-18T07:45:50Z</time></trkpt></trkseg></trk></gpx>"
)
ENTRY = {"lat": 1, "lon": 2, "time": "2019-02-18T07:45:50Z", "point": "POINT(1 2)"}
POINT = {"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}}
IMAGE = {"MAPLatitude": 1, "MAPLongitude": 2, "MAPCaptureTime": "2019_06_16_08_44_58_5"}
SOUND = {
    "a.nmea": NMEA,
    "a.gpx": GPX,
    "a.csv": b"lat;lon;time;wkt\n1;2;2019-02-18T07:45:50Z;\n;;;POINT(1 2)\n",
    "a.geojson": json.dumps(POINT).encode(),
    "log.json": json.dumps([ENTRY]).encode(),
    "mapillary.json": json.dumps([IMAGE]).encode(),
    "a.gpmf": gps5([(1.0, 2.0)]) + gps9([(1.0, 2.0)]),
    "a.mp4": video([gps5([(1.0, 2.0)]), gps9([(1.0, 2.0)])]),
}
FUZZ = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def survives(path, data, rules=None):
    path.write_bytes(data)
    told = None
    try:
        outcome = read_track(path, rules or ReadingRules())
    except DatasetToolsError as error:
        told = str(error).strip()
    if told is not None:
        assert 10 < len(told) < 2000
        assert "\n" not in told
        return []
    for fix in outcome.kept:
        assert abs(fix.lat) <= 90.0
        assert abs(fix.lon) <= 180.0
        assert fix.heading_deg is None or 0.0 <= fix.heading_deg < 360.0
        numbers = [getattr(fix, f.name) for f in fields(Fix)]
        assert all(math.isfinite(n) for n in numbers if isinstance(n, float))
    assert all(r.reason for r in outcome.rejected)
    frames = frames_from_fixes(outcome.kept)
    cleaned = clean(frames, CleaningLimits(earliest=0, latest=2**61))
    assert len(cleaned.kept) + len(cleaned.rejected) == len(frames)
    return outcome.kept


@pytest.mark.parametrize("name", SOUND)
def test_the_sound_files_are_sound(tmp_path, name):
    assert survives(tmp_path / name, SOUND[name])


@pytest.mark.parametrize("name", SOUND)
@FUZZ
@given(
    cuts=st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 12), st.binary(max_size=12)),
        min_size=1,
        max_size=4,
    )
)
def test_a_sound_file_with_parts_replaced(tmp_path, name, cuts):
    data = SOUND[name]
    for share, length, new in cuts:
        at = round(share * len(data))
        data = data[:at] + new + data[at + length :]
    survives(tmp_path / name, data)


@pytest.mark.parametrize("name", SOUND)
@FUZZ
@given(share=st.floats(0, 1))
def test_a_sound_file_cut_off(tmp_path, name, share):
    survives(tmp_path / name, SOUND[name][: round(share * len(SOUND[name]))])


@pytest.mark.parametrize("name", SOUND)
@FUZZ
@given(data=st.binary(max_size=200))
def test_any_bytes(tmp_path, name, data):
    survives(tmp_path / name, data)


CELL = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=True, allow_infinity=True),
    st.text(max_size=12),
    st.sampled_from([9e18, 5e10, "2262-05-01", "0001-01-01", "9999-12-31T23:59:60"]),
    st.sampled_from(["1e999", "NaN", "inf", "-0", "9" * 400, "1" + "0" * 20, "\u0661"]),
    st.lists(st.integers(), max_size=3),
)
NAMES = ("lat", "lon", "time", "date", "heading", "course", "speed", "hdop", "fix")
NAMES += ("sats", "accuracy", "wkt", "distance", "picture", "session", "hfov")


@FUZZ
@given(st.lists(st.dictionaries(st.sampled_from(NAMES), CELL), min_size=1, max_size=5))
def test_any_values_under_the_names_of_fields(tmp_path, entries):
    survives(tmp_path / "log.json", json.dumps(entries).encode())
    table = [",".join(NAMES)]
    table += [
        ",".join(json.dumps(str(e.get(n, ""))) for n in NAMES).replace("\\n", " ")
        for e in entries
    ]
    survives(tmp_path / "log.csv", "\n".join(table).encode("utf-8", "surrogatepass"))


@FUZZ
@given(st.dictionaries(st.sampled_from(list(IMAGE)), CELL, min_size=1), CELL)
def test_any_values_in_a_description(tmp_path, entry, track):
    rows = [entry, {"filename": "v", "MAPGPSTrack": [track, [track, track, track]]}]
    survives(tmp_path / "a.json", json.dumps(rows).encode())


def test_a_billion_laughs_are_refused(tmp_path):
    bomb = '<!DOCTYPE l [<!ENTITY a "ha">' + "".join(
        f'<!ENTITY {b} "{f"&{a};" * 10}">'
        for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    survives(tmp_path / "a.gpx", (bomb + "]><gpx>&i;</gpx>").encode())


def test_a_line_of_millions_of_characters_is_read_or_refused(tmp_path):
    line = "LINESTRING(" + ",".join(["1 2"] * 200_000) + ")"
    survives(tmp_path / "a.csv", f'wkt\n"{line}"\n'.encode())
    survives(tmp_path / "b.csv", b"lat,lon\n" + b"1" * 20_000_000 + b",2\n")

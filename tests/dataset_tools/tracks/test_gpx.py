"""GPX: segments, bad points, and hostile XML."""

import gzip

import gpxpy.gpx
import pytest

from dataset_tools.errors import MissingDataError, UnreadableError
from dataset_tools.tracks.formats import read_track
from dataset_tools.tracks.gpx import read_gpx
from dataset_tools.tracks.times import parse_time

HEAD = '<gpx xmlns="http://www.topografix.com/GPX/1/1" version="1.1"><trk>'


def write(path, *segments):
    body = "".join(f"<trkseg>{s}</trkseg>" for s in segments)
    path.write_text(f"{HEAD}{body}</trk></gpx>")
    return path


def test_a_file_of_another_writer_is_read(tmp_path):
    gpx, track = gpxpy.gpx.GPX(), gpxpy.gpx.GPXTrack()
    point = gpxpy.gpx.GPXTrackPoint(44.5, -72.5, elevation=30.0)
    point.horizontal_dilution = 1.25
    track.segments.append(gpxpy.gpx.GPXTrackSegment([point]))
    gpx.tracks.append(track)
    (tmp_path / "drive.gpx").write_text(gpx.to_xml())
    (fix,) = read_gpx(tmp_path / "drive.gpx").kept
    assert (fix.lat, fix.lon, fix.altitude_m, fix.hdop) == (44.5, -72.5, 30.0, 1.25)
    assert (fix.session_id, fix.time) == ("drive", None)


def test_time_and_course_of_an_extension_are_read(tmp_path):
    point = (
        '<trkpt lat="1" lon="2"><time>2019-02-18T07:45:50Z</time><extensions>'
        '<x:course xmlns:x="u">365</x:course></extensions></trkpt>'
    )
    (fix,) = read_gpx(write(tmp_path / "a.gpx", point)).kept
    assert fix.time == parse_time(1550475950)
    assert fix.heading_deg == 5.0


def test_each_segment_is_a_session(tmp_path):
    point = '<trkpt lat="1" lon="2"/>'
    outcome = read_gpx(write(tmp_path / "a.gpx", point, point * 2))
    assert [(f.session_id, f.order) for f in outcome.kept] == [
        ("a-000", 0),
        ("a-001", 0),
        ("a-001", 1),
    ]


@pytest.mark.parametrize(
    ("point", "reason"),
    [
        ('<trkpt lat="181" lon="2"/>', "latitude-out-of-range"),
        ('<trkpt lat="x" lon="2"/>', "not-a-number"),
        ('<trkpt lat="nan" lon="2"/>', "not-a-number"),
        ('<trkpt lon="2"/>', "no-position"),
        ('<trkpt lat="1" lon="2"><time>noon</time></trkpt>', "bad-time"),
        ('<trkpt lat="1" lon="2"><fix>none</fix></trkpt>', "no-fix"),
    ],
)
def test_a_bad_point_costs_that_point_only(tmp_path, point, reason):
    good = '<trkpt lat="1" lon="2"/>'
    outcome = read_gpx(write(tmp_path / "a.gpx", good + point + good))
    assert [f.order for f in outcome.kept] == [0, 2]
    assert outcome.reasons() == {reason: 1}


def test_gzip_is_read_by_suffix(tmp_path):
    plain = write(tmp_path / "a.gpx", '<trkpt lat="1" lon="2"/>').read_bytes()
    (tmp_path / "b.gpx.gz").write_bytes(gzip.compress(plain))
    assert [f.session_id for f in read_track(tmp_path / "b.gpx.gz").kept] == ["b"]


def test_entities_are_refused(tmp_path):
    (tmp_path / "a.gpx").write_text(
        '<!DOCTYPE gpx [<!ENTITY e SYSTEM "file:///etc/hostname">]><gpx>&e;</gpx>'
    )
    with pytest.raises(UnreadableError, match="refused"):
        read_gpx(tmp_path / "a.gpx")


@pytest.mark.parametrize("text", ["", "<gpx", "<gpx/>", "not xml"])
def test_what_is_no_track_is_one_clear_error(tmp_path, text):
    (tmp_path / "a.gpx").write_text(text)
    with pytest.raises(UnreadableError):
        read_gpx(tmp_path / "a.gpx")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(MissingDataError, match=r"nowhere\.gpx"):
        read_gpx(tmp_path / "nowhere.gpx")

"""Image descriptions: pictures, errors, and the tracks of videos."""

import json

import pytest

from dataset_tools.errors import UnreadableError
from dataset_tools.tracks.formats import read_track
from dataset_tools.tracks.mapillary import read_mapillary
from dataset_tools.tracks.rules import ReadingRules
from dataset_tools.tracks.times import parse_time

IMAGE = {
    "filename": "a/1.jpg",
    "filetype": "image",
    "MAPLatitude": 44.5,
    "MAPLongitude": -72.5,
    "MAPAltitude": 120.0,
    "MAPCaptureTime": "2019_06_16_08_44_58_500",
    "MAPCompassHeading": {"TrueHeading": 370.0, "MagneticHeading": 24.0},
}


def read(tmp_path, *entries, rules=None):
    path = tmp_path / "mapillary_image_description.json"
    path.write_text(json.dumps(list(entries)))
    return read_track(path, rules or ReadingRules())


def test_a_description_is_a_fix_that_names_its_picture(tmp_path):
    (fix,) = read(tmp_path, IMAGE).kept
    assert (fix.lat, fix.lon, fix.altitude_m) == (44.5, -72.5, 120.0)
    assert fix.time == parse_time("2019-06-16T08:44:58.5Z")
    assert (fix.heading_deg, fix.picture, fix.session_id) == (10.0, "a/1.jpg", "a")


def test_a_magnetic_heading_needs_the_declination(tmp_path):
    magnetic = {**IMAGE, "MAPCompassHeading": {"MagneticHeading": 24.0}}
    assert read(tmp_path, magnetic).kept[0].heading_deg is None
    rules = ReadingRules(declination_deg=-14.0)
    assert read(tmp_path, magnetic, rules=rules).kept[0].heading_deg == 10.0


def test_errors_and_broken_objects_are_rejected_with_their_reason(tmp_path):
    error = {"type": "MapillaryGeoTaggingError", "message": "Unable to extract"}
    outcome = read(
        tmp_path,
        {"filename": "b.jpg", "error": error, "filetype": "image"},
        7,
        {**IMAGE, "MAPLatitude": 181.0},
        {**IMAGE, "MAPCaptureTime": "noon"},
        IMAGE,
    )
    assert len(outcome.kept) == 1
    assert outcome.reasons() == {
        "bad-time": 1,
        "latitude-out-of-range": 1,
        "no-object": 1,
        "processing-error": 1,
    }
    assert outcome.rejected[0].measured == "MapillaryGeoTaggingError"


def test_the_track_of_a_video_has_longitude_first(tmp_path):
    rows = [[0, -72.5, 44.5, 9.0, 90.0, 1560674698.5], [1000, -72.4, 44.5], [1000]]
    outcome = read(tmp_path, {"filename": "v.mp4", "MAPGPSTrack": rows})
    first, second = outcome.kept
    assert (first.lat, first.lon, first.altitude_m) == (44.5, -72.5, 9.0)
    assert (first.heading_deg, first.session_id) == (90.0, "v.mp4")
    assert first.time == 1_560_674_698_500_000_000
    assert (second.lon, second.time, second.order) == (-72.4, None, 1)
    assert outcome.reasons() == {"no-position": 1}


def test_other_json_is_no_description(tmp_path):
    (tmp_path / "a.json").write_text('[{"lat": 1}]')
    with pytest.raises(UnreadableError, match="MAPLatitude"):
        read_mapillary(tmp_path / "a.json")

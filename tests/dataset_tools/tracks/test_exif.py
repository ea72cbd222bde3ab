"""Pictures with GPS: order, units, and every way in which EXIF is wrong."""

import struct

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from dataset_tools.errors import MissingDataError
from dataset_tools.tracks.exif import natural_key, read_pictures
from dataset_tools.tracks.times import parse_time

GPANO = (
    b'<x:xmpmeta><rdf:Description GPano:ProjectionType="equirectangular" '
    b'GPano:PoseHeadingDegrees="41.5"/></x:xmpmeta>'
)
VERMONT = {
    1: "N",
    2: (44.0, 30.0, 0.0),
    3: "W",
    4: (72.0, 30.0, 0.0),
    7: (12.0, 0.0, 1.5),
    29: "2019:06:16",
}


def save(path, gps=None, *, tags=None, xmp=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    if gps:
        exif.get_ifd(0x8825).update(gps)
    if tags:
        exif.get_ifd(0x8769).update(tags)
    noise = np.random.default_rng(0).integers(0, 255, (16, 32, 3), np.uint8)
    extra = {"xmp": xmp} if xmp else {}
    Image.fromarray(noise).save(path, "JPEG", exif=exif, **extra)


def only(folder, **options):
    outcome = read_pictures(folder, **options)
    assert (len(outcome.kept), len(outcome.rejected)) == (1, 0), outcome.rejected
    return outcome.kept[0]


def reason(folder):
    outcome = read_pictures(folder)
    assert (len(outcome.kept), len(outcome.rejected)) == (0, 1)
    return outcome.rejected[0].reason


def test_position_time_and_view_are_read(tmp_path):
    save(
        tmp_path / "run" / "a.jpg",
        {**VERMONT, 5: b"\x01", 6: 12.0, 11: 1.5, 16: "T", 17: 271.25},
        tags={0xA405: 18},
    )
    frame = only(tmp_path)
    assert (frame.lat, frame.lon) == (44.5, -72.5)
    assert frame.time == parse_time("2019-06-16T12:00:01.5Z")
    assert (frame.altitude_m, frame.heading_deg, frame.hdop) == (-12.0, 271.25, 1.5)
    assert frame.hfov_deg == pytest.approx(90.0)
    assert (frame.frame_id, frame.session_id) == ("run/a", "run")
    assert frame.source == "run/a.jpg"


def test_a_picture_in_the_folder_itself_is_of_session_dot(tmp_path):
    save(tmp_path / "a.jpg", VERMONT)
    assert only(tmp_path).session_id == "."


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({2: (181.0, 0.0, 0.0)}, "latitude-out-of-range"),
        ({4: (400.0, 0.0, 0.0)}, "longitude-out-of-range"),
        ({2: (IFDRational(0, 0), 0.0, 0.0)}, "bad-gps-number"),
        ({1: None}, "no-hemisphere"),
        ({3: "?"}, "no-hemisphere"),
        ({2: None}, "no-gps"),
    ],
)
def test_a_wrong_position_is_rejected_with_its_reason(tmp_path, change, expected):
    gps = {k: v for k, v in {**VERMONT, **change}.items() if v is not None}
    save(tmp_path / "a.jpg", gps)
    assert reason(tmp_path) == expected


def test_a_picture_without_exif_is_rejected(tmp_path):
    save(tmp_path / "a.jpg")
    assert reason(tmp_path) == "no-gps"


def test_a_picture_without_position_is_kept_when_asked(tmp_path):
    save(tmp_path / "a.jpg", tags={0x9003: "2019:06:16 12:00:00"})
    frame = only(tmp_path, need_position=False)
    assert np.isnan(frame.lat)
    assert frame.time == parse_time("2019-06-16T12:00:00Z")


@pytest.mark.parametrize("cut", [0, 40, 400])
def test_an_unreadable_picture_is_rejected_with_a_stable_text(tmp_path, cut):
    save(tmp_path / "a.jpg", VERMONT)
    data = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(data[:cut])
    first, second = read_pictures(tmp_path), read_pictures(tmp_path)
    assert first.reasons() == {"unreadable-picture": 1}
    assert first == second


def test_broken_exif_is_no_traceback(tmp_path):
    save(tmp_path / "a.jpg", VERMONT)
    data = bytearray((tmp_path / "a.jpg").read_bytes())
    at = data.index(b"Exif\x00\x00") + 10
    data[at : at + 4] = struct.pack(">I", 0xFFFFFFF0)
    (tmp_path / "a.jpg").write_bytes(data)
    assert len(read_pictures(tmp_path).rejected) == 1


def test_a_date_of_1970_is_no_time(tmp_path):
    save(tmp_path / "a.jpg", {**VERMONT, 29: "1970:01:01"})
    assert only(tmp_path).time is None


def test_the_camera_helps_out_with_sub_seconds_and_zone(tmp_path):
    gps = {k: v for k, v in VERMONT.items() if k not in (7, 29)}
    tags = {0x9003: "2019:06:16 08:00:01", 0x9291: "25", 0x9011: "-04:00"}
    save(tmp_path / "a.jpg", gps, tags=tags)
    assert only(tmp_path).time == parse_time("2019-06-16T12:00:01.25Z")


def test_a_magnetic_heading_is_unknown_and_the_track_is_second_choice(tmp_path):
    gps = {**VERMONT, 16: "M", 17: 50.0, 14: "T", 15: 60.0}
    save(tmp_path / "a.jpg", gps)
    assert only(tmp_path).heading_deg == 60.0


def test_a_panorama_is_known_by_its_xmp(tmp_path):
    save(tmp_path / "a.jpg", VERMONT, xmp=GPANO)
    frame = only(tmp_path)
    assert (frame.projection, frame.hfov_deg) == ("equirectangular", 360.0)
    assert frame.heading_deg == 41.5


def test_a_focal_length_of_zero_is_no_field_of_view(tmp_path):
    save(tmp_path / "a.jpg", VERMONT, tags={0xA405: 0})
    assert only(tmp_path).hfov_deg is None


def test_frames_are_ordered_by_time_then_by_name(tmp_path):
    for name, second in (("c", 1.0), ("b", 2.0), ("a", 2.0)):
        save(tmp_path / f"{name}.jpg", {**VERMONT, 7: (12.0, 0.0, second)})
    assert [f.frame_id for f in read_pictures(tmp_path).kept] == ["c", "a", "b"]


def test_without_all_times_frames_are_ordered_by_name_and_number(tmp_path):
    save(tmp_path / "10.jpg", VERMONT)
    save(tmp_path / "9.jpg", {k: v for k, v in VERMONT.items() if k != 29})
    assert [f.frame_id for f in read_pictures(tmp_path).kept] == ["9", "10"]


def test_two_pictures_of_one_name_are_not_two_frames(tmp_path):
    save(tmp_path / "a.jpeg", VERMONT)
    save(tmp_path / "a.jpg", VERMONT)
    outcome = read_pictures(tmp_path)
    assert [f.source for f in outcome.kept] == ["a.jpeg"]
    assert outcome.reasons() == {"same-name": 1}


def test_an_empty_or_missing_folder_says_what_is_expected(tmp_path):
    with pytest.raises(MissingDataError, match="holds no picture"):
        read_pictures(tmp_path)
    with pytest.raises(MissingDataError, match="no folder"):
        read_pictures(tmp_path / "nowhere")


def test_natural_order_is_total():
    assert natural_key("a1") != natural_key("a01")

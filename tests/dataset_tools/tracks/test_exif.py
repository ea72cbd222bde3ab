"""Pictures with GPS: order, units, and every way in which EXIF is wrong."""

import struct

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from dataset_tools.errors import MissingDataError
from dataset_tools.tracks.exif import natural_key, read_pictures
from dataset_tools.tracks.rules import ReadingRules
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


def save(path, gps=None, *, tags=None, xmp=None, main=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif.update(main or {})
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


def xmp(**values):
    words = " ".join(f'exif:{name}="{value}"' for name, value in values.items())
    return f"<x:xmpmeta><rdf:Description {words}/></x:xmpmeta>".encode()


@pytest.mark.parametrize(
    ("lat", "lon"),
    [("44,30.0N", "72,30.0W"), ("44,30,0N", "72,30,0W"), ("44.5", "-72.5")],
)
def test_xmp_is_asked_where_exif_says_nothing(tmp_path, lat, lon):
    packet = xmp(
        GPSLatitude=lat,
        GPSLongitude=lon,
        GPSAltitude="125/10",
        GPSAltitudeRef="1",
        GPSTimeStamp="2019-06-16T12:00:01.5Z",
        GPSImgDirection="27125/100",
        GPSImgDirectionRef="T",
        GPSDOP="15/10",
    )
    save(tmp_path / "a.jpg", xmp=packet)
    frame = only(tmp_path)
    assert (frame.lat, frame.lon, frame.altitude_m) == (44.5, -72.5, -12.5)
    assert frame.time == parse_time("2019-06-16T12:00:01.5Z")
    assert (frame.heading_deg, frame.hdop, frame.gps_timed) == (271.25, 1.5, True)


def test_xmp_may_stand_in_elements_and_be_wrong(tmp_path):
    place = "<exif:GPSLatitude>44,30.0N</exif:GPSLatitude>"
    lon = "<exif:GPSLongitude>{}</exif:GPSLongitude>"
    save(tmp_path / "a" / "a.jpg", xmp=(place + lon.format("72,30.0W")).encode())
    save(tmp_path / "b" / "b.jpg", xmp=(place + lon.format("72,75.0W")).encode())
    outcome = read_pictures(tmp_path)
    assert [(f.lat, f.lon) for f in outcome.kept] == [(44.5, -72.5)]
    assert outcome.reasons() == {"bad-gps-number": 1}


def test_a_magnetic_heading_is_known_with_the_declination(tmp_path):
    save(tmp_path / "a.jpg", {**VERMONT, 16: "M", 17: 5.0})
    assert only(tmp_path).heading_deg is None
    rules = ReadingRules(declination_deg=-14.0)
    assert only(tmp_path, rules=rules).heading_deg == 351.0


@pytest.mark.parametrize(("speed", "heading"), [(1.0, None), (3.0, 60.0)])
def test_the_direction_of_travel_of_a_standing_camera_is_random(
    tmp_path, speed, heading
):
    save(tmp_path / "a.jpg", {**VERMONT, 12: "K", 13: speed, 14: "T", 15: 60.0})
    assert only(tmp_path).heading_deg == heading


@pytest.mark.parametrize(
    ("change", "rules", "expected"),
    [
        ({9: "V"}, {}, "no-fix"),
        ({10: "2"}, {"min_fix": "3d"}, "fix-kind"),
        ({31: 25.0}, {"max_accuracy_m": 10.0}, "accuracy"),
        ({2: (122.4, 0.0, 0.0), 4: (37.8, 0.0, 0.0)}, {}, "swapped-lat-lon"),
    ],
)
def test_what_the_receiver_doubts_is_rejected(tmp_path, change, rules, expected):
    save(tmp_path / "a.jpg", {**VERMONT, **change})
    outcome = read_pictures(tmp_path, ReadingRules(**rules))
    assert outcome.reasons() == {expected: 1}
    (frame,) = read_pictures(tmp_path, ReadingRules(**rules), need_position=False).kept
    assert np.isnan(frame.lat)


def test_swapped_angles_are_repaired_if_asked(tmp_path):
    save(tmp_path / "a.jpg", {**VERMONT, 2: (122.5, 0, 0), 4: (37.5, 0, 0)})
    frame = only(tmp_path, rules=ReadingRules(repair_swapped=True))
    assert (frame.lat, frame.lon, frame.repair) == (37.5, -122.5, "swapped-lat-lon")


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        # Vermont: local midnight has not come yet, that of UTC has.
        ("2019:06:15 20:00:05", "2019-06-16T00:00:01.5Z"),
        # Auckland: it came twelve hours before.
        ("2019:06:16 12:00:05", "2019-06-16T00:00:01.5Z"),
    ],
)
def test_a_gps_clock_without_a_date_takes_the_nearest(tmp_path, local, utc):
    gps = {k: v for k, v in VERMONT.items() if k != 29} | {7: (0.0, 0.0, 1.5)}
    save(tmp_path / "a.jpg", gps, tags={0x9003: local})
    assert only(tmp_path).time == parse_time(utc)


def test_the_zone_of_a_camera_s_clock_can_be_given(tmp_path):
    save(tmp_path / "a.jpg", tags={0x9003: "2019:06:16 08:00:01"})
    rules = ReadingRules(time_zone="America/New_York")
    frame = only(tmp_path, rules=rules, need_position=False)
    assert frame.time == frame.camera_time == parse_time("2019-06-16T12:00:01Z")
    assert not frame.gps_timed


def test_each_camera_in_a_folder_is_a_session_without_its_serial_number(tmp_path):
    sony, gopro = {0x10F: "SONY", 0x110: "FDR-X1000V"}, {0x10F: "GoPro", 0x110: "Max"}
    save(tmp_path / "d" / "1.jpg", VERMONT, main=sony, tags={0xA431: "123"})
    save(tmp_path / "d" / "2.jpg", VERMONT, main=sony, tags={0xA431: "456"})
    save(tmp_path / "d" / "3.jpg", VERMONT, main=gopro)
    save(tmp_path / "d" / "4.jpg", VERMONT)
    sessions = [f.session_id for f in read_pictures(tmp_path).kept]
    assert sessions == [
        *("d/camera", "d/gopro-max"),
        *("d/sony-fdr-x1000v-1", "d/sony-fdr-x1000v-2"),
    ]
    whole = read_pictures(tmp_path, split_cameras=False)
    assert {f.session_id for f in whole.kept} == {"d"}


def test_one_camera_stays_one_session(tmp_path):
    for name in "ab":
        main = {0x10F: "SONY", 0x110: "FDR"}
        save(tmp_path / "d" / f"{name}.jpg", VERMONT, main=main)
    assert {f.session_id for f in read_pictures(tmp_path).kept} == {"d"}


def test_a_fix_older_than_its_picture_is_found_by_the_two_clocks(tmp_path):
    for k in range(6):
        # The camera is an hour and two seconds ahead; the fourth fix is old.
        late = 100 if k == 3 else 0
        gps = {**VERMONT, 7: (12.0, k + 10.0, 0.0)}
        tags = {0x9003: f"2019:06:16 13:{k + 10 + late // 60:02d}:{2 + late % 60:02d}"}
        save(tmp_path / f"{k}.jpg", gps, tags=tags)
    outcome = read_pictures(tmp_path)
    (rejection,) = outcome.rejected
    assert (rejection.item, rejection.reason) == ("3.jpg", "old-fix")
    assert (rejection.measured, rejection.limit) == (100.0, 60.0)
    frames = read_pictures(tmp_path, need_position=False).kept
    (frame,) = [f for f in frames if f.frame_id == "3"]
    assert np.isnan(frame.lat)
    assert frame.time == parse_time("2019-06-16T12:14:40Z")

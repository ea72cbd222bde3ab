"""NMEA: sentences of one moment, checksums, dates, and receivers without a fix."""

from datetime import UTC, datetime

import pytest

from dataset_tools.errors import MissingDataError, UnreadableError
from dataset_tools.tracks.formats import read_track
from dataset_tools.tracks.nmea import checksum, read_nmea
from dataset_tools.tracks.rules import ReadingRules

PLACE = "4430.0000,N,07230.0000,W"
SOUTH = "3330.0000,S,15130.0000,E"


def sentence(body):
    return f"${body}*{checksum(body):02X}\r\n"


def rmc(clock, *, day="160619", place=PLACE, status="A", knots="10", course="45"):
    return sentence(f"GPRMC,{clock},{status},{place},{knots},{course},{day},,,A")


def gga(clock, *, place=PLACE, quality="1", talker="GP", hdop="1.2"):
    return sentence(f"{talker}GGA,{clock},{place},{quality},08,{hdop},30.5,M,,M,,")


def read(tmp_path, *lines, rules=None, name="log.nmea"):
    path = tmp_path / name
    path.write_bytes("".join(lines).encode())
    return read_track(path, rules or ReadingRules())


def clocks(outcome):
    return [
        f.time and datetime.fromtimestamp(f.time / 1e9, UTC).strftime("%F %T")
        for f in outcome.kept
    ]


def test_rmc_and_gga_of_one_moment_are_one_fix(tmp_path):
    (fix,) = read(tmp_path, rmc("084458.50"), gga("084458.50")).kept
    assert (fix.lat, fix.lon, fix.altitude_m, fix.hdop) == (44.5, -72.5, 30.5, 1.2)
    assert fix.time == 1_560_674_698_500_000_000
    assert (fix.heading_deg, fix.session_id) == (45.0, "log")


@pytest.mark.parametrize("talker", ["GP", "GN", "GL", "GA"])
def test_any_talker_is_read_and_either_order(tmp_path, talker):
    lines = gga("084458", talker=talker), rmc("084458"), rmc("084459", place=SOUTH)
    outcome = read(tmp_path, *lines)
    assert [(f.lat, f.lon) for f in outcome.kept] == [(44.5, -72.5), (-33.5, 151.5)]
    assert [f.hdop for f in outcome.kept] == [1.2, None]


def test_a_wrong_checksum_costs_that_sentence(tmp_path):
    broken = rmc("084459").replace("N", "S")
    outcome = read(tmp_path, rmc("084458"), broken, rmc("084500"))
    assert len(outcome.kept) == 2
    (rejection,) = outcome.rejected
    assert (rejection.reason, rejection.item) == ("checksum", "log.nmea:2")
    assert rejection.measured != rejection.limit


def test_a_sentence_without_its_end_is_truncated(tmp_path):
    outcome = read(tmp_path, rmc("084458"), rmc("084459")[:30])
    assert outcome.reasons() == {"truncated": 1}


def test_void_and_quality_0_are_rejected_once_a_moment(tmp_path):
    outcome = read(
        tmp_path,
        rmc("084458", status="V") + gga("084458", quality="0"),
        gga("084459", quality="0"),
        gga("084500", quality="8"),
        rmc("084501"),
    )
    assert len(outcome.kept) == 1
    assert outcome.reasons() == {"no-fix": 1, "not-measured": 1, "void": 1}


def test_a_receiver_that_starts_has_no_position_and_no_time(tmp_path):
    start = sentence("GNRMC,,V,,,,,,,,,,N,V") + sentence("GNGGA,,,,,,0,00,99.99,,,,,,")
    outcome = read(tmp_path, start, start)
    assert outcome.kept == []
    assert outcome.reasons() == {"void": 2}


def test_the_date_goes_on_over_midnight(tmp_path):
    lines = rmc("235958"), gga("235959"), gga("000000"), gga("000001")
    assert clocks(read(tmp_path, *lines)) == [
        "2019-06-16 23:59:58",
        "2019-06-16 23:59:59",
        "2019-06-17 00:00:00",
        "2019-06-17 00:00:01",
    ]


def test_fixes_in_front_of_the_first_date_count_back(tmp_path):
    lines = gga("235959"), gga("000000"), rmc("000001")
    assert clocks(read(tmp_path, *lines)) == [
        "2019-06-15 23:59:59",
        "2019-06-16 00:00:00",
        "2019-06-16 00:00:01",
    ]


def test_without_a_date_the_time_is_unknown_or_the_rule_s(tmp_path):
    lines = gga("235959"), gga("000000")
    assert clocks(read(tmp_path, *lines)) == [None, None]
    dated = read(tmp_path, *lines, rules=ReadingRules(date="2009-12-09"))
    assert clocks(dated) == ["2009-12-09 23:59:59", "2009-12-10 00:00:00"]


@pytest.mark.parametrize(
    ("day", "year"), [("160619", 2019), ("311299", 1999), ("010180", 1980)]
)
def test_years_have_two_digits_and_began_in_1980(tmp_path, day, year):
    (fix,) = read(tmp_path, rmc("120000", day=day)).kept
    assert datetime.fromtimestamp(fix.time / 1e9, UTC).year == year


def test_zda_dates_what_gga_does_not(tmp_path):
    zda = sentence("GPZDA,084458,16,06,2019,00,00")
    assert clocks(read(tmp_path, gga("084458"), zda)) == ["2019-06-16 08:44:58"]


def test_a_course_at_a_stand_is_unknown(tmp_path):
    (fix,) = read(tmp_path, rmc("084458", knots="0.3", course="211")).kept
    assert fix.heading_deg is None


@pytest.mark.parametrize(
    ("body", "rules", "heading"),
    [
        ("HEHDT,90.0,T", {}, 90.0),
        ("HCHDM,90.0,M", {}, None),
        ("HCHDM,90.0,M", {"declination_deg": -14.0}, 76.0),
        ("HCHDG,90.0,1.0,E,14.0,W", {}, 77.0),
    ],
)
def test_a_heading_sensor_goes_before_the_course(tmp_path, body, rules, heading):
    lines = rmc("084458", course=""), sentence(body), rmc("084459")
    outcome = read(tmp_path, *lines, rules=ReadingRules(**rules))
    assert outcome.kept[1].heading_deg == heading


def test_binary_between_sentences_and_text_before_them_are_passed_over(tmp_path):
    path = tmp_path / "log.bin"
    noise = b"\xb5b\x01\x07\\\x00$&\x00\xff2019 "
    path.write_bytes(noise + rmc("084458").encode() + noise + rmc("084459").encode())
    assert len(read_track(path).kept) == 2


def test_a_log_is_known_by_its_sentences(tmp_path):
    assert len(read(tmp_path, "# note\n", rmc("084458"), name="a.log").kept) == 1
    assert len(read(tmp_path, "lat,lon\n1,2\n", name="b.txt").kept) == 1


@pytest.mark.parametrize("place", ["4475.0,N,07230.0,W", "x,N,1,W", "4430.0,Q,1,W"])
def test_numbers_that_are_no_angle_are_rejected(tmp_path, place):
    assert read(tmp_path, rmc("084458", place=place)).reasons() == {"not-a-number": 1}


def test_a_file_without_a_position_is_one_clear_error(tmp_path):
    path = tmp_path / "a.nmea"
    path.write_bytes(sentence("GPGSA,A,3").encode())
    with pytest.raises(UnreadableError, match="RMC or GGA"):
        read_nmea(path)
    with pytest.raises(MissingDataError, match=r"nowhere\.nmea"):
        read_nmea(tmp_path / "nowhere.nmea")

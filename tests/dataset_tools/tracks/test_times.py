"""Clocks of many writers."""

import pytest

from dataset_tools.errors import UsageError
from dataset_tools.tracks.times import Clock, parse_time, utc_of_gps, zone_of


@pytest.mark.parametrize(
    "text",
    [
        "2019-06-16T08:44:58.5Z",
        "2019-06-16 10:44:58.5+02:00",
        "2019-06-16 10:44:58.5+0200",
        "2019:06:16 08:44:58.5",
        "1560674698.5",
        "1560674698500",
        1560674698.5,
        1560674698500000000,
    ],
)
def test_one_moment_in_the_words_of_many(text):
    assert parse_time(text) == 1_560_674_698_500_000_000


@pytest.mark.parametrize("value", [5e19, 5e10, 10**400, "9999-01-01", "1600-01-01"])
def test_a_time_that_64_bits_do_not_hold_is_none(value):
    assert parse_time(value) is None
    assert Clock(layout="%Y-%m-%d").read(value) is None


@pytest.mark.parametrize("text", [None, "", "noon", "nan", "inf", 1e40, True, "2019"])
def test_what_is_no_moment_is_none_or_small(text):
    assert parse_time(text) in (None, 2019 * 10**9)


@pytest.mark.parametrize(
    ("time", "day", "clock"),
    [
        ("08:44:58.5", "2019-06-16", Clock()),
        ("084458.5", "2019/06/16", Clock()),
        ("8:44:58,5", None, Clock(day="2019-06-16")),
        ("", "2019-06-16 08:44:58.5", Clock()),
        ("10:44:58.5", "2019-06-16", Clock(zone=zone_of("+02:00"))),
        ("2019-06-16 04:44:58.5", None, Clock(zone=zone_of("America/New_York"))),
        ("2019-06-16T08:44:58.5Z", "1999-01-01", Clock(zone=zone_of("-07:00"))),
        ("16.06.2019 08h44 58.500000", None, Clock(layout="%d.%m.%Y %Hh%M %S.%f")),
        ("08:44:58.5", "06/16/19", Clock(layout="%m/%d/%y %H:%M:%S.%f")),
        ("2019-06-16T08:45:16.5", None, Clock(scale="gps")),
    ],
)
def test_one_moment_by_the_clocks_of_many_loggers(time, day, clock):
    assert clock.read(time, day) == 1_560_674_698_500_000_000


def test_local_time_is_summer_time_in_summer_only():
    clock = Clock(zone=zone_of("Europe/Paris"))
    assert clock.read("2019-06-16 12:00:00") == parse_time("2019-06-16T10:00:00Z")
    assert clock.read("2019-12-16 12:00:00") == parse_time("2019-12-16T11:00:00Z")


@pytest.mark.parametrize("name", ["Mars/Olympus", "+25:00", "", "../etc/passwd"])
def test_a_zone_that_does_not_exist_is_refused(name):
    with pytest.raises(UsageError, match=r"Europe/Paris"):
        zone_of(name)


def test_a_leap_second_is_the_second_after_59():
    before = parse_time("2016-12-31T23:59:59Z")
    assert parse_time("2016-12-31T23:59:60Z") == before + 10**9


@pytest.mark.parametrize(
    ("gps", "utc"),
    [
        ("2020-01-01T00:00:18Z", "2020-01-01T00:00:00Z"),
        ("2010-01-01T00:00:15Z", "2010-01-01T00:00:00Z"),
        ("1980-02-01T00:00:00Z", "1980-02-01T00:00:00Z"),
    ],
)
def test_gps_time_runs_ahead_by_the_leap_seconds(gps, utc):
    assert utc_of_gps(parse_time(gps)) == parse_time(utc)

"""Texts and numbers of many clocks, read as UTC nanoseconds since 1970.

A time without a zone is taken as UTC unless a zone is given: nothing in such a file
says otherwise. GPS time runs ahead of UTC by the leap seconds since 1980.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Final, Literal
from zoneinfo import ZoneInfo

from dataset_tools.errors import UsageError

TimeScale = Literal["utc", "gps"]

NS_PER_S = 1_000_000_000
LAST_NS: Final = 2**62
"""Times from here on, and before its negative, are none: differences fit 64 bits."""

_YEAR_FIRST = re.compile(r"^(\d{4})[:/.](\d{1,2})[:/.](\d{1,2})(?!\d)")
_COMPACT = re.compile(r"^(19|20)\d{12}(\.\d+)?$")
_LEAP_SECOND = re.compile(r"^(.*:\d{2}):60(?!\d)(.*)$")
_TIME_OF_DAY = re.compile(r"^(\d{1,2}):?(\d{2}):?(\d{2}(?:[.,]\d+)?)?$")
_OFFSET = re.compile(r"^([+-])(\d{1,2}):?(\d{2})?$")

_NUMBER_UNITS = (
    (1e11, NS_PER_S),
    (1e14, 1_000_000),
    (1e17, 1_000),
    (1e20, 1),
)
"""Upper bound of a bare number, and its unit in ns: s, ms, us or ns since 1970."""

_LEAPS: Final = tuple(
    # Days on which UTC began to lag by one more second (IERS Bulletin C).
    int(datetime.fromisoformat(day + "T00:00:00+00:00").timestamp()) * NS_PER_S
    for day in (
        *("1981-07-01", "1982-07-01", "1983-07-01", "1985-07-01", "1988-01-01"),
        *("1990-01-01", "1991-01-01", "1992-07-01", "1993-07-01", "1994-07-01"),
        *("1996-01-01", "1997-07-01", "1999-01-01", "2006-01-01", "2009-01-01"),
        *("2012-07-01", "2015-07-01", "2017-01-01"),
    )
)


def parse_time(value: object, zone: tzinfo = UTC) -> int | None:
    """UTC nanoseconds of a number, an ISO text or an EXIF text; None if it is neither.

    Args:
        value: as a file wrote it.
        zone: of a text that states none.

    >>> parse_time("2019-02-18T07:45:50Z") == parse_time(1550475950)
    True
    >>> parse_time("2019:02:18 08:45:50.5+01:00") - parse_time(1550475950)
    500000000
    >>> parse_time("20190218074550") == parse_time("2019/2/18 07:45:50")
    True
    >>> parse_time("yesterday") is None
    True
    """
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return _from_number(value)
    text = str(value).strip()
    if _COMPACT.match(text):
        return _from_text(f"{text[:8]}T{text[8:]}", zone)
    try:
        return _from_number(int(text) if text.isdecimal() else float(text))
    except ValueError:
        return _from_text(text, zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """How the times of a file are meant."""

    zone: tzinfo = UTC
    """Of texts that state none."""
    layout: str | None = None
    """Of texts that are not ISO, as `datetime.strptime` reads them."""
    scale: TimeScale = "utc"
    day: str | None = None
    """ISO date of times of day."""

    def read(self, value: object, day: object = None) -> int | None:
        """UTC nanoseconds of a cell, None if it is no time.

        Args:
            value: the time, or the time of day.
            day: the date, where a file keeps it apart.

        >>> Clock(day="2019-02-18").read("074550") == parse_time(1550475950)
        True
        """
        found = self._moment(value, day)
        return utc_of_gps(found) if found is not None and self.scale == "gps" else found

    def _moment(self, value: object, day: object) -> int | None:
        text = "" if value is None else str(value).strip()
        date = "" if day is None else str(day).strip()
        if self.layout is not None:
            return self._laid_out(f"{date} {text}".strip())
        if not text:
            return parse_time(date, self.zone) if date else None
        parts = _TIME_OF_DAY.match(text)
        date = date or (self.day or "")
        if parts is None or not date:
            return parse_time(value, self.zone)
        clock = ":".join(p.replace(",", ".") for p in parts.groups("00"))
        # One digit of an hour is no ISO time.
        hours = clock if clock[2] == ":" else "0" + clock
        return _from_text(f"{date}T{hours}", self.zone)

    def _laid_out(self, text: str) -> int | None:
        assert self.layout is not None
        try:
            moment = datetime.strptime(text, self.layout)
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=self.zone)
        return _bounded(nanoseconds(moment))


@lru_cache(maxsize=16)
def zone_of(name: str) -> tzinfo:
    """The time zone of `UTC`, `+02:00` or `Europe/Paris`.

    Raises:
        UsageError: if there is no such zone.

    >>> zone_of("-05:30").utcoffset(None) == timedelta(hours=-5.5)
    True
    """
    match = _OFFSET.match(name.strip())
    if match:
        sign, hours, minutes = match.groups("0")
        offset = timedelta(hours=int(hours), minutes=int(minutes))
        if offset < timedelta(hours=24):
            return timezone(-offset if sign == "-" else offset)
    try:
        return UTC if name.upper() in ("UTC", "Z") else ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        message = (
            f"The time zone is {name!r}; UTC, an offset such as +02:00 or a name such "
            "as Europe/Paris is expected."
        )
        raise UsageError(message) from None


def utc_of_gps(time: int) -> int:
    """UTC of a moment that was counted in GPS time, nanoseconds since 1970.

    >>> gps = parse_time("2020-01-01T00:00:18Z")
    >>> (gps - utc_of_gps(gps)) // NS_PER_S
    18
    """
    # Steps happen at UTC midnight; a fix in the very second of one may be off by it.
    return time - bisect_right(_LEAPS, time) * NS_PER_S


def nanoseconds(moment: datetime) -> int:
    """UTC nanoseconds since 1970 of a moment; a moment without a zone is UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    # Through integers: float seconds of today resolve only about 0.2 microseconds.
    micro = (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
    return micro * 1_000


def _from_number(value: float) -> int | None:
    # NaN is below no bound.
    for bound, unit in _NUMBER_UNITS:
        if abs(value) < bound:
            exact = value * unit if isinstance(value, int) else round(value * unit)
            return _bounded(exact)
    return None


def _bounded(time: int) -> int | None:
    """A time from 1823 to 2116, None for any other."""
    return time if abs(time) < LAST_NS else None


def _from_text(text: str, zone: tzinfo) -> int | None:
    iso = _YEAR_FIRST.sub(_year_first, text)
    leap = _LEAP_SECOND.match(iso)
    if leap:
        # datetime knows no second 60: the one before, and one more.
        before = _from_text(f"{leap[1]}:59{leap[2]}", zone)
        return None if before is None else before + NS_PER_S
    try:
        moment = datetime.fromisoformat(iso)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        return _bounded(nanoseconds(moment))
    except (ValueError, OverflowError):
        return None


def _year_first(match: re.Match[str]) -> str:
    year, month, day = match.groups()
    return f"{year}-{month:0>2}-{day:0>2}"

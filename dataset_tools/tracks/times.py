"""Texts and numbers of many clocks, read as UTC nanoseconds since 1970.

A time without a zone is taken as UTC: nothing in such a file says otherwise, and a
constant offset can be given where pictures and tracks are matched.
"""

import math
import re
from datetime import UTC, datetime

NS_PER_S = 1_000_000_000

_EXIF_DATE = re.compile(r"^(\d{4}):(\d{2}):(\d{2})")

_NUMBER_UNITS = (
    (1e11, NS_PER_S),
    (1e14, 1_000_000),
    (1e17, 1_000),
    (1e20, 1),
)
"""Upper bound of a bare number, and its unit in ns: s, ms, us or ns since 1970."""


def parse_time(value: object) -> int | None:
    """UTC nanoseconds of a number, an ISO text or an EXIF text; None if it is neither.

    >>> parse_time("2019-02-18T07:45:50Z") == parse_time(1550475950)
    True
    >>> parse_time("2019:02:18 08:45:50.5+01:00") - parse_time(1550475950)
    500000000
    >>> parse_time("yesterday") is None
    True
    """
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return _from_number(value)
    text = str(value).strip()
    try:
        return _from_number(int(text) if text.isdecimal() else float(text))
    except ValueError:
        return _from_text(text)


def nanoseconds(moment: datetime) -> int:
    """UTC nanoseconds since 1970 of a moment; a moment without a zone is UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    # Through integers: float seconds of today resolve only about 0.2 microseconds.
    micro = (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
    return micro * 1_000


def _from_number(value: float) -> int | None:
    if not math.isfinite(value):
        return None
    for bound, unit in _NUMBER_UNITS:
        if abs(value) < bound:
            return value * unit if isinstance(value, int) else round(value * unit)
    return None


def _from_text(text: str) -> int | None:
    iso = _EXIF_DATE.sub(r"\1-\2-\3", text)
    try:
        return nanoseconds(datetime.fromisoformat(iso))
    except (ValueError, OverflowError):
        return None

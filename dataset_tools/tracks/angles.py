"""Angles as files write them: decimal, degrees and minutes, with hemispheres."""

import math
import re

_SIXTIETHS = re.compile(
    r"^(?P<before>[NSEW])?\s*(?P<sign>[-+]?)(?P<deg>\d{1,3}(?:[.,]\d+)?)\s*[°ºd:\s]?\s*"
    r"(?:(?P<min>\d{1,2}(?:[.,]\d+)?)\s*['\u2032m:\s]?\s*)?"
    r"(?:(?P<sec>\d{1,2}(?:[.,]\d+)?)\s*(?:[\"\u2033]|'')?\s*)?(?P<after>[NSEW])?$",
    re.IGNORECASE,
)


def degrees_of(value: object) -> float:
    """The degrees in a cell, NaN where there are none.

    A number, also with a decimal comma, or degrees, minutes and seconds; a hemisphere
    S or W makes it negative.

    >>> degrees_of("44,5"), degrees_of("48 9 18 S"), degrees_of("W122.5")
    (44.5, -48.155, -122.5)
    >>> degrees_of("44°30'N"), degrees_of("1 75")
    (44.5, nan)
    """
    if isinstance(value, bool) or value is None:
        return math.nan
    if isinstance(value, int | float):
        try:
            return float(value)
        except OverflowError:
            return math.nan
    text = str(value).strip()
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return _sixtieths(text)


def nmea_degrees(value: str, hemisphere: str) -> float:
    """Degrees of `ddmm.mmmm` and a letter, NaN if they are none.

    >>> nmea_degrees("5327.5", "N"), nmea_degrees("00214.4", "W")
    (53.458333333333336, -2.24)
    """
    match = re.fullmatch(r"(\d{1,3})(\d{2}(?:\.\d*)?)", value.strip())
    sign = {"N": 1, "E": 1, "S": -1, "W": -1}.get(hemisphere.strip().upper())
    if match is None or sign is None or float(match[2]) >= 60.0:
        return math.nan
    return sign * (int(match[1]) + float(match[2]) / 60.0)


def signed(degrees: float, hemisphere: object) -> float:
    """Degrees with the sign that a letter of its own column gives.

    >>> signed(72.5, "W"), signed(-72.5, ""), signed(-72.5, "West")
    (-72.5, -72.5, -72.5)
    """
    letter = str(hemisphere or "").strip().upper()[:1]
    if letter in ("S", "W"):
        return -abs(degrees)
    return degrees


def wrap_heading(degrees: float) -> float:
    """A heading in [0, 360).

    >>> wrap_heading(-1480.0), wrap_heading(-1e-20)
    (320.0, 0.0)
    """
    wrapped = math.fmod(degrees, 360.0) % 360.0
    return 0.0 if wrapped >= 360.0 else wrapped


def wrap_longitude(lon: float) -> float:
    """A longitude in [-180, 180], unchanged where it already is."""
    return lon - 360.0 if lon > 180.0 else lon


def _sixtieths(text: str) -> float:
    match = _SIXTIETHS.match(text)
    if match is None:
        return math.nan
    parts = [float((match[k] or "0").replace(",", ".")) for k in ("deg", "min", "sec")]
    if parts[1] >= 60.0 or parts[2] >= 60.0:
        return math.nan
    value = parts[0] + parts[1] / 60.0 + parts[2] / 3600.0
    letter = match["before"] or match["after"] or ""
    return signed(-value if match["sign"] == "-" else value, letter)

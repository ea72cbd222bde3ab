"""GPS in a picture's XMP: the names of EXIF, as decimals or `degrees,minutesN`.

Values are found by regular expression: XMP is hostile XML as often as not.
"""

import math
import re
from collections.abc import Mapping
from typing import Any, Final

_NAMES: Final = (
    *("GPSLatitude", "GPSLongitude", "GPSAltitude", "GPSAltitudeRef"),
    *("GPSTimeStamp", "GPSDateTime", "GPSImgDirection", "GPSImgDirectionRef"),
    *("GPSDOP", "GPSHPositioningError"),
)
_ANGLE = re.compile(
    r"^(?P<sign>[-+]?)(?P<deg>\d{1,3}(?:\.\d+)?)"
    r"(?:,(?P<min>\d{1,2}(?:\.\d+)?)(?:,(?P<sec>\d{1,2}(?:\.\d+)?))?)?"
    r"(?P<letter>[NSEW]?)$"
)

XmpGps = Mapping[str, str]
"""Name of the EXIF tag -> text; what is not there was not stated."""


def xmp_gps(info: Mapping[Any, Any]) -> XmpGps:
    """The GPS values in the `info` of an opened Pillow picture."""
    raw = info.get("xmp") or info.get("XML:com.adobe.xmp") or b""
    packet = raw if isinstance(raw, bytes) else str(raw).encode()
    found = {}
    for name in _NAMES:
        pattern = rb"exif:" + name.encode() + rb"\s*(?:=\s*[\"']|>)\s*([^\"'<>]{1,40})"
        match = re.search(pattern, packet)
        if match:
            found[name] = match.group(1).decode("ascii", "replace").strip()
    return found


def xmp_angle(text: str) -> float:
    """Degrees of a latitude or longitude in XMP, NaN if it is none.

    >>> xmp_angle("48,9.3N"), xmp_angle("1,30,36W"), xmp_angle("-1.5")
    (48.155, -1.51, -1.5)
    """
    match = _ANGLE.match(text.strip())
    if match is None:
        return math.nan
    minutes, seconds = float(match["min"] or 0.0), float(match["sec"] or 0.0)
    if minutes >= 60.0 or seconds >= 60.0:
        return math.nan
    degrees = math.fsum((float(match["deg"]), minutes / 60.0, seconds / 3600.0))
    negative = match["sign"] == "-" or match["letter"] in ("S", "W")
    return -degrees if negative else degrees


def xmp_number(text: str | None) -> float | None:
    """A number or a rational such as `123/10`; None if it is neither.

    >>> xmp_number("123/10"), xmp_number("1/0"), xmp_number(None)
    (12.3, None, None)
    """
    upper, _, lower = (text or "").partition("/")
    try:
        value = float(upper) / float(lower or 1.0)
    except (ValueError, ZeroDivisionError):
        return None
    return value if math.isfinite(value) else None

"""What a picture's EXIF and XMP say of where and when it was taken.

Time is GPS time first (UTC), then the camera's. Heading is the direction of the view,
else of travel, from true north; a magnetic one needs the declination. XMP is asked
where EXIF says nothing. Panoramas are known by their XMP (GPano).
"""

import io
import math
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from dataset_tools.errors import UnreadableError
from dataset_tools.pictures.codec import (
    DECODING_ERRORS,
    decoding_fault,
    open_bounded,
    read_picture,
)
from dataset_tools.pictures.gpano import (
    GPano,
    extent_of,
    gpano_of,
    heading_of,
    is_panorama,
)
from dataset_tools.pictures.metadata import rewrite_reason, upright_size
from dataset_tools.records import Extent, Projection
from dataset_tools.tracks.angles import wrap_heading
from dataset_tools.tracks.fixes import Fault, position_fault
from dataset_tools.tracks.rules import ReadingRules
from dataset_tools.tracks.times import NS_PER_S, nanoseconds, parse_time, zone_of
from dataset_tools.tracks.xmp import XmpGps, xmp_angle, xmp_gps, xmp_number

FULL_FRAME_WIDTH_MM: Final = 36.0
EARLIEST: Final = nanoseconds(datetime(1990, 1, 1, tzinfo=UTC))
"""Before this a date is a clock that was never set: 1970 and 1980 are usual."""
DAY_NS: Final = 86_400 * NS_PER_S
WESTERNMOST_NS: Final = -10 * 3600 * NS_PER_S
"""Civil time less UTC lies from here to a day later, 14 hours ahead."""

_MAKE, _MODEL, _EXIF_IFD, _GPS_IFD = 0x010F, 0x0110, 0x8769, 0x8825
_ORIGINAL, _SUBSEC, _ZONE = 0x9003, 0x9291, 0x9011
_FOCAL_35MM, _SERIAL = 0xA405, 0xA431
_LAT_REF, _LAT, _LON_REF, _LON = 1, 2, 3, 4
_ALT_REF, _ALT, _CLOCK, _STATUS, _MEASURE, _DOP = 5, 6, 7, 9, 10, 11
_SPEED_REF, _SPEED, _TRACK_REF, _TRACK, _VIEW_REF, _VIEW = 12, 13, 14, 15, 16, 17
_DATE, _ERROR = 29, 31
_SPEEDS_MPS: Final = {"K": 1 / 3.6, "M": 1609.344 / 3600, "N": 1852 / 3600}

Tags = Mapping[int, Any]


@dataclass(frozen=True, slots=True)
class Header:
    """What a picture says of itself; `fault` if it has no usable position."""

    lat: float
    lon: float
    time: int | None
    """The receiver's if that tells, else the camera's."""
    gps_time: int | None
    camera_time: int | None
    altitude_m: float | None
    heading_deg: float | None
    hfov_deg: float | None
    projection: Projection
    hdop: float | None
    extent: Extent | None
    size_px: tuple[int, int]
    rewrite: str | None
    camera: tuple[str, str, str]
    """Make, model and serial number, empty where unknown."""
    fault: Fault | None
    repair: str | None = None


@dataclass(frozen=True, slots=True)
class _Said:
    """The parts of a picture that say something."""

    main: Tags
    tags: Tags
    gps: Tags
    xmp: XmpGps
    gpano: GPano
    size: tuple[int, int]
    rewrite: str | None


def read_header(path: Path, rules: ReadingRules) -> Header | UnreadableError:
    """What a picture says of itself, or why it cannot be read.

    Args:
        path: the picture; its pixels are checked too, so that a truncated one is
            counted here and does not stop a build hours later.
        rules: the zone of its clock, the declination, and what is believed.
    """
    try:
        data = read_picture(path)
        # Pillow warns of corrupt EXIF; what it could not read is missed below.
        quiet = warnings.catch_warnings(action="ignore", category=UserWarning)
        with quiet, open_bounded(io.BytesIO(data)) as picture:
            exif = picture.getexif()
            said = _Said(
                main=dict(exif),
                tags=exif.get_ifd(_EXIF_IFD),
                gps=exif.get_ifd(_GPS_IFD),
                xmp=xmp_gps(picture.info),
                gpano=gpano_of(picture.info),
                size=upright_size(picture),
                rewrite=rewrite_reason(data, picture),
            )
            # A JPEG is decoded at an eighth of its size, which still reads it all.
            picture.draft("RGB", (1, 1))
            picture.load()
    except UnreadableError as error:
        return error
    except DECODING_ERRORS as error:
        return UnreadableError(decoding_fault(error))
    return _header(said, rules)


def _header(said: _Said, rules: ReadingRules) -> Header:
    lat, lon, fault = _position(said)
    repair = None
    if fault is not None and fault[0] == "swapped-lat-lon" and rules.repair_swapped:
        # The letters of the hemispheres stay where they are.
        lat, lon = math.copysign(lon, lat), math.copysign(lat, lon)
        fault, repair = None, "swapped-lat-lon"
    fault = fault or _doubt(said.gps, said.xmp, rules)
    if fault is not None:
        lat, lon = math.nan, math.nan
    extent = extent_of(said.gpano, said.size) if is_panorama(said.gpano) else None
    projection, hfov = _view(said.tags, extent)
    camera_time = _camera_time(said.tags, rules)
    gps_time = _gps_time(said, camera_time)
    return Header(
        lat=lat,
        lon=lon,
        time=camera_time if gps_time is None else gps_time,
        gps_time=gps_time,
        camera_time=camera_time,
        altitude_m=_altitude(said),
        heading_deg=_heading(said, extent, rules),
        hfov_deg=hfov,
        projection=projection,
        extent=extent,
        size_px=said.size,
        rewrite=said.rewrite,
        camera=_camera(said),
        hdop=_first(_real(said.gps.get(_DOP)), xmp_number(said.xmp.get("GPSDOP"))),
        fault=fault,
        repair=repair,
    )


def _position(said: _Said) -> tuple[float, float, Fault | None]:
    gps = said.gps
    if gps.get(_LAT) is None or gps.get(_LON) is None:
        return _xmp_position(said.xmp)
    lat, lon = _angle(gps[_LAT]), _angle(gps[_LON])
    if not (math.isfinite(lat) and math.isfinite(lon)):
        measured = f"{gps[_LAT]}, {gps[_LON]}"[:80]
        return lat, lon, ("bad-gps-number", measured, "finite rationals")
    signs = {"N": 1, "S": -1}.get(_text(gps.get(_LAT_REF)).upper()[:1])
    signs_lon = {"E": 1, "W": -1}.get(_text(gps.get(_LON_REF)).upper()[:1])
    if signs is None or signs_lon is None:
        refs = f"{_text(gps.get(_LAT_REF))!r}, {_text(gps.get(_LON_REF))!r}"
        return lat, lon, ("no-hemisphere", refs, "N or S, E or W")
    lat, lon = signs * lat, signs_lon * lon
    return lat, lon, position_fault(lat, lon)


def _xmp_position(xmp: XmpGps) -> tuple[float, float, Fault | None]:
    if "GPSLatitude" not in xmp or "GPSLongitude" not in xmp:
        return math.nan, math.nan, ("no-gps", None, "GPSLatitude and GPSLongitude")
    lat, lon = xmp_angle(xmp["GPSLatitude"]), xmp_angle(xmp["GPSLongitude"])
    if math.isnan(lat) or math.isnan(lon):
        measured = f"{xmp['GPSLatitude']}, {xmp['GPSLongitude']}"
        return lat, lon, ("bad-gps-number", measured, "degrees,minutes and a letter")
    return lat, lon, position_fault(lat, lon)


def _doubt(gps: Tags, xmp: XmpGps, rules: ReadingRules) -> Fault | None:
    """What the receiver says against its own position."""
    if _text(gps.get(_STATUS)).upper()[:1] == "V":
        return "no-fix", "V", "GPSStatus A"
    if rules.min_fix == "3d" and _text(gps.get(_MEASURE))[:1] == "2":
        return "fix-kind", "2d", "3d"
    error = _first(_real(gps.get(_ERROR)), xmp_number(xmp.get("GPSHPositioningError")))
    if error is not None and error > rules.max_accuracy_m:
        return "accuracy", error, rules.max_accuracy_m
    return None


def _gps_time(said: _Said, camera_time: int | None) -> int | None:
    """The receiver's clock; its date is the camera's where the tag is missing."""
    clock = _reals(said.gps.get(_CLOCK))
    if len(clock) != 3 or not _sane_clock(clock):
        text = said.xmp.get("GPSTimeStamp") or said.xmp.get("GPSDateTime")
        found = parse_time(text) if text and "T" in text else None
        return found if found is not None and found >= EARLIEST else None
    hours, minutes, seconds = clock
    whole = timedelta(hours=hours, minutes=minutes)
    # Whole microseconds: no clock in EXIF is finer, and floats are not exact.
    since_midnight = 1000 * round(1e6 * (whole.total_seconds() + seconds))
    day = _text(said.gps.get(_DATE))[:10].replace("-", ":")
    if day:
        midnight = parse_time(f"{day} 00:00:00")
        known = midnight is not None and midnight >= EARLIEST
        return midnight + since_midnight if midnight is not None and known else None
    if camera_time is None:
        return None
    # The day on which the camera's civil time and UTC can be that far apart.
    ahead = (camera_time - since_midnight - WESTERNMOST_NS) % DAY_NS + WESTERNMOST_NS
    return camera_time - ahead


def _camera_time(tags: Tags, rules: ReadingRules) -> int | None:
    original = _text(tags.get(_ORIGINAL))
    subsec = re.sub(r"\D.*", "", _text(tags.get(_SUBSEC)))[:6]
    fraction = f".{subsec:0<6}" if subsec else ""
    text = f"{original}{fraction}{_text(tags.get(_ZONE))}"
    found = parse_time(text, zone_of(rules.time_zone))
    return found if found is not None and found >= EARLIEST else None


def _sane_clock(clock: list[float]) -> bool:
    limits = (24.0, 60.0, 61.0)  # a leap second is 60
    return all(0 <= v < top for v, top in zip(clock, limits, strict=True))


def _altitude(said: _Said) -> float | None:
    altitude = _real(said.gps.get(_ALT))
    below = said.gps.get(_ALT_REF) in (1, b"\x01")
    if altitude is None:
        altitude = xmp_number(said.xmp.get("GPSAltitude"))
        below = said.xmp.get("GPSAltitudeRef") == "1"
    return -altitude if altitude is not None and below else altitude


def _heading(said: _Said, extent: Extent | None, rules: ReadingRules) -> float | None:
    """Of the view, then of travel where the camera moved, then of the panorama."""
    gps = said.gps
    speed = _real(gps.get(_SPEED))
    unit = _SPEEDS_MPS.get(_text(gps.get(_SPEED_REF)).upper()[:1])
    stands = (
        speed is not None
        and unit is not None
        and speed * unit < rules.course_min_speed_mps
    )
    stated = (
        (_real(gps.get(_VIEW)), _text(gps.get(_VIEW_REF))),
        (
            xmp_number(said.xmp.get("GPSImgDirection")),
            said.xmp.get("GPSImgDirectionRef", ""),
        ),
        (None if stands else _real(gps.get(_TRACK)), _text(gps.get(_TRACK_REF))),
    )
    for heading, reference in stated:
        # No reference is read as true north, as most writers that omit it mean it.
        letter = reference.upper()[:1] or "T"
        found = None if heading is None else rules.true_heading(heading, letter)
        if found is not None:
            return found
    pose = heading_of(said.gpano) if extent is not None else None
    return None if pose is None else wrap_heading(pose)


def _view(tags: Tags, extent: Extent | None) -> tuple[Projection, float | None]:
    if extent is not None:
        return "equirectangular", extent.width_deg
    focal = _real(tags.get(_FOCAL_35MM))
    if focal is None or focal <= 0:
        return "perspective", None
    half = math.atan(FULL_FRAME_WIDTH_MM / 2 / focal)
    return "perspective", 2 * math.degrees(half)


def _camera(said: _Said) -> tuple[str, str, str]:
    serial = _text(said.tags.get(_SERIAL))
    return _text(said.main.get(_MAKE)), _text(said.main.get(_MODEL)), serial


def _angle(value: object) -> float:
    """Degrees from [degrees, minutes, seconds] or fewer of them; NaN if unusable."""
    parts = _reals(value)
    if not parts or len(parts) > 3:
        return math.nan
    return math.fsum(part / 60**power for power, part in enumerate(parts))


def _reals(value: object) -> list[float]:
    """Numbers of a tag, NaN for a rational over zero."""
    values = value if isinstance(value, tuple | list) else (value,)
    numbers = [_real(v) for v in values]
    return [math.nan if v is None else v for v in numbers]


def _real(value: object) -> float | None:
    if value is None or isinstance(value, bytes | bool | tuple | list):
        return None
    try:
        result = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return result if math.isfinite(result) else None


def _first(*values: float | None) -> float | None:
    """The first that is known."""
    return next((v for v in values if v is not None), None)


def _text(value: object) -> str:
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else value
    return str(text).strip("\x00 \t\r\n") if text is not None else ""

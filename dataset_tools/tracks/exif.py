"""Pictures with GPS in their EXIF: frames in the order they were taken.

Time is GPS time first (UTC), then the camera's. Heading is the direction of the view,
else of travel, true north only: a magnetic one is left unknown, since the declination
is not in the file. Panoramas are known by their XMP (GPano).
"""

import io
import math
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dataset_tools.errors import UnreadableError
from dataset_tools.pictures.codec import (
    DECODING_ERRORS,
    decoding_fault,
    open_bounded,
    read_picture,
)
from dataset_tools.pictures.files import STAGE, picture_paths
from dataset_tools.pictures.gpano import (
    GPano,
    extent_of,
    gpano_of,
    heading_of,
    is_panorama,
)
from dataset_tools.pictures.metadata import rewrite_reason, upright_size
from dataset_tools.records import Extent, Frame, Outcome, Projection, Rejection
from dataset_tools.tracks.angles import wrap_heading
from dataset_tools.tracks.fixes import Fault, position_fault
from dataset_tools.tracks.times import nanoseconds, parse_time

FULL_FRAME_WIDTH_MM = 36.0
EARLIEST = nanoseconds(datetime(1990, 1, 1, tzinfo=UTC))
"""Before this a date is a clock that was never set: 1970 and 1980 are usual."""

_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_ORIGINAL, _SUBSEC, _ZONE = 0x9003, 0x9291, 0x9011
_FOCAL_35MM = 0xA405
_LAT_REF, _LAT, _LON_REF, _LON = 1, 2, 3, 4
_ALT_REF, _ALT, _CLOCK, _DOP, _DATE = 5, 6, 7, 11, 29
_DIRECTIONS = ((16, 17), (14, 15))
"""(reference, value) of GPSImgDirection, then of GPSTrack."""

Tags = Mapping[int, Any]


@dataclass(frozen=True, slots=True)
class _Header:
    """What a picture says of itself; `fault` if it has no usable position."""

    lat: float
    lon: float
    time: int | None
    altitude_m: float | None
    heading_deg: float | None
    hfov_deg: float | None
    projection: Projection
    hdop: float | None
    extent: Extent | None
    size_px: tuple[int, int]
    rewrite: str | None
    fault: Fault | None


def read_pictures(folder: Path, *, need_position: bool = True) -> Outcome[Frame]:
    """A frame for each sound picture in a folder and its subfolders.

    Each subfolder is a session. Within one, frames are ordered by time and then by
    name; by name alone (numbers by value) if any of them has no time.

    Args:
        folder: the drive's folder.
        need_position: reject a picture without a position; if False it is kept with
            latitude and longitude NaN, to be placed on a track.

    Raises:
        MissingDataError: if the folder is not there or holds no picture.
    """
    found = picture_paths(folder)
    outcome: Outcome[Frame] = Outcome(rejected=found.rejected)
    sessions: dict[str, list[tuple[Path, _Header]]] = {}
    taken: set[str] = set()
    for path in found.kept:
        item = path.relative_to(folder).as_posix()
        header = _read_header(path)
        fault: Fault | None
        if isinstance(header, UnreadableError):
            fault = ("unreadable-picture", str(header), "a sound picture")
        elif item.rsplit(".", 1)[0] in taken:
            fault = ("same-name", item, "one picture a name")
        else:
            fault = header.fault if need_position else None
        if fault is None and not isinstance(header, UnreadableError):
            taken.add(item.rsplit(".", 1)[0])
            session = path.parent.relative_to(folder).as_posix()
            sessions.setdefault(session, []).append((path, header))
        elif fault is not None:
            outcome.rejected.append(_rejection(item, fault))
    for session in sorted(sessions):
        outcome.kept.extend(_ordered(folder, session, sessions[session]))
    return outcome


def _ordered(
    folder: Path, session: str, members: list[tuple[Path, _Header]]
) -> Iterator[Frame]:
    timed = all(header.time is not None for _, header in members)
    members.sort(
        key=lambda m: ((m[1].time or 0) if timed else 0, natural_key(m[0].name))
    )
    for order, (path, header) in enumerate(members):
        source = path.relative_to(folder).as_posix()
        yield Frame(
            frame_id=source.rsplit(".", 1)[0],
            session_id=session,
            order=order,
            lat=header.lat,
            lon=header.lon,
            time=header.time,
            altitude_m=header.altitude_m,
            heading_deg=header.heading_deg,
            hfov_deg=header.hfov_deg,
            projection=header.projection,
            source=source,
            hdop=header.hdop,
            extent=header.extent,
            size_px=header.size_px,
            rewrite=header.rewrite,
        )


def natural_key(name: str) -> tuple[tuple[str, int], ...]:
    """A sort key that puts `9.jpg` before `10.jpg`.

    >>> sorted(["10.jpg", "9.jpg"], key=natural_key)
    ['9.jpg', '10.jpg']
    """
    pieces = re.split(r"(\d+)", name)
    return (
        *(
            (text, int(digits) if digits else -1)
            for text, digits in zip(pieces[::2], [*pieces[1::2], ""], strict=True)
        ),
        (name, -1),
    )


def _read_header(path: Path) -> _Header | UnreadableError:
    try:
        # One read: the pixels are checked too, so that a truncated picture is
        # counted here and does not stop a build hours later.
        data = read_picture(path)
        # Pillow warns of corrupt EXIF; what it could not read is missed below.
        quiet = warnings.catch_warnings(action="ignore", category=UserWarning)
        with quiet, open_bounded(io.BytesIO(data)) as picture:
            exif = picture.getexif()
            size, rewrite = upright_size(picture), rewrite_reason(data, picture)
            tags, gps = exif.get_ifd(_EXIF_IFD), exif.get_ifd(_GPS_IFD)
            gpano = gpano_of(picture.info)
            # A JPEG is decoded at an eighth of its size, which still reads it all.
            picture.draft("RGB", (1, 1))
            picture.load()
    except UnreadableError as error:
        return error
    except DECODING_ERRORS as error:
        return UnreadableError(decoding_fault(error))
    return _header(tags, gps, gpano, size, rewrite)


def _header(
    tags: Tags, gps: Tags, gpano: GPano, size: tuple[int, int], rewrite: str | None
) -> _Header:
    lat, lon, fault = _position(gps)
    extent = extent_of(gpano, size) if is_panorama(gpano) else None
    projection, hfov = _view(tags, extent)
    heading = _heading(gps)
    if heading is None and extent is not None:
        pose = heading_of(gpano)
        heading = None if pose is None else wrap_heading(pose)
    return _Header(
        lat=lat,
        lon=lon,
        time=_time(tags, gps),
        altitude_m=_altitude(gps),
        heading_deg=heading,
        hfov_deg=hfov,
        projection=projection,
        extent=extent,
        size_px=size,
        rewrite=rewrite,
        hdop=_real(gps.get(_DOP)),
        fault=fault,
    )


def _position(gps: Tags) -> tuple[float, float, Fault | None]:
    nowhere = math.nan, math.nan
    if gps.get(_LAT) is None or gps.get(_LON) is None:
        return *nowhere, ("no-gps", None, "GPSLatitude and GPSLongitude")
    lat, lon = _angle(gps[_LAT]), _angle(gps[_LON])
    if not (math.isfinite(lat) and math.isfinite(lon)):
        measured = f"{gps[_LAT]}, {gps[_LON]}"[:80]
        return *nowhere, ("bad-gps-number", measured, "finite rationals")
    signs = {"N": 1, "S": -1}.get(_text(gps.get(_LAT_REF)).upper()[:1])
    signs_lon = {"E": 1, "W": -1}.get(_text(gps.get(_LON_REF)).upper()[:1])
    if signs is None or signs_lon is None:
        refs = f"{_text(gps.get(_LAT_REF))!r}, {_text(gps.get(_LON_REF))!r}"
        return *nowhere, ("no-hemisphere", refs, "N or S, E or W")
    lat, lon = signs * lat, signs_lon * lon
    fault = position_fault(lat, lon)
    return (*nowhere, fault) if fault else (lat, lon, None)


def _time(tags: Tags, gps: Tags) -> int | None:
    original = _text(tags.get(_ORIGINAL))
    # Some cameras write the GPS clock and leave out its date.
    day = _text(gps.get(_DATE)) or original[:10]
    clock = _reals(gps.get(_CLOCK))
    found = None
    if len(clock) == 3 and _sane_clock(clock):
        midnight = parse_time(f"{day[:10].replace('-', ':')} 00:00:00")
        if midnight is not None and midnight >= EARLIEST:
            hours, minutes, seconds = clock
            whole = timedelta(hours=hours, minutes=minutes)
            # Whole microseconds: no clock in EXIF is finer, and floats are not exact.
            found = midnight + 1000 * round(1e6 * (whole.total_seconds() + seconds))
    return found if found is not None else _camera_time(original, tags)


def _camera_time(original: str, tags: Tags) -> int | None:
    subsec = re.sub(r"\D.*", "", _text(tags.get(_SUBSEC)))[:6]
    fraction = f".{subsec:0<6}" if subsec else ""
    found = parse_time(f"{original}{fraction}{_text(tags.get(_ZONE))}")
    return found if found is not None and found >= EARLIEST else None


def _sane_clock(clock: list[float]) -> bool:
    limits = (24.0, 60.0, 61.0)  # a leap second is 60
    return all(0 <= v < top for v, top in zip(clock, limits, strict=True))


def _altitude(gps: Tags) -> float | None:
    altitude = _real(gps.get(_ALT))
    below = gps.get(_ALT_REF) in (1, b"\x01")
    return -altitude if altitude is not None and below else altitude


def _heading(gps: Tags) -> float | None:
    for reference, value in _DIRECTIONS:
        heading = _real(gps.get(value))
        # No reference is read as true north, as most writers that omit it mean it.
        if heading is not None and _text(gps.get(reference)).upper()[:1] != "M":
            return wrap_heading(heading)
    return None


def _view(tags: Tags, extent: Extent | None) -> tuple[Projection, float | None]:
    if extent is not None:
        return "equirectangular", extent.width_deg
    focal = _real(tags.get(_FOCAL_35MM))
    if focal is None or focal <= 0:
        return "perspective", None
    half = math.atan(FULL_FRAME_WIDTH_MM / 2 / focal)
    return "perspective", 2 * math.degrees(half)


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


def _text(value: object) -> str:
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else value
    return str(text).strip("\x00 \t\r\n") if text is not None else ""


def _rejection(item: str, fault: Fault) -> Rejection:
    reason, measured, limit = fault
    return Rejection(
        item=item, stage=STAGE, reason=reason, measured=measured, limit=limit
    )

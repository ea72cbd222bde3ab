"""What every track reader shares: column names, checks of a row, frames from fixes.

A row becomes a `Fix` or a `Rejection`, never neither. Headings are degrees clockwise
from true north in [0, 360); a heading outside that interval is wrapped.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Final

from dataset_tools.errors import MissingDataError, UsageError, suggest
from dataset_tools.records import Fix, Frame, Rejection
from dataset_tools.tracks.times import parse_time

STAGE: Final = "tracks"

ALIASES: Final[dict[str, tuple[str, ...]]] = {
    "lat": ("lat", "latitude", "gps_lat", "gps_latitude", "lat_deg", "y"),
    "lon": (
        *("lon", "lng", "long", "longitude", "gps_lon", "gps_lng", "gps_long"),
        *("gps_longitude", "lon_deg", "x"),
    ),
    "time": (
        *("time_utc", "utc_time", "utc", "time", "timestamp", "datetime"),
        *("date_time", "capture_time", "captured_at", "gps_time", "unix", "epoch"),
    ),
    "altitude": ("altitude_m", "altitude", "alt", "ele", "elevation", "gps_elevation"),
    "heading": (
        *("heading_deg", "heading", "course", "bearing", "azimuth", "compass_angle"),
        *("gps_heading", "gps_course", "cog"),
    ),
    "hdop": ("hdop", "gps_hdop", "dop", "gps_dop"),
    "fix": ("fix", "gps_fix", "fix_type"),
    "session": (
        *("session_id", "session", "drive_id", "drive", "trip_id", "trip"),
        *("track_id", "track", "sequence_id", "sequence", "collectionid", "run"),
    ),
}
"""Names a field goes by, most specific first; compared in lower case."""

NO_FIX: Final = frozenset({"0", "none", "no", "false", "void"})
"""What receivers write when they report a position without having one."""

Fault = tuple[str, float | str | None, float | str | None]
"""(reason, measured, limit)."""


def match_columns(
    names: Iterable[str], columns: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Which column holds which field, by the caller's word first, else by alias.

    Args:
        names: the columns the file has.
        columns: field -> column; the fields are the keys of `ALIASES`.

    Returns:
        field -> column, for the fields found.

    Raises:
        UsageError: if `columns` names an unknown field.
        MissingDataError: if `columns` names a column that the file does not have.

    >>> match_columns(["drive", "gps_long", "gps_lat"])
    {'lat': 'gps_lat', 'lon': 'gps_long', 'session': 'drive'}
    """
    present = list(names)
    for name, column in (columns or {}).items():
        if name not in ALIASES:
            message = f"{name!r} is no field of a track. {suggest(name, ALIASES)}"
            raise UsageError(message)
        if column not in present:
            message = f"The track has no column {column!r} for the field {name!r}. "
            raise MissingDataError(message + suggest(column, present))
    by_plain: dict[str, str] = {}
    for name in present:
        by_plain.setdefault(_plain(name), name)
    found = {
        field: by_plain[alias]
        for field, aliases in reversed(ALIASES.items())
        for alias in reversed(aliases)
        if alias in by_plain
    }
    found.update(columns or {})
    return {field: found[field] for field in ALIASES if field in found}


def position_fault(lat: float, lon: float) -> Fault | None:
    """Why this cannot be a position in WGS84 degrees, or None if it can.

    >>> position_fault(181.0, 8.0)
    ('latitude-out-of-range', 181.0, 90.0)
    """
    if not (math.isfinite(lat) and math.isfinite(lon)):
        return "not-a-number", f"{lat}, {lon}", "finite degrees"
    if abs(lat) > 90.0:
        return "latitude-out-of-range", lat, 90.0
    # Some writers count 0 to 360; beyond that it is no longitude.
    if not -180.0 <= lon <= 360.0:
        return "longitude-out-of-range", lon, 180.0
    return None


def fix_from_row(
    row: Mapping[str, object], *, item: str, session_id: str, order: int
) -> Fix | Rejection:
    """One row of a track, its values still as the file wrote them.

    Args:
        row: field -> value, with the keys of `ALIASES`; missing and empty are unknown.
        item: how a rejection names the row.
        session_id: session of the fix.
        order: place of the fix in its session.
    """
    fault = _row_fault(row)
    if fault is not None:
        reason, measured, limit = fault
        return Rejection(
            item=item, stage=STAGE, reason=reason, measured=measured, limit=limit
        )
    heading, hdop = number(row.get("heading")), number(row.get("hdop"))
    return Fix(
        lat=_degrees(row.get("lat")),
        lon=wrap_longitude(_degrees(row.get("lon"))),
        time=parse_time(row.get("time")),
        altitude_m=number(row.get("altitude")),
        heading_deg=None if heading is None else wrap_heading(heading),
        session_id=session_id,
        order=order,
        hdop=hdop if hdop is not None and hdop >= 0 else None,
    )


def frames_from_fixes(fixes: Iterable[Fix]) -> list[Frame]:
    """A frame without a picture for each fix, named `SESSION/ORDER`.

    Raises:
        UsageError: if two fixes share session and order.
    """
    frames: dict[str, Frame] = {}
    for fix in fixes:
        frame_id = f"{fix.session_id}/{fix.order:06d}"
        if frame_id in frames:
            message = (
                f"Two fixes are number {fix.order} of session {fix.session_id!r}; "
                "give each track file or drive a session of its own."
            )
            raise UsageError(message)
        frames[frame_id] = Frame(
            frame_id=frame_id,
            session_id=fix.session_id,
            order=fix.order,
            lat=fix.lat,
            lon=fix.lon,
            time=fix.time,
            altitude_m=fix.altitude_m,
            heading_deg=fix.heading_deg,
            hdop=fix.hdop,
        )
    return list(frames.values())


def number(value: object) -> float | None:
    """A finite number, also from a text with a decimal comma; None if it is none.

    >>> number("12,5"), number(""), number("nan")
    (12.5, None, None)
    """
    result = _degrees(value)
    return result if math.isfinite(result) else None


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


def is_blank(value: object) -> bool:
    """Whether a cell is empty."""
    return value is None or (isinstance(value, str) and not value.strip())


def _row_fault(row: Mapping[str, object]) -> Fault | None:
    if str(row.get("fix", "")).strip().lower() in NO_FIX:
        return "no-fix", str(row.get("fix")), "a fix"
    raw_lat, raw_lon = row.get("lat"), row.get("lon")
    if is_blank(raw_lat) or is_blank(raw_lon):
        return "no-position", None, "latitude and longitude"
    fault = position_fault(_degrees(raw_lat), _degrees(raw_lon))
    if fault is not None and fault[0] == "not-a-number":
        return "not-a-number", f"{raw_lat}, {raw_lon}"[:60], "finite degrees"
    raw_time = row.get("time")
    if fault is None and not is_blank(raw_time) and parse_time(raw_time) is None:
        return "bad-time", str(raw_time)[:40], "ISO 8601 or Unix seconds"
    return fault


def _degrees(value: object) -> float:
    """The number in a cell, NaN where there is none."""
    if isinstance(value, bool) or value is None:
        return math.nan
    if isinstance(value, int | float):
        return float(value)
    try:
        return float(str(value).strip().replace(",", "."))
    except ValueError:
        return math.nan


def _plain(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")

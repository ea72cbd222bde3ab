"""Fields of a track: the names they go by in files, and the units names tell of."""

import re
from collections.abc import Iterable, Mapping
from typing import Final, Literal, TypeVar

from dataset_tools.errors import MissingDataError, UsageError, suggest

Unit = TypeVar("Unit", bound=str)

SpeedUnit = Literal["mps", "kmh", "knots", "mph"]
DistanceUnit = Literal["m", "km", "mm", "ft", "mi"]

ALIASES: Final[dict[str, tuple[str, ...]]] = {
    "lat": (
        *("lat", "latitude", "gps_lat", "gps_latitude", "lat_deg", "latitudee7", "y"),
    ),
    "lon": (
        *("lon", "lng", "long", "longitude", "gps_lon", "gps_lng", "gps_long"),
        *("gps_longitude", "lon_deg", "longitudee7", "x"),
    ),
    "lat_ref": ("lat_ref", "latitude_ref", "lat_hemisphere", "n/s", "ns"),
    "lon_ref": ("lon_ref", "longitude_ref", "lon_hemisphere", "e/w", "ew"),
    "geometry": (
        *("wkt", "geometry", "geom", "the_geom", "wkt_geom", "point", "position"),
        *("shape", "location"),
    ),
    "time": (
        *("time_utc", "utc_time", "utc", "time", "timestamp", "datetime"),
        *("date_time", "capture_time", "captured_at", "gps_time", "unix", "epoch"),
        *("timestampms", "timestamp_ms"),
    ),
    "date": ("date_utc", "utc_date", "gps_date", "date", "day"),
    "altitude": ("altitude_m", "altitude", "alt", "ele", "elevation", "gps_elevation"),
    "heading": (
        *("heading_deg", "heading", "bearing", "azimuth", "compass_angle"),
        *("gps_heading", "yaw_deg"),
    ),
    "course": ("course_deg", "course", "gps_course", "cog", "course_over_ground"),
    "speed": (
        *("speed_mps", "speed_ms", "speed_m_s", "speed_kmh", "speed_kph", "speed_km_h"),
        *("speed_mph", "speed_knots", "speed_kn", "speed_kt", "gps_speed", "speed"),
        *("velocity", "sog"),
    ),
    "hdop": ("hdop", "gps_hdop", "dop", "gps_dop"),
    "satellites": ("satellites", "sats", "gps_sats", "num_sats", "numsats", "nsat"),
    "accuracy": (
        *("accuracy_m", "horizontal_accuracy", "accuracy", "hacc", "gps_accuracy"),
        *("pos_acc", "h_accuracy"),
    ),
    "fix": ("fix", "gps_fix", "fix_type", "gps_status"),
    "distance": (
        *("odometer_m", "odometer_mm", "odometer_km", "odometer_ft", "odometer_mi"),
        *("distance_m", "distance_mm", "distance_km", "distance_ft", "distance_mi"),
        *("milepost", "mile_post", "mp", "chainage", "chainage_m", "chainage_km"),
        *("odometer", "dmi", "measure", "station", "distance"),
    ),
    "picture": (
        *("picture", "image", "photo", "file", "filename", "file_name", "image_name"),
        *("image_path", "image_file", "photo_name", "path", "img"),
    ),
    "order": ("order", "sequence_index", "frame_index", "frame_number", "seq_no"),
    "hfov": ("hfov_deg", "hfov", "field_of_view", "fov"),
    "session": (
        *("session_id", "session", "drive_id", "drive", "trip_id", "trip"),
        *("track_id", "track", "sequence_id", "sequence", "collectionid", "run"),
        *("route", "route_id"),
    ),
}
"""Names a field goes by, most specific first; compared in lower case."""

_SPEEDS: Final[dict[SpeedUnit, float]] = {
    "mps": 1.0,
    "kmh": 1 / 3.6,
    "knots": 1852 / 3600,
    "mph": 1609.344 / 3600,
}
_DISTANCES: Final[dict[DistanceUnit, float]] = {
    "m": 1.0,
    "km": 1000.0,
    "mm": 0.001,
    "ft": 0.3048,
    "mi": 1609.344,
}
_SPEED_WORDS: Final[tuple[tuple[str, SpeedUnit], ...]] = (
    (r"km_?/?p?h|kph", "kmh"),
    (r"mph|mi_?/?h|miles", "mph"),
    (r"knots?|kn|kts?", "knots"),
    (r"m_?/?p?_?s|mps", "mps"),
)
_DISTANCE_WORDS: Final[tuple[tuple[str, DistanceUnit], ...]] = (
    (r"mile_?post|miles?|mi|mp", "mi"),
    (r"km|kilomet\w+", "km"),
    (r"mm|millimet\w+", "mm"),
    (r"ft|feet", "ft"),
    (r"m|met(?:er|re)s?", "m"),
)
_VALUE = re.compile(r"^\s*([-+]?[\d.,]+(?:[eE][-+]?\d+)?)\s*([a-zA-Z/]+)\s*$")


def match_columns(
    names: Iterable[str], columns: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Which column holds which field, by the caller's word first, else by alias.

    Args:
        names: the columns the file has; of `a.b`, `b` is an alias too.
        columns: field -> column; the fields are the keys of `ALIASES`.

    Returns:
        field -> column, for the fields found.

    Raises:
        UsageError: if `columns` names an unknown field.
        MissingDataError: if `columns` names a column that the file does not have.

    >>> match_columns(["drive", "gps_long", "gps_lat", "Speed (km/h)"])
    {'lat': 'gps_lat', 'lon': 'gps_long', 'speed': 'Speed (km/h)', 'session': 'drive'}
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
    for name in present:
        by_plain.setdefault(_plain(name.rsplit(".", 1)[-1]), name)
    found = {
        field: by_plain[alias]
        for field, aliases in reversed(ALIASES.items())
        for alias in reversed(aliases)
        if alias in by_plain
    }
    found.update(columns or {})
    return {field: found[field] for field in ALIASES if field in found}


def parse_columns(given: Iterable[str]) -> dict[str, str]:
    """Field -> column of texts such as `lat=Latitude`.

    Raises:
        UsageError: if one is not of this form or names an unknown field.

    >>> parse_columns(["lat=Latitude", "time=UTC time"])
    {'lat': 'Latitude', 'time': 'UTC time'}
    """
    columns: dict[str, str] = {}
    for text in given:
        field, equals, column = text.partition("=")
        if not (equals and column.strip()):
            message = (
                f"The column mapping is {text!r}; FIELD=COLUMN is expected, such as "
                "lat=Latitude."
            )
            raise UsageError(message)
        if field.strip() not in ALIASES:
            message = f"{field.strip()!r} is no field of a track. "
            raise UsageError(message + suggest(field.strip(), ALIASES))
        columns[field.strip()] = column.strip()
    return columns


def speed_factor(column: str, otherwise: SpeedUnit) -> float:
    """Metres a second of one unit of a speed column, by its name if that tells.

    >>> round(speed_factor("Speed (km/h)", "mps"), 4), speed_factor("speed", "mps")
    (0.2778, 1.0)
    """
    return _SPEEDS[_unit(column, _SPEED_WORDS) or otherwise]


def distance_factor(column: str, otherwise: DistanceUnit) -> float:
    """Metres of one unit of a distance column, by its name if that tells.

    >>> distance_factor("Milepost", "m"), distance_factor("odometer_mm", "m")
    (1609.344, 0.001)
    """
    return _DISTANCES[_unit(column, _DISTANCE_WORDS) or otherwise]


def value_and_unit(text: str) -> tuple[str, float | None]:
    """A cell without its unit of speed, and metres a second of that unit.

    >>> value_and_unit("25 m/s"), value_and_unit("25")
    (('25', 1.0), ('25', None))
    """
    match = _VALUE.match(text)
    if match is None:
        return text, None
    unit = _unit("_" + match[2], _SPEED_WORDS)
    return (text, None) if unit is None else (match[1], _SPEEDS[unit])


def _unit(column: str, words: tuple[tuple[str, Unit], ...]) -> Unit | None:
    name = column.strip().lower().replace(" ", "_").replace("-", "_")
    for pattern, unit in words:
        # A word of its own, at the end or in brackets: "speed_kmh", "speed [kn]".
        if re.search(rf"(?:^|[_(\[])(?:{pattern})[)\]]?$", name):
            return unit
    return None


def _plain(name: str) -> str:
    """A column's name without units in brackets, in lower case and underscores."""
    bare = re.sub(r"\s*[(\[][^)\]]*[)\]]\s*$", "", name)
    return bare.strip().lower().replace(" ", "_").replace("-", "_")

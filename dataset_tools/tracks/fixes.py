"""What every track reader shares: a row becomes a `Fix` or a `Rejection`.

Never neither. Headings are degrees clockwise from true north in [0, 360); a heading
outside that interval is wrapped.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

from dataset_tools.errors import UsageError
from dataset_tools.geodesy import transformer
from dataset_tools.records import Fix, Frame, Rejection
from dataset_tools.tracks.angles import (
    degrees_of,
    signed,
    wrap_heading,
    wrap_longitude,
)
from dataset_tools.tracks.fields import (
    distance_factor,
    speed_factor,
    value_and_unit,
)
from dataset_tools.tracks.rules import PLAIN, ReadingRules
from dataset_tools.tracks.wkt import Vertex, parse_wkt

STAGE: Final = "tracks"

NO_FIX: Final = frozenset({"0", "none", "no", "false", "void", "v", "invalid"})
"""What receivers write when they report a position without having one."""
FIX_2D: Final = frozenset({"2", "2d"})

Fault = tuple[str, float | str | None, float | str | None]
"""(reason, measured, limit)."""

Row = Mapping[str, object]
"""Field -> value as the file wrote it; missing and empty are unknown."""


class RowReader:
    """Rows of one file to fixes, by its rules and the names of its columns."""

    def __init__(
        self, rules: ReadingRules = PLAIN, fields: Mapping[str, str] | None = None
    ) -> None:
        """Work out once what holds for every row.

        Args:
            rules: how the file is meant.
            fields: field -> column, whose name may tell a unit.
        """
        self.rules, self.clock = rules, rules.clock
        names = fields or {}
        self._speed = speed_factor(names.get("speed", ""), rules.speed_unit)
        self._distance = distance_factor(names.get("distance", ""), rules.distance_unit)
        # Phones export whole numbers of a ten-millionth of a degree.
        parts = names.get("lat", "").lower().endswith("e7")
        self._degree = 1e-7 if parts else 1.0
        self._crs = transformer(rules.crs, "EPSG:4326") if rules.crs else None

    def rows(self, row: Row) -> list[Row]:
        """The row, or one for each vertex of the line that it holds."""
        geometry = row.get("geometry")
        if is_blank(geometry) or not is_blank(row.get("lat")):
            return [row]
        parts = geometry_parts(geometry)
        if parts is None:
            return [{**row, "geometry": str(geometry)[:60]}]
        vertices = [vertex for part in parts for vertex in part]
        times = row.get("time")
        if not isinstance(times, list) or len(times) != len(vertices):
            # One time cannot be that of every vertex of a line.
            times = [times if len(vertices) == 1 else None] * len(vertices)
        return [
            _at(row, vertex, time) for vertex, time in zip(vertices, times, strict=True)
        ]

    def fix(
        self, row: Row, *, item: str, session_id: str, order: int
    ) -> Fix | Rejection:
        """One row of a track.

        Args:
            row: field -> value, with the keys of `fields.ALIASES`.
            item: how a rejection names the row.
            session_id: session of the fix.
            order: place of the fix in its session.
        """
        lat, lon, repair = self._position(row)
        time = self.clock.read(row.get("time"), row.get("date"))
        fault = self._fault(row, lat, lon, time)
        if fault is not None:
            return rejection(item, fault)
        hdop, hfov = number(row.get("hdop")), number(row.get("hfov"))
        distance = number(row.get("distance"))
        picture = row.get("picture")
        return Fix(
            lat=lat,
            lon=wrap_longitude(lon),
            time=time,
            altitude_m=number(row.get("altitude")),
            heading_deg=self._heading(row),
            session_id=session_id,
            order=order,
            hdop=hdop if hdop is not None and hdop >= 0 else None,
            picture=None if is_blank(picture) else str(picture).strip(),
            hfov_deg=hfov if hfov is not None and 0 < hfov <= 360 else None,
            distance_m=None if distance is None else distance * self._distance,
            repair=repair,
        )

    def _position(self, row: Row) -> tuple[float, float, str | None]:
        """Latitude, longitude and what was put right about them; NaN if unknown."""
        lat = signed(degrees_of(row.get("lat")), row.get("lat_ref"))
        lon = signed(degrees_of(row.get("lon")), row.get("lon_ref"))
        lat, lon = lat * self._degree, lon * self._degree
        if self._crs is not None and math.isfinite(lat) and math.isfinite(lon):
            lon, lat = self._crs.transform(lon, lat)
        if self.rules.repair_swapped and is_swapped(lat, lon):
            return lon, lat, "swapped-lat-lon"
        return lat, lon, None

    def _fault(
        self, row: Row, lat: float, lon: float, time: int | None
    ) -> Fault | None:
        """Why the row is left out, None if it is not."""
        rules = self.rules
        kind = str(row.get("fix", "")).strip().lower()
        if kind in NO_FIX:
            return "no-fix", str(row.get("fix")), "a fix"
        if rules.min_fix == "3d" and kind in FIX_2D:
            return "fix-kind", kind, "3d"
        raw_lat, raw_lon = row.get("lat"), row.get("lon")
        if is_blank(raw_lat) or is_blank(raw_lon):
            if not is_blank(row.get("geometry")):
                return "bad-geometry", str(row["geometry"])[:60], "WKT in WGS84"
            return "no-position", None, "latitude and longitude"
        fault = position_fault(lat, lon)
        if fault is not None and fault[0] == "not-a-number":
            return "not-a-number", f"{raw_lat}, {raw_lon}"[:60], "finite degrees"
        return fault or self._doubt(row, time)

    def _doubt(self, row: Row, time: int | None) -> Fault | None:
        """What the receiver says against its own position, or a time that is none."""
        satellites = number(row.get("satellites"))
        if satellites is not None and satellites < self.rules.min_satellites:
            return "few-satellites", satellites, self.rules.min_satellites
        accuracy = number(row.get("accuracy"))
        if accuracy is not None and accuracy > self.rules.max_accuracy_m:
            return "accuracy", accuracy, self.rules.max_accuracy_m
        if time is None and not is_blank(row.get("time")):
            parts = (row.get("date"), row.get("time"))
            said = " ".join(str(v) for v in parts if not is_blank(v))
            return "bad-time", said[:40], self.rules.time_format or "ISO 8601 or Unix"
        return None

    def _heading(self, row: Row) -> float | None:
        heading = number(row.get("heading"))
        if heading is not None:
            return self.rules.true_heading(heading, str(row.get("heading_ref") or ""))
        course = number(row.get("course"))
        if course is None:
            return None
        speed = self.speed_mps(row.get("speed"))
        moves = speed is None or speed >= self.rules.course_min_speed_mps
        # A course is the direction between positions, so it counts from true north.
        return wrap_heading(course) if moves else None

    def speed_mps(self, value: object) -> float | None:
        """A speed in metres a second; its own unit goes before the column's."""
        text, factor = (
            value_and_unit(value) if isinstance(value, str) else (value, None)
        )
        speed = number(text)
        return None if speed is None else speed * (factor or self._speed)


def geometry_parts(geometry: object) -> list[list[Vertex]] | None:
    """The parts of WKT or of a GeoJSON point or line; None if it is neither."""
    if isinstance(geometry, str):
        return parse_wkt(geometry)
    if not isinstance(geometry, dict):
        return None
    positions: Any = geometry.get("coordinates")
    if geometry.get("type") == "Point":
        positions = [positions]
    elif geometry.get("type") != "LineString":
        return None
    vertices: list[Vertex] = []
    for position in positions if isinstance(positions, list) else []:
        if not isinstance(position, list) or len(position) < 2:
            return None
        x, y = degrees_of(position[0]), degrees_of(position[1])
        height = number(position[2]) if len(position) > 2 else None
        vertices.append((x, y, height, None))
    return [vertices] if vertices else None


def position_fault(lat: float, lon: float) -> Fault | None:
    """Why this cannot be a position in WGS84 degrees, or None if it can.

    >>> position_fault(181.0, 8.0)
    ('latitude-out-of-range', 181.0, 90.0)
    """
    if not (math.isfinite(lat) and math.isfinite(lon)):
        return "not-a-number", f"{lat}, {lon}", "finite degrees"
    if abs(lat) > 90.0:
        reason = "swapped-lat-lon" if is_swapped(lat, lon) else "latitude-out-of-range"
        return reason, lat, 90.0
    # Some writers count 0 to 360; beyond that it is no longitude.
    if not -180.0 <= lon <= 360.0:
        return "longitude-out-of-range", lon, 180.0
    return None


def is_swapped(lat: float, lon: float) -> bool:
    """Whether this can only be a position the other way round.

    >>> is_swapped(-122.4, 37.8), is_swapped(37.8, -122.4), is_swapped(181.0, 8.0)
    (True, False, False)
    """
    return 90.0 < abs(lat) <= 180.0 and abs(lon) <= 90.0


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
    if value is None or value == "":
        return None
    if isinstance(value, str):
        try:
            value = float(value.replace(",", "."))
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def is_blank(value: object) -> bool:
    """Whether a cell is empty."""
    return value is None or (isinstance(value, str) and not value.strip())


def rejection(item: str, fault: Fault) -> Rejection:
    """The record of a row that is left out."""
    reason, measured, limit = fault
    return Rejection(
        item=item, stage=STAGE, reason=reason, measured=measured, limit=limit
    )


def _at(row: Row, vertex: Vertex, time: object) -> Row:
    """The row at one vertex of its geometry."""
    lon, lat, height, measure = vertex
    altitude = row.get("altitude") if height is None else height
    distance = row.get("distance") if measure is None else measure
    place = {"lat": lat, "lon": lon, "altitude": altitude, "distance": distance}
    return {**row, **place, "time": time, "geometry": None}

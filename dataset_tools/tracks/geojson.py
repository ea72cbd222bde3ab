"""Tracks in GeoJSON: points with properties, or lines with or without times.

A line is a session; points share the session that a property names. Times of a line
are looked for where the usual converters put them (`coordTimes`).
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dataset_tools.errors import UnreadableError
from dataset_tools.records import Fix, Outcome, Rejection
from dataset_tools.tracks.fields import match_columns
from dataset_tools.tracks.files import load_json
from dataset_tools.tracks.fixes import RowReader, is_blank, rejection
from dataset_tools.tracks.rules import PLAIN, ReadingRules

_Point = tuple[str, str, dict[str, object]]
"""Session, item and row of a point."""

_LINE_ID = ("session_id", "session", "collectionId", "id", "name")


def read_geojson(path: Path, rules: ReadingRules = PLAIN) -> Outcome[Fix]:
    """The fixes of a GeoJSON file.

    Args:
        path: `.geojson` or `.json`, also with `.gz`.
        rules: columns (properties), units and zone that the file does not tell.

    Raises:
        MissingDataError: if the file or a property that was named is not there.
        UnreadableError: if it is no GeoJSON, holds no feature or is not in WGS84.
    """
    return fixes_of_geojson(path, load_json(path), rules)


def fixes_of_geojson(path: Path, document: Any, rules: ReadingRules) -> Outcome[Fix]:
    """The fixes of a GeoJSON document that was read from a file.

    Raises:
        MissingDataError: if a property that was named is not there.
        UnreadableError: if it holds no feature or is not in WGS84.
    """
    features = list(_features(document))
    if not features:
        message = f"The file {path} holds no feature; GeoJSON points or lines expected."
        raise UnreadableError(message)
    if rules.crs is None:
        _refuse_other_crs(path, document)
    names = dict.fromkeys(name for _, held in features for name in held)
    fields = match_columns(names, rules.columns)
    return _Collector(path, RowReader(rules, fields), fields).collect(features)


class _Collector:
    """Features to fixes; the orders and names that sessions have taken so far."""

    def __init__(self, path: Path, reader: RowReader, fields: dict[str, str]) -> None:
        self.name, self.stem = path.name, path.name.split(".")[0]
        self.reader, self.fields = reader, fields
        self.outcome: Outcome[Fix] = Outcome()
        self.orders: Counter[str] = Counter()
        self.lines: Counter[str] = Counter()

    def collect(
        self, features: list[tuple[dict[str, Any], dict[str, Any]]]
    ) -> Outcome[Fix]:
        """Lines as they come, then points in the order of their times."""
        points: list[_Point] = []
        for index, (geometry, properties) in enumerate(features):
            item = f"{self.name}#{index}"
            kind = geometry.get("type")
            if kind in ("Point", "MultiPoint"):
                points += self._points(geometry, properties, item)
                continue
            parts = _lines_of(geometry)
            if not parts:
                wanted = "Point, LineString or MultiLineString"
                fault = ("not-a-track", str(kind), wanted)
                self.outcome.rejected.append(rejection(item, fault))
            for part, coordinates in enumerate(parts):
                times = _line_times(properties, part, parts)
                session = _line_session(
                    properties, f"{self.stem}-{index:04d}", self.lines
                )
                for place, row in enumerate(_line_rows(coordinates, times)):
                    self._add(row, f"{item}.{part}.{place}", session)
        for session, item, row in self._in_time_order(points):
            self._add(row, item, session)
        return self.outcome

    def _points(
        self, geometry: dict[str, Any], properties: dict[str, Any], item: str
    ) -> "list[_Point]":
        row = {f: properties[n] for f, n in self.fields.items() if n in properties}
        session = row.pop("session", None)
        session_id = self.stem if is_blank(session) else str(session)
        coordinates = geometry.get("coordinates")
        many = geometry.get("type") == "MultiPoint" and isinstance(coordinates, list)
        positions: list[Any] = list(coordinates or []) if many else [coordinates]
        # The geometry is the truth; a rounded copy among the properties is not.
        row |= {"lat": None, "lon": None, "geometry": None}
        return [
            (session_id, f"{item}.{k}", {**row, **_position(p)})
            for k, p in enumerate(positions)
        ]

    def _in_time_order(self, points: "list[_Point]") -> "list[_Point]":
        """By time within a session whose points all have one, else as written."""
        clock = self.reader.clock
        times = [clock.read(row.get("time"), row.get("date")) for _, _, row in points]
        untimed = {p[0] for p, t in zip(points, times, strict=True) if t is None}
        keys = [
            (p[0], 0 if p[0] in untimed else t or 0)
            for p, t in zip(points, times, strict=True)
        ]
        return [points[i] for i in sorted(range(len(points)), key=lambda i: keys[i])]

    def _add(self, row: dict[str, object], item: str, session: str) -> None:
        found = self.reader.fix(
            row, item=item, session_id=session, order=self.orders[session]
        )
        self.orders[session] += 1
        if isinstance(found, Rejection):
            self.outcome.rejected.append(found)
        else:
            self.outcome.kept.append(found)


def _refuse_other_crs(path: Path, document: Any) -> None:
    """GeoJSON of 2008 could name a CRS, and GIS software still writes one."""
    crs = document.get("crs") if isinstance(document, dict) else None
    properties = crs.get("properties") if isinstance(crs, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    if isinstance(name, str) and not name.upper().endswith((":CRS84", ":4326")):
        message = (
            f"The file {path} is in {name}; WGS84 degrees are expected. Give its CRS "
            "with --track-crs, or export it in EPSG:4326."
        )
        raise UnreadableError(message)


def _features(node: Any) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """(geometry, properties) of everything in a document; {} for a null geometry."""
    if not isinstance(node, dict):
        return
    kind = node.get("type")
    if kind == "FeatureCollection":
        members = node.get("features")
        for member in members if isinstance(members, list) else []:
            yield from _features(member)
    elif kind == "Feature":
        geometry, properties = node.get("geometry"), node.get("properties")
        yield (
            geometry if isinstance(geometry, dict) else {},
            properties if isinstance(properties, dict) else {},
        )
    elif "coordinates" in node:
        yield node, {}


def _lines_of(geometry: dict[str, Any]) -> list[list[Any]]:
    coordinates = geometry.get("coordinates")
    if not isinstance(coordinates, list):
        return []
    if geometry.get("type") == "LineString":
        return [coordinates]
    if geometry.get("type") == "MultiLineString":
        return [part for part in coordinates if isinstance(part, list)]
    return []


def _line_times(
    properties: dict[str, Any], part: int, parts: list[list[Any]]
) -> list[Any] | None:
    nested = properties.get("coordinateProperties")
    holders = [properties, nested if isinstance(nested, dict) else {}]
    for holder in holders:
        for key in ("coordTimes", "times", "timestamps"):
            times = holder.get(key)
            if isinstance(times, list) and len(parts) > 1 and part < len(times):
                times = times[part]
            # Times that do not match the line one to one would be worse than none.
            if isinstance(times, list) and len(times) == len(parts[part]):
                return times
    return None


def _line_session(properties: dict[str, Any], fallback: str, seen: Counter[str]) -> str:
    """The line's own name; a second line of that name gets a number behind it."""
    named = [properties[k] for k in _LINE_ID if not is_blank(properties.get(k))]
    session = str(named[0]) if named else fallback
    seen[session] += 1
    return session if seen[session] == 1 else f"{session}-{seen[session] - 1:03d}"


def _line_rows(
    coordinates: list[Any], times: list[Any] | None
) -> Iterator[dict[str, object]]:
    for place, position in enumerate(coordinates):
        yield {**_position(position), "time": times[place] if times else None}


def _position(position: Any) -> dict[str, object]:
    """Longitude comes first in GeoJSON."""
    if not isinstance(position, list) or len(position) < 2:
        return {}
    altitude = position[2] if len(position) > 2 else None
    return {"lon": position[0], "lat": position[1], "altitude": altitude}

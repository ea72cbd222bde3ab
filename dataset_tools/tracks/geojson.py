"""Tracks in GeoJSON: points with properties, or lines with or without times.

A line is a session; points share the session that a property names. Times of a line
are looked for where the usual converters put them (`coordTimes`).
"""

import gzip
import json
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dataset_tools.errors import MissingDataError, UnreadableError
from dataset_tools.records import Fix, Outcome, Rejection
from dataset_tools.tracks.fixes import STAGE, fix_from_row, is_blank, match_columns
from dataset_tools.tracks.times import parse_time

_LINE_ID = ("session_id", "session", "collectionId", "id", "name")


def read_geojson(path: Path) -> Outcome[Fix]:
    """The fixes of a GeoJSON file.

    Raises:
        MissingDataError: if the file is not there.
        UnreadableError: if it is no GeoJSON or holds no feature.
    """
    features = list(_features(load_json(path)))
    if not features:
        message = f"The file {path} holds no feature; GeoJSON points or lines expected."
        raise UnreadableError(message)
    stem = path.name.split(".")[0]
    outcome: Outcome[Fix] = Outcome()
    orders: Counter[str] = Counter()
    lines: Counter[str] = Counter()
    points: list[tuple[str, str, dict[str, object]]] = []
    for index, (geometry, properties) in enumerate(features):
        item = f"{path.name}#{index}"
        kind = geometry.get("type")
        parts = _lines_of(geometry)
        if kind in ("Point", "MultiPoint"):
            points += _point_rows(geometry, properties, item=item, stem=stem)
            continue
        if not parts:
            outcome.rejected.append(_no_track(item, kind))
        for part, coordinates in enumerate(parts):
            times = _line_times(properties, part, parts)
            session = _line_session(properties, f"{stem}-{index:04d}", lines)
            for place, row in enumerate(_line_rows(coordinates, times)):
                _add(outcome, row, (f"{item}.{part}.{place}", session), orders)
    for session, item, row in _in_time_order(points):
        _add(outcome, row, (item, session), orders)
    return outcome


def load_json(path: Path) -> Any:
    """The JSON of a file, also gzipped.

    Raises:
        MissingDataError: if the file is not there.
        UnreadableError: if it is no JSON.
    """
    try:
        packed = path.read_bytes()
        data = gzip.decompress(packed) if path.suffix == ".gz" else packed
        return json.loads(data)
    except FileNotFoundError:
        message = f"There is no file {path}."
        raise MissingDataError(message) from None
    except (OSError, EOFError, zlib.error, ValueError, RecursionError) as error:
        message = f"The file {path} cannot be read as JSON: {error}."
        raise UnreadableError(message) from error


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


def _point_rows(
    geometry: dict[str, Any], properties: dict[str, Any], *, item: str, stem: str
) -> list[tuple[str, str, dict[str, object]]]:
    fields = match_columns(properties)
    row: dict[str, object] = {f: properties[name] for f, name in fields.items()}
    session = row.pop("session", None)
    session_id = stem if is_blank(session) else str(session)
    coordinates = geometry.get("coordinates")
    many = geometry.get("type") == "MultiPoint" and isinstance(coordinates, list)
    positions: list[Any] = list(coordinates or []) if many else [coordinates]
    return [
        # The geometry is the truth; a rounded copy among the properties is not.
        (session_id, f"{item}.{k}", {**row, "lat": None, "lon": None, **_position(p)})
        for k, p in enumerate(positions)
    ]


def _in_time_order(
    points: list[tuple[str, str, dict[str, object]]],
) -> list[tuple[str, str, dict[str, object]]]:
    """Points by time within a session whose points all have one, else as written."""
    untimed = {s for s, _, row in points if parse_time(row.get("time")) is None}
    return sorted(
        points,
        key=lambda p: (p[0], 0 if p[0] in untimed else parse_time(p[2]["time"]) or 0),
    )


def _add(
    outcome: Outcome[Fix],
    row: dict[str, object],
    name: tuple[str, str],
    orders: Counter[str],
) -> None:
    item, session = name
    found = fix_from_row(row, item=item, session_id=session, order=orders[session])
    orders[session] += 1
    if isinstance(found, Rejection):
        outcome.rejected.append(found)
    else:
        outcome.kept.append(found)


def _no_track(item: str, kind: object) -> Rejection:
    return Rejection(
        item=item,
        stage=STAGE,
        reason="not-a-track",
        measured=str(kind),
        limit="Point, LineString or MultiLineString",
    )

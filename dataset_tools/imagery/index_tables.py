"""Tables of an index: rows and footprints out of GeoJSON, CSV and GeoPackage.

Read as text and as SQLite, without GDAL, which follows what such files point to.
"""

import csv
import io
import json
import math
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import shapely
from shapely.errors import ShapelyError

from dataset_tools.errors import DatasetToolsError, UnreadableError, UsageError
from dataset_tools.imagery.gdal_files import known_system
from dataset_tools.imagery.sqlite_files import SQLITE_ERRORS, open_sqlite

MAX_CELL_BYTES = 16_000_000
SHAPE_NAMES = ("footprint", "wkt", "geometry", "geom")
BOX_NAMES = (("west", "south", "east", "north"), ("xmin", "ymin", "xmax", "ymax"))
WGS84 = "EPSG:4326"

Shape = tuple[Any, str]
"""A geometry and the system of its coordinates, x before y."""
Row = tuple[Mapping[str, Any], Shape | None]
"""Properties of a file, and its footprint."""


def read_rows(path: Path) -> list[Row]:
    """Rows of an index, in its order.

    Raises:
        UnreadableError: if it is no such table.
    """
    try:
        return list(_rows(path))
    except (ValueError, RecursionError, csv.Error, struct.error) as error:
        if isinstance(error, DatasetToolsError):
            raise
        raise UnreadableError(f"{path} cannot be read as an index: {error}.") from error


def is_index_table(path: Path) -> bool:
    """Whether a .json or .csv file lists rasters with footprints, and not pictures."""
    with path.open("rb") as file:
        head = file.read(65_536).decode("utf-8-sig", errors="replace")
    if path.suffix.lower() == ".csv":
        names = {
            n.strip().strip('"').lower() for n in head.split("\n", 1)[0].split(",")
        }
        return bool(names & set(SHAPE_NAMES)) or any(names >= set(b) for b in BOX_NAMES)
    return '"FeatureCollection"' in head


def _rows(path: Path) -> Iterator[Row]:
    suffix = path.suffix.lower()
    if suffix == ".gpkg":
        yield from _geopackage_rows(path)
    elif suffix == ".csv":
        for row in csv.DictReader(
            io.StringIO(path.read_text(encoding="utf-8-sig")), strict=True
        ):
            yield row, _table_shape(row)
    else:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
        yield from _geojson_rows(content, path)


def _geojson_rows(content: Any, path: Path) -> Iterator[Row]:
    features = content.get("features") if isinstance(content, dict) else None
    if not isinstance(features, list):
        raise UnreadableError(
            f"{path} is no index: expected a GeoJSON FeatureCollection of footprints "
            "with a property 'file' or 'location'."
        )
    crs = _geojson_crs(content)
    for feature in features:
        row = feature.get("properties") if isinstance(feature, dict) else None
        shape = None
        if isinstance(row, dict) and feature.get("geometry"):
            shape = _parsed(json.dumps(feature["geometry"]), crs)
        yield row if isinstance(row, dict) else {}, shape


def _geojson_crs(content: Mapping[str, Any]) -> str:
    """The system of a collection: degrees, unless an old one names another."""
    stated = content.get("crs")
    name = stated.get("properties", {}).get("name") if isinstance(stated, dict) else ""
    code = str(name).rsplit(":", 1)[-1]
    if code.isdigit() and code != "4326":
        return f"EPSG:{code}"
    return WGS84


def _table_shape(row: Mapping[str, Any]) -> Shape | None:
    values = {str(k).strip().lower(): v for k, v in row.items()}
    text = next((values[n] for n in SHAPE_NAMES if values.get(n)), None)
    if text is not None:
        return _parsed(text, WGS84)
    for names in BOX_NAMES:
        try:
            box = [float(values[n]) for n in names]
        except (KeyError, TypeError, ValueError):
            continue
        if all(math.isfinite(v) for v in box):
            west, south, east, north = box
            east += 360.0 if east < west else 0.0
            return shapely.box(west, south, east, north), WGS84
    return None


def _parsed(text: str, crs: str) -> Shape | None:
    """A geometry of GeoJSON or WKT text, or None."""
    try:
        read = shapely.from_geojson if text.lstrip()[:1] == "{" else shapely.from_wkt
        return read(text), crs
    except (ShapelyError, ValueError, TypeError):
        return None


def _geopackage_rows(
    path: Path,
) -> Iterator[Row]:
    database = open_sqlite(path, max_value_bytes=MAX_CELL_BYTES)
    try:
        found = database.execute(
            "SELECT g.table_name, g.column_name, s.organization, "
            "s.organization_coordsys_id, s.definition FROM gpkg_geometry_columns g "
            "LEFT JOIN gpkg_spatial_ref_sys s ON s.srs_id = g.srs_id LIMIT 2"
        ).fetchall()
        if len(found) != 1:
            raise UnreadableError(
                f"{path} has {len(found)} tables of shapes; an index with one is "
                "expected, as gdaltindex writes it."
            )
        table, column, authority, code, definition = found[0]
        crs = _geopackage_crs(authority, code, definition)
        quoted = '"' + str(table).replace('"', '""') + '"'
        cursor = database.execute(f"SELECT * FROM {quoted}")
        names = [str(part[0]) for part in cursor.description]
        for values in cursor:
            row = dict(zip(names, values, strict=True))
            yield row, _geopackage_shape(row.pop(str(column), None), crs)
    except SQLITE_ERRORS as error:
        raise UnreadableError(f"{path} cannot be read as an index: {error}.") from error
    finally:
        database.close()


def _geopackage_crs(authority: Any, code: Any, definition: Any) -> str:
    if isinstance(authority, str) and authority.upper() != "NONE":
        return f"{authority.upper()}:{code}"
    try:
        return str(known_system(str(definition)).to_wkt(version="WKT2_2019"))
    except UsageError:
        return WGS84


def _geopackage_shape(blob: Any, crs: str) -> Shape | None:
    """The geometry of a GeoPackage's cell: a header, an envelope, then WKB."""
    if not isinstance(blob, bytes) or blob[:2] != b"GP" or len(blob) < 8:
        return None
    envelope = {0: 0, 1: 32, 2: 48, 3: 48, 4: 64}.get((blob[3] >> 1) & 7)
    if envelope is None:
        return None
    try:
        return shapely.from_wkb(blob[8 + envelope :]), crs
    except (ShapelyError, ValueError):
        return None

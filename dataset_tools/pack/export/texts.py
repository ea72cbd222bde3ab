"""A pack's tables as text files: GeoJSON, and CSV that no spreadsheet runs."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any, Final

import pandas as pd
import shapely

from dataset_tools.pack.export.flat import about, flattened, rows_of
from dataset_tools.pack.format import ID_COLUMN, TABLES
from dataset_tools.pack.read import Pack

FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""
ABOUT_FILE: Final = "about.json"


def geojson_files(pack: Pack) -> Iterator[tuple[str, str]]:
    """(file name, content): a FeatureCollection a table, splits as CSV, and about.

    Coordinates are longitude, latitude (RFC 7946); lists stay lists.
    """
    for name in ID_COLUMN:
        yield f"{name}.geojson", _collection(pack, name)
    yield "splits.csv", _csv(pack, "splits")
    yield ABOUT_FILE, _about(pack)


def csv_files(pack: Pack) -> Iterator[tuple[str, str]]:
    """(file name, content): a CSV a table, and about.

    Geometry is WKT, lists are JSON, times ISO 8601. A text that a spreadsheet would
    take for a formula begins with an apostrophe.
    """
    for name in TABLES:
        yield f"{name}.csv", _csv(pack, name)
    yield ABOUT_FILE, _about(pack)


def _collection(pack: Pack, name: str) -> str:
    frame, shapes = rows_of(pack, name)
    assert shapes is not None
    geometries = shapely.to_geojson(shapes)
    features = [
        {
            "type": "Feature",
            "geometry": None if geometry is None else json.loads(geometry),
            "properties": {k: _plain(v) for k, v in row.items()},
        }
        for row, geometry in zip(frame.to_dict("records"), geometries, strict=True)
    ]
    content = {"type": "FeatureCollection", "name": name, "features": features}
    return json.dumps(content, allow_nan=False, ensure_ascii=False) + "\n"


def _csv(pack: Pack, name: str) -> str:
    frame, shapes = rows_of(pack, name)
    flat = flattened(frame)
    if shapes is not None:
        flat["geometry"] = shapely.to_wkt(shapes, rounding_precision=-1)
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(flat.columns)
    for row in flat.itertuples(index=False):
        writer.writerow([_cell(value) for value in row])
    return target.getvalue()


def _cell(value: Any) -> Any:
    value = _plain(value)
    if isinstance(value, str) and value.startswith(FORMULA):
        return "'" + value
    return "" if value is None else value


def _plain(value: Any) -> Any:
    """A value of a table as JSON has it."""
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if pd.isna(value):
        return None
    return value.isoformat() if hasattr(value, "isoformat") else value


def _about(pack: Pack) -> str:
    return json.dumps(about(pack), indent=2, ensure_ascii=False) + "\n"

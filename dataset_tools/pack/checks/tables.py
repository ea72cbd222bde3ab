"""Promises about each table by itself: file, schema, GeoParquet, ids, values."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import shapely

from dataset_tools.errors import DatasetToolsError, MissingDataError, UnreadableError
from dataset_tools.pack.findings import Finding, found
from dataset_tools.pack.format import (
    GEOPARQUET,
    ID_COLUMN,
    NULLABLE,
    PROJECTIONS,
    TABLES,
)
from dataset_tools.pack.leaks import Tables
from dataset_tools.pack.read import read_table

GEOMETRY_KINDS: Final = {
    "frames": ("Point",),
    "tiles": ("Polygon",),
    "sequences": ("LineString", "Point"),
}
BOX: Final = ("xmin", "ymin", "xmax", "ymax")
DEGREE_SLACK: Final = 1e-9
"""Coordinates closer than this (0.1 mm) are the same."""


def load_tables(path: Path) -> tuple[dict[str, pd.DataFrame], list[Finding]]:
    """The four tables, and what is wrong with each of them by itself.

    Args:
        path: the pack's folder.

    Returns:
        ({"frames", "tiles", "sequences": indexed by id, "splits"}, findings). Only
        without a finding can the tables be compared with each other.
    """
    tables: dict[str, pd.DataFrame] = {}
    findings: list[Finding] = []
    for name in TABLES:
        try:
            table = read_table(path, name)
        except DatasetToolsError as error:
            code = _code_of(error)
            findings.append(Finding(code=code, severity="error", message=str(error)))
            continue
        faults = _check_content(name, table)
        if not faults and name in ID_COLUMN:
            schema = pq.read_schema(path / f"{name}.parquet")
            faults = check_geoparquet(name, table, schema.metadata or {})
        findings += faults
        frame = table.to_pandas()
        tables[name] = frame.set_index(ID_COLUMN[name]) if name in ID_COLUMN else frame
    return tables, findings


def check_geoparquet(
    name: str, table: pa.Table, metadata: dict[bytes, bytes]
) -> list[Finding]:
    """Whether geometry and its metadata are what GeoParquet 1.1 wants.

    Args:
        name: "frames", "tiles" or "sequences".
        table: its rows.
        metadata: key-value metadata of the file.
    """
    values = table["geometry"].to_numpy(zero_copy_only=False)
    shapes = shapely.from_wkb(values, on_invalid="ignore")
    broken = pd.isna(shapes) & ~pd.isna(values)
    ids = table[ID_COLUMN[name]].to_numpy(zero_copy_only=False)
    kinds = np.array([None if s is None else s.geom_type for s in shapes], object)
    known = ~pd.isna(shapes)
    wrong = broken | (known & ~np.isin(kinds, GEOMETRY_KINDS[name]))
    expected = " or ".join(GEOMETRY_KINDS[name])
    message = f"{name}: geometries of {{n}} rows are no WKB {expected}."
    findings = found("geometry", ids[wrong], message)
    if findings:
        return findings
    faults = list(_geo_faults(metadata, shapes[known], kinds[known]))
    text = (
        f"{name}.parquet is no GeoParquet {GEOPARQUET} as it should be: {{n}} faults."
    )
    findings = found("geoparquet", faults, text)
    bounds = shapely.bounds(shapes).reshape(-1, 4)
    box = np.stack(
        [pc.struct_field(table["bbox"], n).to_numpy() for n in BOX], axis=1
    ).astype(float)
    same = np.isclose(box, bounds, rtol=0, atol=DEGREE_SLACK, equal_nan=True)
    message = f"{name}: bbox of {{n}} rows is not that of the geometry."
    return findings + found("bbox", ids[~same.all(axis=1)], message)


def _geo_faults(metadata: dict[bytes, bytes], shapes: Any, kinds: Any) -> Iterator[str]:
    try:
        geo = json.loads(metadata.get(b"geo", b"null"))
        column = geo["columns"]["geometry"]
        crs = column.get("crs") or {}
        identity = crs.get("id") or {}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        yield "the key 'geo' is missing or holds no column 'geometry'"
        return
    expected = {
        "version": (geo.get("version"), GEOPARQUET),
        "primary_column": (geo.get("primary_column"), "geometry"),
        "encoding": (column.get("encoding"), "WKB"),
        "orientation": (column.get("orientation"), "counterclockwise"),
        "edges": (column.get("edges", "planar"), "planar"),
        "crs": (
            (identity.get("authority"), str(identity.get("code"))),
            ("EPSG", "4326"),
        ),
        "covering": (column.get("covering"), {"bbox": {n: ["bbox", n] for n in BOX}}),
        "geometry_types": (
            sorted(map(str, column.get("geometry_types") or [])),
            sorted(set(kinds.tolist())),
        ),
    }
    for key, (value, wanted) in expected.items():
        if value != wanted:
            yield f"{key} is {value!r}, expected {wanted!r}"
    if len(shapes):
        bounds = shapely.total_bounds(shapes)
        box = column.get("bbox")
        good = isinstance(box, list) and len(box) == 4
        if not good or not np.allclose(box, bounds, rtol=0, atol=DEGREE_SLACK):
            yield f"bbox is {box!r}, expected {bounds.tolist()!r}"


def check_values(tables: Tables) -> list[Finding]:
    """Findings about values of single rows: positions, angles, sizes, times, paths."""
    findings = []
    for name in ID_COLUMN:
        table = tables[name]
        good = table["lat"].between(-90, 90) & table["lon"].between(-180, 180)
        unknown = table["lat"].isna() & table["lon"].isna() & table["geometry"].isna()
        message = f"{name}: {{n}} rows without a position on Earth."
        findings += found("position", table.index[~good & ~unknown], message)
        message = f"{name}: {{n}} rows of unknown position; no metre can be told."
        findings += found("no-position", table.index[unknown], message, severity="note")
    return [*findings, *_check_frames(tables["frames"]), *_check_tiles(tables["tiles"])]


def _check_frames(frames: pd.DataFrame) -> list[Finding]:
    heading, hfov = frames["heading_deg"], frames["hfov_deg"]
    source = frames["source"].dropna()
    driven = frames.sort_values(["session_id", "order"])
    earlier = driven.groupby("session_id")["time"].shift()
    stated = frames["time"].dropna()
    checks = (
        (
            "heading",
            heading.notna() & ~heading.between(0, 360, inclusive="left"),
            "{n} frames have a heading outside [0, 360).",
        ),
        (
            "field-of-view",
            hfov.notna() & ~((hfov > 0) & (hfov <= 360)),
            "{n} frames have a horizontal field of view outside (0, 360] degrees.",
        ),
        (
            "projection",
            ~frames["projection"].isin(PROJECTIONS),
            f"{{n}} frames have a projection that is none of {', '.join(PROJECTIONS)}.",
        ),
        (
            "order",
            (frames["order"] < 0) | frames.duplicated(["session_id", "order"]),
            "{n} frames have a place in their session that is negative or taken.",
        ),
        (
            "time",
            frames.index.isin(stated.index[stated.astype("int64") == 0])
            | frames.index.isin(driven.index[driven["time"] < earlier]),
            "{n} frames were taken in 1970, which means an unknown time, or before the "
            "frame that their session has earlier.",
        ),
        (
            "source-path",
            frames.index.isin(source.index[[not _is_inside(s) for s in source]]),
            "{n} frames name a source that is no relative path with '/' that stays in "
            "its folder.",
        ),
    )
    findings = [
        f for code, bad, text in checks for f in found(code, _at(frames, bad), text)
    ]
    message = (
        "{n} frames are positions without a picture; no model can be trained on them."
    )
    bare = frames["shard"].isna() & frames["source"].isna()
    return findings + found(
        "no-picture", _at(frames, bare), message, severity="warning"
    )


def _check_tiles(tiles: pd.DataFrame) -> list[Finding]:
    scale = (tiles["m_per_px"] > 0) | (tiles["m_per_px"].isna() & tiles["lat"].isna())
    size = scale & (tiles["width_px"] > 0) & (tiles["height_px"] > 0)
    findings = found("tile-size", tiles.index[~size], "{n} tiles have no size.")
    bare = tiles["licence"].str.strip() == ""
    return findings + found("licence", tiles.index[bare], "{n} tiles state no licence.")


def _check_content(name: str, table: pa.Table) -> list[Finding]:
    """Ids, nulls and numbers that are none."""
    findings = []
    rows = np.arange(len(table)).astype(str).astype(object)
    if name in ID_COLUMN:
        ids = table[ID_COLUMN[name]].to_pandas()
        findings = _check_ids(name, ids)
        rows = ids.to_numpy(object)
    for field in TABLES[name]:
        column, where = table[field.name], f"{name}.{field.name}"
        null = column.is_null().to_numpy()
        if field.name != ID_COLUMN.get(name) and field.name not in NULLABLE[name]:
            message = f"{where} is null in {{n}} rows and must not be."
            findings += found("null", rows[null], message)
        if pa.types.is_floating(field.type):
            # Null stands for unknown; a NaN that is no null is a fault.
            bad = ~null & ~np.isfinite(column.to_numpy())
            message = f"{where} holds no finite number in {{n}} rows."
            findings += found("not-finite", rows[bad], message)
        if pa.types.is_list(field.type):
            findings += _check_items(where, pc.list_flatten(column))
    if name == "splits" and not findings:
        findings += _check_rows(table)
    return findings


def _check_items(where: str, items: pa.ChunkedArray) -> list[Finding]:
    """Nulls and numbers that are none within lists."""
    parts = items.flatten() if pa.types.is_struct(items.type) else [items]
    nulls = sum(part.null_count for part in [items, *parts])
    numbers = [p.to_numpy() for p in parts if pa.types.is_floating(p.type)]
    message = f"Lists of {where} hold nulls or numbers that are not finite."
    if nulls:
        return [Finding(code="null", severity="error", message=message, count=nulls)]
    wrong = sum(int((~np.isfinite(n)).sum()) for n in numbers)
    if not wrong:
        return []
    return [Finding(code="not-finite", severity="error", message=message, count=wrong)]


def _check_rows(table: pa.Table) -> list[Finding]:
    rows = list(zip(*(table[n].to_pylist() for n in table.column_names), strict=True))
    twice = [row for row, n in Counter(rows).items() if n > 1]
    findings = found("double-id", twice, "splits: {n} rows stand more than once.")
    return findings or ([] if rows == sorted(rows) else [_unsorted("splits")])


def _check_ids(name: str, ids: "pd.Series[str]") -> list[Finding]:
    findings = found(
        "null-id", ids.index[ids.isna()], f"{name}: {{n}} rows without id."
    )
    findings += found(
        "double-id", ids[ids.duplicated()], f"{name}: {{n}} ids stand more than once."
    )
    if not findings and not ids.is_monotonic_increasing:
        findings.append(_unsorted(name))
    return findings


def _unsorted(name: str) -> Finding:
    message = f"{name}.parquet is not sorted. Build the pack anew."
    return Finding(code="unsorted", severity="error", message=message)


def _code_of(error: DatasetToolsError) -> str:
    if isinstance(error, MissingDataError):
        return "missing-file"
    return "unreadable-table" if isinstance(error, UnreadableError) else "schema"


def _is_inside(source: str) -> bool:
    path = PurePosixPath(source)
    drive = source[1:3] in (":\\", ":/")
    return not (path.is_absolute() or ".." in path.parts or "\\" in source or drive)


def _at(table: pd.DataFrame, bad: Any) -> Any:
    return table.index[np.asarray(bad, bool)]

"""Records to the Arrow tables of a pack, with GeoParquet metadata.

Geometry is WKB in longitude, latitude order; every geometry column has a `bbox`
beside it, so that DuckDB and GDAL can skip row groups.
"""

import io
import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from dataset_tools.errors import UsageError
from dataset_tools.pack.format import (
    FRAMES,
    GEOPARQUET,
    SEQUENCES,
    SPLIT_ROWS,
    TILES,
)
from dataset_tools.records import Frame, SplitRow, Tile
from dataset_tools.records import Sequence as Query

Places = Mapping[str, tuple[int, int]]
"""Picture id -> (shard, row)."""

ROW_GROUP = 65_536

EPSG_4326: Final[dict[str, Any]] = {
    "$schema": "https://proj.org/schemas/v0.7/projjson.schema.json",
    "type": "GeographicCRS",
    "name": "WGS 84",
    "datum": {
        "type": "GeodeticReferenceFrame",
        "name": "World Geodetic System 1984",
        "ellipsoid": {
            "name": "WGS 84",
            "semi_major_axis": 6378137,
            "inverse_flattening": 298.257223563,
        },
    },
    "coordinate_system": {
        "subtype": "ellipsoidal",
        "axis": [
            {
                "name": "Geodetic latitude",
                "abbreviation": "Lat",
                "direction": "north",
                "unit": "degree",
            },
            {
                "name": "Geodetic longitude",
                "abbreviation": "Lon",
                "direction": "east",
                "unit": "degree",
            },
        ],
    },
    "id": {"authority": "EPSG", "code": 4326},
}
"""PROJJSON of the tables' CRS. GeoParquet stores x, y whatever the axis order."""


def frames_table(frames: Sequence[Frame], places: Places) -> pa.Table:
    """`frames.parquet`, sorted by id; shard and row are null without a picture."""
    rows = sorted(frames, key=lambda f: f.frame_id)
    lon, lat = _column(rows, "lon"), _column(rows, "lat")
    columns = {name: [getattr(f, name) for f in rows] for name in _plain(FRAMES, Frame)}
    columns |= _place_columns([f.frame_id for f in rows], places)
    return _geo_table(FRAMES, columns, _points(np.column_stack([lon, lat])))


def tiles_table(tiles: Sequence[Tile], places: Places) -> pa.Table:
    """`tiles.parquet`, sorted by id."""
    rows = sorted(tiles, key=lambda t: t.tile_id)
    columns = {name: [getattr(t, name) for t in rows] for name in _plain(TILES, Tile)}
    columns["captured"] = [_date(t) for t in rows]
    columns |= _place_columns([t.tile_id for t in rows], places)
    corners = np.array([t.footprint for t in rows], float).reshape(len(rows), 4, 2)
    # Rings run counter-clockwise, as GeoJSON and most readers expect: NW, SW, SE, NE.
    rings = corners[:, [0, 3, 2, 1, 0]]
    rings[..., 0] = _near(rings[..., 0], _column(rows, "lon")[:, None])
    shapes = np.full(len(rows), None, dtype=object)
    known = np.isfinite(rings).all(axis=(1, 2))
    shapes[known] = shapely.polygons(rings[known])
    return _geo_table(TILES, columns, shapes)


def sequences_table(
    sequences: Sequence[Query], frames: Mapping[str, Frame]
) -> pa.Table:
    """`sequences.parquet`, sorted by id; a line, or a point for a single frame."""
    rows = sorted(sequences, key=lambda s: s.sequence_id)
    names = _plain(SEQUENCES, Query)
    columns: dict[str, list[Any]] = {n: [getattr(s, n) for s in rows] for n in names}
    columns["offsets"] = [
        [
            {"tile_id": o.tile_id, "east_m": o.east_m, "north_m": o.north_m}
            for o in s.offsets
        ]
        for s in rows
    ]
    return _geo_table(SEQUENCES, columns, _lines(rows, frames))


def splits_table(rows: Sequence[SplitRow]) -> pa.Table:
    """`splits.parquet`, sorted."""
    columns = list(zip(*sorted(set(rows)), strict=True)) or [(), (), (), ()]
    return pa.table(
        dict(zip(SPLIT_ROWS.names, columns, strict=True)), schema=SPLIT_ROWS
    )


def table_bytes(table: pa.Table) -> bytes:
    """The content of a Parquet file; equal tables give equal bytes."""
    target = io.BytesIO()
    pq.write_table(table, target, compression="zstd", row_group_size=ROW_GROUP)
    return target.getvalue()


def geo_metadata(shapes: npt.NDArray[np.object_]) -> dict[str, Any]:
    """The GeoParquet `geo` value of a table with these shapely geometries [N]."""
    kinds = shapely.get_type_id(shapes[~shapely.is_missing(shapes)])
    names = {0: "Point", 1: "LineString", 3: "Polygon"}
    column: dict[str, Any] = {
        "encoding": "WKB",
        "geometry_types": sorted(names[int(k)] for k in np.unique(kinds)),
        "crs": EPSG_4326,
        "orientation": "counterclockwise",
        "covering": {
            "bbox": {k: ["bbox", k] for k in ("xmin", "ymin", "xmax", "ymax")}
        },
    }
    if not shapely.is_missing(shapes).all():
        column["bbox"] = [float(v) for v in shapely.total_bounds(shapes)]
    return {
        "version": GEOPARQUET,
        "primary_column": "geometry",
        "columns": {"geometry": column},
    }


def _geo_table(
    schema: pa.Schema, columns: dict[str, Any], shapes: npt.NDArray[np.object_]
) -> pa.Table:
    shapes = np.asarray(shapes, dtype=object).reshape(-1)
    bounds = shapely.bounds(shapes).reshape(-1, 4)
    names = ("xmin", "ymin", "xmax", "ymax")
    columns["geometry"] = list(shapely.to_wkb(shapes))
    columns["bbox"] = pa.StructArray.from_arrays(
        [pa.array(bounds[:, i], pa.float64()) for i in range(4)],
        names=list(names),
        mask=pa.array(shapely.is_missing(shapes)),
    )
    geo = json.dumps(geo_metadata(shapes), sort_keys=True)
    arrays = {
        f.name: columns[f.name]
        if isinstance(columns[f.name], pa.Array)
        # NaN is how a record says that a number is unknown; a table says null.
        else pa.array(columns[f.name], f.type, from_pandas=True)
        for f in schema
    }
    return pa.table(arrays, schema=schema.with_metadata({"geo": geo}))


def _lines(
    rows: Sequence[Query], frames: Mapping[str, Frame]
) -> npt.NDArray[np.object_]:
    shapes = np.full(len(rows), None, dtype=object)
    counts = np.array([len(s.frame_ids) for s in rows], int)
    members = [frames[i] for s in rows for i in s.frame_ids]
    at = np.array([(f.lon, f.lat) for f in members], float).reshape(-1, 2)
    owner = np.repeat(np.arange(len(rows)), counts)
    at[:, 0] = _near(at[:, 0], _column(rows, "lon")[owner])
    line = counts[owner] > 1
    unplaced = np.unique(owner[~np.isfinite(at).all(axis=1)])
    drawn = line & ~np.isin(owner, unplaced)
    if drawn.any():
        which, index = np.unique(owner[drawn], return_inverse=True)
        shapes[which] = shapely.linestrings(at[drawn], indices=index)
    shapes[owner[~line]] = _points(at[~line])
    return shapes


def _near(
    lon: npt.NDArray[np.float64], middle: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Longitudes within half a turn of a middle, so that a shape stays in one piece.

    Over the antimeridian they go on beyond 180 degrees; a ring that jumped back to -180
    would span the Earth.
    """
    return lon + 360.0 * np.round((middle - lon) / 360.0)


def _points(at: npt.NDArray[np.float64]) -> npt.NDArray[np.object_]:
    """[N] points of (lon, lat) rows, None where a position is unknown."""
    shapes = np.full(len(at), None, dtype=object)
    known = np.isfinite(at).all(axis=1)
    shapes[known] = shapely.points(at[known])
    return shapes


def _plain(schema: pa.Schema, record: type) -> list[str]:
    """Columns that a record holds under the same name."""
    fields = record.__dataclass_fields__  # type: ignore[attr-defined]
    return [name for name in schema.names if name in fields]


def _column(rows: Sequence[Any], name: str) -> npt.NDArray[np.float64]:
    return np.array([getattr(row, name) for row in rows], float)


def _place_columns(ids: Sequence[str], places: Places) -> dict[str, list[Any]]:
    found = [places.get(i, (None, None)) for i in ids]
    return {"shard": [f[0] for f in found], "row": [f[1] for f in found]}


def _date(tile: Tile) -> date | None:
    if tile.captured is None:
        return None
    try:
        return date.fromisoformat(tile.captured[:10])
    except ValueError:
        message = (
            f"Tile {tile.tile_id!r} was captured {tile.captured!r}; a date as "
            "2023-05-31 is expected. Give the imagery's date in that form or none."
        )
        raise UsageError(message) from None

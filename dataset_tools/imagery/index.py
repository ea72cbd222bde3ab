"""Many rasters as one list of files, footprints and dates, not opened yet.

An index is GeoJSON, a CSV table, or a GeoPackage as `gdaltindex` writes it; without
one, the headers of all rasters of a folder are read. A file that cannot be used is a
rejection.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from dataset_tools.errors import MissingDataError, UnreadableError, UsageError
from dataset_tools.geodesy import transformer
from dataset_tools.imagery.gdal_files import (
    SUFFIXES,
    Placed,
    open_placed,
    reading,
)
from dataset_tools.imagery.index_tables import WGS84, Shape, is_index_table, read_rows
from dataset_tools.imagery.listed_files import listed_file
from dataset_tools.imagery.sidecars import about_of, completed
from dataset_tools.imagery.source import About
from dataset_tools.records import Rejection

MAX_INDEX_BYTES = 512_000_000
OWN_PLACE = (".tif", ".tiff", ".jp2", ".j2k")
WORLD_FILES = (".tfw", ".jgw", ".pgw", ".j2w", ".jpgw", ".pngw", ".wld")
TABLE_SUFFIXES = (".json", ".csv")
"""Of files that can be an index or a list of tiles; what they hold decides."""
INDEX_SUFFIXES = (".geojson", ".gpkg")
FILE_NAMES = ("file", "location", "path", "filename", "name")
CRS_NAMES = ("crs", "src_srs", "srs", "epsg")
EDGE_POINTS = 9
"""Points along each side of a raster whose outline is brought into degrees."""

Box = tuple[float, float, float, float]
"""West, south, east, north in degrees; east is above 180 over the antimeridian."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One raster of an index."""

    path: Path
    name: str
    """Relative to the index, or to the folder's parent; tiles name it as source."""
    box: Box
    about: About
    crs: str | None


@dataclass(frozen=True, slots=True)
class Index:
    """Rasters that can be used, and what was wrong with the others."""

    entries: list[Entry] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)


def read_index(path: Path, about: About, *, crs: str | None = None) -> Index:
    """The rasters that an index names, by name.

    Args:
        path: GeoJSON, CSV or GeoPackage. Each row has a file (or location, path),
            relative to the index and in its folder or below, and a footprint: a
            geometry, WKT in `footprint`, or west, south, east and north. It may have
            captured, season, licence, attribution and crs.
        about: terms and date of files that the index does not state.
        crs: system of files that state none.

    Raises:
        UnreadableError: if it is no such index, or none of its files can be used.
    """
    if path.stat().st_size > MAX_INDEX_BYTES:
        raise UnreadableError(f"{path} has more than {MAX_INDEX_BYTES // 10**6} MB.")
    rows = read_rows(path)
    index = Index()
    seen: set[str] = set()
    for number, (row, shape) in enumerate(rows):
        made = _entry(row, shape, path, about=about, crs=crs, number=number)
        if isinstance(made, Entry) and made.name in seen:
            made = _reject(made.name, "listed-twice")
        if isinstance(made, Rejection):
            index.rejected.append(made)
            continue
        seen.add(made.name)
        index.entries.append(made)
    assert len(index.entries) + len(index.rejected) == len(rows)
    _refuse_empty(index, path, "rows")
    index.entries.sort(key=lambda entry: entry.name)
    return index


def scan_folder(path: Path, about: About, *, crs: str | None = None) -> Index:
    """The rasters in a folder and below, by name, from their headers.

    Raises:
        MissingDataError: if there is no such folder.
        UnreadableError: if none of its files can be used.
    """
    if not path.is_dir():
        raise MissingDataError(f"There is no folder {path}; check the path.")
    index = Index()
    for file in _raster_files(path):
        name = f"{path.name}/{file.relative_to(path).as_posix()}"
        try:
            if listed_file(path, file.relative_to(path).as_posix()) is None:
                raise UnreadableError("link-out-of-folder")
            placed = open_placed(file, crs=crs, strict=False)
            with reading():
                own = completed(about, file, placed.dataset.tags())
            box = outline_box(placed)
            placed.close()
        except (UnreadableError, UsageError) as error:
            index.rejected.append(_reject(name, "imagery-unreadable", str(error)))
            continue
        if box is None:
            index.rejected.append(_reject(name, "nowhere-on-earth"))
            continue
        index.entries.append(Entry(file, name, box, own, crs))
    _refuse_empty(index, path, "files")
    return index


def is_index(path: Path) -> bool:
    """Whether a path is an index of rasters."""
    suffix = path.suffix.lower()
    if not path.is_file() or suffix not in (*INDEX_SUFFIXES, *TABLE_SUFFIXES):
        return False
    return suffix in INDEX_SUFFIXES or is_index_table(path)


def has_rasters(path: Path) -> bool:
    """Whether a folder holds georeferenced files, and not map tiles.

    A GeoTIFF or JPEG 2000 anywhere in it, or a world file.
    """
    return any(
        name.lower().endswith((*OWN_PLACE, *WORLD_FILES))
        for _, _, files in os.walk(path)
        for name in files
    )


def outline_box(placed: Placed) -> Box | None:
    """Degrees around a raster, or None where it lies nowhere on Earth."""
    width, height = placed.dataset.width, placed.dataset.height
    u = np.linspace(0.0, width, EDGE_POINTS)
    v = np.linspace(0.0, height, EDGE_POINTS)
    columns = np.concatenate([u, u, np.zeros_like(v), np.full_like(v, width)])
    rows = np.concatenate([np.zeros_like(u), np.full_like(u, height), v, v])
    t = placed.transform
    x, y = t.a * columns + t.b * rows + t.c, t.d * columns + t.e * rows + t.f
    return _box(x, y, placed.crs)


def _box(x: Any, y: Any, crs: str) -> Box | None:
    lon, lat = transformer(crs, WGS84).transform(x, y)
    lon, lat = np.asarray(lon, float), np.asarray(lat, float)
    if not (np.isfinite(lon).all() and np.isfinite(lat).all()):
        return None
    near = lon[0] + np.mod(lon - lon[0] + 180.0, 360.0) - 180.0
    west = (near.min() + 180.0) % 360.0 - 180.0
    width = near.max() - near.min()
    return float(west), float(lat.min()), float(west + width), float(lat.max())


def _entry(
    row: Mapping[str, Any],
    shape: Shape | None,
    path: Path,
    *,
    about: About,
    crs: str | None,
    number: int,
) -> Entry | Rejection:
    values = {str(k).strip().lower(): v for k, v in row.items()}
    name = next((values[n] for n in FILE_NAMES if values.get(n)), None)
    if not isinstance(name, str):
        return _reject(f"{path.name}[{number}]", "no-file-name")
    file = listed_file(path.parent, name)
    if file is None:
        return _reject(name.strip(), "file-outside-folder")
    name = file.relative_to(path.parent).as_posix()
    if not file.is_file():
        return _reject(name, "file-missing")
    box = _footprint(shape)
    if box is None:
        return _reject(name, "bad-footprint")
    own = about_of(values, about)
    if own is None:
        return _reject(name, "bad-date")
    stated = next((str(values[n]) for n in CRS_NAMES if values.get(n)), crs)
    if stated is not None and stated.isdigit():
        stated = f"EPSG:{stated}"
    return Entry(file, name, box, own, stated)


def _footprint(shape: Shape | None) -> Box | None:
    """Degrees around a footprint (geometry, CRS), or None where it is none."""
    if shape is None or shape[0] is None or shapely.is_empty(shape[0]):
        return None
    at = shapely.get_coordinates(shape[0])
    box = _box(at[:, 0], at[:, 1], shape[1])
    if box is None or not (-90.0 <= box[1] < box[3] <= 90.0 and box[0] < box[2]):
        return None
    if shape[1] == WGS84 and np.abs(at[:, 0]).max() > 360.0:
        return None
    return box


def _raster_files(path: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(path):
        folders.sort()
        for name in sorted(files):
            if name.lower().endswith(SUFFIXES):
                yield Path(root, name)


def _refuse_empty(index: Index, path: Path, what: str) -> None:
    if index.entries:
        return
    first = index.rejected[0] if index.rejected else None
    detail = f" First: {first.item}: {first.reason}." if first else ""
    if first is not None and isinstance(first.measured, str):
        detail += f" {first.measured}"
    raise UnreadableError(
        f"None of the {len(index.rejected)} {what} of {path} can be used as imagery."
        f"{detail}"
    )


def _reject(item: str, reason: str, measured: str | None = None) -> Rejection:
    return Rejection(item=item, stage="imagery", reason=reason, measured=measured)

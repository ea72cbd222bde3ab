"""From a path to the reader that understands it."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Literal

from dataset_tools.errors import MissingDataError, UnreadableError, UsageError
from dataset_tools.imagery.band_files import open_band_files
from dataset_tools.imagery.chunks import ChunkCache
from dataset_tools.imagery.collection import open_collection
from dataset_tools.imagery.geotiff import open_geotiff
from dataset_tools.imagery.index import TABLE_SUFFIXES, has_rasters, is_index
from dataset_tools.imagery.mbtiles import open_mbtiles
from dataset_tools.imagery.source import About, Imagery, RasterImagery, Reading
from dataset_tools.imagery.tile_folder import open_tiles
from dataset_tools.imagery.tile_list import open_tile_list

Kind = Literal[
    "raster",
    "set of band files",
    "index of rasters",
    "folder of rasters",
    "tile folder",
    "MBTiles file",
    "tile list",
]

LIST_SUFFIXES = TABLE_SUFFIXES
OF_ALL = frozenset({"min_covered"})
OF_RASTERS = OF_ALL | {"crs", "bands", "values"}
READS: dict[Kind, frozenset[str]] = {
    "raster": OF_RASTERS,
    "set of band files": OF_RASTERS,
    "index of rasters": OF_RASTERS,
    "folder of rasters": OF_RASTERS,
    "tile folder": OF_ALL | {"layout"},
    "MBTiles file": OF_ALL,
    "tile list": OF_ALL,
}
"""What of `Reading` each kind of source can be told."""
HINTS = {
    "crs": "Its positions are known without a CRS.",
    "bands": "Its pictures have red, green and blue.",
    "values": "Its pictures have 8 bits.",
    "layout": "Only a folder of map tiles has one.",
}


def open_imagery(
    path: Path | tuple[Path, ...],
    about: About,
    told: Reading | None = None,
    *,
    cache: ChunkCache | None = None,
) -> Imagery:
    """A reader for imagery on this machine.

    Args:
        path: a GeoTIFF, JPEG 2000, JPEG or PNG with world file; a folder or an index
            (GeoJSON, CSV, GeoPackage) of such files; a folder of map tiles; MBTiles; a
            tile list, .json or .csv; or several files of one band each.
        about: licence, attribution, date of capture and season; a raster's own date
            where it has none.
        told: what the files do not say of themselves.
        cache: where pixels are kept; its own where None.

    Raises:
        MissingDataError: if the path does not exist.
        UsageError: if `told` says what this kind of source cannot be told.
        UnreadableError: if the imagery is of another kind, broken or without place.
    """
    told, cache = told or Reading(), cache or ChunkCache()
    paths = path if isinstance(path, tuple) else (path,)
    kind = kind_of(*paths, layout=told.layout)
    for name in sorted(_told(told) - READS[kind]):
        raise UsageError(
            f"{paths[0]} is a {kind}, for which {name!r} cannot be stated; leave it "
            f"away. {HINTS[name]}"
        )
    reader = _reader(kind, paths, about, told, cache)
    reader.least_covered = told.min_covered
    return reader


def _reader(
    kind: Kind,
    paths: tuple[Path, ...],
    about: About,
    told: Reading,
    cache: ChunkCache,
) -> RasterImagery:
    if kind == "set of band files":
        return open_band_files(paths, about, told, cache=cache)
    if kind == "raster":
        return open_geotiff(paths[0], about, told, cache=cache)
    if kind == "tile folder":
        return open_tiles(paths[0], about, layout=told.layout, cache=cache)
    if kind == "MBTiles file":
        return open_mbtiles(paths[0], about, cache=cache)
    if kind == "tile list":
        return open_tile_list(paths[0], about, cache=cache)
    return open_collection(paths[0], about, told, cache=cache)


def kind_of(*paths: Path, layout: str | None = None) -> Kind:
    """What a path, or several together, is to be opened as.

    Raises:
        UsageError: if one is a path of GDAL's virtual file systems.
        MissingDataError: if one does not exist.
        UnreadableError: if it is a shapefile.
    """
    for path in paths:
        if str(path).startswith("/vsi"):
            raise UsageError(
                f"{path} is a GDAL virtual path; give a file on this machine instead. "
                "Nothing is ever downloaded."
            )
        if not path.exists():
            raise MissingDataError(f"There is no imagery at {path}; check the path.")
    path, suffix = paths[0], paths[0].suffix.lower()
    if len(paths) > 1:
        return "set of band files"
    if path.is_dir():
        return (
            "folder of rasters" if not layout and has_rasters(path) else "tile folder"
        )
    if suffix == ".shp":
        raise UnreadableError(
            f"{path} is a shapefile; write the index as GeoPackage or GeoJSON: ogr2ogr "
            f"{path.stem}.gpkg {path.name}."
        )
    if suffix == ".mbtiles":
        return "MBTiles file"
    if is_index(path):
        return "index of rasters"
    return "tile list" if suffix in LIST_SUFFIXES else "raster"


def applicable(told: Reading, path: Path) -> Reading:
    """What of `told` can be said of a path, for options that stand for several."""
    spare = _told(told) - READS[kind_of(path, layout=told.layout)]
    blank: dict[str, Any] = {f.name: f.default for f in fields(Reading)}
    return replace(told, **{name: blank[name] for name in spare})


def _told(told: Reading) -> set[str]:
    return {f.name for f in fields(told) if getattr(told, f.name) != f.default}

"""Imagery a user holds, as a place that north-up tiles can be cut from.

A GeoTIFF or another georeferenced file, a Web Mercator tile folder, or a list of
single pictures; `open_imagery` tells them apart.
"""

from pathlib import Path

from dataset_tools.errors import MissingDataError, UsageError
from dataset_tools.imagery.geotiff import GeoRaster, open_geotiff
from dataset_tools.imagery.source import About, Imagery
from dataset_tools.imagery.tile_list import TileList, open_tile_list
from dataset_tools.imagery.tiles import TileFolder, open_tiles

__all__ = ["About", "GeoRaster", "Imagery", "TileFolder", "TileList", "open_imagery"]

LIST_SUFFIXES = (".json", ".csv")


def open_imagery(
    path: Path,
    *,
    licence: str,
    attribution: str = "",
    captured: str | None = None,
    season: str | None = None,
    crs: str | None = None,
) -> Imagery:
    """A reader for imagery on this machine.

    Args:
        path: a GeoTIFF, JPEG 2000, JPEG or PNG with world file; a folder `z/x/y.ext`;
            or a tile list, .json or .csv.
        licence: licence of the pictures, e.g. "CC-BY-4.0".
        attribution: the line the licence asks for.
        captured: ISO date of capture; a GeoTIFF's own tag where None.
        season: season of capture, e.g. "leaf-off".
        crs: coordinate reference system of a raster that names none.

    Raises:
        MissingDataError: if the path does not exist.
        UsageError: if `crs` is given where it cannot be used.
        UnreadableError: if the imagery is of another kind, broken or without place.
    """
    about = About(
        licence=licence, attribution=attribution, captured=captured, season=season
    )
    if not path.exists() and not str(path).startswith("/vsi"):
        raise MissingDataError(f"There is no imagery at {path}; check the path.")
    is_list = path.is_file() and path.suffix.lower() in LIST_SUFFIXES
    if crs is not None and (is_list or path.is_dir()):
        raise UsageError(
            f"--crs {crs} is for a raster file; {path} is a tile folder or list, whose "
            "positions are known. Leave --crs away."
        )
    if path.is_dir():
        return open_tiles(path, about)
    return (
        open_tile_list(path, about) if is_list else open_geotiff(path, about, crs=crs)
    )

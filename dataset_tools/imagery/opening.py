"""From a path to the reader that understands it."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Literal

from dataset_tools.errors import MissingDataError, UsageError
from dataset_tools.imagery.geotiff import open_geotiff
from dataset_tools.imagery.source import About, Imagery, Reading
from dataset_tools.imagery.tile_list import open_tile_list
from dataset_tools.imagery.tiles import open_tiles

Kind = Literal["raster", "tile folder", "tile list"]

LIST_SUFFIXES = (".json", ".csv")
READS: dict[Kind, frozenset[str]] = {
    "raster": frozenset({"crs", "bands", "values"}),
    "tile folder": frozenset({"layout"}),
    "tile list": frozenset(),
}
"""What of `Reading` each kind of source can be told."""


def open_imagery(path: Path, about: About, reading: Reading | None = None) -> Imagery:
    """A reader for imagery on this machine.

    Args:
        path: a GeoTIFF, JPEG 2000, JPEG or PNG with world file; a folder `z/x/y.ext`;
            or a tile list, .json or .csv.
        about: licence, attribution, date of capture and season; a raster's own date
            where it has none.
        reading: what the files do not say of themselves.

    Raises:
        MissingDataError: if the path does not exist.
        UsageError: if `reading` says what this kind of source cannot be told.
        UnreadableError: if the imagery is of another kind, broken or without place.
    """
    reading = reading or Reading()
    kind = kind_of(path)
    for name in sorted(_told(reading) - READS[kind]):
        raise UsageError(
            f"{path} is a {kind}, for which {name!r} cannot be stated; leave it away. "
            f"{_hint(name)}"
        )
    if kind == "tile folder":
        return open_tiles(path, about)
    if kind == "tile list":
        return open_tile_list(path, about)
    return open_geotiff(path, about, crs=reading.crs)


def kind_of(path: Path) -> Kind:
    """What a path is to be opened as.

    Raises:
        UsageError: if it is a path of GDAL's virtual file systems.
        MissingDataError: if it does not exist.
    """
    if str(path).startswith("/vsi"):
        raise UsageError(
            f"{path} is a GDAL virtual path; give a file on this machine instead. "
            "Nothing is ever downloaded."
        )
    if not path.exists():
        raise MissingDataError(f"There is no imagery at {path}; check the path.")
    if path.is_dir():
        return "tile folder"
    return "tile list" if path.suffix.lower() in LIST_SUFFIXES else "raster"


def applicable(reading: Reading, path: Path) -> Reading:
    """What of `reading` can be said of a path, for options that stand for several."""
    spare = _told(reading) - READS[kind_of(path)]
    blank: dict[str, Any] = {f.name: f.default for f in fields(Reading)}
    return replace(reading, **{name: blank[name] for name in spare})


def _told(reading: Reading) -> set[str]:
    return {f.name for f in fields(reading) if getattr(reading, f.name) != f.default}


def _hint(name: str) -> str:
    hints = {
        "crs": "Its positions are known without a CRS.",
        "bands": "Its pictures have red, green and blue.",
        "values": "Its pictures have 8 bits.",
        "layout": "Only a folder of map tiles has one.",
    }
    return hints[name]

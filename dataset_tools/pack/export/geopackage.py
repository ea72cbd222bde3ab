"""A pack's tables as the layers of one GeoPackage, for any GIS."""

from importlib import import_module
from pathlib import Path
from typing import Any, Final

import pandas as pd

from dataset_tools.errors import MissingDataError
from dataset_tools.pack.export.flat import about, as_json, flattened, rows_of
from dataset_tools.pack.format import TABLES
from dataset_tools.pack.read import Pack

CRS: Final = "EPSG:4326"


def write_geopackage(pack: Pack, path: Path) -> None:
    """Write layers frames, tiles, sequences, and tables splits and about.

    Times are cut to milliseconds and lists are JSON, since the format has neither.

    Args:
        pack: the pack.
        path: the file to write; its name must end in `.gpkg`.

    Raises:
        MissingDataError: if geopandas or pyogrio is not installed.
    """
    geopandas, pyogrio = _libraries()
    for name in TABLES:
        frame, shapes = rows_of(pack, name)
        flat = flattened(frame)
        if "time" in flat:
            flat["time"] = flat["time"].astype("datetime64[ms, UTC]")
        layer: Any = flat
        if shapes is not None:
            layer = geopandas.GeoDataFrame(flat, geometry=shapes, crs=CRS)
        pyogrio.write_dataframe(layer, path, layer=name, driver="GPKG")
    told = [(k, v if isinstance(v, str) else _text(v)) for k, v in about(pack).items()]
    notes = pd.DataFrame(told, columns=["key", "value"])
    pyogrio.write_dataframe(notes, path, layer="about", driver="GPKG")


def _text(value: Any) -> str:
    return as_json(value) if isinstance(value, list) else str(value)


def _libraries() -> tuple[Any, Any]:
    try:
        return import_module("geopandas"), import_module("pyogrio")
    except ImportError as error:
        message = (
            f"A GeoPackage is written by {error.name}, which is not installed. Run pip "
            "install 'crossview-geobench[export]', or choose --format geojson."
        )
        raise MissingDataError(message) from error

"""A pack's tables without what other formats do not know: lists, structs, WKB."""

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from dataset_tools.pack.format import ID_COLUMN, TABLES
from dataset_tools.pack.read import Pack

LISTS = ("frame_ids", "positives", "semi_positives", "offsets")


def rows_of(pack: Pack, name: str) -> tuple[pd.DataFrame, npt.NDArray[Any] | None]:
    """A table with its id as first column, and its shapely geometries.

    Lists stay lists; `geometry` and `bbox` are left out. Sequences gain a column
    `split_SCHEME` for each scheme, so that a map can be coloured by it.

    Args:
        pack: the pack.
        name: "frames", "tiles", "sequences" or "splits".

    Returns:
        (N rows, [N] geometries with None where a position is unknown; None without
        geometry).
    """
    table = getattr(pack, name)
    frame = table.reset_index() if name in ID_COLUMN else table
    if "geometry" not in frame:
        return frame, None
    shapes = np.asarray(shapely.from_wkb(frame["geometry"].to_numpy()), dtype=object)
    kept = [c for c in TABLES[name].names if c not in ("geometry", "bbox")]
    frame = frame[kept]
    return (_with_splits(pack, frame) if name == "sequences" else frame), shapes


def _with_splits(pack: Pack, sequences: pd.DataFrame) -> pd.DataFrame:
    rows = pack.splits[pack.splits["kind"] == "sequence"]
    found = {
        f"split_{scheme}": sequences["sequence_id"].map(part.set_index("id")["split"])
        for scheme, part in rows.groupby("scheme", sort=True)
    }
    return sequences.assign(**found)


def flattened(frame: pd.DataFrame) -> pd.DataFrame:
    """Lists as JSON, dates as ISO texts, whole numbers with gaps as such."""
    flat = frame.copy()
    for column in flat.columns:
        if column in LISTS:
            flat[column] = [as_json(v) for v in flat[column]]
        elif column == "captured":
            flat[column] = [None if pd.isna(v) else v.isoformat() for v in flat[column]]
        elif column in ("shard", "row"):
            flat[column] = flat[column].astype("Int64")
    return flat


def as_json(value: Any) -> str:
    """A list of a table as compact JSON.

    >>> as_json(np.array(["a", "b"], dtype=object))
    '["a", "b"]'
    """
    return json.dumps(list(value), ensure_ascii=False)


def about(pack: Pack) -> dict[str, Any]:
    """What must go along with exported tables: whose they are and what they are of."""
    return {
        "name": pack.name,
        "content_sha256": pack.content_sha256,
        "licences": pack.meta["licences"],
        "private": bool(pack.meta.get("private")),
        "crs": "EPSG:4326",
    }

"""What the splits of a pack share and should not: frames, ground under tiles."""

from collections.abc import Mapping
from itertools import combinations
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from dataset_tools.pack.findings import Finding, found
from dataset_tools.pack.format import GALLERIES

Tables = Mapping[str, pd.DataFrame]

LEAST_SHARE: Final = 1e-3
"""Tiles that share less of their area than this touch: rounding in degrees does it."""


def check_leaks(tables: Tables) -> list[Finding]:
    """Findings about what two splits of one scheme share; "dropped" is no split.

    Args:
        tables: "frames", "tiles" and "sequences" indexed by id, and "splits".
    """
    findings = []
    kept = tables["splits"][tables["splits"]["split"] != "dropped"]
    for scheme, rows in kept.groupby("scheme", sort=True):
        members = {str(s): part for s, part in rows.groupby("split", sort=True)}
        for a, b in combinations(sorted(members), 2):
            where = f"of scheme {scheme!r}, {a!r} and {b!r}"
            findings += _shared_frames(tables, members[a], members[b], where=where)
            findings += _shared_ground(tables, members[a], members[b], where=where)
    return findings


def tiles_of(tables: Tables, rows: pd.DataFrame) -> list[str]:
    """Sorted ids of the tiles that split rows hold or their sequences are shown."""
    listed = set(rows.loc[rows["kind"].isin(GALLERIES), "id"])
    queries = rows.loc[rows["kind"] == "sequence", "id"]
    shown = tables["sequences"].loc[queries, "positives"].explode().dropna()
    return sorted(listed | set(shown))


def _shared_frames(
    tables: Tables, a: pd.DataFrame, b: pd.DataFrame, *, where: str
) -> list[Finding]:
    frames = []
    for rows in (a, b):
        queries = rows.loc[rows["kind"] == "sequence", "id"]
        frames.append(set(tables["sequences"].loc[queries, "frame_ids"].explode()))
    return found(
        "shared-frame",
        frames[0] & frames[1],
        f"Two splits ({where}) share {{n}} frames, so a test would repeat training. "
        "Split by area anew.",
        severity="warning",
    )


def _shared_ground(
    tables: Tables, a: pd.DataFrame, b: pd.DataFrame, *, where: str
) -> list[Finding]:
    first, second = tiles_of(tables, a), tiles_of(tables, b)
    shapes = [_shapes(tables["tiles"], names) for names in (first, second)]
    left, right = shapely.STRtree(shapes[1]).query(shapes[0], predicate="intersects")
    pairs = shapely.area(shapely.intersection(shapes[0][left], shapes[1][right]))
    smaller = np.minimum(shapely.area(shapes[0][left]), shapely.area(shapes[1][right]))
    bad = pairs > LEAST_SHARE * smaller
    names = (
        f"{first[i]} and {second[j]}"
        for i, j in zip(left[bad], right[bad], strict=True)
    )
    return found(
        "overlapping-tiles",
        names,
        f"Two splits ({where}) hold {{n}} pairs of tiles that show the same ground. "
        "Split anew with a buffer of at least a tile's diagonal.",
        severity="warning",
    )


def _shapes(tiles: pd.DataFrame, names: list[str]) -> npt.NDArray[Any]:
    shapes = shapely.from_wkb(tiles.loc[names, "geometry"].to_numpy())
    return np.asarray(shapes, dtype=object)

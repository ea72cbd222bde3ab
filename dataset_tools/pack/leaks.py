"""What the splits of a pack share and should not: frames, ground under tiles."""

from collections.abc import Mapping
from itertools import combinations
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from dataset_tools.pack.findings import EXAMPLES, Finding, found
from dataset_tools.pack.format import GALLERIES

Tables = Mapping[str, pd.DataFrame]

BLOCK: Final = 100_000
"""Pairs of tiles compared at a time, so that memory stays flat."""
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
    bad = _overlap(shapes[0], shapes[1], left, right)
    left, right = left[bad], right[bad]
    if not len(left):
        return []
    # Dense sets have millions of pairs, so only the first few become text.
    order = np.lexsort((right, left))[:EXAMPLES]
    examples = tuple(f"{first[left[i]]} and {second[right[i]]}" for i in order)
    message = (
        f"Two splits ({where}) hold {len(left)} pairs of tiles that show the same "
        "ground. Split anew with a buffer of at least a tile's diagonal. First: "
        f"{examples[0]!r}."
    )
    return [
        Finding(
            code="overlapping-tiles",
            severity="warning",
            message=message,
            count=len(left),
            examples=examples,
        )
    ]


def _overlap(
    a: npt.NDArray[Any],
    b: npt.NDArray[Any],
    left: npt.NDArray[np.intp],
    right: npt.NDArray[np.intp],
) -> npt.NDArray[np.bool_]:
    """[N] whether pairs of `a[left]` and `b[right]` share more than a border."""
    areas = shapely.area(a), shapely.area(b)
    bad = np.zeros(len(left), np.bool_)
    for start in range(0, len(left), BLOCK):
        i, j = left[start : start + BLOCK], right[start : start + BLOCK]
        shared = shapely.area(shapely.intersection(a[i], b[j]))
        smaller = np.minimum(areas[0][i], areas[1][j])
        bad[start : start + BLOCK] = shared > LEAST_SHARE * smaller
    return bad


def _shapes(tiles: pd.DataFrame, names: list[str]) -> npt.NDArray[Any]:
    shapes = shapely.from_wkb(tiles.loc[names, "geometry"].to_numpy())
    return np.asarray(shapes, dtype=object)

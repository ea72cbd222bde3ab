"""Areas of train, val and test as polygons in a plane of metres.

Either drawn by the user as GeoJSON, or grown from square cells around the drives.
"""

import itertools
import json
import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from scipy.spatial import cKDTree
from shapely.errors import GEOSException

from dataset_tools.errors import MissingDataError, UnreadableError, UsageError, suggest
from dataset_tools.geodesy import LocalFrame

SPLITS = ("test", "val", "train")
OVERLAP_M2 = 1.0
"""Areas of two splits may share this much, from rounding of a common border."""
Cell = tuple[int, int]


def read_areas(path: Path, frame: LocalFrame) -> dict[str, Any]:
    """Polygons of each split from GeoJSON, joined, in metres of a plane.

    Args:
        path: a FeatureCollection in WGS84 whose features have a property "split".
        frame: the plane.

    Raises:
        MissingDataError: if there is no such file.
        UnreadableError: if it is no such collection.
        UsageError: if areas of two splits overlap.
    """
    parts: dict[str, list[Any]] = {}
    for number, feature in enumerate(_features(path)):
        split, geometry = _feature(feature, path, number=number)
        moved = shapely.transform(
            geometry, lambda at: np.column_stack(frame.to_metres(at[:, 1], at[:, 0]))
        )
        if not np.isfinite(shapely.get_coordinates(moved)).all():
            raise UnreadableError(
                f"Feature {number} of {path} has coordinates that are no longitude and "
                "latitude in degrees."
            )
        parts.setdefault(split, []).append(moved)
    areas = {s: shapely.union_all(parts[s]) for s in SPLITS if s in parts}
    for one, other in itertools.combinations(areas, 2):
        shared = float(shapely.area(shapely.intersection(areas[one], areas[other])))
        if shared > OVERLAP_M2:
            raise UsageError(
                f"In {path} the areas of {one} and {other} overlap by {shared:.0f} m2; "
                "draw them apart, since a place can belong to one split only."
            )
    return areas


def read_polygons(path: Path) -> Any:
    """All polygons of a GeoJSON FeatureCollection as one geometry in degrees.

    Raises:
        MissingDataError: if there is no such file.
        UnreadableError: if it is no such collection.
    """
    parts = [_polygon(f, path, number=i) for i, f in enumerate(_features(path))]
    joined = shapely.union_all(parts)
    west, south, east, north = shapely.bounds(joined)
    if not (west >= -180.0 and east <= 360.0 and south >= -90.0 and north <= 90.0):
        raise UnreadableError(
            f"{path} has coordinates that are no longitude and latitude in degrees: "
            f"x from {west:g} to {east:g}, y from {south:g} to {north:g}."
        )
    return joined


def grow_areas(
    queries_m: npt.NDArray[np.float64],
    ground_m: npt.NDArray[np.float64],
    *,
    cell_m: float,
    shares: Mapping[str, float],
    seed: int | tuple[int, ...],
) -> dict[str, Any]:
    """Compact areas of square cells with about the wanted shares of the queries.

    Test grows first from a random cell, from neighbour to neighbour, then val; train
    takes the rest. Compact areas have short borders, which keeps the buffers small.

    Args:
        queries_m: [Q, 2] positions of the queries, metres east and north.
        ground_m: [N, 2] every place that must lie in some area.
        cell_m: side of a cell, metres, above 0.
        shares: split to share of the queries; they add up to 1.
        seed: decides where the areas begin.

    Raises:
        UsageError: if the cells or the shares make no sense.
    """
    check_shares(shares)
    if not (cell_m > 0 and math.isfinite(cell_m)):
        raise UsageError(f"A cell needs a side above 0 m, got {cell_m!r}.")
    counts, empty = _count(queries_m, ground_m, cell_m=cell_m)
    order = sorted(counts)
    order = [order[i] for i in np.random.default_rng(seed).permutation(len(order))]
    free = dict.fromkeys(order)
    taken: dict[str, list[Cell]] = {}
    for split in SPLITS:
        later = SPLITS[SPLITS.index(split) + 1 :]
        if shares.get(split, 0.0) <= 0:
            continue
        last = all(shares.get(s, 0.0) <= 0 for s in later)
        target = math.inf if last else shares[split] * len(queries_m)
        taken[split] = _grow(free, counts, target=target)
    _adopt(empty, taken)
    return {s: _union(cells, cell_m=cell_m) for s, cells in taken.items() if cells}


def count_cells(queries_m: npt.NDArray[np.float64], *, cell_m: float) -> int:
    """How many square cells hold a query."""
    return len(np.unique(_cells(queries_m, cell_m=cell_m), axis=0))


def pick_cells(
    queries_m: npt.NDArray[np.float64],
    *,
    cell_m: float,
    share: float,
    seed: int | tuple[int, ...],
) -> npt.NDArray[np.bool_]:
    """[Q] whether a query lies in a compact set of cells with about so many of them.

    Args:
        queries_m: [Q, 2] positions of the queries, metres east and north.
        cell_m: side of a cell, metres, above 0.
        share: of the queries, in (0, 1); at least one cell is taken.
        seed: decides where the set begins.
    """
    places = [(x, y) for x, y in _cells(queries_m, cell_m=cell_m).tolist()]
    counts = Counter(places)
    order = sorted(counts)
    order = [order[i] for i in np.random.default_rng(seed).permutation(len(order))]
    taken = set(_grow(dict.fromkeys(order), counts, target=share * len(places)))
    return np.array([place in taken for place in places], np.bool_)


def part_cells(
    queries_m: npt.NDArray[np.float64], *, cell_m: float, parts: int
) -> npt.NDArray[np.int64]:
    """[Q] the part that each query lies in: whole cells, cut in two again and again.

    Each cut goes across the longer side of what it parts, where it leaves the wanted
    number of queries on either side, so parts are compact and about equally full.

    Args:
        queries_m: [Q, 2] positions of the queries, metres east and north.
        cell_m: side of a cell, metres, above 0.
        parts: how many, at least 1.

    Raises:
        UsageError: if fewer cells hold a query than parts are wanted.
    """
    cells, of, counts = np.unique(
        _cells(queries_m, cell_m=cell_m),
        axis=0,
        return_inverse=True,
        return_counts=True,
    )
    if len(cells) < parts:
        raise UsageError(
            f"Only {len(cells)} cells of {cell_m:g} m hold sequences, {parts} parts "
            "need as many at least. Lower --cell-m or the number of parts."
        )
    part = np.zeros(len(cells), np.int64)
    open_ = [(np.arange(len(cells)), 0, parts)]
    while open_:
        members, first, count = open_.pop()
        if count == 1:
            part[members] = first
            continue
        spans = np.ptp(cells[members], axis=0)
        axis = int(spans[1] > spans[0])
        members = members[np.lexsort((cells[members, 1 - axis], cells[members, axis]))]
        half = count // 2
        held = np.cumsum(counts[members])
        cut = int(np.searchsorted(held, held[-1] * half / count)) + 1
        # Each side keeps at least a cell for each of its parts.
        cut = min(max(cut, half), len(members) - (count - half))
        open_.append((members[:cut], first, half))
        open_.append((members[cut:], first + half, count - half))
    found: npt.NDArray[np.int64] = part[of.reshape(-1)]
    return found


def check_shares(shares: Mapping[str, float]) -> None:
    """Refuse shares that name no split or do not add up to 1.

    Raises:
        UsageError: if so.
    """
    for split in shares:
        if split not in SPLITS:
            raise UsageError(f"There is no split {split!r}. {suggest(split, SPLITS)}")
    total = sum(shares.values())
    if any(not s >= 0 for s in shares.values()) or abs(total - 1.0) > 1e-6:
        raise UsageError(
            f"The shares of the splits must be at least 0 and add up to 1, got "
            f"{dict(shares)}, which is {total:g}."
        )


def _count(
    queries_m: npt.NDArray[np.float64],
    ground_m: npt.NDArray[np.float64],
    *,
    cell_m: float,
) -> tuple[dict[Cell, int], list[Cell]]:
    """Queries per cell that has any, and the cells that only hold other ground."""
    counts: dict[Cell, int] = {}
    for x, y in _cells(queries_m, cell_m=cell_m).tolist():
        counts[x, y] = counts.get((x, y), 0) + 1
    near = {(x, y) for x, y in _cells(ground_m, cell_m=cell_m).tolist()}
    # Outlines can cross a cell with none of their corners in it: add all neighbours.
    around = list(itertools.product((-1, 0, 1), repeat=2))
    near |= {(x + i, y + j) for x, y in sorted(near | set(counts)) for i, j in around}
    return counts, sorted(near - set(counts))


def _cells(
    points_m: npt.NDArray[np.float64], *, cell_m: float
) -> npt.NDArray[np.int64]:
    """[N, 2] cell of each point; the plane's origin is the middle of cell 0, 0.

    The origin is a query, so that the street through it is not cut by a border.
    """
    return np.floor(points_m / cell_m + 0.5).astype(np.int64)


def _grow(
    free: dict[Cell, None], counts: Mapping[Cell, int], *, target: float
) -> list[Cell]:
    """Take free cells, neighbours first, until they hold the target of queries."""
    taken: list[Cell] = []
    held = 0
    rim: list[Cell] = []
    while free and held < target:
        cell = next((c for c in rim if c in free), next(iter(free)))
        del free[cell]
        taken.append(cell)
        held += counts[cell]
        x, y = cell
        rim = [c for c in rim if c in free]
        rim += [(x + i, y + j) for i, j in ((1, 0), (0, 1), (-1, 0), (0, -1))]
        rim += [(x + i, y + j) for i, j in itertools.product((-1, 1), repeat=2)]
    return taken


def _adopt(empty: list[Cell], taken: dict[str, list[Cell]]) -> None:
    """Give every cell without queries to the split of the nearest one that has some."""
    owners = sorted((c, s) for s, cells in taken.items() for c in cells)
    if not owners or not empty:
        return
    tree = cKDTree(np.array([c for c, _ in owners], dtype=np.float64))
    # Of several at one distance the first in order counts, whatever the tree finds.
    away, _ = tree.query(np.array(empty, dtype=np.float64))
    for cell, radius in zip(empty, away, strict=True):
        first = min(tree.query_ball_point(cell, radius + 1e-9))
        taken[owners[first][1]].append(cell)


def _union(cells: list[Cell], *, cell_m: float) -> Any:
    low = (np.array(cells, dtype=np.float64) - 0.5) * cell_m
    boxes = shapely.box(low[:, 0], low[:, 1], low[:, 0] + cell_m, low[:, 1] + cell_m)
    return shapely.union_all(boxes)


def _features(path: Path) -> list[Any]:
    if not path.is_file():
        raise MissingDataError(f"There is no file of areas {path}; check the path.")
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"{path} cannot be read as GeoJSON: {error}.") from error
    features = content.get("features") if isinstance(content, dict) else None
    if not isinstance(features, list) or not features:
        raise UnreadableError(
            f"{path} holds no features; expected a GeoJSON FeatureCollection of "
            'polygons with a property "split".'
        )
    return features


def _feature(feature: Any, path: Path, *, number: int) -> tuple[str, Any]:
    """(split, polygon in degrees) of one feature.

    Raises:
        UnreadableError: if it has no known split or no polygon.
    """
    properties = feature.get("properties") if isinstance(feature, dict) else None
    split = properties.get("split") if isinstance(properties, dict) else None
    if split not in SPLITS:
        raise UnreadableError(
            f"Feature {number} of {path} has the split {split!r}; expected train, val "
            "or test."
        )
    return str(split), _polygon(feature, path, number=number)


def _polygon(feature: Any, path: Path, *, number: int) -> Any:
    """The polygon of a feature, made valid where its rings cross.

    Raises:
        UnreadableError: if it has none.
    """
    geometry = feature.get("geometry") if isinstance(feature, dict) else None
    try:
        geometry = shapely.from_geojson(json.dumps(geometry))
    except (GEOSException, ValueError) as error:
        raise UnreadableError(
            f"The geometry of feature {number} of {path} cannot be read: {error}."
        ) from error
    if geometry.geom_type not in ("Polygon", "MultiPolygon") or geometry.is_empty:
        raise UnreadableError(
            f"Feature {number} of {path} is a {geometry.geom_type}; expected a polygon."
        )
    return geometry if geometry.is_valid else shapely.make_valid(geometry)

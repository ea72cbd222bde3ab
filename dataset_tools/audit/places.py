"""What two groups share by their tables: ids, places, ground under tiles.

Places are compared in a k-d tree of Earth-centred positions, so that the work grows
with n log n and the date line is a line like any other. Distances that are told are
geodesics.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.spatial import cKDTree

from dataset_tools.audit.groups import Comparison, Group
from dataset_tools.audit.leak import Items, Leak, LeakKind, Pair
from dataset_tools.geodesy import distance_m, ecef_m, offset_m

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]

SAME_PLACE_M = 0.1
"""Of two packs, items of one id are one item if they are this near each other."""
BLOCK = 10_000
"""Tiles whose neighbours are held at a time."""


def shared(comparison: Comparison, items: Items, *, worst: int) -> Leak | None:
    """Items that stand in both groups.

    Of two packs, the same id is the same item only in the same place, since many
    drives call their pictures 0001.
    """
    a, b = comparison.a, comparison.b
    both = sorted(set(_ids(a, items)) & set(_ids(b, items)))
    if a.pack is not b.pack and both:
        at = [_table(g, items).loc[both, ["lat", "lon"]] for g in (a, b)]
        away = distance_m(at[0]["lat"], at[0]["lon"], at[1]["lat"], at[1]["lon"])
        both = [i for i, d in zip(both, away, strict=True) if d <= SAME_PLACE_M]
    pairs = [Pair(a=i, b=i) for i in both]
    return leak("shared", items, comparison, pairs, worst=worst)


def same_place(
    comparison: Comparison, *, within_m: float, skip: frozenset[str], worst: int
) -> Leak | None:
    """Frames that have a frame of the other group nearer than `within_m` metres.

    Args:
        comparison: the two groups.
        within_m: geodesic distance, metres.
        skip: ids that both groups share, which are told as that.
        worst: how many pairs to name.
    """
    a, b = (_placed(g, "frames", skip) for g in (comparison.a, comparison.b))
    if a.empty or b.empty:
        return None
    points = [ecef_m(part["lat"], part["lon"]) for part in (a, b)]
    trees = [cKDTree(p) for p in points]
    # A chord is shorter than the ground distance, so none is missed.
    far, nearest = trees[0].query(points[1], distance_upper_bound=within_m)
    near = np.flatnonzero(np.isfinite(far))
    mate = nearest[near]
    metres = distance_m(
        *(part[c].to_numpy()[i] for part, i in ((b, near), (a, mate)) for c in _AT)
    )
    names_a, names_b = a.index.to_numpy(), b.index.to_numpy()
    pairs = [
        Pair(a=names_a[j], b=names_b[i], value=float(m))
        for i, j, m in zip(near, mate, metres, strict=True)
        if m <= within_m
    ]
    back, _ = trees[1].query(points[0], distance_upper_bound=within_m)
    in_a = tuple(sorted(names_a[np.isfinite(back)]))
    return leak("same-place", "frames", comparison, pairs, worst=worst, in_a=in_a)


def same_ground(
    comparison: Comparison, *, above: float, skip: frozenset[str], worst: int
) -> Leak | None:
    """Tiles that show the same ground as a tile of the other group.

    Args:
        comparison: the two groups.
        above: part of the smaller tile's area in [0, 1) that they must share.
        skip: ids that both groups share.
        worst: how many pairs to name.
    """
    a, b = (_placed(g, "tiles", skip) for g in (comparison.a, comparison.b))
    if a.empty or b.empty:
        return None
    half_a, half_b = (_half_sides_m(part) for part in (a, b))
    tree = cKDTree(ecef_m(a["lat"], a["lon"]))
    points = ecef_m(b["lat"], b["lon"])
    reach = np.hypot(*half_b.T) + float(np.hypot(*half_a.T).max())
    names_a, names_b = a.index.to_numpy(), b.index.to_numpy()
    pairs = []
    for start in range(0, len(b), BLOCK):
        stop = start + BLOCK
        near = tree.query_ball_point(points[start:stop], reach[start:stop])
        counts = [len(found) for found in near]
        i = np.concatenate([np.array(found, np.intp) for found in near])
        j = np.repeat(np.arange(start, start + len(counts)), counts)
        share = _shares((a, half_a, i), (b, half_b, j))
        pairs += [
            Pair(a=names_a[m], b=names_b[n], value=100.0 * float(s))
            for m, n, s in zip(i, j, share, strict=True)
            if s > above
        ]
    return leak("same-ground", "tiles", comparison, pairs, worst=worst)


def leak(
    kind: LeakKind,
    items: Items,
    comparison: Comparison,
    pairs: list[Pair],
    *,
    worst: int,
    in_a: tuple[str, ...] | None = None,
) -> Leak | None:
    """The leak that pairs make, or None without any.

    Args:
        kind: decides which pairs are worst: near ones, but large shares.
        items: frames or tiles.
        comparison: the two groups.
        pairs: in any order.
        worst: how many to keep.
        in_a: ids of the first group, where the pairs name only the nearest of them.
    """
    if not pairs:
        return None
    sign = -1.0 if kind == "same-ground" else 1.0
    ordered = sorted(pairs, key=lambda p: (sign * (p.value or 0.0), p.b, p.a))
    return Leak(
        kind=kind,
        items=items,
        scheme=comparison.scheme,
        a=comparison.a.name,
        b=comparison.b.name,
        in_a=tuple(sorted({p.a for p in pairs})) if in_a is None else in_a,
        in_b=tuple(sorted({p.b for p in pairs})),
        of_a=len(_ids(comparison.a, items)),
        of_b=len(_ids(comparison.b, items)),
        worst=tuple(ordered[:worst]),
    )


_AT = ("lat", "lon")


def _ids(group: Group, items: Items) -> tuple[str, ...]:
    return group.frames if items == "frames" else group.tiles


def _table(group: Group, items: Items) -> pd.DataFrame:
    return group.pack.frames if items == "frames" else group.pack.tiles


def _placed(group: Group, items: Items, skip: frozenset[str]) -> pd.DataFrame:
    """Rows with a known position that are not in `skip`."""
    ids = [i for i in _ids(group, items) if i not in skip]
    return _table(group, items).loc[ids].dropna(subset=list(_AT))


def _half_sides_m(tiles: pd.DataFrame) -> Floats:
    """[N, 2] half width and half height on the ground, metres."""
    sides = tiles[["width_px", "height_px"]].to_numpy(float)
    return np.asarray(sides * tiles[["m_per_px"]].to_numpy(float) / 2)


def _shares(
    a: tuple[pd.DataFrame, Floats, Places], b: tuple[pd.DataFrame, Floats, Places]
) -> Floats:
    """Part of the smaller tile that each pair of north-up tiles shares, in [0, 1]."""
    (tiles_a, half_a, i), (tiles_b, half_b, j) = a, b
    lat_a, lon_a = (tiles_a[c].to_numpy()[i] for c in _AT)
    lat_b, lon_b = (tiles_b[c].to_numpy()[j] for c in _AT)
    away = np.abs(np.stack(offset_m(lat_a, lon_a, lat_b, lon_b), axis=-1))
    small = np.minimum(half_a[i], half_b[j])
    sides = np.minimum(2 * small, half_a[i] + half_b[j] - away).clip(0.0)
    area = np.minimum(half_a[i].prod(axis=1), half_b[j].prod(axis=1)) * 4.0
    with np.errstate(invalid="ignore", divide="ignore"):
        share = sides.prod(axis=1) / area
    return np.asarray(np.nan_to_num(share, nan=0.0, posinf=0.0))

"""Promises in metres: what positions, footprints, lengths and offsets say agrees.

Every distance is a geodesic on WGS84. Rows of unknown position are left out.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from dataset_tools.geodesy import distance_m, offset_m
from dataset_tools.pack.findings import Finding, found
from dataset_tools.pack.leaks import Tables

Array = npt.NDArray[np.float64]

SAME_PLACE_M: Final = 0.01
"""A geometry is at the coordinates of its row within this."""
FOOTPRINT_TOLERANCE_M: Final = 0.5
FOOTPRINT_TOLERANCE_SHARE: Final = 0.01
"""Of a tile's longer side: corners are where centre, size and scale put them within
this, which allows for footprints measured on a map grid."""
LENGTH_TOLERANCE_M: Final = 1.0
LENGTH_TOLERANCE_SHARE: Final = 0.02
"""Of a sequence's length; odometers and chords differ from geodesics by less."""
OFFSET_TOLERANCE_M: Final = 0.5
OFFSET_TOLERANCE_SHARE: Final = 0.02
"""Of the offset's length: a published label may be measured on a grid whose north is
up to a degree off the true one."""
AT: Final = ["lat", "lon"]
"""Columns taken before rows are repeated: the others, repeated, fill the memory."""
TRACK_REACH_M: Final = 100.0
"""Farthest that a query's position is from the nearest of its frames."""


def check_geometry(tables: Tables) -> list[Finding]:
    """Findings about geometry; every id that rows name must exist.

    Args:
        tables: "frames", "tiles", "sequences" by id, and "splits".
    """
    return [
        *_check_points(tables["frames"]),
        *_check_footprints(tables["tiles"]),
        *_check_lines(tables),
        *_check_offsets(tables),
        *_check_containment(tables),
    ]


def _check_points(frames: pd.DataFrame) -> list[Finding]:
    placed = frames[frames["lat"].notna()]
    shapes = _shapes(placed)
    away = distance_m(
        placed["lat"], placed["lon"], shapely.get_y(shapes), shapely.get_x(shapes)
    )
    message = f"Points of {{n}} frames are more than {SAME_PLACE_M} m off lat and lon."
    return found("geometry", placed.index[~(away <= SAME_PLACE_M)], message)


def _check_footprints(tiles: pd.DataFrame) -> list[Finding]:
    placed = tiles[tiles["lat"].notna()]
    shapes = _shapes(placed)
    square = (shapely.get_num_coordinates(shapes) == 5) & (
        shapely.get_num_interior_rings(shapes) == 0
    )
    message = "Footprints of {n} tiles have not four corners."
    findings = found("geometry", placed.index[~square], message)
    placed = placed[square]
    if placed.empty:
        return findings
    rings = shapely.get_coordinates(shapes[square]).reshape(-1, 5, 2)[:, :4]
    east, north = offset_m(
        placed["lat"].to_numpy()[:, None],
        placed["lon"].to_numpy()[:, None],
        rings[..., 1],
        rings[..., 0],
    )
    # NW, SW, SE, NE of a north-up picture.
    half = placed[["width_px", "height_px"]].to_numpy(float) / 2
    half *= placed["m_per_px"].to_numpy(float)[:, None]
    wrong_east = east - half[:, :1] * np.array([-1, -1, 1, 1])
    wrong_north = north - half[:, 1:] * np.array([1, -1, -1, 1])
    wrong = np.hypot(wrong_east, wrong_north).max(axis=1)
    limit = FOOTPRINT_TOLERANCE_M + FOOTPRINT_TOLERANCE_SHARE * 2 * half.max(axis=1)
    message = (
        "Footprints of {n} tiles are not the north-up rectangle (NW, SW, SE, NE) that "
        f"centre, pixels and m_per_px give, within {FOOTPRINT_TOLERANCE_M} m and "
        f"{FOOTPRINT_TOLERANCE_SHARE:.0%} of the side."
    )
    return findings + found("footprint", placed.index[~(wrong <= limit)], message)


def _check_lines(tables: Tables) -> list[Finding]:
    sequences = tables["sequences"]
    members = _members(tables)
    unplaced = members.loc[members["lat"].isna(), "sequence"]
    drawn = sequences[~sequences.index.isin(unplaced) & sequences["geometry"].notna()]
    members = members[members["sequence"].isin(drawn.index)]
    shapes = _shapes(drawn)
    counts = drawn["frame_ids"].map(len).to_numpy(int)
    same = shapely.get_num_coordinates(shapes) == counts
    message = "Lines of {n} sequences do not run through the positions of their frames."
    findings = found("geometry", drawn.index[~same], message)
    if findings:
        return findings
    at = shapely.get_coordinates(shapes)
    lat, lon = members["lat"].to_numpy(), members["lon"].to_numpy()
    away = distance_m(lat, lon, at[:, 1], at[:, 0])
    bad = members["sequence"].to_numpy()[~(away <= SAME_PLACE_M)]
    findings = found("geometry", bad, message)
    return [*findings, *_check_lengths(drawn, members), *_check_places(drawn, members)]


def _check_lengths(drawn: pd.DataFrame, members: pd.DataFrame) -> list[Finding]:
    lat, lon = members["lat"].to_numpy(), members["lon"].to_numpy()
    owner = members["sequence"].to_numpy()
    step = distance_m(lat[:-1], lon[:-1], lat[1:], lon[1:])
    step = np.where(owner[1:] == owner[:-1], step, 0.0)
    path = pd.Series(step, index=owner[1:]).groupby(level=0).sum()
    true = path.reindex(drawn.index, fill_value=0.0).to_numpy()
    said = drawn["length_m"].to_numpy(float)
    limit = LENGTH_TOLERANCE_M + LENGTH_TOLERANCE_SHARE * true
    message = (
        "length_m of {n} sequences is not that of the path through their frames, "
        f"within {LENGTH_TOLERANCE_M} m and {LENGTH_TOLERANCE_SHARE:.0%}."
    )
    return found("length", drawn.index[~(np.abs(said - true) <= limit)], message)


def _check_places(drawn: pd.DataFrame, members: pd.DataFrame) -> list[Finding]:
    owner = members["sequence"].to_numpy()
    query = drawn[AT].loc[owner]
    away = distance_m(query["lat"], query["lon"], members["lat"], members["lon"])
    nearest = pd.Series(away, index=owner).groupby(level=0).min()
    bad = nearest.index[~(nearest <= TRACK_REACH_M)]
    message = (
        f"Positions of {{n}} sequences are more than {TRACK_REACH_M:g} m from the "
        "nearest of their frames."
    )
    return found("off-track", bad, message)


def _check_offsets(tables: Tables) -> list[Finding]:
    sequences, tiles = tables["sequences"], tables["tiles"]
    rows = [
        (i, o["tile_id"], o["east_m"], o["north_m"])
        for i, given in sequences["offsets"].items()
        for o in given
    ]
    findings = found(
        "no-offset", _without_offset(tables), _NO_OFFSET, severity="warning"
    )
    if not rows:
        return findings
    query, tile, east, north = zip(*rows, strict=True)
    at, to = sequences[AT].loc[list(query)], tiles[AT].loc[list(tile)]
    true_east, true_north = offset_m(at["lat"], at["lon"], to["lat"], to["lon"])
    wrong = np.hypot(true_east - np.array(east), true_north - np.array(north))
    limit = OFFSET_TOLERANCE_M + OFFSET_TOLERANCE_SHARE * np.hypot(
        true_east, true_north
    )
    # Where a position is unknown the offset is all there is to know.
    bad = ~(wrong <= limit) & np.isfinite(true_east)
    message = (
        f"Offsets of {{n}} sequences differ by more than {OFFSET_TOLERANCE_M} m and "
        f"{OFFSET_TOLERANCE_SHARE:.0%} from tile centre minus query position."
    )
    return findings + found("offset", np.array(query, dtype=object)[bad], message)


_NO_OFFSET: Final = "{n} sequences have a positive or semi-positive without offset."


def _without_offset(tables: Tables) -> list[Any]:
    """Placed sequences with a placed tile that they have no offset of."""
    sequences = tables["sequences"][tables["sequences"]["lat"].notna()]
    placed = set(tables["tiles"].index[tables["tiles"]["lat"].notna()])
    columns = ("offsets", "positives", "semi_positives")
    rows = zip(sequences.index, *(sequences[c] for c in columns), strict=True)
    return [
        name
        for name, given, own, semi in rows
        if placed.intersection([*own, *semi]) - {o["tile_id"] for o in given}
    ]


def _check_containment(tables: Tables) -> list[Finding]:
    """Whether the tiles of a query show its position."""
    sequences, tiles = tables["sequences"], tables["tiles"]
    shown = pd.concat([sequences[c].explode() for c in ("positives", "semi_positives")])
    shown = shown.dropna()
    at = sequences[AT].loc[shown.index]
    to = tiles[[*AT, "width_px", "height_px", "m_per_px"]].loc[shown]
    if not len(shown):
        return []
    east, north = offset_m(at["lat"], at["lon"], to["lat"], to["lon"])
    half = to[["width_px", "height_px"]].to_numpy(float) / 2
    half *= to["m_per_px"].to_numpy(float)[:, None]
    limit = half + FOOTPRINT_TOLERANCE_M + FOOTPRINT_TOLERANCE_SHARE * 2 * half
    outside = (np.abs(east) > limit[:, 0]) | (np.abs(north) > limit[:, 1])
    message = "{n} sequences have a positive or semi-positive that does not show them."
    return found("outside-tile", shown.index[outside], message, severity="warning")


def _members(tables: Tables) -> pd.DataFrame:
    """One row a frame of a sequence: sequence, lat, lon, in the order of sequences."""
    named = tables["sequences"]["frame_ids"].explode().dropna()
    at = tables["frames"][AT].loc[named].reset_index(drop=True)
    return at.assign(sequence=named.index.to_numpy())


def _shapes(table: pd.DataFrame) -> npt.NDArray[Any]:
    return np.asarray(shapely.from_wkb(table["geometry"].to_numpy()), dtype=object)

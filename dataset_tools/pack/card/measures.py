"""What is measured of a pack's frames, tiles and sequences, one value an item."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from dataset_tools.geodesy import distance_m
from dataset_tools.pack.read import Pack

Array = npt.NDArray[np.float64]

MOST_TILES: Final = 20_000
"""Overlap is measured on at most this many tiles, evenly taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """Arrays of finite values; what is unknown is left out."""

    spacing_m: Array
    """From each frame to the next one of its session, metres."""
    speed_mps: Array
    """The same over the time between them, metres a second."""
    heading_deg: Array
    """Headings of frames, degrees clockwise from north."""
    overlap: Array
    """Of each tile the share that its most overlapping neighbour covers, 0 to 1."""
    length_m: Array
    """Path length of sequences, metres."""
    offset_m: Array
    """From each query to the centre of its positives, metres."""


def measure(pack: Pack) -> Measures:
    """Everything that is measured of a pack."""
    spacing, speed = _steps(pack.frames)
    return Measures(
        spacing_m=spacing,
        speed_mps=speed,
        heading_deg=_finite(pack.frames["heading_deg"]),
        overlap=_overlap(pack.tiles),
        length_m=_finite(pack.sequences["length_m"]),
        offset_m=_offsets(pack.sequences),
    )


def _steps(frames: pd.DataFrame) -> tuple[Array, Array]:
    driven = frames.sort_values(["session_id", "order"])
    lat, lon = driven["lat"].to_numpy(float), driven["lon"].to_numpy(float)
    session = driven["session_id"].to_numpy()
    step = distance_m(lat[:-1], lon[:-1], lat[1:], lon[1:])
    time = driven["time"].to_numpy("datetime64[ns]")
    pause = (time[1:] - time[:-1]) / np.timedelta64(1, "s")
    along = session[1:] == session[:-1]
    timed = along & np.isfinite(pause) & (pause > 0)
    speed = step[timed] / pause[timed].astype(float)
    return step[along & np.isfinite(step)], speed[np.isfinite(speed)]


def _overlap(tiles: pd.DataFrame) -> Array:
    placed = tiles[tiles["lat"].notna()]
    placed = placed.iloc[:: max(1, -(-len(placed) // MOST_TILES))]
    shapes = np.asarray(shapely.from_wkb(placed["geometry"].to_numpy()), dtype=object)
    most: Array = np.zeros(len(shapes))
    if not len(shapes):
        return most
    left, right = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    other = left != right
    left, right = left[other], right[other]
    shared = shapely.area(shapely.intersection(shapes[left], shapes[right]))
    np.maximum.at(most, left, shared / shapely.area(shapes[left]))
    return np.minimum(most, 1.0).astype(np.float64)


def _offsets(sequences: pd.DataFrame) -> Array:
    found = [
        float(np.hypot(o["east_m"], o["north_m"]))
        for given, own in zip(sequences["offsets"], sequences["positives"], strict=True)
        for o in given
        if o["tile_id"] in own
    ]
    return np.array(found, float)


def _finite(values: "pd.Series[float]") -> Array:
    array: Array = np.asarray(values, np.float64)
    return array[np.isfinite(array)]

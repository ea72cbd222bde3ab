"""Coordinates that went through single precision: steps of half a metre and more."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from dataset_tools.geodesy import distance_m
from dataset_tools.records import Fix

FEWEST: Final = 20
"""Fixes from which chance is out of the question: a double is a float once in 5e8."""


def precision_warning(fixes: Sequence[Fix]) -> str | None:
    """What to say of fixes whose coordinates are all single-precision numbers.

    Args:
        fixes: as they were read.
    """
    lat = np.array([fix.lat for fix in fixes])
    lon = np.array([fix.lon for fix in fixes])
    if len(fixes) < FEWEST or not (_is_single(lat) and _is_single(lon)):
        return None
    if _is_rounded(lat) and _is_rounded(lon):
        return None
    k = int(np.argmax(np.abs(lon)))
    next_lon = float(np.nextafter(np.float32(lon[k]), np.float32(np.inf)))
    next_lat = float(np.nextafter(np.float32(lat[k]), np.float32(np.inf)))
    metres = max(
        float(distance_m(lat[k], lon[k], lat[k], next_lon)),
        float(distance_m(lat[k], lon[k], min(next_lat, 90.0), lon[k])),
    )
    return (
        f"All coordinates of the track are single-precision numbers, {metres:.2f} m "
        "apart at best; look for a source with more digits."
    )


def _is_single(values: np.ndarray) -> bool:
    return bool(np.all(values == values.astype(np.float32)))


def _is_rounded(values: np.ndarray) -> bool:
    """Whether few decimals explain it: 44.5 is exact in single precision."""
    return bool(np.all(values == np.round(values, 3)))

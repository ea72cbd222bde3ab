"""What to say of imagery that lies somewhere else than the drive."""

import numpy as np
import numpy.typing as npt

from dataset_tools.errors import UnreadableError
from dataset_tools.geodesy import distance_m
from dataset_tools.imagery.source import Imagery
from dataset_tools.records import Sequence

Array = npt.NDArray[np.float64]


def refuse_elsewhere(sequences: list[Sequence], imagery: Imagery) -> None:
    """Refuse imagery whose bounds hold no query, with both places and their distance.

    Raises:
        UnreadableError: if every query lies outside.
    """
    if not sequences:
        return
    lat = np.array([s.lat for s in sequences])
    lon = np.array([s.lon for s in sequences])
    away = _away_m(lat, lon, imagery.bounds)
    if away.min() == 0.0:
        return
    nearest = int(np.argmin(away))
    west, south, east, north = imagery.bounds
    swapped = _away_m(lon.clip(-90.0, 90.0), lat, imagery.bounds).min() == 0.0
    hint = (
        "Latitude and longitude of one of them look swapped."
        if swapped
        else "Is it the imagery of this drive, is its CRS right (--imagery-crs), or, "
        "for map tiles, their layout (--imagery-layout)?"
    )
    raise UnreadableError(
        f"{imagery.source} lies elsewhere (imagery-does-not-cover): it spans latitude "
        f"{south:.4f} to {north:.4f} and longitude {west:.4f} to {east:.4f}, and the "
        f"nearest of {len(sequences)} sequences is {away[nearest] / 1000:,.1f} km away "
        f"at {lat[nearest]:.4f}, {lon[nearest]:.4f}. {hint}"
    )


def _away_m(lat: Array, lon: Array, bounds: tuple[float, float, float, float]) -> Array:
    """[N] metres from positions to the nearest point of bounds, about; 0 inside."""
    west, south, east, north = bounds
    span = (east - west) % 360.0
    along = (lon - west) % 360.0
    # Outside, the nearer edge is the one with less longitude in between.
    beyond = np.where(along - span < 360.0 - along, span, 0.0)
    at_lon = west + np.where(along <= span, along, beyond)
    at_lat = np.clip(lat, south, north)
    away = distance_m(lat, lon, at_lat, at_lon)
    inside = (along <= span) & (lat >= south) & (lat <= north)
    return np.where(inside, 0.0, np.maximum(away, 1e-3))

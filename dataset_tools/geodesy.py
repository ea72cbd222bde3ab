"""Every metre of this project: distances, bearings and local frames on WGS84.

The only module that imports pyproj, and only inside its functions, so that a
machine without it can still read packs and train.
"""

import warnings
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Columns = tuple[Array, Array, Array]
"""Earth-centred x, y and z, metres."""

SEMI_MAJOR_M = 6378137.0
ECCENTRICITY_2 = 6.69437999014e-3
"""WGS84 semi-major axis and first eccentricity squared (NIMA TR8350.2)."""


@lru_cache(maxsize=1)
def _geod() -> Any:
    from pyproj import Geod

    return Geod(ellps="WGS84")


def distance_m(
    lat_a: npt.ArrayLike,
    lon_a: npt.ArrayLike,
    lat_b: npt.ArrayLike,
    lon_b: npt.ArrayLike,
) -> Array:
    """Geodesic distance in metres between positions in degrees, elementwise.

    >>> round(float(distance_m(0.0, 179.9999, 0.0, -179.9999)), 2)
    22.26
    """
    return inverse(lat_a, lon_a, lat_b, lon_b)[1]


def bearing_deg(
    lat_a: npt.ArrayLike,
    lon_a: npt.ArrayLike,
    lat_b: npt.ArrayLike,
    lon_b: npt.ArrayLike,
) -> Array:
    """Bearing from a to b, degrees clockwise from true north in [0, 360).

    >>> float(bearing_deg(44.0, -72.0, 44.0001, -72.0))
    0.0
    """
    return inverse(lat_a, lon_a, lat_b, lon_b)[0]


def inverse(
    lat_a: npt.ArrayLike,
    lon_a: npt.ArrayLike,
    lat_b: npt.ArrayLike,
    lon_b: npt.ArrayLike,
) -> tuple[Array, Array]:
    """(bearing in [0, 360), distance in metres) from a to b, elementwise."""
    shape = np.broadcast_shapes(*(np.shape(v) for v in (lat_a, lon_a, lat_b, lon_b)))
    flat = [
        np.broadcast_to(np.asarray(v, float), shape).ravel()
        for v in (lon_a, lat_a, lon_b, lat_b)
    ]
    forward, _, distance = _geod().inv(*flat)
    return np.mod(forward, 360.0).reshape(shape), np.asarray(distance).reshape(shape)


def destination(
    lat: npt.ArrayLike,
    lon: npt.ArrayLike,
    bearing: npt.ArrayLike,
    distance: npt.ArrayLike,
) -> tuple[Array, Array]:
    """(lat, lon) reached from a position by a bearing (degrees) and distance (m)."""
    shape = np.broadcast_shapes(*(np.shape(v) for v in (lat, lon, bearing, distance)))
    flat = [
        np.broadcast_to(np.asarray(v, float), shape).ravel()
        for v in (lon, lat, bearing, distance)
    ]
    lon_b, lat_b, _ = _geod().fwd(*flat)
    return np.asarray(lat_b).reshape(shape), np.asarray(lon_b).reshape(shape)


def offset_m(
    lat_from: npt.ArrayLike,
    lon_from: npt.ArrayLike,
    lat_to: npt.ArrayLike,
    lon_to: npt.ArrayLike,
) -> tuple[Array, Array]:
    """(east_m, north_m) from one position to another, along the geodesic.

    >>> [round(float(v), 1) for v in offset_m(44.5, -72.5, 44.5009, -72.5)]
    [0.0, 100.0]
    """
    bearing, distance = inverse(lat_from, lon_from, lat_to, lon_to)
    angle = np.radians(bearing)
    return distance * np.sin(angle), distance * np.cos(angle)


def ecef_m(lat: npt.ArrayLike, lon: npt.ArrayLike) -> Array:
    """[N, 3] Earth-centred coordinates at height 0: trees that cross 180 degrees."""
    return np.stack(ecef_columns(np.atleast_1d(lat), np.atleast_1d(lon)), axis=-1)


def ecef_columns(lat: npt.ArrayLike, lon: npt.ArrayLike) -> Columns:
    """Earth-centred x, y, z at height 0, metres, each [N]: one array an axis is fast.

    A chord between two of them is shorter than the geodesic by its cube over 24 R^2:
    1 micrometre at 1 km. It costs a tenth of a geodesic.
    """
    phi, lam = np.radians(lat), np.radians(lon)
    sine, cosine = np.sin(phi), np.cos(phi)
    radius = SEMI_MAJOR_M / np.sqrt(1.0 - ECCENTRICITY_2 * sine * sine)
    across = radius * cosine
    up = radius * (1.0 - ECCENTRICITY_2) * sine
    return across * np.cos(lam), across * np.sin(lam), up


def chord_m(a: Columns, b: Columns) -> Array:
    """[N] straight distance between Earth-centred positions, metres."""
    squares = [(q - p) ** 2 for p, q in zip(a, b, strict=True)]
    return np.asarray(np.sqrt(squares[0] + squares[1] + squares[2]))


def chord_bearing_deg(a: Columns, b: Columns) -> Array:
    """[N] bearing from a to b in [0, 360), from Earth-centred positions.

    The azimuth of the normal section: within 1e-6 degrees of the geodesic's up to 2 km
    (the difference grows with the square of the distance), at a tenth of its cost.
    """
    x, y, z = a
    step_x, step_y, step_z = (q - p for p, q in zip(a, b, strict=True))
    axis = np.hypot(x, y)
    # Sine and cosine of the geodetic latitude, from Bowring's relation at height 0.
    flat = (1.0 - ECCENTRICITY_2) * axis
    slant = np.hypot(z, flat)
    sine, cosine = z / slant, flat / slant
    with np.errstate(invalid="ignore", divide="ignore"):
        east = (x * step_y - y * step_x) / axis
        outward = (x * step_x + y * step_y) / axis
    bearing = np.degrees(np.arctan2(east, cosine * step_z - sine * outward))
    bearing = np.where(bearing < 0.0, bearing + 360.0, bearing)
    # A bearing of -1e-20 would round up to the full circle.
    return np.where(bearing >= 360.0, 0.0, bearing)


def utm_epsg(lat: float, lon: float) -> int:
    """EPSG code of the WGS84 UTM zone of a position.

    >>> utm_epsg(44.5, -72.5), utm_epsg(-35.3, 149.1)
    (32618, 32755)
    """
    zone = int(np.floor((lon + 180.0) / 6.0)) % 60 + 1
    return (32600 if lat >= 0 else 32700) + zone


def to_projected_m(
    lat: npt.ArrayLike, lon: npt.ArrayLike, *, epsg: int
) -> tuple[Array, Array]:
    """(easting, northing) of positions in degrees, in metres of a projected CRS.

    >>> [round(float(v)) for v in to_projected_m(0.0, -75.0, epsg=32618)]
    [500000, 0]
    """
    east, north = transformer("EPSG:4326", f"EPSG:{epsg}").transform(
        np.asarray(lon, float), np.asarray(lat, float)
    )
    return np.asarray(east), np.asarray(north)


def from_projected_m(
    east_m: npt.ArrayLike, north_m: npt.ArrayLike, *, epsg: int
) -> tuple[Array, Array]:
    """(lat, lon) in degrees of positions in metres of a projected CRS."""
    lon, lat = transformer(f"EPSG:{epsg}", "EPSG:4326").transform(
        np.asarray(east_m, float), np.asarray(north_m, float)
    )
    return np.asarray(lat), np.asarray(lon)


def web_mercator_m_per_px(lat: npt.ArrayLike, zoom: int) -> Array:
    """Metres on the ground per pixel of a Web Mercator map of 256-pixel tiles.

    By the sphere that EPSG:3857 is defined on, as map services state it; on the
    ellipsoid a pixel is up to 0.7 % longer or shorter.

    >>> round(float(web_mercator_m_per_px(44.5, 20)), 4)
    0.1065
    """
    at_equator = 2 * np.pi * SEMI_MAJOR_M / 256 / 2.0**zoom
    return np.asarray(at_equator * np.cos(np.radians(np.asarray(lat, float))))


def web_mercator_corners(
    lat: npt.ArrayLike, lon: npt.ArrayLike, *, side_px: float, zoom: int
) -> Array:
    """[N, 4, 2] (lon, lat) of the NW, NE, SE and SW corners of squares in that map.

    Args:
        lat: [N] centres in degrees.
        lon: [N] centres in degrees.
        side_px: side of a square in pixels of the zoom.
        zoom: of 256-pixel tiles.
    """
    half = np.pi * side_px / (256 * 2.0**zoom)  # radians of the equator
    y = np.arcsinh(np.tan(np.radians(np.atleast_1d(np.asarray(lat, float)))))
    x = np.radians(np.atleast_1d(np.asarray(lon, float)))
    east = np.degrees(np.stack([x - half, x + half, x + half, x - half], axis=1))
    up = np.stack([y + half, y + half, y - half, y - half], axis=1)
    return np.stack([east, np.degrees(np.arctan(np.sinh(up)))], axis=2)


@lru_cache(maxsize=64)
def transformer(source: str, target: str) -> Any:
    """A pyproj transformer in x, y (lon, lat) order between two CRS texts."""
    from pyproj import Transformer

    return Transformer.from_crs(source, target, always_xy=True)


def crs_fault(crs: str) -> str | None:
    """Why a text is no CRS, in PROJ's words; None if it is one."""
    from pyproj.exceptions import CRSError

    try:
        transformer(crs, "EPSG:4326")
    except CRSError as error:
        return str(error)
    return None


def shift_doubt_m(crs: str) -> float | None:
    """Metres that WGS84 positions may be off in a system for want of its shift grid.

    Old national systems reach WGS84 through grids that are not part of PROJ itself;
    without them a cruder formula is used.

    Returns:
        The accuracy that is stated for that formula, or None where none is missing.
    """
    from pyproj.transformer import TransformerGroup

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it says what we return
        group = TransformerGroup("EPSG:4326", crs, always_xy=True)
    if group.best_available:
        return None
    known = [t.accuracy for t in group.transformers if t.accuracy >= 0]
    return float(known[0]) if known else float("inf")


class LocalFrame:
    """Metres east and north of an origin (azimuthal equidistant, true north up)."""

    def __init__(self, lat: float, lon: float) -> None:
        """Put the origin at a position in degrees."""
        self.lat, self.lon = float(lat), float(lon)
        self._crs = f"+proj=aeqd +lat_0={self.lat!r} +lon_0={self.lon!r} +ellps=WGS84"

    def to_metres(self, lat: npt.ArrayLike, lon: npt.ArrayLike) -> tuple[Array, Array]:
        """(east_m, north_m) of positions in degrees."""
        east, north = transformer("EPSG:4326", self._crs).transform(
            np.asarray(lon, float), np.asarray(lat, float)
        )
        return np.asarray(east), np.asarray(north)

    def to_degrees(
        self, east_m: npt.ArrayLike, north_m: npt.ArrayLike
    ) -> tuple[Array, Array]:
        """(lat, lon) of positions in metres."""
        lon, lat = transformer(self._crs, "EPSG:4326").transform(
            np.asarray(east_m, float), np.asarray(north_m, float)
        )
        return np.asarray(lat), np.asarray(lon)

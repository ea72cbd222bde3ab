"""The lists of VIGOR: tiles of a city, and the four tiles around each panorama.

A label line has 13 fields: panorama, then four times tile, delta north, delta east. The
first tile is the positive, the others are semi-positives. A delta is tile centre minus
panorama in pixels of the 640-pixel tile, north and east positive. The original labels
take 0.114 m a pixel everywhere; the corrected ones are differences on the UTM grid,
divided by each city's own pixel and rounded.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dataset_tools.errors import UnreadableError
from dataset_tools.geodesy import offset_m, to_projected_m
from dataset_tools.originals.folder import read_lines
from dataset_tools.pack.checks.geometry import (
    OFFSET_TOLERANCE_M,
    OFFSET_TOLERANCE_SHARE,
)

TILE_PX = 640
"""Side of a released tile, which deltas are counted in."""
ORIGINAL_M_PER_PX = 0.114
M_PER_PX = {
    "Chicago": 0.111262,
    "NewYork": 0.113248,
    "SanFrancisco": 0.118141,
    "Seattle": 0.100817,
}
"""Metres per pixel of each city's tiles, as published with the corrected labels."""
EPSG = {"Chicago": 32616, "NewYork": 32618, "SanFrancisco": 32610, "Seattle": 32610}
"""UTM zone of each city."""
GROUPS = 4
FIELDS = 1 + 3 * GROUPS
MAX_DELTA_PX = 2_000.0
_TILE = re.compile(r"satellite_(-?\d{1,3}\.\d{1,20})_(-?\d{1,3}\.\d{1,20})\.png")
_PANO = re.compile(r"([A-Za-z0-9_-]{1,64}),(-?\d{1,3}\.\d+),(-?\d{1,3}\.\d+),\.jpg")

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class TileList:
    """The tiles of a city in the order of the list."""

    names: tuple[str, ...]
    lat: Floats
    """[R] degrees, of the centre."""
    lon: Floats
    """[R] degrees."""

    def numbers(self) -> dict[str, int]:
        """Name to place in the list."""
        return {name: i for i, name in enumerate(self.names)}


@dataclass(frozen=True)
class Labels:
    """Lines of a label file, in their order."""

    names: tuple[str, ...]
    """[Q] file names of panoramas."""
    lat: Floats
    """[Q] degrees."""
    lon: Floats
    """[Q] degrees."""
    tile: Ints
    """[Q, 4] places in the city's tile list; the first is the positive."""
    delta_px: Floats
    """[Q, 4, 2] tile centre minus panorama, pixels north and east."""

    def __len__(self) -> int:
        return len(self.names)

    def pano_id(self, row: int) -> str:
        """The panorama's id: the part before the first comma."""
        return self.names[row].partition(",")[0]

    def rows(self, rows: list[int]) -> "Labels":
        """Some of the lines."""
        at = np.array(rows, np.int64)
        return Labels(
            names=tuple(self.names[i] for i in rows),
            lat=self.lat[at],
            lon=self.lon[at],
            tile=self.tile[at],
            delta_px=self.delta_px[at],
        )


def read_tiles(path: Path) -> TileList:
    """A city's `satellite_list.txt`.

    Raises:
        MissingDataError: if it is not there.
        UnreadableError: if a line is no name of a tile, or stands twice.
    """
    names = [line.strip() for line in read_lines(path)]
    places = []
    for number, name in enumerate(names, 1):
        match = _TILE.fullmatch(name)
        if match is None:
            raise UnreadableError(
                f"Line {number} of {path} is {name[:80]!r}, expected a name such as "
                "satellite_41.852_-87.691.png; use the list as it was released."
            )
        places.append((float(match[1]), float(match[2])))
    if not names:
        raise UnreadableError(f"{path} is empty; fetch and unpack it again.")
    if len(set(names)) != len(names):
        raise UnreadableError(f"{path} names a tile twice; unpack it again.")
    at = _positions(places, path)
    return TileList(tuple(names), at[:, 0], at[:, 1])


def read_labels(path: Path, tiles: TileList) -> Labels:
    """A label file of the same city as the tiles.

    Raises:
        MissingDataError: if it is not there.
        UnreadableError: if a line is no label, or names a tile that is not listed.
    """
    known = tiles.numbers()
    lines = read_lines(path)
    if not lines:
        raise UnreadableError(f"{path} is empty; fetch and unpack it again.")
    names, places, chosen, deltas = [], [], [], []
    for number, line in enumerate(lines, 1):
        fields = line.split()
        if len(fields) != FIELDS:
            raise UnreadableError(
                f"Line {number} of {path} has {len(fields)} fields, expected {FIELDS}: "
                "panorama and four times tile, delta, delta; the file is cut or "
                "another one. Unpack it again."
            )
        match = _PANO.fullmatch(fields[0])
        if match is None:
            raise UnreadableError(
                f"Line {number} of {path} begins with {fields[0][:80]!r}, expected "
                "ID,LAT,LON,.jpg; use the list as it was released."
            )
        named = fields[1::3]
        if len({*named}) < GROUPS:
            raise UnreadableError(
                f"Line {number} of {path} names a tile twice; use the list as it was "
                "released."
            )
        unlisted = [t for t in named if t not in known]
        if unlisted:
            raise UnreadableError(
                f"Line {number} of {path} names the tile {unlisted[0][:80]!r}, which "
                "is not in satellite_list.txt; use lists of one release together."
            )
        names.append(fields[0])
        places.append((float(match[2]), float(match[3])))
        chosen.append([known[t] for t in named])
        deltas.append([*fields[2::3], *fields[3::3]])
    if len({name.partition(",")[0] for name in names}) != len(names):
        raise UnreadableError(f"{path} names a panorama twice; unpack it again.")
    at = _positions(places, path)
    return Labels(
        names=tuple(names),
        lat=at[:, 0],
        lon=at[:, 1],
        tile=np.array(chosen, np.int64),
        delta_px=_deltas(deltas, path),
    )


def measured_m_per_px(labels: Labels, tiles: TileList, city: str) -> float | None:
    """The pixel that a label file was made with, as its positions tell.

    Metres on the UTM grid over deltas, by least squares; None if no delta is long
    enough to tell.
    """
    north, east = offsets_m(labels, tiles, city)
    metres = np.stack([north, east], axis=2).ravel()
    pixels = labels.delta_px.ravel()
    if not (np.abs(pixels) > 50).any():
        return None
    return float(pixels @ metres / (pixels @ pixels))


def offsets_m(labels: Labels, tiles: TileList, city: str) -> tuple[Floats, Floats]:
    """[Q, 4] metres north and east on the UTM grid, tile centre minus panorama."""
    epsg = EPSG[city]
    pano_east, pano_north = to_projected_m(labels.lat, labels.lon, epsg=epsg)
    tile_east, tile_north = to_projected_m(tiles.lat, tiles.lon, epsg=epsg)
    north = tile_north[labels.tile] - pano_north[:, None]
    return north, tile_east[labels.tile] - pano_east[:, None]


def label_offsets_m(
    labels: Labels, tiles: TileList, *, unit_m: float
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Offsets that labels give, and which of them positions contradict.

    Args:
        labels: of a city.
        tiles: of the same city.
        unit_m: metres per pixel of the label set.

    Returns:
        [Q, 4, 2] metres north and east, tile centre minus panorama, and [Q, 4] where
        the label is farther from the geodesic offset than a pack allows; there the
        geodesic one is given.
    """
    lat, lon = tiles.lat[labels.tile], tiles.lon[labels.tile]
    east, north = offset_m(labels.lat[:, None], labels.lon[:, None], lat, lon)
    true = np.stack([north, east], axis=2)
    told = labels.delta_px * unit_m
    away, length = (np.hypot(*np.moveaxis(v, 2, 0)) for v in (told - true, true))
    wrong = away > OFFSET_TOLERANCE_M + OFFSET_TOLERANCE_SHARE * length
    return np.where(wrong[..., None], true, told), wrong


def corrected_deltas(labels: Labels, tiles: TileList, city: str) -> Floats:
    """[Q, 4, 2] deltas by the rule of the corrected labels.

    Differences on the UTM grid over the city's pixel, rounded; it gives every one of
    the published values.
    """
    return np.round(np.stack(offsets_m(labels, tiles, city), axis=2) / M_PER_PX[city])


def _positions(places: list[tuple[float, float]], path: Path) -> Floats:
    at = np.array(places, np.float64).reshape(-1, 2)
    good = (np.abs(at[:, 0]) <= 85) & (np.abs(at[:, 1]) <= 180)
    if not good.all():
        first = int(np.flatnonzero(~good)[0])
        raise UnreadableError(
            f"Line {first + 1} of {path} has the position {places[first]}, which is "
            "not in degrees; use the list as it was released."
        )
    return at


def _deltas(texts: list[list[str]], path: Path) -> Floats:
    try:
        found = np.array(texts, np.float64).reshape(-1, 2, GROUPS)
    except ValueError as error:
        raise UnreadableError(
            f"{path} holds a delta that is no number: {error}. Unpack it again."
        ) from error
    good = (np.abs(found) <= MAX_DELTA_PX).all(axis=(1, 2))
    if not good.all():
        first = int(np.flatnonzero(~good)[0]) + 1
        raise UnreadableError(
            f"Line {first} of {path} has a delta beyond {MAX_DELTA_PX:g} pixels; use "
            "the list as it was released."
        )
    return found.transpose(0, 2, 1)

"""A list of single pictures with known centres: each one is a tile as it is.

The list is a JSON file, either a list of entries or {"side_m": 128, "tiles": [...]},
or a CSV file with a header. An entry has file, lat, lon and side_m, and may have
captured, season, licence and attribution of its own; the names path, picture,
latitude, lng, longitude and cell_m are understood too. Pictures are square, north up,
and lie in the list's folder or below.
"""

import csv
import io
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from dataset_tools.errors import MissingDataError, UnreadableError
from dataset_tools.geodesy import destination, distance_m, ecef_m, offset_m
from dataset_tools.imagery.chunks import Chunk, ChunkCache, ChunkedRaster, Pixels
from dataset_tools.imagery.listed_files import listed_file
from dataset_tools.imagery.sampling import Aim, Array, Level, ToPixels, aim, refuse
from dataset_tools.imagery.sidecars import about_of, fact
from dataset_tools.imagery.source import About, RasterImagery, unreadable
from dataset_tools.pictures import DECODING_ERRORS, decode, open_bounded
from dataset_tools.records import Rejection, Tile

NAMES = {
    "file": ("file", "path", "picture", "filename", "name"),
    "lat": ("lat", "latitude"),
    "lon": ("lon", "lng", "longitude"),
    "side_m": ("side_m", "cell_m"),
}
SAME_M = 0.01
"""A crop this close to a listed centre and side is the listed picture itself."""
MAX_SIDE_M = 100_000.0


def open_tile_list(
    path: Path,
    about: About,
    *,
    side_m: float | None = None,
    cache: ChunkCache | None = None,
) -> "TileList":
    """The pictures of a list; entries that cannot be used are in `.rejected`.

    Args:
        path: the list, .json or .csv.
        about: licence, attribution, date of capture and season.
        side_m: side of listed pictures that state none, metres.
        cache: where decoded pictures are kept; its own where None.

    Raises:
        MissingDataError: if there is no such file.
        UnreadableError: if it is no list of this kind, or no entry can be used.
    """
    if not path.is_file():
        raise MissingDataError(f"There is no tile list {path}; check the path.")
    entries = _entries(path)
    if side_m is not None:
        entries = [
            e if _value(e, "side_m") is not None else {**e, "side_m": side_m}
            for e in entries
        ]
    tiles: list[Tile] = []
    rejected: list[Rejection] = []
    seen: set[str] = set()
    for number, entry in enumerate(entries):
        made = _tile(entry, path, about, number=number)
        if isinstance(made, Tile) and made.tile_id in seen:
            made = _reject(made.tile_id, "listed-twice")
        if isinstance(made, Tile):
            seen.add(made.tile_id)
            tiles.append(made)
        else:
            rejected.append(made)
    assert len(tiles) + len(rejected) == len(entries)
    if not tiles:
        first = rejected[0] if rejected else None
        detail = f" First: {first.item}: {first.reason}." if first else ""
        raise UnreadableError(
            f"None of the {len(entries)} entries of {path} can be used.{detail} Each "
            "needs file, lat, lon and side_m (or one side_m for all in a JSON list)."
        )
    tiles.sort(key=lambda t: t.tile_id)
    return TileList(
        path,
        about,
        tiles=tuple(tiles),
        rejected=tuple(rejected),
        cache=cache,
        terms=_terms(entries, about),
    )


class TileList(RasterImagery):
    """Listed pictures as imagery; made by `open_tile_list`."""

    def __init__(
        self,
        path: Path,
        about: About,
        *,
        tiles: tuple[Tile, ...],
        rejected: tuple[Rejection, ...],
        cache: ChunkCache | None = None,
        terms: tuple[About, ...] = (),
    ) -> None:
        """Take the usable tiles, sorted by id, and the rejected entries.

        Args:
            path: the list.
            about: terms and date of tiles whose entries state none.
            tiles: at least one.
            rejected: entries that cannot be used.
            cache: where decoded pictures are kept; its own where None.
            terms: each set of terms that a tile has; `about` where none is given.
        """
        self.about, self.source = about, path.name
        self.tiles, self.rejected = tiles, rejected
        self._terms = terms or (about,)
        self._folder, self._cache = path.parent, cache or ChunkCache()
        self._tree = cKDTree(ecef_m([t.lat for t in tiles], [t.lon for t in tiles]))

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(west, south, east, north) in degrees over all footprints."""
        corners = np.array([c for t in self.tiles for c in t.footprint])
        lon, lat = corners[:, 0], corners[:, 1]
        near = lon[0] + np.mod(lon - lon[0] + 180.0, 360.0) - 180.0
        west, east = ((x + 180.0) % 360.0 - 180.0 for x in (near.min(), near.max()))
        return float(west), float(lat.min()), float(east), float(lat.max())

    @property
    def files(self) -> int:
        """How many listed pictures can be used."""
        return len(self.tiles)

    @property
    def rights(self) -> tuple[tuple[str, About], ...]:
        """Each set of terms that a tile has, under the list's name."""
        return tuple((self.source, terms) for terms in self._terms)

    def m_per_px_at(self, lat: float, lon: float) -> float:
        """Metres per pixel of the nearest listed picture."""
        return self._nearest(lat, lon).m_per_px

    def crop(
        self, lat: float, lon: float, *, side_m: float, size_px: int
    ) -> Pixels | Rejection:
        """The listed picture with this centre, side and size, else a cut out of one."""
        tile = self._nearest(lat, lon)
        if _is_same(tile, lat, lon, side_m=side_m) and tile.width_px == size_px:
            try:
                return self._pixels(tile)
            except UnreadableError as error:
                return unreadable(lat, lon, fault=str(error))
        return super().crop(lat, lon, side_m=side_m, size_px=size_px)

    def close(self) -> None:
        """Nothing is held open."""

    def _nearest(self, lat: float, lon: float) -> Tile:
        _, found = self._tree.query(ecef_m(lat, lon)[0])
        return self.tiles[int(found)]

    def _pixels(self, tile: Tile) -> Pixels:
        """The pixels of a listed tile.

        Raises:
            UnreadableError: if the picture cannot be had.
        """
        try:
            pixels = decode((self._folder / tile.source).read_bytes())
        except OSError as error:
            raise UnreadableError(f"{tile.source}: {error}") from error
        if pixels.shape[:2] != (tile.height_px, tile.width_px):
            raise UnreadableError(f"{tile.source} changed size")
        return pixels

    def _aim(
        self, lat: float, lon: float, *, side_m: float, size_px: int
    ) -> Aim | Rejection:
        tile = self._nearest(lat, lon)
        half = tile.m_per_px * tile.width_px / 2
        away = max(abs(float(v)) for v in offset_m(tile.lat, tile.lon, lat, lon))
        if away > half:
            return refuse(lat, lon, share=0.0, least=self.least_covered)

        def fetch(row: int, column: int) -> Chunk | None:
            return Chunk(self._pixels(tile), None) if row == column == 0 else None

        level = Level(
            ChunkedRaster(
                fetch,
                chunk_shape=(tile.height_px, tile.width_px),
                cache=self._cache,
                key=(id(self), tile.tile_id),
            )
        )
        return aim(
            lambda _: level,
            _way_into(tile),
            (lat, lon),
            side_m=side_m,
            size_px=size_px,
        )


def _terms(entries: list[Mapping[str, Any]], about: About) -> tuple[About, ...]:
    """Each licence with its attribution that entries state, sorted."""
    found = {
        (
            fact(entry, "licence") or about.licence,
            fact(entry, "attribution") or about.attribution,
        )
        for entry in entries
    }
    return tuple(About(licence=a, attribution=b) for a, b in sorted(found))


def _way_into(tile: Tile) -> ToPixels:
    """From degrees into a tile's own pixels, metres east and south of its centre."""

    def convert(lat: Array, lon: Array) -> tuple[Array, Array]:
        east, north = offset_m(tile.lat, tile.lon, lat, lon)
        columns = east / tile.m_per_px + (tile.width_px - 1) / 2
        rows = -north / tile.m_per_px + (tile.height_px - 1) / 2
        # Rounding must not push the outermost pixel over the edge.
        return np.round(columns, 6), np.round(rows, 6)

    return convert


def _is_same(tile: Tile, lat: float, lon: float, *, side_m: float) -> bool:
    away = float(distance_m(tile.lat, tile.lon, lat, lon))
    return away <= SAME_M and abs(tile.m_per_px * tile.width_px - side_m) <= SAME_M


def _entries(path: Path) -> list[Mapping[str, Any]]:
    """Entries of a list as mappings, a common side filled in."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.lower() == ".csv":
            return list(csv.DictReader(io.StringIO(text), strict=True))
        content = json.loads(text)
    except (ValueError, RecursionError, csv.Error) as error:
        raise UnreadableError(
            f"{path} cannot be read as a tile list: {error}."
        ) from error
    common: dict[str, Any] = {}
    if isinstance(content, dict):
        common = {n: content[n] for n in NAMES["side_m"] if n in content}
        content = content.get("tiles")
    if not isinstance(content, list) or not all(isinstance(e, dict) for e in content):
        raise UnreadableError(
            f"{path} is no tile list: expected a list of entries with file, lat, lon "
            'and side_m, or {"side_m": 128, "tiles": [...]}.'
        )
    return [common | entry for entry in content]


def _value(entry: Mapping[str, Any], what: str) -> Any:
    names = {str(k).strip().lower(): v for k, v in entry.items()}
    return next((names[n] for n in NAMES[what] if names.get(n) not in (None, "")), None)


def _number(entry: Mapping[str, Any], what: str) -> float:
    """A finite number of an entry, or NaN."""
    value = _value(entry, what)
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan
    return number if math.isfinite(number) else math.nan


def _reject(item: str, reason: str, measured: float | str | None = None) -> Rejection:
    return Rejection(item=item, stage="imagery", reason=reason, measured=measured)


def _tile(
    entry: Mapping[str, Any], path: Path, about: About, *, number: int
) -> Tile | Rejection:
    """The tile of one entry, its picture's header read, or why it cannot be used."""
    name = _value(entry, "file")
    if not isinstance(name, str):
        return _reject(f"{path.name}[{number}]", "no-file-name")
    picture = listed_file(path.parent, name)
    if picture is None:
        return _reject(name, "file-outside-folder")
    name = picture.relative_to(path.parent).as_posix()
    lat, lon = _number(entry, "lat"), _number(entry, "lon")
    side_m = _number(entry, "side_m")
    if not (-90.0 <= lat <= 90.0 and -180.0 <= lon <= 180.0):
        return _reject(name, "bad-position", f"{lat}, {lon}")
    if math.isnan(side_m):
        return _reject(name, "no-side")
    if not 0.0 < side_m <= MAX_SIDE_M:
        return _reject(name, "bad-side", side_m)
    stated = about_of(entry, about)
    if stated is None:
        return _reject(name, "bad-date", fact(entry, "captured"))
    size = _size(picture)
    if isinstance(size, str):
        return _reject(name, size)
    if size[0] != size[1]:
        return _reject(name, "picture-not-square", f"{size[0]} x {size[1]}")
    return Tile(
        tile_id=name,
        lat=lat,
        lon=lon,
        footprint=footprint(lat, lon, side_m=side_m),
        m_per_px=side_m / size[0],
        width_px=size[0],
        height_px=size[1],
        captured=stated.captured,
        season=stated.season,
        source=name,
        licence=stated.licence,
    )


def _size(path: Path) -> tuple[int, int] | str:
    """(width, height) from a picture's header, or the reason against it."""
    try:
        with path.open("rb") as file, open_bounded(file) as picture:
            return picture.size
    except FileNotFoundError:
        return "file-missing"
    except DECODING_ERRORS:
        return "picture-unreadable"


def footprint(
    lat: float, lon: float, *, side_m: float
) -> tuple[tuple[float, float], ...]:
    """Corners (lon, lat) NW, NE, SE, SW of a north-up square around a position.

    >>> [round(v, 4) for v in footprint(44.5, -72.5, side_m=200.0)[0]]
    [-72.5013, 44.5009]
    """
    bearings = np.array([315.0, 45.0, 135.0, 225.0])
    reach = np.full(4, side_m / math.sqrt(2.0))
    lats, lons = destination(np.full(4, lat), np.full(4, lon), bearings, reach)
    return tuple((float(x), float(y)) for x, y in zip(lons, lats, strict=True))

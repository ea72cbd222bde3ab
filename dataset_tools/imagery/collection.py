"""Many rasters as one source: found by place, opened when needed, joined at seams.

Files of one date (and the same terms) are joined where none of them covers a crop
alone, whatever system each is in: every file's part is sampled on the crop's own grid.
Files of different dates are never mixed in one crop. The newest date that covers a
crop gives it; within a date the first file by name.
"""

from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from dataset_tools.errors import UnreadableError
from dataset_tools.geodesy import destination
from dataset_tools.imagery.chunks import ChunkCache, Mask, Pixels
from dataset_tools.imagery.index import Index, read_index, scan_folder
from dataset_tools.imagery.raster_pool import MAX_OPEN, RasterPool
from dataset_tools.imagery.sampling import View, refuse
from dataset_tools.imagery.source import (
    About,
    Imagery,
    RasterImagery,
    Reading,
    bounds_around,
    unreadable,
)
from dataset_tools.records import Rejection

SHIFTS = (0.0, 360.0, -360.0)
"""A place near the antimeridian can be stated on either side of it."""
SEVERAL_DATES = "imagery-of-several-dates"


def open_collection(
    path: Path,
    about: About,
    told: Reading | None = None,
    *,
    cache: ChunkCache | None = None,
) -> "RasterCollection":
    """The rasters of an index or of a folder.

    Args:
        path: an index (GeoJSON, CSV, GeoPackage), or a folder of rasters.
        about: terms and date of files that state none.
        told: CRS of files that state none; bands and scale of all.
        cache: where pixels are kept; its own where None.

    Raises:
        UsageError: if the bands are not there or the CRS is unknown.
        UnreadableError: if none of the files can be used, or the index places them
            elsewhere than they say themselves.
    """
    told = told or Reading()
    find = scan_folder if path.is_dir() else read_index
    index = find(path, about, crs=told.crs)
    pool = RasterPool(index.entries, told, cache or ChunkCache(), limit=MAX_OPEN)
    if not path.is_dir():
        _check_first(path, index, pool)
    return RasterCollection(index, about, pool, name=path.name)


class RasterCollection(RasterImagery):
    """Crops out of many rasters; made by `open_collection`."""

    def __init__(
        self, index: Index, about: About, pool: RasterPool, *, name: str
    ) -> None:
        """Take over usable files and the pool that opens them."""
        self.about, self.source = about, name
        self.rejected = tuple(index.rejected)
        self._entries, self.pool = index.entries, pool
        self.least_covered = pool.least_covered
        self._boxes = np.array([entry.box for entry in index.entries])
        self._tree = shapely.STRtree(shapely.box(*self._boxes.T))

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(west, south, east, north) in degrees around all files."""
        return bounds_around(entry.box for entry in self._entries)

    @property
    def files(self) -> int:
        """How many files can be used."""
        return len(self._entries)

    @property
    def rights(self) -> tuple[tuple[str, About], ...]:
        """Each set of terms that a file has, under the source's name."""
        terms = {(e.about.licence, e.about.attribution) for e in self._entries}
        return tuple(
            (self.source, About(licence=licence, attribution=attribution))
            for licence, attribution in sorted(terms)
        )

    @property
    def doubts(self) -> tuple[str, ...]:
        """Those of the first file that can be opened."""
        for number in range(len(self._entries)):
            try:
                return self.pool.get(number).doubts
            except UnreadableError:
                continue
        return ()

    def described(self) -> list[dict[str, Any]]:
        """How the files are read, ready for JSON."""
        dates = sorted({e.about.captured or "unknown" for e in self._entries})
        values = self.pool.values
        said: dict[str, Any] = {
            "source": self.source,
            "kind": "rasters",
            "files": len(self._entries),
            "captured": dates if len(dates) <= 20 else [dates[0], "...", dates[-1]],
            "black_and_white": list(values) if values else None,
        }
        return [said]

    def part_at(
        self, lat: float, lon: float, *, side_m: float, size_px: int
    ) -> Imagery | Rejection:
        """The file, or the files of one date, that give a crop, or why none do."""
        refused: list[Rejection] = []
        union = np.zeros((size_px, size_px), np.bool_)
        numbers = self._candidates(lat, lon, side_m=side_m)
        for _, group in groupby(numbers, key=self._terms):
            some = list(group)
            for number in some:
                fault = self._fault(number, lat, lon, side_m=side_m, size_px=size_px)
                if fault is None:
                    return _Part(self, (number,))
                refused.append(fault)
            if len(numbers) == 1:
                break
            used, seen = self._seen(some, lat, lon, side_m=side_m, size_px=size_px)
            if seen.mean() >= self.least_covered:
                return _Part(self, used)
            union |= seen
        if not refused:
            return refuse(lat, lon, share=0.0, least=self.least_covered)
        best = max(refused, key=_how_telling)
        if union.mean() < self.least_covered:
            return best
        return Rejection(
            item=best.item,
            stage=best.stage,
            reason=SEVERAL_DATES,
            measured=best.measured,
            limit=self.least_covered,
        )

    def m_per_px_at(self, lat: float, lon: float) -> float:
        """Metres per pixel of the newest file at a position, or of the first."""
        for number in [*self._candidates(lat, lon, side_m=1.0), 0]:
            try:
                return self.pool.get(number).m_per_px_at(lat, lon)
            except UnreadableError:
                continue
        return float("nan")

    def covers(
        self, lat: float, lon: float, *, side_m: float, size_px: int
    ) -> Rejection | None:
        """None where `crop` would return a picture, else the same Rejection."""
        part = self.part_at(lat, lon, side_m=side_m, size_px=size_px)
        return part if isinstance(part, Rejection) else None

    def crop(
        self, lat: float, lon: float, *, side_m: float, size_px: int
    ) -> Pixels | Rejection:
        """A north-up square around a position: uint8 [size_px, size_px, 3]."""
        part = self.part_at(lat, lon, side_m=side_m, size_px=size_px)
        if isinstance(part, Rejection):
            return part
        return part.crop(lat, lon, side_m=side_m, size_px=size_px)

    def close(self) -> None:
        """Close all files."""
        self.pool.close()

    def joined(
        self,
        numbers: tuple[int, ...],
        at: tuple[float, float],
        *,
        side_m: float,
        size_px: int,
    ) -> Pixels | Rejection:
        """A crop put together from files; the first one that sees a pixel gives it."""
        if len(numbers) == 1:
            try:
                raster = self.pool.get(numbers[0])
            except UnreadableError as error:
                return unreadable(*at, fault=str(error))
            return raster.crop(*at, side_m=side_m, size_px=size_px)
        pixels: Pixels | None = None
        seen = np.zeros((size_px, size_px), np.bool_)
        for number in numbers:
            view = self._view(number, *at, side_m=side_m, size_px=size_px)
            if isinstance(view, Rejection):
                return view
            new = view.seen() & ~seen
            if pixels is None:
                pixels = view.pixels()
            elif new.any():
                pixels[new] = view.pixels()[new]
            seen |= new
        if pixels is None or seen.mean() < self.least_covered:
            share = float(seen.mean())
            return refuse(*at, share=share, least=self.least_covered)
        return pixels

    def about_of(self, number: int) -> tuple[str, About]:
        """Name and terms of one file."""
        entry = self._entries[number]
        return entry.name, entry.about

    def _candidates(self, lat: float, lon: float, *, side_m: float) -> list[int]:
        """Files whose box touches a crop, the newest date first, then by name."""
        around, beside = destination(
            np.full(4, lat),
            np.full(4, lon),
            np.array([0.0, 90.0, 180.0, 270.0]),
            np.full(4, side_m / np.sqrt(2.0)),
        )
        half = (beside[1] - lon + 180.0) % 360.0 - 180.0
        found: set[int] = set()
        for shift in SHIFTS:
            west, east = lon + shift - half, lon + shift + half
            box = shapely.box(west, around[2], east, around[0])
            found.update(self._tree.query(box).tolist())
        return sorted(found, key=self._order)

    def _order(self, number: int) -> tuple[Any, ...]:
        entry = self._entries[number]
        age = -int((entry.about.captured or "0000-00-00").replace("-", ""))
        return age, self._terms(number), entry.name

    def _terms(self, number: int) -> tuple[str, ...]:
        """What files must share to be joined."""
        about = self._entries[number].about
        known = (about.captured, about.season, about.licence, about.attribution)
        return tuple(value or "" for value in known)

    def _fault(
        self, number: int, lat: float, lon: float, *, side_m: float, size_px: int
    ) -> Rejection | None:
        try:
            raster = self.pool.get(number)
        except UnreadableError as error:
            return unreadable(lat, lon, fault=str(error))
        return raster.covers(lat, lon, side_m=side_m, size_px=size_px)

    def _view(
        self, number: int, lat: float, lon: float, *, side_m: float, size_px: int
    ) -> View | Rejection:
        try:
            raster = self.pool.get(number)
        except UnreadableError as error:
            return unreadable(lat, lon, fault=str(error))
        return raster.view(lat, lon, side_m=side_m, size_px=size_px)

    def _seen(
        self, numbers: list[int], lat: float, lon: float, *, side_m: float, size_px: int
    ) -> tuple[tuple[int, ...], Mask]:
        """The files that show something new, and what they cover together."""
        seen = np.zeros((size_px, size_px), np.bool_)
        used = []
        for number in numbers:
            try:
                raster = self.pool.get(number)
            except UnreadableError:
                continue
            mine = raster.seen(lat, lon, side_m=side_m, size_px=size_px)
            if isinstance(mine, Rejection):
                continue
            new = mine & ~seen
            if new.any():
                used.append(number)
                seen |= new
        return tuple(used), seen


class _Part(RasterImagery):
    """One file of a collection, or several of one date, as a source of its own."""

    def __init__(self, whole: RasterCollection, numbers: tuple[int, ...]) -> None:
        self._whole, self._numbers = whole, numbers
        names, abouts = zip(*(whole.about_of(n) for n in numbers), strict=True)
        self.source, self.about = "; ".join(names), abouts[0]

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        return self._whole.bounds

    def m_per_px_at(self, lat: float, lon: float) -> float:
        return self._whole.pool.get(self._numbers[0]).m_per_px_at(lat, lon)

    def covers(
        self, lat: float, lon: float, *, side_m: float, size_px: int
    ) -> Rejection | None:
        found = self.crop(lat, lon, side_m=side_m, size_px=size_px)
        return found if isinstance(found, Rejection) else None

    def crop(
        self, lat: float, lon: float, *, side_m: float, size_px: int
    ) -> Pixels | Rejection:
        at = (lat, lon)
        return self._whole.joined(self._numbers, at, side_m=side_m, size_px=size_px)

    def close(self) -> None:
        """The whole closes its files."""


def _how_telling(fault: Rejection) -> float:
    """What is broken is told before what is not there."""
    return fault.measured if isinstance(fault.measured, float) else 2.0


def _check_first(path: Path, index: Index, pool: RasterPool) -> None:
    """Refuse an index that places its first file elsewhere than it lies."""
    entry = index.entries[0]
    try:
        west, south, east, north = pool.get(0).bounds
    except UnreadableError:
        return  # told when a crop needs it
    east += 360.0 if east < west else 0.0
    own = shapely.box(west, south, east, north)
    x0, y0, x1, y1 = entry.box
    if any(own.intersects(shapely.box(x0 + s, y0, x1 + s, y1)) for s in SHIFTS):
        return
    lat, lon = (y0 + y1) / 2, (x0 + x1) / 2
    swapped = south <= lon <= north and west <= lat <= east
    hint = " Latitude and longitude look swapped." if swapped else ""
    raise UnreadableError(
        f"{path} places {entry.name} at {lat:.4f}, {lon:.4f} (lat, lon), and the file "
        f"itself lies at {(south + north) / 2:.4f}, {(west + east) / 2:.4f}.{hint} "
        "Footprints are longitude and latitude in degrees, in this order; make the "
        "index anew."
    )

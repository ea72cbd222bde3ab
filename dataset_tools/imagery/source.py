"""What every imagery reader offers, and what it says about its pictures."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

import numpy as np
from rasterio.errors import RasterioError

from dataset_tools.errors import UnreadableError, UsageError
from dataset_tools.imagery.chunks import Mask, Pixels
from dataset_tools.imagery.sampling import MIN_COVERED, Aim, View, refuse
from dataset_tools.records import Rejection

Bounds = tuple[float, float, float, float]
"""West, south, east, north in degrees."""
READING_ERRORS = (UnreadableError, RasterioError)
"""What a reader raises where a part of its source is broken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """Rights and date of imagery, as they go into each tile's record."""

    licence: str
    attribution: str = ""
    captured: str | None = None
    """ISO date of capture."""
    season: str | None = None

    def __post_init__(self) -> None:
        """Refuse imagery without terms, or with a date that no calendar has.

        Raises:
            UsageError: if the licence is empty or the date is none.
        """
        if not self.licence.strip():
            raise UsageError(
                "Imagery needs a licence. Give --licence, or a column or key 'licence' "
                'in the list of sources; "proprietary" is an answer too.'
            )
        if self.captured is not None and not is_date(self.captured):
            raise UsageError(
                f"Imagery was captured {self.captured!r}; a date as 2023-05-31 is "
                "expected. Give the day, or leave it away where it is not known."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How a source is read: what it does not say of its pixels, or says wrongly."""

    crs: str | None = None
    """Coordinate reference system of rasters that name none, e.g. "EPSG:32618"."""
    bands: tuple[int, ...] = ()
    """Bands from 1 to take as red, green and blue, or one as grey; the tags' else."""
    values: tuple[float, float] | None = None
    """Values as stored that become 0 and 255; measured where samples are not 8 bits."""
    layout: str | None = None
    """Names of map tiles, e.g. "{z}/{x}/{-y}"; found out where None."""
    min_covered: float = MIN_COVERED
    """Share of a crop that must be seen, in (0, 1]."""


def is_date(text: str) -> bool:
    """Whether a text is an ISO date such as 2023-05-31."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


class Imagery(Protocol):
    """A place that north-up pictures of a stated footprint can be cut from."""

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(west, south, east, north) in degrees; west > east over the antimeridian."""

    @property
    def about(self) -> About:
        """Licence, attribution, date of capture and season."""

    @property
    def captured(self) -> str | None:
        """ISO date of capture, or None."""

    @property
    def season(self) -> str | None:
        """Season of capture in the user's word, or None."""

    @property
    def licence(self) -> str:
        """Licence of the pictures."""

    @property
    def source(self) -> str:
        """Name of the file or folder, without its place on this machine."""

    @property
    def rights(self) -> tuple[tuple[str, About], ...]:
        """Name and terms of each source that pictures can come from."""

    @property
    def files(self) -> int:
        """How many files, or listed pictures, can be used."""

    @property
    def rejected(self) -> tuple[Rejection, ...]:
        """Files that a folder holds, or a list names, and that cannot be used."""

    @property
    def doubts(self) -> tuple[str, ...]:
        """What a user should know of the source before trusting its tiles."""

    def described(self) -> list[dict[str, Any]]:
        """How each source is read, ready for JSON: kind, bands, scaling, layout."""

    def part_at(
        self, lat: float, lon: float, *, side_m: float, size_px: int
    ) -> "Imagery | Rejection":
        """The source, or part of it, that `crop` cuts from, with its rights and date.

        A Rejection where `crop` would return one.
        """

    def m_per_px_at(self, lat: float, lon: float) -> float:
        """Metres on the ground per pixel of the imagery itself at a position."""

    def covers(
        self, lat: float, lon: float, *, side_m: float, size_px: int
    ) -> Rejection | None:
        """None where `crop` would return a picture, else the same Rejection."""

    def crop(
        self, lat: float, lon: float, *, side_m: float, size_px: int
    ) -> Pixels | Rejection:
        """A north-up square around a position.

        Args:
            lat: latitude of the centre in degrees.
            lon: longitude of the centre in degrees.
            side_m: side on the ground in metres, above 0.
            size_px: side of the result in pixels, at least 1.

        Returns:
            uint8 [size_px, size_px, 3], or a Rejection "imagery-does-not-cover" with
            the covered share in [0, 1], or "imagery-unreadable".
        """

    def close(self) -> None:
        """Release the files; cropping afterwards is an error."""


class RasterImagery(ABC):
    """The parts that all readers share; they are an `Imagery`."""

    about: About
    source: str
    rejected: tuple[Rejection, ...] = ()
    least_covered: float = MIN_COVERED
    """Share of a crop that must be seen; what is not gets the mean colour."""

    @property
    @abstractmethod
    def bounds(self) -> tuple[float, float, float, float]:
        """(west, south, east, north) in degrees; west > east over the antimeridian."""

    @abstractmethod
    def m_per_px_at(self, lat: float, lon: float) -> float:
        """Metres on the ground per pixel of the imagery itself at a position."""

    @abstractmethod
    def close(self) -> None:
        """Release the files."""

    @property
    def files(self) -> int:
        """How many files can be used."""
        return 1

    @property
    def doubts(self) -> tuple[str, ...]:
        """What a user should know of the source before trusting its tiles."""
        return ()

    @property
    def captured(self) -> str | None:
        """ISO date of capture, or None."""
        return self.about.captured

    @property
    def season(self) -> str | None:
        """Season of capture, or None."""
        return self.about.season

    @property
    def licence(self) -> str:
        """Licence of the pictures."""
        return self.about.licence

    @property
    def rights(self) -> tuple[tuple[str, About], ...]:
        """Name and terms of the one source."""
        return ((self.source, self.about),)

    def described(self) -> list[dict[str, Any]]:
        """How the source is read, ready for JSON."""
        return [{"source": self.source}]

    def part_at(
        self, lat: float, lon: float, *, side_m: float, size_px: int
    ) -> "Imagery | Rejection":
        """The source itself where it covers the crop, else the Rejection."""
        fault = self.covers(lat, lon, side_m=side_m, size_px=size_px)
        return self if fault is None else fault

    def covers(
        self, lat: float, lon: float, *, side_m: float, size_px: int
    ) -> Rejection | None:
        """None where `crop` would return a picture, else the same Rejection."""
        place = self._aim(lat, lon, side_m=side_m, size_px=size_px)
        if isinstance(place, Rejection):
            return place
        try:
            return place.covered(self.least_covered)
        except READING_ERRORS as error:
            return self._unreadable(lat, lon, error)

    def crop(
        self, lat: float, lon: float, *, side_m: float, size_px: int
    ) -> Pixels | Rejection:
        """A north-up square [size_px, size_px, 3] of side_m metres, or a Rejection."""
        view = self.view(lat, lon, side_m=side_m, size_px=size_px)
        if isinstance(view, Rejection):
            return view
        share = view.share()
        if share < self.least_covered:
            return refuse(lat, lon, share=share, least=self.least_covered)
        return view.pixels()

    def view(
        self, lat: float, lon: float, *, side_m: float, size_px: int
    ) -> View | Rejection:
        """What a crop is sampled from, covered or not, or that it cannot be read."""
        place = self._aim(lat, lon, side_m=side_m, size_px=size_px)
        if isinstance(place, Rejection):
            return place
        try:
            return place.view()
        except READING_ERRORS as error:
            return self._unreadable(lat, lon, error)

    def seen(
        self, lat: float, lon: float, *, side_m: float, size_px: int
    ) -> Mask | Rejection:
        """[size_px, size_px] which pixels of a crop are covered."""
        place = self._aim(lat, lon, side_m=side_m, size_px=size_px)
        if isinstance(place, Rejection):
            return place
        try:
            return place.seen()
        except READING_ERRORS as error:
            return self._unreadable(lat, lon, error)

    def _aim(
        self, lat: float, lon: float, *, side_m: float, size_px: int
    ) -> Aim | Rejection:
        """Where a crop lies in the source; each reader's own."""
        raise NotImplementedError

    def _unreadable(self, lat: float, lon: float, error: Exception) -> Rejection:
        fault = str(error)
        if not isinstance(error, UnreadableError):
            fault = f"{self.source}: {fault}"
        return unreadable(lat, lon, fault=fault)


def bounds_around(parts: Iterable[Bounds]) -> Bounds:
    """The bounds of several places together; west > east over the antimeridian.

    >>> bounds_around([(179.0, 0.0, -179.5, 1.0), (-179.6, 0.5, -179.0, 2.0)])
    (179.0, 0.0, -179.0, 2.0)
    """
    west, south, east, north = np.array(list(parts), float).T
    # Counted from the first one's west, so that nothing jumps at 180 degrees.
    start = west[0] + np.mod(west - west[0] + 180.0, 360.0) - 180.0
    end = start + np.mod(east - west, 360.0)
    first, last = ((v + 180.0) % 360.0 - 180.0 for v in (start.min(), end.max()))
    return float(first), float(south.min()), float(last), float(north.max())


def unreadable(lat: float, lon: float, *, fault: str) -> Rejection:
    """The record of a crop whose part of the imagery is broken."""
    return Rejection(
        item=f"{lat:.7f},{lon:.7f}",
        stage="imagery",
        reason="imagery-unreadable",
        measured=fault,
    )

"""What every imagery reader offers, and what it says about its pictures."""

from dataclasses import dataclass
from typing import Protocol

from dataset_tools.imagery.sampling import Pixels, View, render
from dataset_tools.records import Rejection


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """Rights and date of imagery, as they go into each tile's record."""

    licence: str
    attribution: str = ""
    captured: str | None = None
    """ISO date of capture."""
    season: str | None = None


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


class RasterImagery:
    """The parts that readers with one raster behind them share."""

    about: About
    source: str

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

    def covers(
        self, lat: float, lon: float, *, side_m: float, size_px: int
    ) -> Rejection | None:
        """None where `crop` would return a picture, else the same Rejection."""
        view = self._look(lat, lon, side_m=side_m, size_px=size_px)
        return view if isinstance(view, Rejection) else None

    def crop(
        self, lat: float, lon: float, *, side_m: float, size_px: int
    ) -> Pixels | Rejection:
        """A north-up square [size_px, size_px, 3] of side_m metres, or a Rejection."""
        view = self._look(lat, lon, side_m=side_m, size_px=size_px)
        return view if isinstance(view, Rejection) else render(view)

    def _look(
        self, lat: float, lon: float, *, side_m: float, size_px: int
    ) -> View | Rejection:
        """What a crop is sampled from, or why there is none; each reader's own."""
        raise NotImplementedError


def unreadable(lat: float, lon: float, *, fault: str) -> Rejection:
    """The record of a crop whose part of the imagery is broken."""
    return Rejection(
        item=f"{lat:.7f},{lon:.7f}",
        stage="imagery",
        reason="imagery-unreadable",
        measured=fault,
    )

"""Several sources as one: the first that covers a place gives the picture."""

from collections.abc import Sequence
from typing import Any

from dataset_tools.errors import UsageError
from dataset_tools.imagery.chunks import Pixels
from dataset_tools.imagery.source import About, Imagery, bounds_around
from dataset_tools.records import Rejection


class Mosaic:
    """Sources put behind each other; a picture is never put together from two.

    Rights and date of a place are those of `part_at`; those of the whole are the
    first source's.
    """

    def __init__(self, parts: Sequence[Imagery]) -> None:
        """Take over open sources, the preferred one first.

        Raises:
            UsageError: if there is none.
        """
        if not parts:
            message = "A mosaic needs at least one source of imagery, got none."
            raise UsageError(message)
        self.parts = list(parts)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(west, south, east, north) in degrees around all sources."""
        return bounds_around(part.bounds for part in self.parts)

    @property
    def about(self) -> About:
        """Licence, attribution, date of capture and season of the first source."""
        return self.parts[0].about

    @property
    def captured(self) -> str | None:
        """ISO date of capture of the first source."""
        return self.parts[0].captured

    @property
    def season(self) -> str | None:
        """Season of the first source."""
        return self.parts[0].season

    @property
    def licence(self) -> str:
        """Licence of the first source."""
        return self.parts[0].licence

    @property
    def source(self) -> str:
        """Names of all sources."""
        return ", ".join(part.source for part in self.parts)

    @property
    def rights(self) -> tuple[tuple[str, About], ...]:
        """Name and terms of all sources, in their order."""
        return tuple(right for part in self.parts for right in part.rights)

    @property
    def files(self) -> int:
        """How many files, or listed pictures, of all sources can be used."""
        return sum(part.files for part in self.parts)

    @property
    def rejected(self) -> tuple[Rejection, ...]:
        """Files of all sources that cannot be used."""
        return tuple(one for part in self.parts for one in part.rejected)

    @property
    def doubts(self) -> tuple[str, ...]:
        """What a user should know of each source."""
        return tuple(one for part in self.parts for one in part.doubts)

    def described(self) -> list[dict[str, Any]]:
        """How each source is read, ready for JSON."""
        return [one for part in self.parts for one in part.described()]

    def part_at(
        self, lat: float, lon: float, *, side_m: float, size_px: int
    ) -> Imagery | Rejection:
        """The source that gives the crop of these arguments, or why none does."""
        refused = []
        for part in self.parts:
            found = part.part_at(lat, lon, side_m=side_m, size_px=size_px)
            if not isinstance(found, Rejection):
                return found
            refused.append(found)
        return max(refused, key=_covered)

    def m_per_px_at(self, lat: float, lon: float) -> float:
        """Metres per pixel of the first source that holds the position."""
        # A metre around it: where that is missing the first one is as good as any.
        part = self.part_at(lat, lon, side_m=1.0, size_px=1)
        found = self.parts[0] if isinstance(part, Rejection) else part
        return found.m_per_px_at(lat, lon)

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
        """Close all sources."""
        for part in self.parts:
            part.close()


def _covered(fault: Rejection) -> float:
    return fault.measured if isinstance(fault.measured, float) else -1.0

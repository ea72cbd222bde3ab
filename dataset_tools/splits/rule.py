"""What all ways of splitting share: the buffer, the shares, the seed."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from dataset_tools.areas import check_shares
from dataset_tools.errors import UsageError
from dataset_tools.splits.rows import DEFAULT_SHARES, PRIORITY, THIN_M


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitRule:
    """Parameters that no scheme has to itself."""

    buffer_m: float
    """Least distance between items of two splits, metres, at least 0."""
    revisit_buffer_m: float | None = None
    """The same for the schemes that ask about another time, session and year; at 0
    their splits may show the same place. None: `buffer_m`."""
    seed: int = 0
    """Decides who goes where."""
    shares: Mapping[str, float] = field(default_factory=lambda: dict(DEFAULT_SHARES))
    """Split -> share of the queries before the buffer; they add up to 1."""
    cell_m: float = 1000.0
    """Side of a square cell, metres, above 0; several times the buffer."""
    tile_side_m: float = 0.0
    """Side that a tile of unknown footprint is taken to have, metres."""
    thin_m: float = THIN_M
    """Least distance of centres in the thinned gallery, metres."""

    def __post_init__(self) -> None:
        """Refuse parameters that make no sense.

        Raises:
            UsageError: if one is out of its range.
        """
        check_buffer(self.buffer_m)
        check_buffer(self.revisit_m)
        check_shares(self.shares)
        if not (self.cell_m > 0 and math.isfinite(self.cell_m)):
            raise UsageError(f"A cell needs a side above 0 m, got {self.cell_m!r}.")

    @property
    def revisit_m(self) -> float:
        """The buffer of schemes that ask about another time, metres."""
        own = self.revisit_buffer_m
        return self.buffer_m if own is None else own

    @property
    def wanted(self) -> list[str]:
        """The splits that must not stay empty, test first."""
        return [s for s in PRIORITY if self.shares.get(s, 0.0) > 0]


def check_buffer(buffer_m: float) -> None:
    """Refuse a buffer that is negative or not finite.

    Raises:
        UsageError: if it is.
    """
    if not (buffer_m >= 0 and math.isfinite(buffer_m)):
        raise UsageError(f"The buffer must be at least 0 m, got {buffer_m!r}.")

"""Parameters of the audit."""

from pydantic import Field

from dataset_tools.settings.base import Settings


class AuditSettings(Settings):
    """What counts as a leak between two splits."""

    scheme: str | None = None
    """Audit this split scheme only; all of them if none is given."""
    place_m: float = Field(25.0, ge=0)
    """Frames of two splits nearer than this show the same place, metres."""
    ground_share: float = Field(0.001, ge=0, lt=1)
    """Tiles of two splits show the same ground if they share more than this part of the
    smaller one's area."""
    hash_bits: int = Field(4, ge=0, le=8)
    """Pictures whose perceptual hashes differ by at most this many of 64 bits are
    compared by their pixels."""
    grey_levels: float = Field(8.0, ge=0)
    """Compared pictures are near-duplicates if their greys, scaled to 32 x 32 pixels,
    differ by at most this on average, of 255."""
    tables_only: bool = False
    """Look at tables alone; reads no picture."""
    worst: int = Field(8, ge=1)
    """Pairs that are named, and drawn, of each kind of leak."""

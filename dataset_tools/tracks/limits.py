"""What cleaning still believes."""

import math
from dataclasses import dataclass, fields

from dataset_tools.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class CleaningLimits:
    """Limits of a usable track; defaults suit a car, a bicycle and a walk."""

    max_hdop: float = 5.0
    """Largest horizontal dilution of precision kept, no unit."""
    null_island_m: float = 1_000.0
    """A fix this near to latitude 0, longitude 0 is a receiver without a fix."""
    max_speed_mps: float = 60.0
    """Fastest believable movement between two frames with a time."""
    time_resolution_s: float = 1.0
    """Equal times may be this far apart: many cameras write whole seconds."""
    max_step_m: float = 100.0
    """Without times: an excursion farther than this and back is a jump."""
    mistake_m: float = 1_000.0
    """A jump that a swap or a sign brings this near to its neighbour was such a
    mistake."""
    zigzag_m: float = 30.0
    """An excursion to the side and back that makes the way longer by more than this is
    multipath ..."""
    max_acceleration_mps2: float = 15.0
    """... if it takes more acceleration than this; a car brakes with 10."""
    jump_run: int = 5
    """A run of at least this many frames is believed even if it stands apart."""
    frozen_repeats: int = 3
    """Without times: so many frames at one exact position are a frozen receiver."""
    frozen_release_mps: float = 5.0
    """With times: leaving an exact position this fast means it was frozen."""
    stop_radius_m: float = 4.0
    """A stop stays within this distance of its first frame ..."""
    stop_min_s: float = 5.0
    """... for at least this long."""
    duplicate_m: float = 0.5
    """Nearer to the last kept frame than this is a repeat, unless it turned."""
    duplicate_turn_deg: float = 5.0
    """At the same place a frame that turned at least this much is kept."""
    course_base_m: float = 4.0
    """A course is measured over at least this distance."""
    course_gap_m: float = 100.0
    """A course is not measured across a longer step ..."""
    course_gap_s: float = 60.0
    """... or a longer pause."""
    earliest: int | None = None
    """UTC nanoseconds; a time before it is a clock that was never set."""
    latest: int | None = None
    """UTC nanoseconds; a time after it is a wrong clock."""

    def __post_init__(self) -> None:
        """Refuse limits that no track could meet.

        Raises:
            UsageError: if a limit is negative or NaN.
        """
        for limit in fields(self):
            value = getattr(self, limit.name)
            timed = limit.name in ("earliest", "latest")
            if not timed and (math.isnan(value) or value < 0):
                message = f"The cleaning limit {limit.name} is {value!r}; 0 or more."
                raise UsageError(message)

"""What a sequence is, and where a track is cut."""

from dataclasses import dataclass
from typing import Literal, get_args

from dataset_tools.errors import UsageError, suggest

RuleName = Literal["distance", "time", "count", "radius"]
DAY_S = 86_400.0
ONE_WAY_DEG = 120.0
MANY = 4
"""Default `max_length` in lengths where a window has no fixed number of frames: the
Vermont set holds 7 to 28 frames a sequence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceRule:
    """What a sequence is; the defaults follow the Vermont set (7 frames, 50 m)."""

    rule: RuleName = "distance"
    """distance: frames over a path of about (length - 1) * spacing_m; time: frames of
    window_s seconds; count: so many frames, whatever lies between them; radius: all
    frames within radius_m of a centre frame."""
    length: int = 7
    """Frames of a sequence."""
    min_length: int | None = None
    """Fewest frames, for sequences of variable length; None: `length`."""
    max_length: int | None = None
    """Most frames; None: `length`, or four times it by time and by radius."""
    spacing_m: float = 8.05
    """Nominal distance between frames, metres (1/200 mile)."""
    window_s: float = 5.0
    """By time: seconds from the first frame to the last."""
    radius_m: float = 25.0
    """By radius: how far a frame may lie from the centre frame, metres."""
    stride: int = 3
    """Frames from the start (or centre) of one sequence to that of the next."""
    overlap: bool = True
    """Whether sequences may share frames; if not, `stride` does not count."""
    join_passes: bool = False
    """By radius: frames of every pass, of either direction and any session, are in."""
    path_tolerance: float = 0.2
    """Share by which a path may differ from (length - 1) * spacing_m, and by which a
    time may fall short of window_s."""
    max_radius_m: float = 30.0
    """By distance: farthest frame from the middle one, metres: all must fit into the
    tile."""
    max_gap_m: float = 50.0
    """A longer step between frames cuts the track, metres."""
    max_gap_s: float = 60.0
    """A longer pause between frames cuts the track, seconds."""
    max_speed_mps: float = 60.0
    """A faster step cuts the track, metres a second."""
    max_turn_deg: float = 120.0
    """A sharper turn from one step to the next cuts the track, degrees."""
    max_bend_deg: float | None = None
    """A window whose second half leads off from its first by more is no sequence,
    degrees, so that a loop joins no two directions of a road. None: 120 by radius
    unless passes are joined, otherwise no limit."""

    @property
    def least(self) -> int:
        """Fewest frames of a sequence."""
        return self.length if self.min_length is None else self.min_length

    @property
    def most(self) -> int:
        """Most frames of a sequence."""
        if self.max_length is not None:
            return self.max_length
        return MANY * self.length if self.rule in ("time", "radius") else self.length

    @property
    def path_m(self) -> float:
        """Nominal path of a sequence by distance, metres."""
        return (self.length - 1) * self.spacing_m

    @property
    def bend_deg(self) -> float:
        """Largest bend of a sequence, degrees; 180: any."""
        if self.max_bend_deg is not None:
            return self.max_bend_deg
        return ONE_WAY_DEG if self.rule == "radius" and not self.join_passes else 180.0

    def __post_init__(self) -> None:
        """Refuse rules that no track can meet.

        Raises:
            UsageError: if a parameter is out of its range.
        """
        if self.rule not in get_args(RuleName):
            message = f"There is no sequence rule {self.rule!r}. "
            raise UsageError(message + suggest(self.rule, get_args(RuleName)))
        self._check_numbers()
        if self.join_passes and self.rule != "radius":
            message = (
                f"Passes are joined by the rule 'radius' only, and this is "
                f"{self.rule!r}. Give --sequence-rule radius, or leave --join-passes "
                "away."
            )
            raise UsageError(message)

    def _check_numbers(self) -> None:
        free = self.rule in ("time", "radius")
        low = self.least if free else self.length
        high = self.length if self.rule == "count" else max(low, self.most)
        many = f"{low}" if self.rule == "count" else f"at least {low}"
        positive = (
            *("spacing_m", "radius_m", "max_radius_m", "max_gap_m", "max_gap_s"),
            *("max_speed_mps", "max_turn_deg", "bend_deg"),
        )
        top = self.most if free else self.length
        checks = (
            ("length", self.length, self.length >= 1, "at least 1"),
            ("stride", self.stride, self.stride >= 1, "at least 1"),
            *((n, getattr(self, n), getattr(self, n) > 0, "above 0") for n in positive),
            ("window_s", self.window_s, 0 < self.window_s <= DAY_S, f"up to {DAY_S}"),
            ("path_tolerance", self.path_tolerance, self.path_tolerance >= 0, ">= 0"),
            ("min_length", self.least, 1 <= self.least <= top, f"1 to {top}"),
            ("max_length", self.most, low <= self.most <= high, many),
        )
        for name, value, fine, expected in checks:
            if not fine:
                message = (
                    f"The sequence rule has {name}={value!r}; {expected} expected."
                )
                raise UsageError(message)

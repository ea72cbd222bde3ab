"""One kind of leak between two groups: how many items it concerns, the worst pairs."""

from dataclasses import dataclass
from typing import Literal

LeakKind = Literal[
    "shared", "same-place", "same-ground", "same-pixels", "near-duplicate", "double"
]
"""shared: the same item stands in both; same-place: frames nearer than a distance;
same-ground: tiles that show the same ground; same-pixels: other items with equal
decoded pixels; near-duplicate: other pictures that look the same; double: equal pixels
within one group, which is no leak but makes a gallery ambiguous."""
Items = Literal["frames", "tiles"]

UNITS: dict[LeakKind, str] = {
    "same-place": "m",
    "same-ground": "%",
    "near-duplicate": "grey levels",
}
"""What the value of a pair is measured in; the other kinds have none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two items, one of each group."""

    a: str
    b: str
    value: float | None = None
    """Distance in metres, shared part in percent, or difference in grey levels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """What two groups share in one way.

    Attributes:
        kind: see `LeakKind`.
        items: frames or tiles.
        scheme: the split scheme, or "" between packs.
        a: name of the first group.
        b: name of the second; the same for "double".
        in_a: sorted ids of the first group's items that are concerned.
        in_b: likewise of the second.
        of_a: how many items the first group has.
        of_b: likewise of the second.
        worst: the worst pairs, worst first.
    """

    kind: LeakKind
    items: Items
    scheme: str
    a: str
    b: str
    in_a: tuple[str, ...]
    in_b: tuple[str, ...]
    of_a: int
    of_b: int
    worst: tuple[Pair, ...]

    @property
    def is_finding(self) -> bool:
        """Whether it leaks; doubles within a group are told and no more."""
        return self.kind != "double"

    def caption(self, pair: Pair) -> str:
        """A pair in words, with what was measured."""
        if pair.value is None:
            return f"{pair.a} | {pair.b}"
        return f"{pair.a} | {pair.b}, {pair.value:.1f} {UNITS[self.kind]}"

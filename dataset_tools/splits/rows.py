"""Rows of `splits.parquet`: who is in which split, and the galleries of each.

Every way of splitting ends here, so that each scheme has the same galleries.
"""

from collections.abc import Mapping
from collections.abc import Sequence as Series
from dataclasses import dataclass, field, replace
from typing import Final

from dataset_tools.pairing import thin
from dataset_tools.records import Rejection, Sequence, SplitRow, Tile

STAGE: Final = "splits"
PRIORITY: Final = ("test", "val", "train")
"""Each split gives way to those before it."""
DROPPED: Final = "dropped"
THIN_M: Final = 70.0
"""Least distance of centres in the thinned gallery, metres."""
DEFAULT_SHARES: Final = {"train": 0.7, "val": 0.1, "test": 0.2}


@dataclass(frozen=True, slots=True)
class SplitOutcome:
    """Rows of `splits.parquet`, and why sequences were dropped.

    Every sequence has one row of kind "sequence" in each scheme; those with split
    "dropped" have a rejection each.
    """

    rows: list[SplitRow] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)
    warnings: tuple[str, ...] = ()

    @property
    def schemes(self) -> list[str]:
        """Names of the schemes that have rows, sorted."""
        return sorted({row[0] for row in self.rows})


def rows_of(
    members: Mapping[str, Series[Sequence]],
    tiles: Mapping[str, Tile],
    others: Mapping[str, Series[str]],
    *,
    scheme: str,
    thin_m: float,
) -> list[SplitRow]:
    """Rows of the sequences and of the four galleries of each split.

    Args:
        members: split -> its sequences.
        tiles: id -> tile, the positives of the sequences among them.
        others: split -> tiles of its land that are no sequence's positive.
        scheme: name of this way of splitting.
        thin_m: least distance of centres in the thinned gallery, metres.
    """
    rows: list[SplitRow] = []
    for split, sequences in members.items():
        closed = sorted({p for s in sequences for p in s.positives})
        thinned = thin((tiles[i] for i in closed), sequences, min_distance_m=thin_m)
        off_road = others.get(split, ()) if closed else ()
        rows += [(scheme, split, "sequence", s.sequence_id) for s in sequences]
        rows += [(scheme, split, "tile", i) for i in closed]
        rows += [(scheme, split, "tile-thinned", i) for i in thinned]
        rows += [(scheme, split, "tile-open", i) for i in {*closed, *off_road}]
        rows += [(scheme, split, "tile-thinned-open", i) for i in {*thinned, *off_road}]
    return rows


def join_schemes(outcomes: Mapping[str, SplitOutcome]) -> SplitOutcome:
    """Several schemes side by side; each tells its rejections under its own stage.

    Args:
        outcomes: name of a scheme -> its outcome.
    """
    if len(outcomes) == 1:
        return next(iter(outcomes.values()))
    rejected = [
        replace(r, stage=stage_of(scheme))
        for scheme, outcome in outcomes.items()
        for r in outcome.rejected
    ]
    warnings = [
        f"Scheme {scheme!r}: {text}"
        for scheme, outcome in outcomes.items()
        for text in outcome.warnings
    ]
    rows = sorted(row for outcome in outcomes.values() for row in outcome.rows)
    return SplitOutcome(rows=rows, rejected=rejected, warnings=tuple(warnings))


def stage_of(scheme: str) -> str:
    """The stage that a scheme's rejections are counted under, beside others.

    >>> stage_of("fold-1")
    'splits/fold-1'
    """
    return f"{STAGE}/{scheme}"

"""By year: a drive of one year against what was seen in another.

Who belongs to whom:

1. A sequence belongs to the year (UTC) in which its frames were taken. One whose frames
   have no time, or are of two years, is dropped.
2. The years of test, and of validation if any are named, go there; all others train.
   Where none is named test is the last year, and validation a part of the places of
   the training years.
3. A tile goes with the sequences that it is an answer to. Where imagery years are
   named for a split, a sequence is dropped if an answer of it was captured in another
   year or at an unknown time, and no other tile of such a year joins its galleries.
   Validation takes the imagery years of training: nothing of the test's is seen before.
4. Tiles of no sequence join the first of test, val and train that they keep the buffer
   from the others for, and whose imagery years they are of.

At a `revisit_buffer_m` of 0 two splits may show the same place, which is what a later
year is often asked about.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from dataset_tools.errors import UsageError
from dataset_tools.records import Frame, Sequence, Tile
from dataset_tools.splits.apart import Distance, Fault, Wanted, settle
from dataset_tools.splits.groups import until_full, with_validation
from dataset_tools.splits.rows import DROPPED, SplitOutcome
from dataset_tools.splits.rule import SplitRule
from dataset_tools.splits.world import World

NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Years:
    """Which years go where; empty: see the module."""

    test: tuple[int, ...] = ()
    val: tuple[int, ...] = ()
    train_imagery: tuple[int, ...] = ()
    """Years in which tiles of train and val may have been captured; empty: any."""
    test_imagery: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a year that is to validate and to test.

        Raises:
            UsageError: if there is one.
        """
        both = sorted(set(self.test) & set(self.val))
        if both:
            raise UsageError(
                f"The year {both[0]} is named for validation and for test; give it "
                "to one of --val-year and --test-year."
            )

    def takes(self, split: str, tile: Tile) -> bool:
        """Whether a split may hold a tile."""
        years = self.test_imagery if split == "test" else self.train_imagery
        return not years or captured_year(tile) in years


def by_year(
    sequences: Iterable[Sequence],
    frames_by_id: Mapping[str, Frame],
    tiles: Iterable[Tile],
    rule: SplitRule,
    *,
    years: Years | None = None,
    scheme: str = "year",
) -> SplitOutcome:
    """Whole years of driving in train, val and test.

    Args:
        sequences: queries with their positives.
        frames_by_id: every frame of the sequences, with times.
        tiles: positives and, for the open gallery, other tiles, with dates of capture.
        rule: buffer between revisits, seed, share of validation.
        years: which years test and validate, and which imagery they take.
        scheme: name of this way of splitting in the pack.

    Raises:
        UsageError: if there is nothing of a wanted year, or a split stays empty.
    """
    years = years or Years()
    world = World.of(sequences, frames_by_id, tiles, tile_side_m=rule.tile_side_m)
    year, faults = _years_of(world)
    test = years.test or _last(year)
    split = [_split(y, test, years.val) for y in year]
    for i, sequence in enumerate(world.sequences):
        fault = _wrong_imagery(sequence, world.tiles, split[i], years)
        if fault is not None:
            split[i], faults[i] = DROPPED, fault
    _refuse_empty_years(year, test, years.val)
    distance = Distance(buffer_m=rule.revisit_m, meet=True)

    def attempt(number: int) -> SplitOutcome:
        wanted = Wanted(split=split, faults=faults)
        wanted = with_validation(world, wanted, rule, attempt=number)
        return settle(
            world,
            wanted,
            distance,
            scheme=scheme,
            thin_m=rule.thin_m,
            takes=years.takes,
        )

    held = ", ".join(str(y) for y in sorted({y for y in year if y is not None}))
    told = (
        f"{len(year)} sequences of {held}, tested on {', '.join(map(str, test))}, with "
        f"a buffer of {rule.revisit_m:g} m. Lower --revisit-buffer-m; at 0 the same "
        "place may be tested in another year"
    )
    return until_full(attempt, rule, told=told)


def captured_year(tile: Tile) -> int | None:
    """Year in which a tile was captured, None if it does not say."""
    text = (tile.captured or "")[:4]
    return int(text) if text.isdecimal() else None


def _years_of(world: World) -> tuple[list[int | None], dict[int, Fault]]:
    """[Q] the year of each sequence, and why it has none."""
    years: list[int | None] = []
    faults: dict[int, Fault] = {}
    for i, sequence in enumerate(world.sequences):
        times = [world.frames[f].time for f in sequence.frame_ids]
        found = {_year(t) for t in times if t is not None}
        if len(found) == 1 and None not in times:
            years.append(found.pop())
            continue
        years.append(None)
        if found and None not in times:
            told = " and ".join(str(y) for y in sorted(found))
            faults[i] = ("two-years", told, "one year")
        else:
            faults[i] = ("no-time", None, "a capture time")
    return years, faults


def _year(time: int) -> int:
    return datetime.fromtimestamp(time // NS_PER_S, UTC).year


def _last(year: list[int | None]) -> tuple[int, ...]:
    known = [y for y in year if y is not None]
    return (max(known),) if known else ()


def _split(year: int | None, test: tuple[int, ...], val: tuple[int, ...]) -> str:
    if year is None:
        return DROPPED
    return "test" if year in test else "val" if year in val else "train"


def _wrong_imagery(
    sequence: Sequence, tiles: Mapping[str, Tile], split: str, years: Years
) -> Fault | None:
    if split == DROPPED:
        return None
    for name in sequence.positives:
        if not years.takes(split, tiles[name]):
            wanted = years.test_imagery if split == "test" else years.train_imagery
            captured = captured_year(tiles[name])
            return "imagery-year", captured, " or ".join(map(str, wanted))
    return None


def _refuse_empty_years(
    year: list[int | None], test: tuple[int, ...], val: tuple[int, ...]
) -> None:
    there = sorted({y for y in year if y is not None})
    missing = sorted({*test, *val} - set(there))
    if not there or missing:
        what = f"was driven in {missing[0]}" if missing else "has a time"
        raise UsageError(
            f"No sequence {what}, so they cannot be split by year; there are "
            f"{there or 'none'}. Check --test-year and --val-year and the cameras' "
            "clocks."
        )
    if set(there) <= {*test, *val}:
        raise UsageError(
            f"All sequences were driven in {there}, which leaves none to train on. "
            "Give drives of another year, or another --split-scheme such as session."
        )

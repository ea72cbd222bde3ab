"""By a given list: a published split, or one made elsewhere, taken as it is.

A CSV file of `id,split`, or of `kind,id,split` where it lists galleries too: `kind` is
`sequence` or a gallery as in `splits.parquet`. A header may name the columns in any
order. A gallery that is listed for a split is taken as listed, the others are made as
in every scheme. No buffer moves what is listed: the pack's check says what leaks.

A list that trains and does not validate loses a part of its training places to
validation, the buffer between the two.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from dataset_tools.errors import MissingDataError, UnreadableError, UsageError, suggest
from dataset_tools.pack.format import SPLIT_KINDS, SPLITS
from dataset_tools.records import Frame, Sequence, SplitRow, Tile
from dataset_tools.splits.apart import Distance, Fault, Wanted, settle
from dataset_tools.splits.groups import with_validation
from dataset_tools.splits.rows import DROPPED, SplitOutcome
from dataset_tools.splits.rule import SplitRule
from dataset_tools.splits.world import World

COLUMNS: Final = ("kind", "id", "split")
ALIASES: Final = {"sequence_id": "id", "tile_id": "id", "name": "id"}


@dataclass(frozen=True, slots=True)
class GivenSplit:
    """What a list says."""

    sequences: dict[str, str] = field(default_factory=dict)
    """Sequence id -> split."""
    galleries: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    """(split, kind) -> tile ids."""


def by_list(
    sequences: Iterable[Sequence],
    frames_by_id: Mapping[str, Frame],
    tiles: Iterable[Tile],
    path: Path,
    rule: SplitRule,
    *,
    scheme: str | None = None,
) -> SplitOutcome:
    """Splits as a CSV file lists them; a sequence that it does not list is dropped.

    Args:
        sequences: queries with their positives.
        frames_by_id: every frame of the sequences.
        tiles: positives and, for the open gallery, other tiles; those that it does not
            list keep the buffer from the other splits.
        path: the list.
        rule: buffer, and share of a validation part that is not listed.
        scheme: name of this way of splitting in the pack; None: the file's, without
            suffix.

    Raises:
        MissingDataError: if there is no such file.
        UnreadableError: if it is no such list.
        UsageError: if it puts a sequence into two splits, or lists none of these.
    """
    given = read_list(path)
    world = World.of(sequences, frames_by_id, tiles, tile_side_m=rule.tile_side_m)
    listed = _wanted(world, given, path)
    wanted = with_validation(world, listed, rule, attempt=0)
    warnings = list(_unknown(world, given, path))
    if "train" in listed.split and not {"train", "val"} <= set(wanted.split):
        wanted = listed
        warnings.append(f"{path.name} lists nothing to validate on.")
    name = path.stem if scheme is None else scheme
    outcome = settle(
        world,
        wanted,
        Distance(buffer_m=rule.buffer_m, gives_way={}),
        scheme=name,
        thin_m=rule.thin_m,
    )
    rows = _listed_rows(outcome.rows, given, world, scheme=name)
    return replace(outcome, rows=rows, warnings=tuple(warnings))


def read_list(path: Path) -> GivenSplit:
    """What a CSV file of splits says.

    Raises:
        MissingDataError: if there is no such file.
        UnreadableError: if it cannot be read, or a row names no known split or kind.
        UsageError: if it puts a sequence into two splits.
    """
    if not path.is_file():
        raise MissingDataError(f"There is no list of splits {path}; check the path.")
    given = GivenSplit()
    try:
        with path.open(newline="", encoding="utf-8-sig") as handle:
            for line, kind, name, split in _rows(csv.reader(handle), path):
                _note(given, f"Line {line} of {path}", (kind, name, split))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UnreadableError(f"{path} cannot be read as CSV: {error}.") from error
    return given


def _rows(reader: Any, path: Path) -> Iterator[tuple[int, str, str, str]]:
    """(line, kind, id, split) of each row that is not empty."""
    columns: list[str] | None = None
    for cells in reader:
        row = [cell.strip() for cell in cells]
        if not any(row):
            continue
        if columns is None:
            names = [ALIASES.get(c.lower(), c.lower()) for c in row]
            if "split" in names and "id" in names:
                columns = names
                continue
            columns = list(COLUMNS[-len(row) :])
        if len(row) != len(columns) or len(columns) < 2:
            raise UnreadableError(
                f"Line {reader.line_num} of {path} has {len(row)} columns; 'id,split' "
                "or 'kind,id,split' expected, in every line the same."
            )
        found = dict(zip(columns, row, strict=True))
        yield (
            reader.line_num,
            found.get("kind", "sequence"),
            found["id"],
            found["split"],
        )


def _note(given: GivenSplit, where: str, row: tuple[str, str, str]) -> None:
    kind, name, split = row
    for value, known, what in ((split, SPLITS, "split"), (kind, SPLIT_KINDS, "kind")):
        if value not in known:
            message = f"{where} has the {what} {value!r}. {suggest(value, known)}"
            raise UnreadableError(message)
    if kind != "sequence":
        given.galleries.setdefault((split, kind), set()).add(name)
        return
    before = given.sequences.setdefault(name, split)
    if before != split:
        raise UsageError(
            f"{where} puts the sequence {name!r} into {split}, a line before it into "
            f"{before}; list it once."
        )


def _wanted(world: World, given: GivenSplit, path: Path) -> Wanted:
    split: list[str] = []
    faults: dict[int, Fault] = {}
    for i, sequence in enumerate(world.sequences):
        wanted = given.sequences.get(sequence.sequence_id)
        missing = _missing_answer(sequence, wanted, given)
        if wanted is None:
            faults[i] = ("not-listed", None, path.name)
        elif wanted == DROPPED:
            faults[i] = ("listed-as-dropped", None, path.name)
        elif missing is not None:
            faults[i] = ("answer-not-listed", missing, path.name)
        split.append(DROPPED if i in faults else str(wanted))
    if world.sequences and set(split) == {DROPPED}:
        listed = next(iter(given.sequences), "nothing")
        raise UsageError(
            f"None of the sequences here is in the list {path}: it names {listed!r}, "
            f"they are called such as {world.sequences[0].sequence_id!r}. Was it made "
            "for another pack, or with another --region?"
        )
    return Wanted(split=split, faults=faults)


def _missing_answer(
    sequence: Sequence, split: str | None, given: GivenSplit
) -> str | None:
    """An answer that is not in the closed or open gallery listed for the split."""
    for kind in ("tile", "tile-open"):
        held = given.galleries.get((str(split), kind))
        for name in sequence.positives if held is not None else ():
            if held is not None and name not in held:
                return name
    return None


def _listed_rows(
    rows: list[SplitRow], given: GivenSplit, world: World, *, scheme: str
) -> list[SplitRow]:
    """Rows in which the listed galleries stand instead of the made ones."""
    kept = [row for row in rows if (row[1], row[2]) not in given.galleries]
    listed = [
        (scheme, split, kind, name)
        for (split, kind), names in given.galleries.items()
        for name in names
        if name in world.tiles
    ]
    return sorted([*kept, *listed])


def _unknown(world: World, given: GivenSplit, path: Path) -> Iterator[str]:
    have = {s.sequence_id for s in world.sequences} | set(world.tiles)
    named = {*given.sequences, *(i for ids in given.galleries.values() for i in ids)}
    lost = sorted(named - have)
    if lost:
        yield (
            f"{len(lost):,} of {len(named):,} ids that {path.name} lists are not in "
            f"the pack, such as {lost[0]!r}."
        )

"""Tracks in CSV: one row a fix, columns found by name, optionally gzipped.

Comma, semicolon, tab or bar; decimal commas where the comma is not the separator;
WKT in a column; lines in front of the header that begin with `#` are passed over.
"""

import csv
import io
from pathlib import Path

from dataset_tools.errors import MissingDataError, UnreadableError
from dataset_tools.records import Fix, Outcome
from dataset_tools.tracks.fields import ALIASES, match_columns
from dataset_tools.tracks.files import track_text
from dataset_tools.tracks.fixes import RowReader
from dataset_tools.tracks.rules import PLAIN, ReadingRules
from dataset_tools.tracks.tables import fixes_of_rows

DELIMITERS = ",;\t|"
LARGEST_CELL = 10_000_000
"""Characters; the line of a long drive as WKT fits."""

MOST_NAMES = 40
"""Columns that an error message lists."""


def read_csv(path: Path, rules: ReadingRules = PLAIN) -> Outcome[Fix]:
    """The fixes of a CSV file, within each session in the order of `fixes_of_rows`.

    Args:
        path: `.csv`, `.tsv` or `.txt`, also with `.gz`.
        rules: columns, units and zone that the file does not tell.

    Raises:
        MissingDataError: if the file or a column of position is not there.
        UnreadableError: if the file is no text, or its compression is broken.
    """
    names, line, records = csv_records(path)
    fields = columns_of_position(path, names, rules)
    rows = (
        (
            f"{path.name}:{number}",
            {field: record.get(name) for field, name in fields.items()},
        )
        for number, record in enumerate(records, start=line)
    )
    return fixes_of_rows(rows, RowReader(rules, fields), path.name.split(".")[0])


def has_positions(path: Path, rules: ReadingRules = PLAIN) -> bool:
    """Whether a track has positions: all do but CSV that says distances only.

    Raises:
        UsageError: if the rules name an unknown field.
        MissingDataError: if the file, or a column that was named, is not there.
        UnreadableError: if it is no CSV although its suffix says so.
    """
    plain = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    if path.is_dir() or plain.suffix.lower() not in (".csv", ".tsv", ".txt"):
        return True
    fields = match_columns(csv_records(path)[0], rules.columns)
    return "geometry" in fields or ("lat" in fields and "lon" in fields)


def csv_records(path: Path) -> tuple[list[str], int, list[dict[str, str | None]]]:
    """Columns, line of the first row, and rows as column -> cell of a CSV file.

    Raises:
        MissingDataError: if the file is not there.
        UnreadableError: if it is no CSV or holds nothing.
    """
    text = track_text(path)
    lines = text.split("\n")
    skipped = 0
    while skipped < len(lines) and (
        not lines[skipped].strip() or lines[skipped].lstrip().startswith("#")
    ):
        skipped += 1
    if skipped == len(lines):
        message = f"The track {path} is empty; a header and one row a fix are expected."
        raise UnreadableError(message)
    # The separator is the candidate that the header holds most often.
    delimiter = max(DELIMITERS, key=lines[skipped].count)
    body = io.StringIO("\n".join(lines[skipped:]), newline="")
    usual = csv.field_size_limit(LARGEST_CELL)
    try:
        reader = csv.DictReader(body, delimiter=delimiter, restkey="")
        rows = list(reader)
    except csv.Error as error:
        message = f"The track {path} cannot be read as CSV: {error}."
        raise UnreadableError(message) from error
    finally:
        csv.field_size_limit(usual)
    return list(reader.fieldnames or []), skipped + 2, rows


def columns_of_position(
    path: Path, names: list[str], rules: ReadingRules
) -> dict[str, str]:
    """Field -> column, with a position among them.

    Raises:
        UsageError: if the rules name an unknown field.
        MissingDataError: if there is no column of position.
    """
    fields = match_columns(names, rules.columns)
    missing = [field for field in ("lat", "lon") if field not in fields]
    if missing and "geometry" not in fields:
        wanted = ", ".join(ALIASES[missing[0]])
        # Names of strangers: any length, any character.
        shown = [" ".join(name.split())[:40] for name in names[:MOST_NAMES]]
        more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
        message = (
            f"The track {path} has no column for {' and '.join(missing)}; it has "
            f"{', '.join(shown)}{more}. Name one of them ({wanted}) or map it, such as "
            f"--columns {missing[0]}={shown[0] if shown else 'COLUMN'}."
        )
        raise MissingDataError(message)
    return fields

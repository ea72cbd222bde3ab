"""Tracks in CSV: one row a fix, columns found by name, optionally gzipped.

Comma, semicolon, tab or bar; decimal commas where the comma is not the separator.
"""

import csv
import gzip
import io
import zlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from dataset_tools.errors import MissingDataError, UnreadableError
from dataset_tools.records import Fix, Outcome, Rejection
from dataset_tools.tracks.fixes import ALIASES, fix_from_row, is_blank, match_columns

DELIMITERS = ",;\t|"


def read_csv(path: Path, *, columns: Mapping[str, str] | None = None) -> Outcome[Fix]:
    """The fixes of a CSV file, in file order within each session.

    Args:
        path: `.csv`, `.tsv` or `.txt`, also with `.gz`.
        columns: field -> column, for names that no alias covers; the fields are
            lat, lon, time, altitude, heading, hdop, fix and session.

    Raises:
        MissingDataError: if the file or a column of position is not there.
        UnreadableError: if the file is no text, or its compression is broken.
    """
    session_of_file = path.name.split(".")[0]
    outcome: Outcome[Fix] = Outcome()
    counts: Counter[str] = Counter()
    fields: dict[str, str] = {}
    for line, record in enumerate(_records(path), start=2):
        fields = fields or _fields(path, list(record), columns)
        row = {field: record.get(name) for field, name in fields.items()}
        session = row.pop("session", None)
        session_id = session_of_file if is_blank(session) else str(session).strip()
        found = fix_from_row(
            row,
            item=f"{path.name}:{line}",
            session_id=session_id,
            order=counts[session_id],
        )
        counts[session_id] += 1
        if isinstance(found, Rejection):
            outcome.rejected.append(found)
        else:
            outcome.kept.append(found)
    return outcome


def _records(path: Path) -> list[dict[str, str | None]]:
    try:
        packed = path.read_bytes()
        data = gzip.decompress(packed) if path.suffix == ".gz" else packed
        text = data.decode("utf-8-sig")
    except FileNotFoundError:
        message = f"There is no track file {path}."
        raise MissingDataError(message) from None
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        message = f"The track {path} cannot be read as UTF-8 CSV: {error}."
        raise UnreadableError(message) from error
    if not text.strip():
        message = f"The track {path} is empty; a header and one row a fix are expected."
        raise UnreadableError(message)
    header = text.lstrip().split("\n", 1)[0]
    # The separator is the candidate that the header holds most often.
    delimiter = max(DELIMITERS, key=header.count)
    try:
        lines = io.StringIO(text.lstrip(), newline="")
        reader = csv.DictReader(lines, delimiter=delimiter, restkey="")
        return list(reader)
    except csv.Error as error:
        message = f"The track {path} cannot be read as CSV: {error}."
        raise UnreadableError(message) from error


def _fields(
    path: Path, names: list[str], columns: Mapping[str, str] | None
) -> dict[str, str]:
    fields = match_columns(names, columns)
    missing = [field for field in ("lat", "lon") if field not in fields]
    if missing:
        wanted = ", ".join(ALIASES[missing[0]])
        message = (
            f"The track {path} has no column for {' and '.join(missing)}; it has "
            f"{', '.join(names)}. Name one of them ({wanted}) or map it explicitly."
        )
        raise MissingDataError(message)
    return fields

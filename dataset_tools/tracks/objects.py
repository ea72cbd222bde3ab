"""Tracks as JSON objects, one a fix: logs of apps, services and map matchers.

A list of objects, an object that holds such a list, or one object a line. Keys are
found by name as in CSV, inner ones by `outer.inner`; a position may be WKT or GeoJSON.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from dataset_tools.errors import UnreadableError
from dataset_tools.records import Fix, Outcome, Rejection
from dataset_tools.tracks.csv import columns_of_position
from dataset_tools.tracks.files import load_json, track_text
from dataset_tools.tracks.fixes import RowReader, is_blank, rejection
from dataset_tools.tracks.rules import PLAIN, ReadingRules

DEEPEST = 4
"""Levels of objects within objects that are looked into."""
KEPT_WHOLE = ("coordinates",)
"""An object with this key is a geometry, and stays one value."""


def read_objects(path: Path, rules: ReadingRules = PLAIN) -> Outcome[Fix]:
    """The fixes of a JSON file, in file order within each session.

    Args:
        path: `.json` or, one object a line, `.jsonl` or `.ndjson`; also with `.gz`.
        rules: keys, units and zone that the file does not tell.

    Raises:
        MissingDataError: if the file or a key of position is not there.
        UnreadableError: if it is no JSON of objects.
    """
    plain = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    if plain.suffix.lower() in (".jsonl", ".ndjson"):
        return fixes_of_objects(path, _lines(path), rules)
    return fixes_of_objects(path, load_json(path), rules)


def fixes_of_objects(path: Path, document: Any, rules: ReadingRules) -> Outcome[Fix]:
    """The fixes of a JSON document that was read from a file.

    Raises:
        MissingDataError: if a key of position is not there.
        UnreadableError: if it holds no objects.
    """
    found = _objects(document)
    if not found:
        message = (
            f"The file {path} holds no list of objects; one object a fix is expected."
        )
        raise UnreadableError(message)
    rows = [_flat(entry) if isinstance(entry, dict) else None for entry in found]
    names = list(dict.fromkeys(name for row in rows if row for name in row))
    fields = columns_of_position(path, names, rules)
    reader = RowReader(rules, fields)
    stem = path.name.split(".")[0]
    outcome: Outcome[Fix] = Outcome()
    counts: Counter[str] = Counter()
    for index, flat in enumerate(rows):
        item = f"{path.name}#{index}"
        if flat is None:
            fault = ("no-object", type(found[index]).__name__, "a JSON object")
            outcome.rejected.append(rejection(item, fault))
            continue
        row = {field: flat[name] for field, name in fields.items() if name in flat}
        session = row.pop("session", None)
        session_id = stem if is_blank(session) else str(session).strip()
        vertices = reader.rows(row)
        for k, vertex in enumerate(vertices):
            fix = reader.fix(
                vertex,
                item=item + (f".{k}" if len(vertices) > 1 else ""),
                session_id=session_id,
                order=counts[session_id],
            )
            counts[session_id] += 1
            if isinstance(fix, Rejection):
                outcome.rejected.append(fix)
            else:
                outcome.kept.append(fix)
    return outcome


def _lines(path: Path) -> list[Any]:
    entries = []
    for number, line in enumerate(track_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            entries.append(json.loads(line))
        except (ValueError, RecursionError) as error:
            message = f"Line {number} of {path} cannot be read as JSON: {error}."
            raise UnreadableError(message) from error
    return entries


def _objects(document: Any) -> list[Any]:
    """The list of objects in a document: itself, or the longest that it holds."""
    if isinstance(document, list):
        return document if any(isinstance(e, dict) for e in document) else []
    if not isinstance(document, dict):
        return []
    lists = [_objects(value) for value in document.values() if isinstance(value, list)]
    return max(lists, key=len, default=[])


def _flat(entry: dict[str, Any], prefix: str = "", depth: int = 1) -> dict[str, object]:
    """Keys of inner objects as `outer.inner`."""
    flat: dict[str, object] = {}
    for key, value in entry.items():
        name = f"{prefix}{key}"
        inner = isinstance(value, dict) and not any(k in value for k in KEPT_WHOLE)
        if inner and depth < DEEPEST:
            flat.update(_flat(value, f"{name}.", depth + 1))
        else:
            flat[name] = value
    return flat

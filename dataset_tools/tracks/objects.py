"""Tracks as JSON objects, one a fix: logs of apps, services and map matchers.

A list of objects, an object that holds such a list, or one object a line. Keys are
found by name as in CSV, inner ones by `outer.inner`; a position may be WKT or GeoJSON.
"""

import json
from pathlib import Path
from typing import Any

from dataset_tools.errors import UnreadableError
from dataset_tools.records import Fix, Outcome
from dataset_tools.tracks.csv import columns_of_position
from dataset_tools.tracks.files import load_json, track_text
from dataset_tools.tracks.fixes import RowReader, rejection
from dataset_tools.tracks.rules import PLAIN, ReadingRules
from dataset_tools.tracks.tables import fixes_of_rows

DEEPEST = 4
"""Levels of objects within objects that are looked into."""
KEPT_WHOLE = ("coordinates",)
"""An object with this key is a geometry, and stays one value."""


def read_objects(path: Path, rules: ReadingRules = PLAIN) -> Outcome[Fix]:
    """The fixes of a JSON file, within each session in the order of `fixes_of_rows`.

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
    flats = [_flat(entry) if isinstance(entry, dict) else None for entry in found]
    names = list(dict.fromkeys(name for flat in flats if flat for name in flat))
    fields = columns_of_position(path, names, rules)
    rejected = [
        rejection(
            f"{path.name}#{i}", ("no-object", type(entry).__name__, "a JSON object")
        )
        for i, entry in enumerate(found)
        if not isinstance(entry, dict)
    ]
    rows = (
        (
            f"{path.name}#{i}",
            {field: flat[name] for field, name in fields.items() if name in flat},
        )
        for i, flat in enumerate(flats)
        if flat is not None
    )
    outcome = fixes_of_rows(rows, RowReader(rules, fields), path.name.split(".")[0])
    outcome.rejected.extend(rejected)
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

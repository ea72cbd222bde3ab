"""Published rows: what papers print, to stand beside what was measured here.

A row is a copy of a printed table and never an own measurement; tables tell the two
apart. Figures in files are per cent, as printed; here they are fractions.

The catalogue is `rows.csv`, one line a row, and `cells.csv`, one line a figure with the
source that prints it.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path

from geobench.errors import DataError, RegistryError, SchemaError, closest

METRICS = {
    "r_at_1": "recall@1",
    "r_at_5": "recall@5",
    "r_at_10": "recall@10",
    "r_at_1pct": "recall@1pct",
    "hit_rate": "hit_rate",
}


@dataclass(frozen=True, kw_only=True)
class PublishedRow:
    """One printed row."""

    method: str
    metrics: Mapping[str, float]
    """Metric name to a fraction in [0, 1]; what was not printed is absent."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Every other column: polar, split, trained_on, remark, source."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """Metric name to what prints its figure, for rows of the catalogue."""


@cache
def catalogue() -> dict[str, PublishedRow]:
    """Every row of the catalogue by its name, such as "cvusa/geodtr-polar-ls".

    Raises:
        SchemaError: if a figure is no percentage.
    """
    figures: dict[str, dict[str, tuple[float, str]]] = {}
    for cell in _lines("cells.csv"):
        where = f"cells.csv, {cell['row']} {cell['metric']}"
        value = _percent(cell["per_cent"], where)
        figures.setdefault(cell["row"], {})[cell["metric"]] = value, cell["source"]
    return {
        row["row"]: PublishedRow(
            method=row["method"],
            metrics={m: value for m, (value, _) in figures[row["row"]].items()},
            attributes={
                k: v for k, v in row.items() if k not in ("row", "method") and v
            },
            sources={m: source for m, (_, source) in figures[row["row"]].items()},
        )
        for row in _lines("rows.csv")
    }


def find_row(name: str) -> PublishedRow:
    """A row of the catalogue.

    Raises:
        RegistryError: if there is none; the message names the closest.
    """
    rows = catalogue()
    if name not in rows:
        raise RegistryError(
            f"No published row is called {name!r}. {closest(name, rows)}"
        )
    return rows[name]


def _lines(name: str) -> list[dict[str, str]]:
    with files("geobench.published").joinpath(name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read_published(path: Path) -> list[PublishedRow]:
    """The rows of one CSV file with a column `method` and figures in per cent.

    Raises:
        DataError: if there is no such file.
        SchemaError: if it has no column `method`, or a figure is no percentage.
    """
    if not path.is_file():
        raise DataError(f"{path} does not exist, expected a CSV of published rows.")
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        if "method" not in (reader.fieldnames or []):
            raise SchemaError(f"{path} has no column 'method'; name one row's method.")
        return [_row(line, f"{path}, line {reader.line_num}") for line in reader]


def _row(line: dict[str, str], where: str) -> PublishedRow:
    metrics = {}
    for column, name in METRICS.items():
        text = (line.get(column) or "").strip()
        if text:
            metrics[name] = _percent(text, f"{where}, {column}")
    named = {"method", *METRICS}
    rest = {k: v for k, v in line.items() if k and k not in named and v}
    return PublishedRow(method=line["method"], metrics=metrics, attributes=rest)


def _percent(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 100.0:
        raise SchemaError(f"{where}: {text!r} is no percentage from 0 to 100.")
    return value / 100.0

"""The run's tables as the page shows them, read from RUN/tables/*.csv.

The page repeats what `geobench table` wrote, so that both always say the same. A
value `x` with `x_low` and `x_high` beside it becomes one cell with its interval.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

NAMES = ("same-area", "cross-area", "sequence-length", "efficiency")
MAX_ROWS = 2000
FRACTIONS = ("recall@", "hit_rate", "map")
"""Columns that start so hold fractions, and are shown in percent."""
SHORT = {
    "recall@": "R@",
    "median_rank": "median rank",
    "error_m_median": "median error, m",
    "hit_rate": "hit rate",
    "map": "mAP",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell: its text, the interval below it, and whether it is a number."""

    text: str
    interval: str = ""
    number: bool = False
    best: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PageTable:
    """One table of the page."""

    columns: list[str]
    rows: list[list[Cell]]
    cut: int = 0
    """Rows left out because the table is too long for a page."""


def read_page_table(path: Path) -> PageTable | None:
    """The table of a CSV file, or None if there is no such file or no row."""
    if not path.is_file():
        return None
    with path.open(newline="", encoding="utf-8") as file:
        lines = [line for line in csv.reader(file) if line]
    if len(lines) < 2:
        return None
    head, body = lines[0], lines[1 : MAX_ROWS + 1]
    shown = [i for i, name in enumerate(head) if not _is_end(name, head)]
    rows = [[_cell(head, line, i) for i in shown] for line in body]
    return PageTable(
        columns=[short_name(head[i]) for i in shown],
        rows=rows,
        cut=len(lines) - 1 - len(body),
    )


def short_name(column: str) -> str:
    """A column's heading.

    >>> short_name("recall@1_within_25m"), short_name("median_rank")
    ('R@1 within 25m', 'median rank')
    """
    for long, short in SHORT.items():
        if column == long or (long.endswith("@") and column.startswith(long)):
            column = column.replace(long, short, 1)
            break
    return column.replace("1pct", "1 %").replace("_", " ")


def _is_end(name: str, head: list[str]) -> bool:
    """Whether a column is the low or high end of another one's interval."""
    stem, _, end = name.rpartition("_")
    return end in ("low", "high") and stem in head


def _cell(head: list[str], line: list[str], index: int) -> Cell:
    name = head[index]
    value = _number(line, index)
    if value is None:
        text = line[index] if index < len(line) else ""
        return Cell(text=text.removeprefix("'"))
    ends = [
        _number(line, head.index(f"{name}_{end}")) if f"{name}_{end}" in head else None
        for end in ("low", "high")
    ]
    scale = 100.0 if name.startswith(FRACTIONS) else 1.0
    interval = ""
    if ends[0] is not None and ends[1] is not None:
        interval = f"{scale * ends[0]:.1f} to {scale * ends[1]:.1f}"
    return Cell(text=_text(value, name), interval=interval, number=True)


def _number(line: list[str], index: int) -> float | None:
    try:
        return float(line[index])
    except (ValueError, IndexError):
        return None


def _text(value: float, name: str) -> str:
    if name.startswith(FRACTIONS):
        return f"{100 * value:.1f}"
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}".replace(",", "\u2009")
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"

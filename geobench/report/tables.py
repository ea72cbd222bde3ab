"""The run's tables as the page shows them: those of `geobench table`, cell by cell.

Nothing is computed or rounded here, so that page, markdown and LaTeX say the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from geobench.table import make_table
from geobench.table_formats import Cell, Column, shown

NAMES = ("same-area", "cross-area", "sequence-length", "strata", "efficiency")
MAX_ROWS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class PageCell:
    """One cell: its text, the interval below it, and whether it is a number."""

    text: str
    interval: str = ""
    number: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PageTable:
    """One table of the page."""

    columns: list[str]
    rows: list[list[PageCell]]
    notes: list[str] = field(default_factory=list)
    ruled: int | None = None
    """Row above which a rule stands: the first of the floors."""
    cut: int = 0
    """Rows left out because the table is too long for a page."""


def page_table(results: Sequence[Mapping[str, Any]], kind: str) -> PageTable | None:
    """One table of the results, or None if none of them belongs to it.

    Args:
        results: objects of result files.
        kind: one of `NAMES`.
    """
    table = make_table(results, kind)
    if not table.rows:
        return None
    return PageTable(
        columns=[column.heading for column in table.columns],
        rows=[
            [_cell(c, column) for c, column in zip(row, table.columns, strict=True)]
            for row in table.rows[:MAX_ROWS]
        ],
        notes=list(table.notes),
        ruled=table.ruled,
        cut=max(0, len(table.rows) - MAX_ROWS),
    )


def _cell(cell: Cell, column: Column) -> PageCell:
    text = shown(cell, column)
    if column.kind == "text":
        return PageCell(text=text)
    value, bracket, rest = text.partition(" [")
    return PageCell(text=value, interval=bracket.strip() + rest, number=True)

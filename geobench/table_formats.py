"""One table, three scripts: markdown for people, CSV for programs, LaTeX for papers.

Names in results may come from strangers. A CSV cell never starts a formula, and what
markdown or LaTeX would obey is escaped.
"""

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["text", "fraction", "number", "count"]

UNKNOWN = "\N{EN DASH}"
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    UNKNOWN: "--",
}
_MARKDOWN = {"\\": "\\\\", "|": "\\|", "<": "&lt;", "*": "\\*", "`": "\\`"}


@dataclass(frozen=True)
class Column:
    """One column: the name programs use, the heading people read."""

    name: str
    heading: str
    kind: Kind = "text"
    interval: bool = False
    """Whether CSV carries `name_low` and `name_high` beside it."""


@dataclass(frozen=True)
class Cell:
    """A text, or a number that may have an interval; both None where unknown."""

    text: str | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Table:
    """Columns, rows of cells in their order, and what must be said below them."""

    name: str
    title: str
    columns: list[Column]
    rows: list[list[Cell]]
    notes: list[str] = field(default_factory=list)
    ruled: int | None = None
    """Row above which LaTeX draws a rule: the first of the floors."""


def to_markdown(table: Table) -> str:
    """Aligned columns, readable in a terminal too."""
    body = [[c.heading for c in table.columns]]
    for row in table.rows:
        cells = zip(row, table.columns, strict=True)
        body.append([_escape(shown(cell, column), _MARKDOWN) for cell, column in cells])
    widths = [
        max(3, *(len(line[i]) for line in body)) for i in range(len(table.columns))
    ]
    left = [c.kind == "text" for c in table.columns]
    lines = [
        "| "
        + " | ".join(
            text.ljust(width) if is_left else text.rjust(width)
            for text, width, is_left in zip(line, widths, left, strict=True)
        )
        + " |"
        for line in body
    ]
    rule = "|".join(
        ":" + "-" * (w + 1) if is_left else "-" * (w + 1) + ":"
        for w, is_left in zip(widths, left, strict=True)
    )
    lines.insert(1, f"|{rule}|")
    notes = [_escape(note, {"<": "&lt;"}) for note in table.notes]
    return "\n".join([f"## {table.title}", "", *lines, "", *_paragraphs(notes)])


def to_csv(table: Table) -> str:
    """Full precision, fractions in [0, 1], ends of intervals as own columns."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    head: list[str] = []
    for column in table.columns:
        ends = [f"{column.name}_low", f"{column.name}_high"] if column.interval else []
        head += [column.name, *ends]
    writer.writerow([guarded(name) for name in head])
    for row in table.rows:
        line: list[str] = []
        for cell, column in zip(row, table.columns, strict=True):
            if column.kind == "text":
                line.append(guarded(cell.text or ""))
                continue
            line.append(_plain(cell.value, column))
            if column.interval:
                line += [_plain(cell.low, column), _plain(cell.high, column)]
        writer.writerow(line)
    return out.getvalue()


def to_latex(table: Table) -> str:
    """A booktabs table with its notes as caption."""
    align = "".join("l" if c.kind == "text" else "r" for c in table.columns)
    caption = " ".join([f"{table.title}.", *table.notes])
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{_escape(caption, _LATEX)}}}",
        rf"\begin{{tabular}}{{{align}}}",
        r"\toprule",
        _latex_line([c.heading for c in table.columns]),
        r"\midrule",
    ]
    for at, row in enumerate(table.rows):
        if at == table.ruled and at > 0:
            lines.append(r"\midrule")
        cells = zip(row, table.columns, strict=True)
        lines.append(_latex_line([shown(cell, column) for cell, column in cells]))
    lines += [r"\bottomrule", r"\end{tabular}", r"\end{table}", ""]
    return "\n".join(lines)


FORMATS: dict[str, Callable[[Table], str]] = {
    "md": to_markdown,
    "csv": to_csv,
    "tex": to_latex,
}


def shown(cell: Cell, column: Column) -> str:
    """A cell as people read it.

    >>> column = Column("recall@1", "R@1", "fraction", interval=True)
    >>> shown(Cell(value=0.637, low=0.5811, high=0.69), column)
    '63.7 [58.1, 69.0]'
    """
    if column.kind == "text":
        return cell.text or UNKNOWN
    if cell.value is None:
        return UNKNOWN
    text = _number(cell.value, column)
    if cell.low is None or cell.high is None:
        return text
    return f"{text} [{_number(cell.low, column)}, {_number(cell.high, column)}]"


def guarded(text: str) -> str:
    """A text that no spreadsheet takes for a formula.

    >>> guarded("=1+1"), guarded("safa")
    ("'=1+1", 'safa')
    """
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA_STARTS) else text


def _number(value: float, column: Column) -> str:
    if column.kind == "count":
        return f"{round(value):d}"
    return f"{100 * value:.1f}" if column.kind == "fraction" else f"{value:.1f}"


def _plain(value: float | None, column: Column) -> str:
    if value is None:
        return ""
    return f"{round(value):d}" if column.kind == "count" else repr(float(value))


def _latex_line(cells: list[str]) -> str:
    return " & ".join(_escape(text, _LATEX) for text in cells) + r" \\"


def _escape(text: str, rules: dict[str, str]) -> str:
    one_line = " ".join(text.split())
    return "".join(rules.get(letter, letter) for letter in one_line)


def _paragraphs(notes: list[str]) -> list[str]:
    return [line for note in notes for line in (note, "")]

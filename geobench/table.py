"""Tables from a folder of results: same-area, cross-area, sequence-length and others.

A table only repeats what result files say. Floors stand below the trained models,
partial results stay out and are counted, and every table says how its intervals were
drawn.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from geobench.errors import ConfigError, closest
from geobench.results import read_results, write_whole
from geobench.table_formats import FORMATS, Cell, Column, Table

Result = Mapping[str, Any]
Labels = Mapping[int, str]

FLOORS = ("linear_probe", "colour_histogram", "random_embedding")
"""Models that any trained one must beat; in this order at the foot of a table."""
KEEPS = ("centre-out", "first", "random")
METRIC_COLUMNS = [
    Column("recall@1", "R@1", "fraction", interval=True),
    Column("recall@5", "R@5", "fraction", interval=True),
    Column("recall@10", "R@10", "fraction", interval=True),
    Column("recall@1pct", "R@1%", "fraction", interval=True),
    Column("recall@1_within_25m", "R@1<25m", "fraction", interval=True),
    Column("error_m_median", "median error, m", "number", interval=True),
]
COUNT_COLUMNS = [
    Column("queries", "n", "count"),
    Column("references", "gallery", "count"),
    Column("tied_queries", "ties", "count"),
]
NAMES = [Column("model", "model"), Column("test", "tested on")]
UNITS = {"cell": "square cells", "session": "sessions", "query": "single queries"}


def write_tables(results: Path, out: Path) -> list[Path]:
    """Write every table that the results fill, in every format.

    Args:
        results: folder of result files.
        out: folder to write `KIND.md`, `KIND.csv` and `KIND.tex` to.

    Returns:
        The files written; a kind without a result gives none.
    """
    out.mkdir(parents=True, exist_ok=True)
    found = [content for _, content in read_results(results)]
    written = []
    for kind in KINDS:
        table = make_table(found, kind)
        if not table.rows:
            continue
        for suffix, render in FORMATS.items():
            path = out / f"{kind}.{suffix}"
            _write(path, render(table))
            written.append(path)
    return written


def make_table(results: Sequence[Result], kind: str) -> Table:
    """One table of the results' objects.

    Args:
        results: objects of result files, in any order.
        kind: one of `KINDS`.

    Returns:
        The table; without rows where no result belongs to it.

    Raises:
        ConfigError: if no table is of that kind.
    """
    if kind not in KINDS:
        raise ConfigError(f"No table is called {kind!r}. {closest(kind, KINDS)}")
    mine = [r for r in results if r["model"] is not None and _belongs(r, kind)]
    whole = [r for r in mine if not r["partial"]]
    table = KINDS[kind](sorted(whole, key=_order))
    left_out = len(mine) - len(whole)
    if left_out:
        table.notes.append(f"{left_out} partial results are left out.")
    return table


def label_of(result: Result) -> str:
    """A model's name, with what the query was where a model knows two kinds."""
    query = result["model"]["variant"].get("query")
    name = str(result["model"]["name"])
    return f"{name} ({query})" if query else name


def tested_on(result: Result) -> str:
    """The pack a result was measured on; open galleries are told apart."""
    place = str((result["pack"] or {}).get("name", "") or result["task"]["id"])
    is_open = str(result["task"].get("gallery", "")).endswith("-open")
    return f"{place}, open gallery" if is_open else place


def is_floor(result: Result) -> bool:
    """Whether a result is one of the floors'."""
    return result["model"]["name"] in FLOORS


def summary(result: Result) -> str:
    """A result's numbers as lines for the terminal."""
    shares = ("recall@", "hit_rate", "map")
    lines = []
    for name, cell in result["metrics"].items():
        scale, unit = (100.0, " %") if name.startswith(shares) else (1.0, "")
        text = f"{scale * cell['value']:.1f}{unit}"
        if cell["low"] is not None:
            text += f"  [{scale * cell['low']:.1f}, {scale * cell['high']:.1f}]"
        lines.append(f"{name:<22} {text}")
    counts = result["counts"]
    lines.append(
        f"{counts['queries']} queries, {counts['references']} references, "
        f"{counts['tied_queries']} tied"
    )
    lines += [f"{n} excluded: {why}" for why, n in sorted(counts["excluded"].items())]
    if result["partial"]:
        lines.append("Partial: not all queries were embedded.")
    return "\n".join(lines)


def _write(path: Path, text: str) -> None:
    write_whole(path, lambda file: file.write(text.encode()))


def _belongs(result: Result, kind: str) -> bool:
    protocol = result["task"]["protocol"]
    if kind == "strata":
        return protocol in ("same-area", "cross-area") and bool(result.get("strata"))
    return bool(protocol == ("same-area" if kind == "efficiency" else kind))


def _order(result: Result) -> tuple[int, int, str, float, str, str]:
    """Trained models by task and falling R@1, floors last in their own order."""
    name = result["model"]["name"]
    first = result["metrics"].get("recall@1", {"value": 0.0})["value"]
    rank = FLOORS.index(name) if name in FLOORS else -1
    task = result["task"]
    return int(rank >= 0), rank, task["id"], -first, label_of(result), result["created"]


def _area_table(results: list[Result], *, cross: bool) -> Table:
    switches = [Column("switches", "differs in")] if cross else []
    labels = _labels(results)
    rows = [
        [
            Cell(labels[at]),
            Cell(tested_on(r)),
            *([Cell(", ".join(r["task"].get("switches", ())))] if cross else []),
            *_metric_cells(r["metrics"]),
            *_count_cells(r["counts"]),
        ]
        for at, r in enumerate(results)
    ]
    return Table(
        name="cross-area" if cross else "same-area",
        title="Cross-area" if cross else "Same-area",
        columns=[*NAMES, *switches, *METRIC_COLUMNS, *COUNT_COLUMNS],
        rows=rows,
        notes=_notes(results),
        ruled=_first_floor(results),
    )


def _length_table(results: list[Result]) -> Table:
    """A row per model and number of frames, a column per choice of frames."""
    grid: dict[tuple[str, str, str, int], dict[str, Result]] = {}
    for result in results:
        frames = result["task"].get("frames")
        if frames:
            who = (label_of(result), tested_on(result), result["model"]["revision"])
            grid.setdefault((*who, frames["count"]), {})[frames["keep"]] = result
    revisions = Counter(label for label, _ in {(k[0], k[2]) for k in grid})
    rows = []
    for (label, test, revision, count), cells in sorted(grid.items()):
        unique = label if revisions[label] == 1 else f"{label} {revision}"
        recalls = [
            _cell(cells[k]["metrics"], "recall@1") if k in cells else Cell()
            for k in KEEPS
        ]
        counts = _count_cells(next(iter(cells.values()))["counts"])
        rows.append(
            [Cell(unique), Cell(test), Cell(value=count), *recalls, *counts[:2]]
        )
    keeps = [
        Column(f"recall@1 {k}", f"R@1 {k}", "fraction", interval=True) for k in KEEPS
    ]
    return Table(
        name="sequence-length",
        title="Variable sequence length",
        columns=[
            *NAMES,
            Column("frames", "frames", "count"),
            *keeps,
            *COUNT_COLUMNS[:2],
        ],
        rows=rows,
        notes=_notes(results),
    )


def _strata_table(results: list[Result]) -> Table:
    labels = _labels(results)
    rows = []
    for at, result in enumerate(results):
        for stratum, part in sorted(result["strata"].items()):
            cells = _metric_cells(part["metrics"])
            names = [Cell(labels[at]), Cell(tested_on(result)), Cell(stratum)]
            rows.append([*names, *cells, Cell(value=part["queries"])])
    return Table(
        name="strata",
        title="By stratum",
        columns=[
            *NAMES,
            Column("stratum", "stratum"),
            *METRIC_COLUMNS,
            COUNT_COLUMNS[0],
        ],
        rows=rows,
        notes=_notes(results),
    )


def _efficiency_table(results: list[Result]) -> Table:
    labels = _labels(results)
    rows = []
    for at, result in enumerate(results):
        cost, counts = result["cost"], result["counts"]
        pictures = counts["queries"] + counts["references"]
        seconds = cost.get("embed_s", 0.0)
        memory = cost.get("peak_memory_bytes", 0) / 2**20
        rows.append(
            [
                Cell(labels[at]),
                Cell(tested_on(result)),
                Cell(value=result["model"].get("parameters", 0)),
                Cell(value=pictures / seconds if seconds > 0 else None),
                Cell(value=cost.get("retrieve_s")),
                Cell(value=memory if memory > 0 else None),
                _cell(result["metrics"], "recall@1"),
            ]
        )
    columns = [
        *NAMES,
        Column("parameters", "parameters", "count"),
        Column("items_per_s", "items/s", "number"),
        Column("retrieve_s", "retrieval, s", "number"),
        Column("peak_memory_mib", "peak memory, MiB", "number"),
        METRIC_COLUMNS[0],
    ]
    devices = sorted({r["environment"].get("device", "") for r in results} - {""})
    notes = [f"Measured on {', '.join(devices)}."] if devices else []
    return Table(
        "efficiency", "Efficiency", columns, rows, notes, _first_floor(results)
    )


KINDS: dict[str, Callable[[list[Result]], Table]] = {
    "same-area": lambda results: _area_table(results, cross=False),
    "cross-area": lambda results: _area_table(results, cross=True),
    "sequence-length": _length_table,
    "strata": _strata_table,
    "efficiency": _efficiency_table,
}


def _labels(results: Sequence[Result]) -> Labels:
    """Row number to label; the revision tells apart what else would look the same."""
    plain = [(label_of(r), r["task"]["id"]) for r in results]
    often = Counter(plain)
    return {
        at: name[0]
        if often[name] == 1
        else f"{name[0]} {results[at]['model']['revision']}"
        for at, name in enumerate(plain)
    }


def _cell(metrics: Mapping[str, Any], name: str) -> Cell:
    found = metrics.get(name)
    if found is None:
        return Cell()
    return Cell(value=found["value"], low=found["low"], high=found["high"])


def _metric_cells(metrics: Mapping[str, Any]) -> list[Cell]:
    return [_cell(metrics, column.name) for column in METRIC_COLUMNS]


def _count_cells(counts: Mapping[str, Any]) -> list[Cell]:
    return [Cell(value=counts[column.name]) for column in COUNT_COLUMNS]


def _first_floor(results: Sequence[Result]) -> int | None:
    return next((at for at, r in enumerate(results) if is_floor(r)), None)


def _exclusion_notes(results: Sequence[Result]) -> list[str]:
    """How many queries of a task count for no model, by reason."""
    # Every model of a task excludes the same queries, so a range over tasks is told
    # and not a sum over rows.
    counts: dict[str, set[int]] = {}
    for result in results:
        for why, n in result["counts"]["excluded"].items():
            counts.setdefault(why, set()).add(n)
    return [
        f"Excluded in each task: {min(n)} to {max(n)} queries, {why}."
        if len(n) > 1
        else f"Excluded in each task: {min(n)} queries, {why}."
        for why, n in sorted(counts.items())
    ]


def _notes(results: Sequence[Result]) -> list[str]:
    """What a reader must know: tasks, galleries, intervals, exclusions, floors."""
    if not results:
        return []
    tasks = sorted({f"{r['task']['id']}@v{r['task']['version']}" for r in results})
    galleries = sorted({str(r["task"].get("gallery", "")) for r in results} - {""})
    notes = [f"Tasks: {', '.join(tasks)}."]
    if galleries:
        notes.append(f"Gallery: {', '.join(galleries)}. Recall in per cent.")
    notes += _interval_notes(results)
    notes += _exclusion_notes(results)
    floors = [
        name for name in FLOORS if any(r["model"]["name"] == name for r in results)
    ]
    if floors:
        notes.append(f"Floors: {', '.join(floors)}.")
    return notes


def _interval_notes(results: Sequence[Result]) -> list[str]:
    ways = set()
    for result in results:
        how = result.get("interval", {})
        if how.get("unit"):
            side = f" of {how['cell_m']:g} m" if how.get("cell_m") else ""
            ways.add(f"{how['units']} {UNITS[how['unit']]}{side}")
    if not ways:
        return []
    return [f"[low, high]: 95 % interval, drawn over {'; '.join(sorted(ways))}."]

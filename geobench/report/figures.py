"""Figures of a report as PNG files: R@1 bars per region, R@1 over frames.

Drawn on white with dark text, so that they read alike on a light and a dark page.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from geobench.report.sources import Entry, Interval
from geobench.results import write_whole

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe and Ito's colours, told apart under the common colour deficiencies."""
FLOOR_COLOUR = "#9aa3ad"
MARKERS = ("o", "s", "^", "D", "v", "P")
INK = "#1c2733"
PANEL_COLUMNS = 3


def colour_of(labels: Sequence[str]) -> dict[str, str]:
    """A colour for each label, by its place in the sorted list."""
    unique = sorted(set(labels))
    return {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(unique)}


def draw_bars(entries: list[Entry], path: Path) -> Path | None:
    """Bars of R@1 with 95 % intervals, one panel a task and region.

    Args:
        entries: results of the protocols to show; floors are drawn grey.
        path: the PNG to write.

    Returns:
        The path, or None if no entry has R@1.
    """
    panels = _panels(entries)
    if not panels:
        return None
    colours = colour_of([e.label for e in entries if not e.is_floor])
    figure, axes = _grid([len(rows) for _, rows in panels])
    for axis, (title, rows) in zip(axes, panels, strict=False):
        for place, entry in enumerate(reversed(rows)):
            shade = FLOOR_COLOUR if entry.is_floor else colours[entry.label]
            _bar(axis, place, shade, _percent(entry))
        axis.set_yticks(range(len(rows)), [e.label for e in reversed(rows)])
        axis.set_title(title, fontsize=9, loc="left", fontweight="bold")
        axis.set_xlim(0, _reach(panels))
        axis.set_xlabel("R@1, %")
    return save_png(figure, path)


def draw_curve(entries: list[Entry], path: Path) -> Path | None:
    """R@1 against the number of frames, one panel a model and region.

    Args:
        entries: results of the sequence-length protocol, whose tasks say how
            many frames are kept and by which rule.
        path: the PNG to write.

    Returns:
        The path, or None if no entry says how many frames it saw.
    """
    usable = [e for e in entries if e.frames is not None and e.metric("recall@1")]
    if not usable:
        return None
    groups: dict[tuple[str, str], list[Entry]] = {}
    for entry in usable:
        groups.setdefault((entry.label, entry.pack_name), []).append(entry)
    rules = sorted({e.keep for e in usable})
    figure, axes = _grid([7] * len(groups), share_y=True)
    for axis, ((label, pack), rows) in zip(axes, sorted(groups.items()), strict=False):
        for index, rule in enumerate(rules):
            _line(axis, [e for e in rows if e.keep == rule], index)
        axis.set_title(f"{label} · {pack}", fontsize=9, loc="left", fontweight="bold")
        axis.set_xlabel("frames of the query")
        axis.set_xticks(sorted({e.frames or 0 for e in rows}))
        axis.set_ylim(bottom=0)
    axes[0].set_ylabel("R@1, %")
    axes[0].legend(title="frames kept", frameon=False, fontsize=8, title_fontsize=8)
    return save_png(figure, path)


def save_png(figure: Any, path: Path) -> Path:
    """Write a figure as PNG under a temporary name, then rename it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    plain = {"Software": None}  # no version inside, so equal results give equal bytes
    write_whole(
        path, lambda file: figure.savefig(file, format="png", dpi=110, metadata=plain)
    )
    return path


def _panels(entries: list[Entry]) -> list[tuple[str, list[Entry]]]:
    groups: dict[tuple[str, str, str], list[Entry]] = {}
    for entry in entries:
        if entry.metric("recall@1") is not None:
            key = (str(entry.task["protocol"]), entry.tested_on, str(entry.task["id"]))
            groups.setdefault(key, []).append(entry)
    order = sorted(groups, key=lambda k: (k[0] != "same-area", k))
    return [(f"{key[0]} · {key[1]}", groups[key]) for key in order]


def _reach(panels: list[tuple[str, list[Entry]]]) -> float:
    """One scale for all panels, so that regions compare, with room for the labels."""
    found = [_percent(entry) for _, rows in panels for entry in rows]
    return 1.25 * max([1.0, *(v.value for v in found), *(v.high or 0.0 for v in found)])


def _grid(heights: list[int], *, share_y: bool = False) -> tuple[Any, list[Any]]:
    """A figure of small panels, whose height follows the rows they hold."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = min(PANEL_COLUMNS, len(heights))
    rows = -(-len(heights) // columns)
    size = (3.6 * columns + 0.6, max(2.2, 0.28 * max(heights) + 1.0) * rows)
    figure = Figure(figsize=size, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    axes = (
        figure.subplots(rows, columns, squeeze=False, sharey=share_y).ravel().tolist()
    )
    for axis in axes[len(heights) :]:
        axis.set_visible(False)
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.spines[["left", "bottom"]].set_color("#c3ccd5")
        axis.tick_params(colors=INK, labelsize=8, length=0)
        axis.xaxis.label.set_size(8)
        axis.yaxis.label.set_size(8)
    return figure, axes


def _percent(entry: Entry) -> Interval:
    found = entry.metric("recall@1")
    assert found is not None  # _panels and draw_curve let no other entry through
    return Interval(
        value=100 * found.value,
        low=None if found.low is None else 100 * found.low,
        high=None if found.high is None else 100 * found.high,
    )


def _bar(axis: Any, place: int, shade: str, found: Interval) -> None:
    axis.barh(place, found.value, height=0.66, color=shade)
    end = found.value
    if found.low is not None and found.high is not None:
        spread = [
            [max(0.0, found.value - found.low)],
            [max(0.0, found.high - found.value)],
        ]
        axis.errorbar(found.value, place, xerr=spread, color=INK, lw=1.1, capsize=2.5)
        end = max(end, found.high)
    axis.annotate(
        f"{found.value:.1f} %",
        (end, place),
        xytext=(4, 0),
        textcoords="offset points",
        va="center",
        fontsize=7.5,
        color=INK,
    )


def _line(axis: Any, rows: list[Entry], index: int) -> None:
    if not rows:
        return
    rows = sorted(rows, key=lambda e: e.frames or 0)
    frames = [e.frames or 0 for e in rows]
    values = [_percent(e) for e in rows]
    colour = COLOURS[index % len(COLOURS)]
    axis.plot(
        frames,
        [v.value for v in values],
        color=colour,
        marker=MARKERS[index % len(MARKERS)],
        ms=4.5,
        lw=1.6,
        label=rows[0].keep,
    )
    bands = [
        (count, found.low, found.high)
        for count, found in zip(frames, values, strict=True)
        if found.low is not None and found.high is not None
    ]
    if len(bands) > 1:
        x, low, high = zip(*bands, strict=True)
        axis.fill_between(x, low, high, color=colour, alpha=0.13, lw=0)

"""Histograms of a pack: spacing, speed, heading, lengths, offsets, tile overlap."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dataset_tools.pack.card.facts import span
from dataset_tools.pack.card.figure import COLOURS, INK, SOFT, as_png, new_figure
from dataset_tools.pack.card.measures import Measures, measure
from dataset_tools.pack.read import Pack

BARS: Final = 30
SECTORS: Final = 24
BLUE: Final = COLOURS["train"]


def draw_histograms(pack: Pack) -> bytes:
    """A PNG of six histograms."""
    measures = measure(pack)
    figure = new_figure(11.5, 6.2, layout="constrained")
    panels = [
        ("Frame to the next of its session", "metres", measures.spacing_m),
        ("Speed", "kilometres an hour", measures.speed_mps * 3.6),
        None,
        ("Path of a sequence", "metres", measures.length_m),
        ("Query to the centre of its tile", "metres", measures.offset_m),
        ("Tile overlap", "per cent that one other tile covers", 100 * measures.overlap),
    ]
    for number, panel in enumerate(panels, start=1):
        if panel is None:
            _draw_headings(
                figure.add_subplot(2, 3, number, projection="polar"), measures
            )
        else:
            title, unit, values = panel
            _draw(figure.add_subplot(2, 3, number), values, title=title, unit=unit)
    return as_png(figure)


def _draw(axes: Any, values: npt.NDArray[np.float64], *, title: str, unit: str) -> None:
    axes.set_title(title, fontsize=10.5, color=INK, loc="left", pad=17)
    axes.set_xlabel(unit, fontsize=8.5, color=SOFT)
    axes.tick_params(labelsize=8, colors=SOFT)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if not len(values):
        axes.text(
            0.5, 0.5, "unknown", ha="center", transform=axes.transAxes, color=SOFT
        )
        axes.set_xticks([])
        axes.set_yticks([])
        return
    low, high = span(values)
    axes.hist(values, bins=BARS, range=(low, high), color=BLUE, alpha=0.85)
    axes.set_ylabel("items", fontsize=8.5, color=SOFT)
    axes.yaxis.get_major_locator().set_params(integer=True)
    middle = float(np.median(values))
    axes.axvline(middle, color=COLOURS["test"], linewidth=1.2)
    beyond = int((values > high).sum())
    told = f"{len(values):,} values, median {middle:,.4g}"
    told += f"; {beyond:,} beyond {high:,.4g}, to {values.max():,.4g}" if beyond else ""
    axes.text(0, 1.03, told, transform=axes.transAxes, fontsize=8, color=SOFT)


def _draw_headings(axes: Any, measures: Measures) -> None:
    heading = measures.heading_deg
    axes.set_theta_zero_location("N")
    axes.set_theta_direction(-1)
    axes.set_title("Heading of frames", fontsize=10.5, color=INK, pad=12)
    axes.set_rlabel_position(67.5)
    axes.tick_params(labelsize=8, colors=SOFT)
    axes.set_xticks(np.radians(np.arange(0, 360, 45)))
    axes.set_xticklabels(["N", "NE", "E", "SE", "S", "SW", "W", "NW"])
    width = 360.0 / SECTORS
    sector = np.floor((heading + width / 2) / width).astype(int) % SECTORS
    counts = np.bincount(sector, minlength=SECTORS)
    axes.bar(
        np.radians(np.arange(SECTORS) * width),
        counts,
        width=np.radians(width),
        color=BLUE,
        alpha=0.85,
        edgecolor="white",
        linewidth=0.5,
    )
    axes.yaxis.get_major_locator().base.set_params(nbins=3, integer=True)
    if not len(heading):
        axes.set_yticks([])
        axes.text(
            0.5, 0.5, "unknown", ha="center", transform=axes.transAxes, color=SOFT
        )

"""Everything that a card says of a pack, ready for JSON."""

import math
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from dataset_tools.geodesy import distance_m
from dataset_tools.pack.card.measures import measure
from dataset_tools.pack.format import GALLERIES, SPLITS
from dataset_tools.pack.read import Pack

SECTORS: Final = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")
BINS: Final = 8
"""About so many bars has a histogram of numbers."""
MOST_PERCENT: Final = 99.0
MOST_TIMES: Final = 4.0
FEWEST: Final = 50
"""What lies beyond this percentile, or so many times the 90th, is counted in one last
bar: a gap of a kilometre must not hide spacings of 8 m. Fewer than 50 values have no
outliers."""

Histogram = dict[str, int]


def card_facts(pack: Pack) -> dict[str, Any]:
    """Everything the card says, ready for JSON."""
    meta = pack.meta
    return {
        "name": pack.name,
        "content_sha256": pack.content_sha256,
        "encoding": pack.encoding,
        "private": bool(meta.get("private")),
        "preprocessing": meta.get("preprocessing"),
        "licences": meta["licences"],
        "counts": meta["counts"],
        "extent": _extent(pack),
        "captured": _captured(pack.tiles["captured"]),
        "splits": _splits(pack.splits),
        "strata": _counted(pack.sequences["stratum"]),
        "projections": _counted(pack.frames["projection"]),
        "seasons": _counted(pack.tiles["season"]),
        "rejections": meta["rejections"],
        "histograms": _histograms(pack),
        "made_by": meta["made_by"],
    }


def _extent(pack: Pack) -> dict[str, float] | None:
    both = pd.concat([pack.frames[["lat", "lon"]], pack.tiles[["lat", "lon"]]])
    both = both.dropna()
    if both.empty:
        return None
    south, north = float(both["lat"].min()), float(both["lat"].max())
    west, east = float(both["lon"].min()), float(both["lon"].max())
    middle = (south + north) / 2
    return {
        "south": south,
        "west": west,
        "north": north,
        "east": east,
        "width_m": float(distance_m(middle, west, middle, east)),
        "height_m": float(distance_m(south, west, north, west)),
    }


def _captured(dates: "pd.Series[Any]") -> dict[str, Any]:
    known = dates.dropna()
    if known.empty:
        return {"first": None, "last": None, "unknown": len(dates)}
    return {
        "first": known.min().isoformat(),
        "last": known.max().isoformat(),
        "unknown": int(dates.isna().sum()),
    }


def _splits(rows: pd.DataFrame) -> list[list[Any]]:
    counts = rows.groupby(["scheme", "split", "kind"]).size().reset_index(name="n")
    order = {s: i for i, s in enumerate((*SPLITS, "sequence", *GALLERIES))}
    counts = counts.sort_values(
        ["scheme", "split", "kind"], key=lambda c: c.map(order).fillna(-1)
    ).sort_values("scheme", kind="stable")
    return [[*map(str, row[:3]), int(row[3])] for row in counts.to_numpy().tolist()]


def _counted(values: "pd.Series[Any]") -> dict[str, int]:
    counts = values.fillna("unknown").value_counts()
    return {str(k): int(counts[k]) for k in sorted(counts.index)}


def _histograms(pack: Pack) -> dict[str, Histogram]:
    frames, tiles, measures = pack.frames, pack.tiles, measure(pack)
    sector = np.floor((measures.heading_deg + 22.5) / 45.0).astype(int) % 8
    headings = {name: int((sector == i).sum()) for i, name in enumerate(SECTORS)}
    headings["unknown"] = len(frames) - len(sector)
    scale = tiles["m_per_px"].dropna().round(3).map("{:.3f}".format)
    return {
        "Frames of a sequence": _counted(pack.sequences["frame_ids"].map(len)),
        "Sequence length, metres": binned(measures.length_m),
        "Frame to the next of its session, metres": binned(measures.spacing_m),
        "Speed, metres a second": binned(measures.speed_mps),
        "Frame heading": headings,
        "Frame month": _counted(frames["time"].dt.strftime("%Y-%m")),
        "Query to the centre of its tile, metres": binned(measures.offset_m),
        "Tile metres per pixel": _counted(scale),
        "Tile overlap: per cent that one other tile covers": binned(
            100.0 * measures.overlap
        ),
    }


def binned(values: npt.NDArray[np.float64]) -> Histogram:
    """Values counted in about `BINS` bars of a round width, the farthest in one.

    >>> binned(np.array([0.0, 1.0, 2.0, 7.9]))
    {'0 to 1': 1, '1 to 2': 1, '2 to 3': 1, '7 to 8': 1}
    """
    if not len(values):
        return {}
    if values.min() == values.max():
        return {f"{values[0]:g}": len(values)}
    edges = nice_edges(values)
    counts, _ = np.histogram(values, edges)
    names = [f"{a:g} to {b:g}" for a, b in pairwise(edges)]
    beyond = int((values > edges[-1]).sum())
    named = dict(zip(names, counts.tolist(), strict=True))
    named |= {f"over {edges[-1]:g}": beyond} if beyond else {}
    return {name: int(n) for name, n in named.items() if n}


def span(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    """From the least value to the highest that is no outlier; different numbers."""
    low, high = float(values.min()), float(values.max())
    if len(values) >= FEWEST:
        most = float(np.percentile(values, MOST_PERCENT))
        most = min(most, MOST_TIMES * float(np.percentile(values, 90.0)))
        high = most if most > low else high
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def nice_edges(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Edges at round numbers over the span of values."""
    low, high = span(values)
    raw = (high - low) / BINS
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * (1 - 1e-9))
    first, last = math.floor(low / step), math.ceil(high / step)
    # Rounded, since 3 * 0.1 is not 0.3.
    return np.round(np.arange(first, max(last, first + 1) + 1) * step, 12)

"""What a person reads first: `card.md` and `map.png` of a pack.

Everything on the card comes from the pack's own files, so that it can be written
again at any time; nothing on it is covered by the pack's hash.
"""

import io
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from dataset_tools.geodesy import distance_m
from dataset_tools.pack.atomic import write_bytes, write_text
from dataset_tools.pack.format import CARD_FILE, GALLERIES, MAP_FILE, SPLITS
from dataset_tools.pack.read import Pack

SECTORS: Final = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")
BAR: Final = 30
"""Characters of the longest bar of a histogram."""

Histogram = dict[str, int]


def write_card(path: Path) -> Path:
    """Write `card.md` and `map.png` into a pack; returns the card's path.

    Raises:
        MissingDataError: if the folder is no pack.
    """
    from dataset_tools.pack.map import draw_map

    with Pack.open(path) as pack:
        facts = card_facts(pack)
        buffer = io.BytesIO()
        draw_map(pack, buffer)
    write_bytes(path / MAP_FILE, buffer.getvalue())
    write_text(path / CARD_FILE, card_text(facts))
    return path / CARD_FILE


def card_facts(pack: Pack) -> dict[str, Any]:
    """Everything the card says, ready for JSON."""
    meta = pack.meta
    return {
        "name": pack.name,
        "content_sha256": pack.content_sha256,
        "encoding": pack.encoding,
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


def card_text(facts: Mapping[str, Any]) -> str:
    """The card as Markdown."""
    counts = ", ".join(f"{v:,} {_escape(k)}" for k, v in facts["counts"].items())
    parts = [
        f"# {_escape(facts['name'])}",
        f"{counts}. Encoding: {facts['encoding']}.",
        f"![Sequences, tiles and splits]({MAP_FILE})",
        "## Extent\n\n" + _extent_text(facts),
        "## Licences\n\n" + _licences(facts["licences"]),
        "## Splits\n\n" + _table(("scheme", "split", "kind", "items"), facts["splits"]),
    ]
    for title in ("strata", "projections", "seasons"):
        rows = list(facts[title].items())
        parts.append(f"## {title.capitalize()}\n\n" + _table((title, "items"), rows))
    parts.append("## Left out\n\n" + _rejections(facts["rejections"]))
    for title, histogram in facts["histograms"].items():
        parts.append(f"## {title}\n\n{_bars(histogram)}")
    parts.append("## Made by\n\n" + _made_by(facts["made_by"]))
    parts.append(f"Content SHA-256: `{facts['content_sha256']}`")
    return "\n\n".join(parts) + "\n"


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
    frames, tiles, sequences = pack.frames, pack.tiles, pack.sequences
    heading = frames["heading_deg"].to_numpy(float)
    known = heading[np.isfinite(heading)]
    sector = np.floor((known + 22.5) / 45.0).astype(int) % 8
    headings = {name: int((sector == i).sum()) for i, name in enumerate(SECTORS)}
    headings["unknown"] = int(len(heading) - len(known))
    months = _counted(frames["time"].dt.strftime("%Y-%m"))
    known_scale = tiles["m_per_px"].dropna()
    scale = _counted(known_scale.round(3).map("{:.3f}".format))
    offsets = [
        float(np.hypot(o["east_m"], o["north_m"]))
        for given, own in zip(sequences["offsets"], sequences["positives"], strict=True)
        for o in given
        if o["tile_id"] in own
    ]
    return {
        "Sequence length, metres": _binned(sequences["length_m"].to_numpy(float)),
        "Frames of a sequence": _counted(sequences["frame_ids"].map(len)),
        "Query to the centre of its tile, metres": _binned(np.array(offsets)),
        "Frame heading": headings,
        "Frame month": months,
        "Tile metres per pixel": scale,
    }


def _binned(values: npt.NDArray[np.float64]) -> Histogram:
    values = values[np.isfinite(values)]
    if not len(values):
        return {}
    if values.min() == values.max():
        return {f"{values[0]:g}": len(values)}
    edges = np.linspace(values.min(), values.max(), 9)
    counts, _ = np.histogram(values, edges)
    names = [f"{a:.1f} to {b:.1f}" for a, b in pairwise(edges)]
    return dict(zip(names, (int(c) for c in counts), strict=True))


def _extent_text(facts: Mapping[str, Any]) -> str:
    extent, captured = facts["extent"], facts["captured"]
    if extent is None:
        return "The pack holds no frame and no tile of known position."
    where = (
        f"Latitude {extent['south']:.5f} to {extent['north']:.5f}, longitude "
        f"{extent['west']:.5f} to {extent['east']:.5f}: about "
        f"{extent['width_m'] / 1000:.2f} by {extent['height_m'] / 1000:.2f} km."
    )
    if captured["first"] is None:
        return where + " The date of the imagery is unknown."
    when = f" Imagery captured {captured['first']} to {captured['last']}"
    unknown = f", unknown for {captured['unknown']:,} tiles"
    return where + when + (unknown if captured["unknown"] else "") + "."


def _licences(licences: list[Any]) -> str:
    rows = [
        [entry.get(key) or "" for key in ("source", "licence", "attribution")]
        for entry in licences
        if isinstance(entry, dict)
    ]
    return _table(("source", "licence", "attribution"), rows)


def _rejections(rejections: Mapping[str, Any]) -> str:
    rows = [
        [stage, reason, count]
        for stage, reasons in rejections.items()
        for reason, count in (reasons or {"nothing": 0}).items()
    ]
    return _table(("stage", "reason", "items"), rows)


def _made_by(made_by: Mapping[str, Any]) -> str:
    import json

    text = json.dumps(made_by, indent=2, sort_keys=True, ensure_ascii=False)
    # A fence longer than any run of back-ticks inside cannot be closed from inside.
    return f"````json\n{text.replace('````', '')}\n````"


def _table(head: tuple[str, ...], rows: list[Any]) -> str:
    if not rows:
        return "None."
    lines = [
        "| " + " | ".join(head) + " |",
        "| " + " | ".join(["---"] * len(head)) + " |",
    ]
    for row in rows:
        cells = [f"{v:,}" if isinstance(v, int) else _escape(v) for v in row]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _bars(histogram: Histogram) -> str:
    if not histogram:
        return "None."
    most = max(histogram.values()) or 1
    width = max(len(k) for k in histogram)
    lines = [
        f"{key:>{width}} {'#' * round(BAR * n / most):<{BAR}} {n:,}"
        for key, n in histogram.items()
    ]
    return "```\n" + "\n".join(lines).replace("`", "'") + "\n```"


def _escape(value: Any) -> str:
    """Text that is only text in a Markdown table: names come from strangers."""
    text = " ".join(str(value).split())
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("|", "&#124;")):
        text = text.replace(sign, entity)
    return "".join("\\" + c if c in "\\`*_[]!#" else c for c in text)

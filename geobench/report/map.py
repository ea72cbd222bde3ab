"""The map of one test: tiles, drives, and where the model was right or wrong.

Plain shapes in metres of a local frame, which the page draws as SVG: north is up,
one unit is one metre. No background map, so nothing is fetched.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from dataset_tools.geodesy import LocalFrame
from dataset_tools.pack.read import Pack
from geobench.report.sources import Entry, Ranks

MARGIN_M = 60.0
TOP = 10
"""A miss whose true tile is among the first TOP is drawn apart from a far one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """One query: position in the drawing (metres), kind and what it says on hover."""

    x: float
    y: float
    kind: str
    """"hit", "near" (true tile among the first ten) or "miss"."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaMap:
    """One drawing; x to the right is east, y down is south, metres."""

    title: str
    view_box: str
    tiles: str
    """SVG path of all footprints of the gallery."""
    true_tiles: str
    """SVG path of the footprints that some query belongs to."""
    drives: str
    """SVG path of the sequences' lines."""
    spots: list[Spot]
    radius: float
    scale_m: float
    scale_x: float
    scale_y: float
    counts: dict[str, int]


def draw_map(pack: Pack, entry: Entry, ranks: Ranks) -> AreaMap:
    """The map of one result.

    Args:
        pack: the pack that was tested on.
        entry: the result; its task names the split and the gallery.
        ranks: its ranks, whose queries are drawn.

    Returns:
        Shapes in metres, ready for the page's template.
    """
    queries = pack.sequences.loc[ranks.query_ids]
    frame = LocalFrame(float(queries["lat"].mean()), float(queries["lon"].mean()))
    x, y = _metres(frame, queries)
    spots = [
        _spot(ranks, index, (float(x[index]), float(y[index])))
        for index in np.argsort(-ranks.rank, kind="stable")  # hits on top
    ]
    true_ids = sorted({t for row in queries["positives"] for t in row})
    gallery = [t for t in _gallery(pack, entry, true_ids) if t not in set(true_ids)]
    box = _box(x, y)
    width = box[2]
    scale = _round_down(width / 4)
    return AreaMap(
        title=f"{entry.label} on {entry.pack_name}, {entry.task['protocol']}",
        view_box=" ".join(f"{v:.0f}" for v in box),
        tiles=_squares(frame, pack.tiles.loc[gallery]),
        true_tiles=_squares(frame, pack.tiles.loc[true_ids]),
        drives=_lines(frame, pack, queries["frame_ids"]),
        spots=spots,
        radius=max(4.0, width / 220),
        scale_m=scale,
        scale_x=box[0] + width * 0.02,
        scale_y=box[1] + box[3] - width * 0.02,
        counts={k: sum(s.kind == k for s in spots) for k in ("hit", "near", "miss")},
    )


def _metres(frame: LocalFrame, table: Any) -> tuple[Any, Any]:
    """Metres (x, y) of a table's positions; y is down, as in a picture."""
    east, north = frame.to_metres(table["lat"].to_numpy(), table["lon"].to_numpy())
    return np.atleast_1d(east), -np.atleast_1d(north)


def _spot(ranks: Ranks, index: int, at: tuple[float, float]) -> Spot:
    rank = int(ranks.rank[index])
    kind = "hit" if rank == 0 else "near" if rank < TOP else "miss"
    error = ranks.error_m[index]
    far = "" if np.isnan(error) else f", first tile {error:.0f} m away"
    text = f"{ranks.query_ids[index]}: true tile at place {rank + 1}{far}"
    return Spot(x=round(at[0], 1), y=round(at[1], 1), kind=kind, text=text)


def _gallery(pack: Pack, entry: Entry, true_ids: list[str]) -> list[str]:
    task = entry.task
    if "scheme" in task and "gallery" in task:
        return pack.split_ids(task["scheme"], task["split"], task["gallery"])
    return true_ids


def _box(x: Any, y: Any) -> tuple[float, float, float, float]:
    """View box around the queries: left, top, width, height, at most 3:1."""
    left, top = float(x.min()) - MARGIN_M, float(y.min()) - MARGIN_M
    width = float(x.max()) + MARGIN_M - left
    height = float(y.max()) + MARGIN_M - top
    if height < width / 3:
        top, height = top - (width / 3 - height) / 2, width / 3
    if width < height / 1.2:
        left, width = left - (height / 1.2 - width) / 2, height / 1.2
    return left, top, width, height


def _squares(frame: LocalFrame, tiles: Any) -> str:
    """Footprints as one path: far smaller than an element a tile."""
    if len(tiles) == 0:
        return ""
    x, y = _metres(frame, tiles)
    side = (tiles["m_per_px"] * tiles["width_px"]).to_numpy()
    return "".join(
        f"M{a - s / 2:.0f} {b - s / 2:.0f}h{s:.0f}v{s:.0f}h{-s:.0f}z"
        for a, b, s in zip(x, y, side, strict=True)
    )


def _lines(frame: LocalFrame, pack: Pack, sequences: Any) -> str:
    parts = []
    for ids in sequences:
        if len(ids) > 1:
            x, y = _metres(frame, pack.frames.loc[list(ids)])
            points = [f"{a:.0f} {b:.0f}" for a, b in zip(x, y, strict=True)]
            parts.append("M" + "L".join(points))
    return "".join(parts)


def _round_down(length_m: float) -> float:
    """The largest 1, 2 or 5 times a power of ten that is not above a length."""
    power = 10.0 ** np.floor(np.log10(max(length_m, 1.0)))
    return float(max(m * power for m in (1, 2, 5) if m * power <= max(length_m, 1.0)))

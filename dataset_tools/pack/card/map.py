"""The map of a pack: tiles and sequences in their places, coloured by split."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import shapely

from dataset_tools.geodesy import LocalFrame
from dataset_tools.pack.card.figure import (
    COLOURS,
    INK,
    SOFT,
    as_png,
    new_figure,
    shortened,
)
from dataset_tools.pack.read import Pack

APART: Final = 3.0
"""Regions whose centres lie so many times farther apart than they are wide get a panel
each: cities of one pack would be dots on a common map."""
MOST_PANELS: Final = 6
MARGIN_M: Final = 500.0
MANY: Final = 300
"""More tiles than this overlap, so each is drawn fainter."""


@dataclass(frozen=True, kw_only=True)
class _Panel:
    """A part of the pack to be drawn about its middle."""

    name: str
    place: LocalFrame
    frames: pd.DataFrame
    tiles: pd.DataFrame
    sequences: pd.DataFrame
    width_m: float
    height_m: float


def draw_map(pack: Pack) -> bytes:
    """A PNG of tiles and sequences by the first split scheme."""
    panels = _panels(pack)
    scheme = min(pack.splits["scheme"], default=None)
    told = f"splits {scheme}" if scheme else "no splits"
    columns = min(len(panels), 2) or 1
    rows = -(-len(panels) // columns) or 1
    shape = max((p.height_m / p.width_m for p in panels), default=0.5)
    width = 9.5 / columns
    figure = new_figure(
        9.5,
        0.5 + rows * (width * min(max(shape, 0.35), 1.0) + 0.8),
        layout="constrained",
    )
    title = f"{shortened(pack.name, 60)}, {told}"
    figure.suptitle(title, fontsize=13, color=INK, parse_math=False)
    for number, panel in enumerate(panels, start=1):
        axes = figure.add_subplot(rows, columns, number)
        _draw_tiles(axes, pack, panel, scheme=scheme)
        _draw_sequences(axes, pack, panel, scheme=scheme)
        axes.set_aspect("equal", adjustable="datalim")
        _draw_legend(axes, columns=4 // columns)
        axes.set_title(panel.name, fontsize=10, color=INK, parse_math=False)
        axes.tick_params(labelsize=8, colors=SOFT)
        place = f"{panel.place.lat:.5f}, {panel.place.lon:.5f}"
        axes.set_xlabel(f"metres east of {place}", fontsize=8.5, color=SOFT)
        axes.set_ylabel("metres north", fontsize=8.5, color=SOFT)
    if not panels:
        figure.text(0.5, 0.5, "No known position.", ha="center", color=SOFT)
    return as_png(figure)


def _draw_legend(axes: Any, *, columns: int) -> None:
    """Below the axes, where it covers nothing."""
    below: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.09)}
    axes.legend(ncols=columns, fontsize=7.5, frameon=False, **below)


def _panels(pack: Pack) -> list[_Panel]:
    """One panel, or one for each of a few regions that lie far apart."""
    sequences = pack.sequences[pack.sequences["lat"].notna()]
    whole = _panel(pack, "", sequences)
    if whole is None:
        return []
    regions = sorted(set(sequences["region"].dropna()))
    if not 1 < len(regions) <= MOST_PANELS:
        return [whole]
    parts = [_panel(pack, str(r), sequences[sequences["region"] == r]) for r in regions]
    panels = [p for p in parts if p is not None]
    widest = max(max(p.width_m, p.height_m) for p in panels)
    apart = max(whole.width_m, whole.height_m) > APART * widest
    return panels if apart else [whole]


def _panel(pack: Pack, name: str, sequences: pd.DataFrame) -> _Panel | None:
    """What lies about these sequences; without a name all of the pack."""
    named = sequences["frame_ids"].explode().dropna().unique()
    frames = (pack.frames.loc[named] if name else pack.frames)[["lat", "lon"]].dropna()
    tiles = pack.tiles[pack.tiles["lat"].notna()]
    both = frames if name else pd.concat([frames, tiles[["lat", "lon"]]])
    if both.empty:
        return None
    lat, lon = both["lat"].to_numpy(), both["lon"].to_numpy()
    place = LocalFrame((lat.min() + lat.max()) / 2, (lon.min() + lon.max()) / 2)
    east, north = place.to_metres(lat, lon)
    if name:
        tiles = tiles[_near(place, tiles, east=east, north=north)]
    return _Panel(
        name=name,
        place=place,
        frames=frames,
        tiles=tiles,
        sequences=sequences,
        width_m=float(np.ptp(east)) + MARGIN_M,
        height_m=float(np.ptp(north)) + MARGIN_M,
    )


def _near(place: LocalFrame, tiles: pd.DataFrame, *, east: Any, north: Any) -> Any:
    x, y = place.to_metres(tiles["lat"], tiles["lon"])
    inside = (x > east.min() - MARGIN_M) & (x < east.max() + MARGIN_M)
    return inside & (y > north.min() - MARGIN_M) & (y < north.max() + MARGIN_M)


def _draw_tiles(axes: Any, pack: Pack, panel: _Panel, *, scheme: str | None) -> None:
    from matplotlib.collections import PolyCollection

    split = _split_of(pack, scheme, kinds=("tile-open", "tile"))
    tiles = panel.tiles
    shapes = shapely.from_wkb(tiles["geometry"].to_numpy())
    rings = shapely.get_coordinates(shapes).reshape(len(tiles), 5, 2)
    east, north = panel.place.to_metres(rings[..., 1], rings[..., 0])
    corners = np.stack([east, north], axis=-1)
    of = np.array([split.get(i, "") for i in tiles.index], dtype=object)
    for name, colour in COLOURS.items():
        chosen = corners[of == name]
        if len(chosen):
            label = f"{name or 'other'}: {len(chosen):,} tiles"
            style: dict[str, Any] = {
                "facecolor": colour,
                "edgecolor": colour,
                "linewidth": 0.3,
            }
            alpha = 0.12 if len(tiles) > MANY else 0.4
            patch = PolyCollection(chosen, alpha=alpha, label=label, **style)
            axes.add_collection(patch)
    axes.autoscale_view()


def _draw_sequences(
    axes: Any, pack: Pack, panel: _Panel, *, scheme: str | None
) -> None:
    from matplotlib.collections import LineCollection

    split = _split_of(pack, scheme, kinds=("sequence",))
    lines: dict[str, list[Any]] = {name: [] for name in COLOURS}
    places = panel.frames
    east, north = panel.place.to_metres(places["lat"], places["lon"])
    at = dict(zip(places.index, zip(east, north, strict=True), strict=True))
    for name, ids in panel.sequences["frame_ids"].items():
        line = [at[i] for i in ids if i in at]
        if line:
            lines[split.get(str(name), "")].append(line)
    for name, colour in COLOURS.items():
        if lines[name]:
            label = f"{name or 'other'}: {len(lines[name]):,} sequences"
            style: dict[str, Any] = {"colors": colour, "linewidths": 1.2}
            axes.add_collection(LineCollection(lines[name], label=label, **style))
            single = [line[0] for line in lines[name] if len(line) == 1]
            if single:
                axes.scatter(*zip(*single, strict=True), s=6, color=colour)
    axes.autoscale_view()


def _split_of(
    pack: Pack, scheme: str | None, *, kinds: tuple[str, ...]
) -> dict[str, str]:
    """Id -> split, of the last of the kinds that names it."""
    rows = pack.splits[pack.splits["scheme"] == scheme]
    found: dict[str, str] = {}
    for kind in kinds:
        part = rows[rows["kind"] == kind]
        found |= dict(zip(part["id"], part["split"], strict=True))
    return found

"""The map of a pack: tiles and sequences in their places, coloured by split."""

from typing import IO, Any, Final

import numpy as np
import pandas as pd
import shapely

from dataset_tools.geodesy import LocalFrame
from dataset_tools.pack.read import Pack

COLOURS: Final = {
    "train": "#0072B2",
    "val": "#E69F00",
    "test": "#D55E00",
    "dropped": "#999999",
    "": "#555555",
}
"""Okabe and Ito's palette: told apart by colour-blind readers and in print."""


def draw_map(pack: Pack, target: IO[bytes]) -> None:
    """Draw a PNG of the first split scheme into an open binary file."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 8), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    scheme = min(pack.splits["scheme"], default=None)
    frame = _centre(pack)
    if frame is not None:
        _draw_tiles(axes, pack, frame=frame, scheme=scheme)
        _draw_sequences(axes, pack, frame=frame, scheme=scheme)
        axes.legend(loc="upper right", fontsize=8)
        axes.set_aspect("equal", adjustable="datalim")
    told = f"splits {scheme}" if scheme else "no splits"
    axes.set_title(f"{pack.name}, {told}", parse_math=False)
    axes.set_xlabel("metres east of the middle")
    axes.set_ylabel("metres north of the middle")
    figure.savefig(target, format="png", metadata={"Software": None})


def _centre(pack: Pack) -> LocalFrame | None:
    both = pd.concat([pack.frames[["lat", "lon"]], pack.tiles[["lat", "lon"]]])
    both = both.dropna()
    if both.empty:
        return None
    lat, lon = both["lat"].to_numpy(), both["lon"].to_numpy()
    return LocalFrame((lat.min() + lat.max()) / 2, (lon.min() + lon.max()) / 2)


def _draw_tiles(
    axes: Any, pack: Pack, *, frame: LocalFrame, scheme: str | None
) -> None:
    from matplotlib.collections import PolyCollection

    split = _split_of(pack, scheme, kinds=("tile-open", "tile"))
    tiles = pack.tiles[pack.tiles["lat"].notna()]
    shapes = shapely.from_wkb(tiles["geometry"].to_numpy())
    rings = shapely.get_coordinates(shapes).reshape(len(tiles), 5, 2)
    east, north = frame.to_metres(rings[..., 1], rings[..., 0])
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
            patch = PolyCollection(chosen, alpha=0.12, label=label, **style)
            axes.add_collection(patch)
    axes.autoscale_view()


def _draw_sequences(
    axes: Any, pack: Pack, *, frame: LocalFrame, scheme: str | None
) -> None:
    from matplotlib.collections import LineCollection

    split = _split_of(pack, scheme, kinds=("sequence",))
    lines: dict[str, list[Any]] = {name: [] for name in COLOURS}
    places = pack.frames[["lat", "lon"]].dropna()
    east, north = frame.to_metres(places["lat"], places["lon"])
    at = dict(zip(places.index, zip(east, north, strict=True), strict=True))
    for name, ids in pack.sequences["frame_ids"].items():
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

"""A tile with what cameras see of it: path, positions, fields of view."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from dataset_tools.geodesy import LocalFrame
from dataset_tools.pack.card.figure import thumbnail
from dataset_tools.pack.read import Pack

Array = npt.NDArray[np.float64]

REACH_M: Final = 25.0
"""How far a field of view is drawn, metres, or a third of the tile if that is less."""
BAR_M: Final = 20.0
"""Length of the scale bar, metres."""
FIRST, LAST = np.array([0.99, 0.90, 0.20]), np.array([0.90, 0.25, 0.20])
"""Colours of the first and last frame of a path, red, green, blue in 0..1."""


@dataclass(frozen=True, kw_only=True)
class TileView:
    """A tile's picture, and where metres lie on it."""

    pixels: npt.NDArray[np.uint8]
    side_m: float
    place: LocalFrame | None
    """Metres about the tile's centre; None: nothing can be drawn on it."""

    def of_metres(self, metres: Array) -> Array:
        """Pixels [N, 2] (x, y) of metres [N, 2] east and north of the centre."""
        height, width = self.pixels.shape[:2]
        share = metres / self.side_m * [1, -1] + 0.5
        return np.asarray(share * [width, height], float)

    def metres(self, lat: Any, lon: Any) -> Array:
        """Metres [N, 2] east and north of the centre, of positions in degrees."""
        assert self.place is not None
        east, north = self.place.to_metres(lat, lon)
        return np.column_stack([np.ravel(east), np.ravel(north)])


def tile_view(pack: Pack, name: str) -> TileView:
    """A tile of a pack; of a baked one as its preprocessing left it."""
    row: Any = pack.tiles.loc[name]
    steps = pack.meta.get("preprocessing") or {}
    unrolled = bool(steps.get("polar"))
    known = not (unrolled or pd.isna(row["lat"]) or pd.isna(row["m_per_px"]))
    side = float(row["m_per_px"] * row["width_px"]) if known else 1.0
    if steps.get("tile_m"):
        side = min(side, float(steps["tile_m"]))
    place = LocalFrame(row["lat"], row["lon"]) if known else None
    pixels = thumbnail(pack.picture("tile", name))
    return TileView(pixels=pixels, side_m=side, place=place)


def colours(count: int) -> list[Any]:
    """A colour a frame, from the first to the last."""
    share = np.linspace(0.0, 1.0, max(count, 1))[:, None]
    return list(map(tuple, (1 - share) * FIRST + share * LAST))


def draw_tile(axes: Any, tile: TileView, query: Any, frames: pd.DataFrame) -> None:
    """Draw a tile with the frames of a query on it.

    Args:
        axes: matplotlib axes that the tile fills.
        tile: the tile.
        query: a row of sequences.
        frames: its frames in order, rows of frames.
    """
    height, width = tile.pixels.shape[:2]
    box = (0, width, height, 0)
    axes.imshow(tile.pixels, aspect="auto", interpolation="antialiased", extent=box)
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    if tile.place is None:
        return
    placed = frames[frames["lat"].notna()]
    tint = dict(zip(frames.index, colours(len(frames)), strict=True))
    metres = tile.metres(placed["lat"], placed["lon"])
    path = tile.of_metres(metres)
    axes.plot(path[:, 0], path[:, 1], color="white", linewidth=1.2, alpha=0.9)
    for (name, frame), origin in zip(placed.iterrows(), metres, strict=True):
        _draw_field(axes, tile, frame, origin=origin, colour=tint[name])
    dot: dict[str, Any] = {"markeredgecolor": "black", "markeredgewidth": 0.4}
    for name, at in zip(placed.index, path, strict=True):
        axes.plot(*at, "o", markersize=3.2, color=tint[name], **dot)
    if not pd.isna(query["lat"]):
        at = tile.of_metres(tile.metres(query["lat"], query["lon"]))[0]
        axes.plot(*at, "+", markersize=9, color="white", markeredgewidth=1.8)
        axes.plot(*at, "+", markersize=8, color="black", markeredgewidth=0.8)
    _draw_bar(axes, tile)


def _draw_field(
    axes: Any, tile: TileView, frame: Any, *, origin: Array, colour: Any
) -> None:
    """The ground that a frame sees: a wedge, or a circle with a line ahead."""
    heading, hfov = frame["heading_deg"], frame["hfov_deg"]
    if pd.isna(heading):
        return
    reach = min(REACH_M, tile.side_m / 3)
    all_round = frame["projection"] == "equirectangular" or hfov >= 360
    half = 180.0 if all_round else 0.0 if pd.isna(hfov) else float(hfov) / 2
    bearing = np.radians(heading + np.linspace(-half, half, 61))
    arc = origin + reach * np.column_stack([np.sin(bearing), np.cos(bearing)])
    ring = tile.of_metres(arc if all_round else np.vstack([origin, arc, origin]))
    axes.fill(ring[:, 0], ring[:, 1], color=colour, alpha=0.13, linewidth=0)
    axes.plot(ring[:, 0], ring[:, 1], color=colour, linewidth=0.9, alpha=0.95)
    if all_round:
        line = tile.of_metres(np.vstack([origin, arc[30]]))
        axes.plot(line[:, 0], line[:, 1], color=colour, linewidth=1.3)


def _draw_bar(axes: Any, tile: TileView) -> None:
    if tile.side_m < 1.5 * BAR_M:
        return
    left = -0.46 * tile.side_m
    ends = tile.of_metres(np.array([[left, left], [left + BAR_M, left]]))
    for colour, width in (("black", 3.4), ("white", 2.0)):
        axes.plot(ends[:, 0], ends[:, 1], color=colour, linewidth=width)

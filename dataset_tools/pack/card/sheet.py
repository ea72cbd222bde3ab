"""The contact sheet: sequences, and what their cameras see drawn on their tiles.

Each strip has a sequence's positive tile and its frames in order. On the tile lie the
path, the position of each frame, and the part of the ground that its field of view
covers; of a panorama all of it, with its middle column's direction. Whether headings,
positions and imagery fit shows at one look: a road seen ahead must lie in the wedge.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from dataset_tools.pack.card.figure import (
    COLOURS,
    INK,
    SOFT,
    as_png,
    new_figure,
    shortened,
    thumbnail,
)
from dataset_tools.pack.card.views import TileView, colours, draw_tile, tile_view
from dataset_tools.pack.read import Pack

STRIPS: Final = 8
"""Sequences on a sheet."""
MOST_FRAMES: Final = 7
MARGIN_IN: Final = 0.15
HEAD_IN: Final = 0.3
"""Above the pictures of a strip, inches."""
STRIP_IN: Final = 1.75
"""Height of a tile, and of frames if they find room, inches."""
WIDTHS_IN: Final = (9.0, 13.0)
KEY: Final = (
    "Wedges: what each frame sees, 25 m far (circle: a panorama, line: its middle "
    "column). Yellow to red: first to last frame.\nCross: the query's position. White "
    "bar: 20 m. North is up."
)
UNROLLED: Final = (
    "Tiles are unrolled around their centre, which is the lower edge: from left to "
    "right south, west, north, east, south.\nNumbers: frames in order, with headings."
)
BOX: Final = {"facecolor": "black", "alpha": 0.6, "pad": 1.5, "edgecolor": "none"}


@dataclass(frozen=True, kw_only=True)
class _Strip:
    """One sequence, ready to be drawn."""

    split: str
    told: str
    query: Any
    frames: pd.DataFrame
    pictures: list[npt.NDArray[np.uint8]]
    tile: TileView | None

    @property
    def tile_in(self) -> float:
        """Width of the tile, inches."""
        if self.tile is None:
            return 0.0
        height, width = self.tile.pixels.shape[:2]
        return float(min(STRIP_IN * width / height, 5.0)) + 0.08

    def frames_in(self, most: float) -> tuple[float, float]:
        """(width, height) of the row of frames, at most `most` wide, inches."""
        aspect = sum(p.shape[1] / p.shape[0] for p in self.pictures)
        gaps = 0.05 * (len(self.pictures) - 1)
        height = min(STRIP_IN, (most - gaps) / aspect)
        return aspect * height + gaps, height


def draw_sheet(pack: Pack) -> bytes:
    """A PNG of some sequences with their tiles, evenly taken from all splits."""
    split = _split_of(pack)
    strips = [_strip(pack, name, split.get(name, "")) for name in _chosen(pack, split)]
    room = WIDTHS_IN[1] - 2 * MARGIN_IN
    used = max(
        (s.tile_in + s.frames_in(room - s.tile_in)[0] for s in strips), default=0
    )
    width = float(np.clip(used + 2 * MARGIN_IN, *WIDTHS_IN))
    step = HEAD_IN + STRIP_IN + 0.06
    height = 0.45 + max(1, len(strips)) * step + 0.75
    figure = new_figure(width, height)
    count = f"{len(strips)} of {len(pack.sequences):,} sequences"
    title = f"{shortened(pack.name, 60)}: {count}"
    _write(figure, MARGIN_IN, height - 0.1, title, size=13)
    for number, strip in enumerate(strips):
        _draw_strip(figure, strip, top_in=height - 0.45 - number * step)
    if not strips:
        figure.text(0.5, 0.5, "No sequence with pictures.", ha="center", color=SOFT)
    unrolled = (pack.meta.get("preprocessing") or {}).get("polar")
    key = f"{UNROLLED if unrolled else KEY}\n{_credit(pack)}"
    _write(figure, MARGIN_IN, 0.7, key, size=8, colour=SOFT)
    return as_png(figure)


def _strip(pack: Pack, name: str, split: str) -> _Strip:
    row: Any = pack.sequences.loc[name]
    stored = [str(i) for i in row["frame_ids"] if pack.holds("frame", str(i))]
    names = _evenly(stored, MOST_FRAMES)
    shown = len(row["positives"]) > 0
    return _Strip(
        split=split,
        told=_told(pack, name, row),
        query=row,
        frames=pack.frames.loc[names],
        pictures=[thumbnail(pack.picture("frame", i)) for i in names],
        tile=tile_view(pack, str(row["positives"][0])) if shown else None,
    )


def _draw_strip(figure: Any, strip: _Strip, *, top_in: float) -> None:
    colour = COLOURS.get(strip.split, COLOURS[""])
    _write(
        figure, MARGIN_IN, top_in, strip.split or "no split", colour=colour, bold=True
    )
    _write(figure, MARGIN_IN + 0.75, top_in, strip.told)
    bottom_in = top_in - HEAD_IN - STRIP_IN + 0.08
    left_in = MARGIN_IN
    if strip.tile is not None:
        box = (left_in, bottom_in, strip.tile_in - 0.08, STRIP_IN)
        draw_tile(_axes(figure, box), strip.tile, strip.query, strip.frames)
        left_in += strip.tile_in
    _, height = strip.frames_in(figure.get_size_inches()[0] - MARGIN_IN - left_in)
    bottom_in += (STRIP_IN - height) / 2
    for number, pixels in enumerate(strip.pictures):
        width = height * pixels.shape[1] / pixels.shape[0]
        axes = _axes(figure, (left_in, bottom_in, width, height))
        axes.imshow(pixels, aspect="auto", interpolation="antialiased")
        _label(axes, strip, number)
        left_in += width + 0.05


def _label(axes: Any, strip: _Strip, number: int) -> None:
    """Number and heading of a frame; on a panorama the letters of the compass."""
    frame = strip.frames.iloc[number]
    heading = frame["heading_deg"]
    told = f"{number + 1}" if pd.isna(heading) else f"{number + 1}  {heading:.0f}°"
    style: dict[str, Any] = {"transform": axes.transAxes, "bbox": BOX, "fontsize": 7.5}
    tint = colours(len(strip.pictures))[number]
    axes.text(0.02, 0.97, told, va="top", color=tint, **style)
    if frame["projection"] != "equirectangular" or pd.isna(heading):
        return
    for quarter, letter in enumerate("NESW"):
        share = ((90.0 * quarter - heading) / 360.0 + 0.5) % 1.0
        at = float(np.clip(share, 0.01, 0.99))
        axes.text(at, 0.03, letter, ha="center", color="white", **style)


def _chosen(pack: Pack, split: dict[str, str]) -> list[str]:
    """Ids evenly taken from the sequences with pictures, ordered by split and id."""
    order = {name: i for i, name in enumerate(COLOURS)}
    names = [
        str(name)
        for name, frames in pack.sequences["frame_ids"].items()
        if any(pack.holds("frame", str(i)) for i in frames)
    ]
    names.sort(key=lambda n: (order[split.get(n, "")], n))
    return _evenly(names, STRIPS)


def _evenly(names: list[str], most: int) -> list[str]:
    """At most so many of the names, the first and the last among them."""
    at = np.linspace(0, len(names) - 1, min(most, len(names))).round().astype(int)
    return [names[i] for i in at]


def _split_of(pack: Pack) -> dict[str, str]:
    """Sequence -> its split in the first scheme."""
    rows = pack.splits[pack.splits["kind"] == "sequence"]
    rows = rows[rows["scheme"] == min(rows["scheme"], default="")]
    return dict(zip(rows["id"], rows["split"], strict=True))


def _told(pack: Pack, name: str, row: Any) -> str:
    """The line above a strip."""
    count = len(row["frame_ids"])
    path = "" if pd.isna(row["length_m"]) or count < 2 else f", {row['length_m']:.1f} m"
    parts = [shortened(name, 40), f"{count} frame{'s' * (count > 1)}{path}"]
    if not pd.isna(row["stratum"]):
        parts.append(shortened(row["stratum"], 20))
    if not len(row["positives"]):
        return "  |  ".join([*parts, "no positive"])
    tile = str(row["positives"][0])
    parts.append(f"tile {shortened(tile, 40)}")
    for offset in row["offsets"]:
        if offset["tile_id"] == tile:
            # Adding 0 turns -0.0 into 0.0.
            east, north = (round(offset[k], 1) + 0.0 for k in ("east_m", "north_m"))
            parts.append(f"centre {east:+.1f} m east, {north:+.1f} m north")
    captured: Any = pack.tiles.loc[tile, "captured"]
    parts += [] if pd.isna(captured) else [f"captured {captured.isoformat()}"]
    return "  |  ".join(parts)


def _credit(pack: Pack) -> str:
    """Whom the pictures are owed to; a sheet is seen without its pack."""
    told = []
    for entry in pack.meta["licences"]:
        given = entry if isinstance(entry, dict) else {}
        texts = [str(given.get(k) or "") for k in ("attribution", "licence")]
        told.append(", ".join(shortened(t, 60) for t in texts if t))
    return shortened("Pictures: " + "; ".join(dict.fromkeys(told)), 150)


def _write(
    figure: Any,
    left_in: float,
    top_in: float,
    text: str,
    *,
    size: float = 8.5,
    colour: str = INK,
    bold: bool = False,
) -> None:
    """Text with its upper left corner at inches from the lower left of the figure."""
    width, height = figure.get_size_inches()
    figure.text(
        left_in / width,
        top_in / height,
        text,
        va="top",
        fontsize=size,
        color=colour,
        weight="bold" if bold else "normal",
        parse_math=False,
    )


def _axes(figure: Any, box_in: tuple[float, float, float, float]) -> Any:
    """Axes without frame at (left, bottom, width, height) in inches."""
    width, height = figure.get_size_inches()
    left, bottom, w, h = box_in
    axes = figure.add_axes((left / width, bottom / height, w / width, h / height))
    axes.set_axis_off()
    return axes

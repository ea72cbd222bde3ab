"""What an audit found, drawn: a map of each scheme, the worst pairs side by side."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from dataset_tools.audit.groups import Comparison, Group
from dataset_tools.audit.leak import Items, Leak
from dataset_tools.audit.report import AuditReport
from dataset_tools.errors import DatasetToolsError
from dataset_tools.geodesy import LocalFrame
from dataset_tools.pack.atomic import write_bytes
from dataset_tools.pack.card.figure import COLOURS
from dataset_tools.pack.format import Kind
from dataset_tools.pictures import Pixels, encode_png

ROW_PX: Final = 180
CAPTION_PX: Final = 24
GAP_PX: Final = 8
WIDEST_PX: Final = 640
"""Width of one picture of a pair at most; panoramas are four times as wide as high."""
NARROWEST_PX: Final = 620
FAR_M: Final = 20_000.0
"""A map wider than this is labelled in kilometres."""
LEAK_COLOUR: Final = "#CC0000"


def draw(report: AuditReport, folder: Path) -> list[Path]:
    """Write the maps and a sheet of pairs for each leak; returns what was written.

    Args:
        report: of packs that are still open.
        folder: is made if it is not there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for scheme in dict.fromkeys(c.scheme for c in report.comparisons):
        chosen = [c for c in report.comparisons if c.scheme == scheme]
        leaks = [one for one in report.findings if one.scheme == scheme]
        path = folder / f"map-{_safe(scheme) or 'packs'}.png"
        if _draw_map(chosen, leaks, path):
            written.append(path)
    groups = {(c.scheme, g.name): g for c in report.comparisons for g in (c.a, c.b)}
    for one in report.leaks:
        pair = groups[one.scheme, one.a], groups[one.scheme, one.b]
        sheet = pair_sheet(one, *pair)
        if sheet is None:
            continue
        words = (one.scheme, one.a, one.b, one.items, one.kind)
        path = folder / ("-".join(_safe(w) for w in words if w) + ".png")
        write_bytes(path, encode_png(sheet))
        written.append(path)
    return written


def pair_sheet(one: Leak, a: Group, b: Group) -> Pixels | None:
    """The worst pairs of a leak, a row each; None if no picture of them is stored.

    Args:
        one: the leak.
        a: its first group.
        b: its second.

    Returns:
        uint8 [H, W, 3].
    """
    rows: list[tuple[str, list[Image.Image]]] = []
    for pair in one.worst:
        left, right = _picture(a, one.items, pair.a), _picture(b, one.items, pair.b)
        if left is not None and right is not None:
            rows.append((one.caption(pair), [left, right]))
    if not rows:
        return None
    title = f"{one.kind}: {one.items} of {one.a} (left) and {one.b} (right)"
    return _sheet(f"{one.scheme}, {title}" if one.scheme else title, rows)


def _sheet(title: str, rows: list[tuple[str, list[Image.Image]]]) -> Pixels:
    """Rows of pictures below their captions, uint8 [H, W, 3]."""
    width = max(GAP_PX + sum(p.width + GAP_PX for p in ps) for _, ps in rows)
    height = CAPTION_PX + len(rows) * (ROW_PX + CAPTION_PX) + GAP_PX
    sheet = Image.new("RGB", (max(width, NARROWEST_PX), height), "white")
    brush = ImageDraw.Draw(sheet)
    big, small = ImageFont.load_default(15), ImageFont.load_default(12)
    brush.text((GAP_PX, 4), title, fill="black", font=big)
    top = CAPTION_PX
    for caption, pictures in rows:
        brush.text((GAP_PX, top + 6), caption, fill="#333333", font=small)
        left = GAP_PX
        for picture in pictures:
            sheet.paste(picture, (left, top + CAPTION_PX))
            left += picture.width + GAP_PX
        top += ROW_PX + CAPTION_PX
    return np.asarray(sheet)


def _picture(group: Group, items: Items, name: str) -> Image.Image | None:
    """A picture scaled to the height of a row, or None if it is not there."""
    kind: Kind = "frame" if items == "frames" else "tile"
    try:
        picture = Image.fromarray(group.pack.picture(kind, name))
    except DatasetToolsError:
        return None
    width = max(1, round(picture.width * ROW_PX / picture.height))
    wide = picture.resize((width, ROW_PX), Image.Resampling.BILINEAR)
    return wide.crop((0, 0, min(width, WIDEST_PX), ROW_PX))


def _draw_map(chosen: list[Comparison], leaks: Sequence[Leak], path: Path) -> bool:
    """Draw where the groups lie and where they leak; False without positions."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    groups = {g.name: g for c in chosen for g in (c.a, c.b)}
    at = {
        (name, items): _places(group, items)
        for name, group in groups.items()
        for items in ("frames", "tiles")
    }
    everywhere = pd.concat([part for part in at.values() if len(part)] or [_NOWHERE])
    if everywhere.empty:
        return False
    lat, lon = everywhere["lat"], everywhere["lon"]
    frame = LocalFrame(float(lat.median()), float(lon.median()))
    figure = Figure(figsize=(9, 8), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for number, name in enumerate(groups):
        colour = COLOURS.get(name) or list(COLOURS.values())[number % 3]
        _dots(axes, frame, at[name, "tiles"], c=colour, s=10, alpha=0.25, marker="s")
        _dots(axes, frame, at[name, "frames"], c=colour, s=4, label=name)
    for one, marker in zip(leaks, "ox+^vsDP*" * len(leaks), strict=False):
        part = at[one.b, one.items]
        where = part[part.index.isin(one.in_b)]
        label = f"{one.kind}, {one.items} of {one.b}: {len(one.in_b):,}"
        style = {"facecolors": "none"} if marker in "o^vsDP*" else {}
        style |= {"edgecolors": LEAK_COLOUR} if style else {"c": LEAK_COLOUR}
        _dots(axes, frame, where, s=60, marker=marker, label=label, **style)
    axes.set_aspect("equal", adjustable="datalim")
    axes.legend(loc="best", fontsize=8)
    told = chosen[0].scheme or " and ".join(groups)
    axes.set_title(f"What leaks: {told}", parse_math=False)
    per, unit = (1000.0, "km") if _extent_m(axes) > FAR_M else (1.0, "metres")
    axes.set_xlabel(f"{unit} east of the middle")
    axes.set_ylabel(f"{unit} north of the middle")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: f"{value / per:g}")
    _save(figure, path)
    return True


_NOWHERE = pd.DataFrame({"lat": [], "lon": []})


def _places(group: Group, items: Items) -> pd.DataFrame:
    table = group.pack.frames if items == "frames" else group.pack.tiles
    ids = group.frames if items == "frames" else group.tiles
    return table.loc[list(ids), ["lat", "lon"]].dropna()


def _dots(axes: Any, frame: LocalFrame, at: pd.DataFrame, **style: Any) -> None:
    if at.empty:
        return
    east, north = frame.to_metres(at["lat"], at["lon"])
    axes.scatter(east, north, linewidths=0.8, **style)


def _extent_m(axes: Any) -> float:
    return float(max(np.ptp(axes.get_xlim()), np.ptp(axes.get_ylim())))


def _save(figure: Any, path: Path) -> None:
    target = io.BytesIO()
    figure.savefig(target, format="png", metadata={"Software": None})
    write_bytes(path, target.getvalue())


def _safe(word: str) -> str:
    """A word as a part of a file name."""
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in word).strip(".")

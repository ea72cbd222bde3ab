"""Draw docs/pictures/tiles.jpg: centred tiles beside a grid, from two packs.

    python docs/pictures/draw_tiles.py ortho.tif centred.pack grid.pack tiles.jpg

The packs are those of docs/imagery.md.
"""

import io
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
from PIL import Image

from dataset_tools.geodesy import offset_m
from dataset_tools.imagery import About, Imagery, open_imagery
from dataset_tools.pack.read import Pack

SIDE_M, SIZE_PX = 240.0, 480
OWN, OTHER = "#ffb000", "#6ec6ff"


def panel(axes: Any, pack: Pack, imagery: Imagery, *, number: int, title: str) -> None:
    """The tiles that show one sequence's query, over the imagery around it."""
    query = pack.sequences.iloc[number]
    at = (query["lat"], query["lon"])
    axes.imshow(
        imagery.crop(*at, side_m=SIDE_M, size_px=SIZE_PX),
        extent=(-SIDE_M / 2, SIDE_M / 2, -SIDE_M / 2, SIDE_M / 2),
    )
    east, north = offset_m(*at, pack.tiles["lat"], pack.tiles["lon"])
    axes.plot(east, north, "o", color="white", ms=4, mec="black", mew=0.6)
    for offset in query["offsets"]:
        tile = pack.tiles.loc[offset["tile_id"]]
        own = offset["tile_id"] in query["positives"]
        half = tile["m_per_px"] * tile["width_px"] / 2
        corner = (offset["east_m"] - half, offset["north_m"] - half)
        box = mpl.patches.Rectangle(
            corner,
            2 * half,
            2 * half,
            fill=False,
            ec=OWN if own else OTHER,
            lw=2.4 if own else 1.2,
            zorder=3 if own else 2,
        )
        axes.add_patch(box)
    axes.plot(0, 0, "o", color="#e3002b", mec="white", ms=7, zorder=4)
    axes.set(xlim=(-SIDE_M / 2, SIDE_M / 2), ylim=(-SIDE_M / 2, SIDE_M / 2))
    axes.set_xticks([-80, 0, 80], ["80 m west", "query", "80 m east"])
    axes.set_yticks([])
    axes.set_title(title, loc="left", fontsize=11)


def main(ortho: str, centred: str, grid: str, target: str) -> None:
    """Write the picture."""
    imagery = open_imagery(Path(ortho), About(licence="Apache-2.0"))
    figure, both = plt.subplots(1, 2, figsize=(9.6, 5.2), layout="constrained")
    titles = ["Centred: a tile for each sequence", "Grid: tiles that sequences share"]
    for axes, folder, title in zip(both, (centred, grid), titles, strict=True):
        with Pack.open(Path(folder)) as pack:
            panel(axes, pack, imagery, number=300, title=title)
    kinds = [
        mpl.lines.Line2D([], [], color=OWN, lw=2.4, label="positive"),
        mpl.lines.Line2D([], [], color=OTHER, lw=1.2, label="semi-positives"),
        mpl.lines.Line2D(
            [], [], ls="", marker="o", ms=4, color="white", mec="black", label="centres"
        ),
    ]
    figure.legend(handles=kinds, loc="outside lower center", ncols=3, frameon=False)
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=110)
    Image.open(drawn).convert("RGB").save(target, quality=82, optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

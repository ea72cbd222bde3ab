"""Draws docs/pictures/pictures.png from a panorama of the tiny synthetic world.

geobench data synthesize --preset tiny --out world
python docs/pictures/draw_pictures.py world docs/pictures/pictures.png
"""

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from dataset_tools.pictures import decode
from dataset_tools.pictures.blur import blurred
from dataset_tools.pictures.codec import Pixels
from dataset_tools.pictures.cube import SIDES, panorama_of
from dataset_tools.pictures.mask import masked
from dataset_tools.pictures.sphere import View, crop, directions, height_for
from dataset_tools.records import Extent

PANORAMA = Path("home/ground-panorama/20220630.141657/000000.jpg")
EXTENT = Extent(top_deg=40.0, bottom_deg=-40.0)
"""What the panoramas of the tiny world cover."""
BOX = (175.0, 33.0, 188.0, 43.0)
"""The car, px."""
BEARINGS = {0: (230, 159, 0), 90: (0, 114, 178), 225: (204, 121, 167)}
"""Bearing of a crop -> colour of its frame."""

SCALE, MARGIN, GAP, LINE = 4, 24, 16, 26
INK, PAPER = (40, 44, 52), (246, 247, 249)
WIDTH = 256 * SCALE + 2 * MARGIN


def main(world: Path, target: Path) -> None:
    """Draw the page and save it."""
    panorama = decode((world / PANORAMA).read_bytes())
    page = Image.new("RGB", (WIDTH, 2000), PAPER)
    top = _panorama(page, MARGIN, panorama)
    top = _crops(page, top, panorama)
    top = _changed(page, top, panorama)
    top = _cube(page, top, panorama)
    page = page.crop((0, 0, WIDTH, top)).quantize(192)
    page.save(target, optimize=True)


def _panorama(page: Image.Image, top: int, panorama: Pixels) -> int:
    """The panorama with the outlines of the crops."""
    _text(page, top, "A panorama: 360 degrees, north in its middle column")
    top += LINE
    _paste(page, (MARGIN, top), panorama, SCALE)
    draw = ImageDraw.Draw(page)
    for bearing, colour in BEARINGS.items():
        for part in _outline(bearing):
            points = [(MARGIN + x * SCALE, top + y * SCALE) for x, y in part]
            draw.line(points, fill=colour, width=4)
    top += panorama.shape[0] * SCALE
    for name, share in zip("SWNES", (0.0, 0.25, 0.5, 0.75, 1.0), strict=True):
        x = MARGIN + share * 256 * SCALE
        draw.text((x, top + 4), name, fill=INK, font=_font(15), anchor="ma")
    return top + LINE + GAP


def _outline(bearing: float) -> list[list[tuple[float, float]]]:
    """Border of a crop on the panorama, px, cut where it leaves the picture."""
    view = _view(bearing)
    across, down = np.linspace(0, 1, 60), np.linspace(0, 1, 40)
    sides = [
        *((across, np.zeros(60)), (np.ones(40), down)),
        *((across[::-1], np.ones(60)), (np.zeros(40), down[::-1])),
    ]
    u, v = (np.concatenate(part) for part in zip(*sides, strict=True))
    azimuth, elevation = directions(view, v * view.height_px, u * view.width_px)
    x = 256 * (np.diagonal(azimuth) / 360 + 0.5)
    y = 64 * (EXTENT.top_deg - np.diagonal(elevation)) / 80
    points = list(zip(x.tolist(), y.tolist(), strict=True))
    breaks = np.flatnonzero(np.abs(np.diff(x)) > 128) + 1
    edges = [0, *breaks.tolist(), len(points)]
    return [points[a:b] for a, b in pairwise(edges)]


def _view(bearing: float) -> View:
    height = height_for(128, hfov_deg=90.0, vfov_deg=60.0)
    return View(hfov_deg=90.0, width_px=128, height_px=height, yaw_deg=bearing)


def _crops(page: Image.Image, top: int, panorama: Pixels) -> int:
    """The crops side by side, framed in the colours of their outlines."""
    _text(page, top, "Crops of 90 by 60 degrees that look to a bearing")
    top += LINE
    wide = (256 * SCALE - 2 * GAP) // 3
    tall = 0
    for i, (bearing, colour) in enumerate(BEARINGS.items()):
        image = Image.fromarray(crop(panorama, _view(bearing), extent=EXTENT))
        tall = image.height * wide // image.width
        left = MARGIN + i * (wide + GAP)
        page.paste(image.resize((wide, tall), Image.Resampling.NEAREST), (left, top))
        frame = (left, top, left + wide - 1, top + tall - 1)
        ImageDraw.Draw(page).rectangle(frame, outline=colour, width=4)
        _text(page, top + tall + 2, f"--crop-bearing-deg {bearing}", left=left)
    return top + tall + LINE + GAP


def _changed(page: Image.Image, top: int, panorama: Pixels) -> int:
    """A mask over the bonnet; a box blurred in three ways."""
    wide = (256 * SCALE - GAP) // 2
    _text(page, top, "--mask: what the vehicle hides, in grey")
    _text(
        page,
        top,
        "--blur-boxes, enlarged: as it was, gaussian, pixelate, fill",
        left=MARGIN + wide + GAP,
    )
    top += LINE
    y, x = np.mgrid[:64, :256]
    bonnet = ((x - 128) / 46) ** 2 + ((y - 70) / 22) ** 2 < 1
    _paste(
        page, (MARGIN, top), masked(panorama, bonnet, bottom_px=0, grey=128)[:, 2:-2], 2
    )
    ways = [panorama]
    ways += [blurred(panorama, [BOX], kind="gaussian")]
    ways += [blurred(panorama, [BOX], kind="pixelate")]
    ways += [blurred(panorama, [BOX], kind="fill")]
    each = (wide - 3 * 6) // 4
    for i, way in enumerate(ways):
        part = Image.fromarray(way[25:51, 168:194])
        left = MARGIN + wide + GAP + i * (each + 6)
        part = part.resize((each, each), Image.Resampling.NEAREST)
        page.paste(part, (left, top))
    return top + 128 + GAP


def _cube(page: Image.Image, top: int, panorama: Pixels) -> int:
    """Four faces of a cube, and the panorama put together from them."""
    _text(page, top, "--cube-faces: front, right, back and left ...")
    wide = (256 * SCALE - GAP) // 2
    _text(
        page,
        top,
        "... and the panorama of them, 70 degrees high",
        left=MARGIN + wide + GAP,
    )
    top += LINE
    faces = {}
    for i, name in enumerate(SIDES):
        view = View(hfov_deg=90.0, width_px=64, height_px=64, yaw_deg=90.0 * i)
        faces[name] = crop(panorama, view, extent=EXTENT)
        each = (wide - 3 * 6) // 4
        image = Image.fromarray(faces[name]).resize((each, each))
        page.paste(image, (MARGIN + i * (each + 6), top))
    joined = panorama_of(faces, (50, 256), vfov_deg=70.0)
    _paste(page, (MARGIN + wide + GAP, top), joined[:, 2:-2], 2)
    return top + 128 + MARGIN


def _paste(page: Image.Image, at: tuple[int, int], pixels: Pixels, scale: int) -> None:
    image = Image.fromarray(np.ascontiguousarray(pixels))
    size = (image.width * scale, image.height * scale)
    page.paste(image.resize(size, Image.Resampling.NEAREST), at)


def _text(page: Image.Image, top: int, words: str, *, left: int = MARGIN) -> None:
    ImageDraw.Draw(page).text((left, top), words, fill=INK, font=_font(17))


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

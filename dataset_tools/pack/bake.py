"""An encoded pack to a baked one: pictures already cropped, resized and unrolled.

The fast path for training: nothing is left to decode. The pictures come from the
source's bytes and are prepared as the data set would prepare them.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from dataset_tools.errors import UsageError
from dataset_tools.pack.format import Kind
from dataset_tools.pack.read import Pack
from dataset_tools.pack.records import contents_of
from dataset_tools.pack.write import write_pack
from dataset_tools.polar import polar_transform

Pixels = npt.NDArray[np.uint8]

CROP_TOLERANCE = 0.01
"""A tile at most this fraction wider than asked for is used whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BakeRule:
    """What every picture becomes.

    Attributes:
        ground_size: height and width of the frames, px.
        satellite_size: height and width of the tiles (or polar images), px.
        polar: unroll the tiles around their centre.
        tile_m: crop tiles about their centre to this side, metres; None is whole.
    """

    ground_size: tuple[int, int]
    satellite_size: tuple[int, int]
    polar: bool = False
    tile_m: float | None = None


def bake(path: Path, out: Path, *, rule: BakeRule, overwrite: bool = False) -> Path:
    """Bake an encoded pack; returns the baked pack's path.

    Ids, splits and footprints stay as they are.

    Raises:
        UsageError: if the pack is baked already, or the output exists.
    """
    _refuse_sizes(rule)
    with Pack.open(path) as pack:
        if pack.encoding != "encoded":
            message = (
                f"{path} is baked already, and pixels once resized do not come back. "
                "Bake the encoded pack it was made from."
            )
            raise UsageError(message)
        sides = (pack.tiles["m_per_px"] * pack.tiles["width_px"]).to_dict()

        def picture(kind: Kind, name: str) -> Pixels:
            pixels = pack.picture(kind, name)
            if kind == "frame":
                return resize(pixels, rule.ground_size)
            return bake_tile(pixels, sides[name], rule=rule)

        contents = contents_of(pack, made_by=_made_by(pack, rule), encoding="baked")
        return write_pack(out, contents, picture=picture, overwrite=overwrite)


def bake_tile(pixels: Pixels, side_m: float, *, rule: BakeRule) -> Pixels:
    """A tile [S, S, 3] of `side_m` metres as the rule wants it, [H, W, 3]."""
    if rule.tile_m is not None and side_m > rule.tile_m * (1 + CROP_TOLERANCE):
        pixels = _centre_crop(pixels, rule.tile_m / side_m)
    if rule.polar:
        return np.asarray(polar_transform(pixels, *rule.satellite_size), np.uint8)
    return resize(pixels, rule.satellite_size)


def resize(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Pixels [H, W, 3] at another (H, W), bilinear and antialiased when shrinking."""
    if pixels.shape[:2] == size:
        return pixels
    image = Image.fromarray(pixels)
    return np.asarray(image.resize(size[::-1], Image.Resampling.BILINEAR))


def _centre_crop(pixels: Pixels, share: float) -> Pixels:
    height, width = (max(1, round(n * share)) for n in pixels.shape[:2])
    top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
    return pixels[top : top + height, left : left + width]


def _made_by(pack: Pack, rule: BakeRule) -> dict[str, Any]:
    return {
        "command": "geobench data bake",
        "parameters": {
            k: list(v) if isinstance(v, tuple) else v for k, v in asdict(rule).items()
        },
        "source": {"name": pack.name, "content_sha256": pack.content_sha256},
        "built": pack.meta["made_by"],
    }


def _refuse_sizes(rule: BakeRule) -> None:
    sizes = (*rule.ground_size, *rule.satellite_size)
    if min(sizes) < 1 or (rule.tile_m is not None and not rule.tile_m > 0):
        message = (
            f"Sizes of {rule.ground_size} and {rule.satellite_size} px and tiles of "
            f"{rule.tile_m} m make no picture; give positive numbers."
        )
        raise UsageError(message)

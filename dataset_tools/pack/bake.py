"""An encoded pack to a baked one: pictures already cropped, resized and unrolled.

The fast path for training: nothing is left to decode. The pictures come from the
source's bytes and are prepared as the data set would prepare them; everything that
changes a pixel is stated and hashed in `preprocessing` of the baked pack.
"""

import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image, features

from dataset_tools.errors import UsageError
from dataset_tools.pack.preprocessing import preprocessing_sha256
from dataset_tools.pack.read import Pack
from dataset_tools.pack.records import contents_of
from dataset_tools.pack.tasks import MakePicture, Record
from dataset_tools.pack.write import Writing, write_pack
from dataset_tools.polar import polar_transform
from dataset_tools.records import Frame
from dataset_tools.settings.bake import BakeSettings

Pixels = npt.NDArray[np.uint8]

REVISION: Final = 1
"""Grows when the code below changes a pixel."""
CROP_TOLERANCE: Final = 0.01
"""A tile at most this fraction wider than asked for is used whole."""


def bake(
    path: Path,
    out: Path,
    settings: BakeSettings,
    *,
    overwrite: bool = False,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Bake an encoded pack; returns the baked pack's path.

    Ids, splits and footprints stay as they are. Killed, the same call goes on where
    it was and ends with the same bytes.

    Args:
        path: the encoded pack.
        out: the baked pack to write.
        settings: what every picture becomes.
        overwrite: replace a pack that is there.
        workers: processes; the result does not depend on them.
        progress: called with pictures done and pictures in all.

    Raises:
        UsageError: if the pack is baked already, the output exists, or a tile has no
            known side and is to be cropped.
    """
    with Pack.open(path) as pack:
        _refuse(pack, settings)
        steps = preprocessing(settings)
        contents = contents_of(
            pack,
            made_by=_made_by(pack, settings),
            encoding="baked",
            preprocessing=steps,
        )
        how = Writing(
            inputs=f"{pack.content_sha256} {steps['sha256']}",
            size=partial(_size, settings),
            workers=workers,
            progress=progress,
        )
        pictures = BakedPictures(path, settings)
        return write_pack(out, contents, picture=pictures, overwrite=overwrite, how=how)


@dataclass(frozen=True, slots=True)
class BakedPictures:
    """Pictures of an encoded pack, prepared; any process can open them."""

    path: Path
    settings: BakeSettings

    @contextmanager
    def open(self) -> Iterator[MakePicture]:
        """Open the encoded pack."""
        with Pack.open(self.path) as pack:
            yield partial(_make, pack, self.settings)


def bake_frame(pixels: Pixels, settings: BakeSettings) -> Pixels:
    """A frame [h, w, 3] as the settings want it, [H, W, 3]."""
    top, bottom = (round(part * pixels.shape[0]) for part in settings.ground_rows)
    return resize(pixels[top : max(bottom, top + 1)], settings.ground_size)


def bake_tile(pixels: Pixels, side_m: float, settings: BakeSettings) -> Pixels:
    """A tile [S, S, 3] of `side_m` metres as the settings want it, [H, W, 3]."""
    asked = settings.tile_m
    if asked is not None and side_m > asked * (1 + CROP_TOLERANCE):
        pixels = _centre_crop(pixels, asked / side_m)
    if not settings.polar:
        return resize(pixels, settings.satellite_size)
    height, width = settings.satellite_size
    unrolled = polar_transform(pixels, height, width, engine=settings.polar_engine)
    return np.asarray(unrolled, np.uint8)


def resize(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Pixels [h, w, 3] at another (H, W), bilinear and antialiased when shrinking."""
    if pixels.shape[:2] == size:
        return pixels
    image = Image.fromarray(pixels)
    return np.asarray(image.resize(size[::-1], Image.Resampling.BILINEAR))


def preprocessing(settings: BakeSettings) -> dict[str, Any]:
    """Every parameter and library version that changes a pixel, and their hash."""
    jpeg = features.version("libjpeg_turbo") or features.version("jpg")
    versions = {"pillow": version("pillow"), "jpeg": jpeg, "numpy": np.__version__}
    if settings.polar and settings.polar_engine == "opencv":
        versions["opencv"] = version("opencv-python-headless")
    steps: dict[str, Any] = {
        **settings.model_dump(mode="json"),
        "crop_tolerance": CROP_TOLERANCE,
        "resampling": "bilinear, antialiased",
        "revision": REVISION,
        "versions": versions,
    }
    return steps | {"sha256": preprocessing_sha256(steps)}


def _make(pack: Pack, settings: BakeSettings, record: Record) -> Pixels:
    if isinstance(record, Frame):
        return bake_frame(pack.picture("frame", record.frame_id), settings)
    side_m = record.m_per_px * record.width_px
    return bake_tile(pack.picture("tile", record.tile_id), side_m, settings)


def _size(settings: BakeSettings, record: Record) -> int:
    is_frame = isinstance(record, Frame)
    height, width = settings.ground_size if is_frame else settings.satellite_size
    return 3 * height * width


def _centre_crop(pixels: Pixels, share: float) -> Pixels:
    height, width = (max(1, round(n * share)) for n in pixels.shape[:2])
    top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
    return pixels[top : top + height, left : left + width]


def _made_by(pack: Pack, settings: BakeSettings) -> dict[str, Any]:
    return {
        "command": "geobench data bake",
        "parameters": settings.model_dump(mode="json"),
        "source": {"name": pack.name, "content_sha256": pack.content_sha256},
        "built": pack.meta["made_by"],
        "versions": {"python": platform.python_version()},
    }


def _refuse(pack: Pack, settings: BakeSettings) -> None:
    if pack.encoding != "encoded":
        message = (
            f"{pack.path} is baked already, and pixels once resized do not come back. "
            "Bake the encoded pack it was made from."
        )
        raise UsageError(message)
    unknown = pack.tiles.index[pack.tiles["m_per_px"].isna()]
    if settings.tile_m is not None and len(unknown):
        message = (
            f"{len(unknown)} tiles of {pack.path} have no known scale, such as "
            f"{unknown[0]!r}, so they cannot be cropped to {settings.tile_m} m. Leave "
            "out --tile-m."
        )
        raise UsageError(message)

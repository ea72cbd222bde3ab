"""Pictures of a pack as one model wants them: decoded, resized, polar, on a canvas.

Each picture is prepared once and kept in memory as uint8 [3, H, W]; normalisation
and augmentation happen on the batch. Nothing here needs torch.
"""

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from dataset_tools.polar import polar_transform
from geobench.data.canvas import (
    WIDEST_HFOV_DEG,
    Picture,
    lay_on_canvas,
    resize,
    roll_to_north,
)
from geobench.errors import DataError

if TYPE_CHECKING:
    from dataset_tools.pack.read import Pack
    from geobench.model import InputSpec

Kind = Literal["frame", "tile"]
Images = npt.NDArray[np.uint8]

MOST_WORKERS = 8
CROP_TOLERANCE = 0.01
"""A tile at most this fraction wider than the model's is used whole."""


def preparation_sha256(spec: "InputSpec", *, pack: "Pack | None" = None) -> str:
    """Hash of everything that decides what a model sees of a picture.

    Args:
        spec: the model's input.
        pack: where pictures come from; a baked one has its own preprocessing.

    Returns:
        64 hexadecimal digits; equal specs give equal hashes on every machine.
    """
    told: dict[str, object] = asdict(spec)
    steps = (pack.meta.get("preprocessing") or {}) if pack is not None else {}
    if steps:
        told["baked"] = steps["sha256"]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def empty_colour(spec: "InputSpec") -> npt.NDArray[np.uint8]:
    """[3] colour that normalises to 0, to half a grey step."""
    return np.rint(np.asarray(spec.mean) * 255.0).astype(np.uint8)


class PictureStore:
    """Prepared pictures in memory, shared by every data set that is given the store.

    Asking twice for the same pictures of the same pack prepares them once, so that
    the tasks of one pack (frame counts, galleries) do not decode anything again.
    """

    def __init__(self, spec: "InputSpec", *, workers: int | None = None) -> None:
        self.spec = spec
        self._workers = workers
        self._arrays: dict[tuple[str, Kind, tuple[str, ...]], Images] = {}

    def get(self, pack: "Pack", kind: Kind, ids: Sequence[str]) -> Images:
        """Pictures [N, 3, H, W] uint8 in the order of `ids`."""
        key = (pack.content_sha256, kind, tuple(ids))
        if key not in self._arrays:
            make = prepare_frames if kind == "frame" else prepare_tiles
            array = make(pack, ids, self.spec, workers=self._workers)
            array.flags.writeable = False
            self._arrays[key] = array
        return self._arrays[key]


def prepare_tiles(
    pack: "Pack",
    tile_ids: Sequence[str],
    spec: "InputSpec",
    *,
    workers: int | None = None,
) -> Images:
    """Satellite tiles as the model sees them.

    Args:
        pack: where the pictures are.
        tile_ids: N ids.
        spec: the model's input; a tile wider than `tile_m` is cropped about its centre.
        workers: threads; the result does not depend on them.

    Returns:
        [N, 3, H, W] uint8.

    Raises:
        DataError: if the pack was baked to another input.
    """
    ids = list(tile_ids)
    size = spec.satellite_size
    if pack.encoding == "baked":
        wanted = {"satellite_size": size, "polar": spec.polar, "tile_m": spec.tile_m}
        _refuse_other_baking(pack, wanted)
        return _prepare(pack, "tile", ids, make=_as_is, size=size, workers=workers)
    rows = pack.tiles.loc[ids]
    side_m = (rows["m_per_px"] * rows["width_px"]).to_numpy(float)

    def make(index: int, picture: Picture) -> Picture:
        if spec.tile_m is not None and side_m[index] > spec.tile_m * (
            1 + CROP_TOLERANCE
        ):
            picture = _centre_crop(picture, spec.tile_m / side_m[index])
        if not spec.polar:
            return resize(picture, spec.satellite_size)
        height, width = spec.satellite_size
        return np.asarray(polar_transform(picture, height, width), np.uint8)

    return _prepare(pack, "tile", ids, make=make, size=size, workers=workers)


def prepare_frames(
    pack: "Pack",
    frame_ids: Sequence[str],
    spec: "InputSpec",
    *,
    workers: int | None = None,
) -> Images:
    """Ground pictures as the model sees them.

    Args:
        pack: where the pictures are.
        frame_ids: N ids.
        spec: the model's input; see `InputSpec.north_canvas`.
        workers: threads; the result does not depend on them.

    Returns:
        [N, 3, H, W] uint8.

    Raises:
        DataError: if a canvas is wanted and a frame's heading or field of view is
            unknown, or if the pack was baked to another input.
    """
    ids = list(frame_ids)
    if pack.encoding == "baked":
        # What is laid on a canvas may have any size, but must be a whole picture.
        wanted = {"ground_rows": (0.0, 1.0)} if spec.north_canvas else {}
        _refuse_other_baking(pack, wanted or {"ground_size": spec.ground_size})
    if not spec.north_canvas:

        def shrink(index: int, picture: Picture) -> Picture:
            return resize(picture, spec.ground_size)

        return _prepare(
            pack, "frame", ids, make=shrink, size=spec.ground_size, workers=workers
        )
    rows = pack.frames.loc[ids]
    panorama = (rows["projection"] == "equirectangular").to_numpy(bool)
    heading = rows["heading_deg"].to_numpy(float, na_value=np.nan)
    hfov = rows["hfov_deg"].to_numpy(float, na_value=np.nan)
    _refuse_unplaceable(ids, heading=heading, hfov=hfov, panorama=panorama)
    empty = empty_colour(spec)

    def place(index: int, picture: Picture) -> Picture:
        if panorama[index]:
            return resize(roll_to_north(picture, heading[index]), spec.ground_size)
        return lay_on_canvas(
            picture,
            view_deg=(float(heading[index]), float(hfov[index])),
            size=spec.ground_size,
            vfov_deg=spec.canvas_vfov_deg,
            empty=empty,
        )

    return _prepare(
        pack, "frame", ids, make=place, size=spec.ground_size, workers=workers
    )


def _refuse_other_baking(pack: "Pack", wanted: Mapping[str, object]) -> None:
    """Refuse a baked pack whose pictures are not what a model wants to see."""
    steps = pack.meta.get("preprocessing") or {}
    for key, value in wanted.items():
        baked = steps.get(key)
        if (tuple(baked) if isinstance(baked, list) else baked) != value:
            message = (
                f"The pack {pack.path} was baked with {key} {baked!r} and the model "
                f"wants {value!r}. Use the encoded pack, or bake it again: `geobench "
                "data bake --help`."
            )
            raise DataError(message)


def _as_is(index: int, picture: Picture) -> Picture:
    del index
    return picture


def _refuse_unplaceable(
    ids: list[str], *, heading: np.ndarray, hfov: np.ndarray, panorama: np.ndarray
) -> None:
    flat = ~panorama & ~((hfov > 0.0) & (hfov <= WIDEST_HFOV_DEG))
    bad = np.isnan(heading) | flat
    if bad.any():
        first = int(bad.argmax())
        message = (
            f"{int(bad.sum())} of {len(ids)} frames cannot be laid on a north canvas: "
            f"frame {ids[first]!r} has heading_deg={heading[first]} and "
            f"hfov_deg={hfov[first]}, expected a known heading and a field of view in "
            f"(0, {WIDEST_HFOV_DEG:g}]. Build the pack from frames that have both, or "
            "use a model variant with north_canvas=False."
        )
        raise DataError(message)


def _centre_crop(picture: Picture, fraction: float) -> Picture:
    """The middle `fraction` (0 to 1) of both sides."""
    height, width = (max(1, round(n * fraction)) for n in picture.shape[:2])
    top, left = (picture.shape[0] - height) // 2, (picture.shape[1] - width) // 2
    return np.ascontiguousarray(picture[top : top + height, left : left + width])


def _prepare(
    pack: "Pack",
    kind: Kind,
    ids: list[str],
    *,
    make: Callable[[int, Picture], Picture],
    size: tuple[int, int],
    workers: int | None,
) -> Images:
    """Every picture through `make`, in threads: decoding and resizing free the GIL."""
    images = np.empty((len(ids), 3, *size), np.uint8)
    if not ids:
        return images

    def one(index: int) -> None:
        picture = make(index, pack.picture(kind, ids[index]))
        images[index] = picture.transpose(2, 0, 1)

    count = workers or min(MOST_WORKERS, os.cpu_count() or 1)
    with ThreadPoolExecutor(count) as pool:
        for _ in pool.map(one, range(len(ids))):
            pass
    return images

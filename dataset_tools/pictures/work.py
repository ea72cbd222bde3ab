"""The bytes of a frame's picture: the source's own, or what a rule makes of them."""

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from dataset_tools.pictures.blur import (
    Boxes,
    Finder,
    blurred,
    finder_origin,
    found_boxes,
    load_finder,
    read_boxes,
)
from dataset_tools.pictures.codec import (
    Pixels,
    decode,
    encode_jpeg,
    encode_png,
    read_picture,
)
from dataset_tools.pictures.cube import FACES, panorama_of
from dataset_tools.pictures.mask import Mask, masked, read_mask
from dataset_tools.pictures.metadata import without_metadata
from dataset_tools.pictures.resampling import SAMPLES
from dataset_tools.pictures.sphere import crop, finer_by, turned
from dataset_tools.pictures.view import PictureRule
from dataset_tools.records import Frame

JPEG_START = b"\xff\xd8"


@dataclass(frozen=True, slots=True)
class Tools:
    """A rule with what it names: read once, used for every picture."""

    rule: PictureRule
    mask: Mask | None
    boxes: Boxes
    finder: Finder | None


def open_tools(rule: PictureRule) -> Tools:
    """Read the files of a rule and load its plug-in.

    Raises:
        MissingDataError: if a file is not there.
        UnreadableError: if one cannot be read.
        UsageError: if the plug-in is not installed or the mask hides nothing.
    """
    return Tools(
        rule=rule,
        mask=read_mask(rule.mask) if rule.mask else None,
        boxes=read_boxes(rule.blur_boxes) if rule.blur_boxes else {},
        finder=load_finder(rule.blur) if rule.blur else None,
    )


def stored_bytes(drive: Path, frame: Frame, tools: Tools) -> bytes:
    """What a pack stores of a frame's picture.

    Args:
        drive: folder that the frame's paths begin at.
        frame: with a source, as `decide_views` left it.
        tools: of the rule that it was decided by.

    Raises:
        UnreadableError: if a picture cannot be decoded.
        OSError: if a file cannot be read.
    """
    assert frame.source is not None
    first = read_picture(drive / frame.source)
    if not is_changed(frame, tools):
        return without_metadata(first, quality=tools.rule.quality)
    pixels = _whole(drive, frame, first, tools)
    pixels = _shown(pixels, frame, tools)
    if first.startswith(JPEG_START):
        return encode_jpeg(pixels, quality=tools.rule.quality)
    return encode_png(pixels)


def is_changed(frame: Frame, tools: Tools) -> bool:
    """Whether more is done to a picture than taking its metadata off."""
    rule = tools.rule
    width = frame.size_px[0] if frame.size_px else 0
    return bool(
        frame.faces
        or rule.crop
        or frame.yaw_deg
        or tools.mask is not None
        or rule.mask_bottom_px
        or tools.finder
        or frame.source in tools.boxes
        or (rule.width_px and width > rule.width_px)
    )


def stored_size(frame: Frame, rule: PictureRule) -> tuple[int, int] | None:
    """Width and height that a frame's picture is stored at, None if unknown."""
    if rule.crop:
        size: tuple[int, int] | None = (rule.crop.width_px, rule.crop.height_px)
    else:
        size = frame.size_px
    if size and rule.width_px and size[0] > rule.width_px:
        return rule.width_px, max(1, round(size[1] * rule.width_px / size[0]))
    return size


def described(frames: Iterable[Frame], tools: Tools) -> dict[str, Any]:
    """What was done to the pictures of a pack, JSON-ready, without folders.

    Args:
        frames: of the pack.
        tools: they are made with.
    """
    rule, counts = tools.rule, Counter[str]()
    for frame in frames:
        if frame.source is not None:
            changed = "changed" if is_changed(frame, tools) else frame.rewrite
            counts[changed or "own-bytes"] += 1
    told: dict[str, Any] = {"stored": dict(sorted(counts.items()))}
    if rule.crop:
        told["crop"] = asdict(rule.crop) | {"bearing_deg": rule.crop_bearing_deg}
    if rule.mask:
        told["mask"] = _file(rule.mask)
    if rule.mask_bottom_px:
        told["mask_bottom_px"] = rule.mask_bottom_px
    if rule.blur_boxes:
        boxes = sum(map(len, tools.boxes.values()))
        told["blur_boxes"] = _file(rule.blur_boxes) | {"boxes": boxes}
    if rule.blur:
        told["blur"] = finder_origin(rule.blur)
    if rule.blur or rule.blur_boxes:
        told["blur_kind"] = rule.blur_kind
    return told


def picture_doubts(frames: Iterable[Frame], rule: PictureRule) -> Iterator[str]:
    """What to warn about: sizes that differ, pictures that lose by encoding.

    Args:
        frames: of the pack.
        rule: what is done to their pictures.
    """
    pictured = [frame for frame in frames if frame.source is not None]
    sizes = Counter(stored_size(frame, rule) for frame in pictured)
    if len(sizes) > 1:
        told = ", ".join(
            f"{size[0]} x {size[1]} px ({count})" if size else f"unknown ({count})"
            for size, count in sizes.most_common(3)
        )
        more = ", ..." if len(sizes) > 3 else ""
        yield f"Pictures of {len(sizes)} sizes are stored: {told}{more}."
    again = Counter(frame.rewrite for frame in pictured if frame.rewrite)
    if again:
        told = ", ".join(f"{name} {count}" for name, count in sorted(again.items()))
        yield (
            f"{again.total()} of {len(pictured)} pictures are encoded again, since "
            f"their own bytes cannot be kept: {told}."
        )


def _whole(drive: Path, frame: Frame, first: bytes, tools: Tools) -> Pixels:
    """The picture before anything is cut from it, its boxes blurred."""
    if not frame.faces:
        assert frame.source is not None
        least = _least_size(frame, tools)
        return _readable(decode(first, at_least=least), frame.source, tools)
    faces = {
        name: _readable(decode(read_picture(drive / path)), path, tools)
        for name, path in zip(FACES, frame.faces, strict=False)
    }
    assert frame.size_px is not None
    assert frame.extent is not None
    vfov = frame.extent.top_deg - frame.extent.bottom_deg
    return panorama_of(faces, frame.size_px[::-1], vfov_deg=vfov, empty=tools.rule.grey)


def _readable(pixels: Pixels, source: str, tools: Tools) -> Pixels:
    rule, boxes = tools.rule, tools.boxes.get(source, ())
    if tools.finder is not None:
        boxes = (*boxes, *found_boxes(tools.finder, pixels, name=str(rule.blur)))
    return blurred(pixels, boxes, kind=rule.blur_kind, grey=rule.grey)


def _shown(pixels: Pixels, frame: Frame, tools: Tools) -> Pixels:
    """What the frame shows of its picture."""
    rule = tools.rule
    if tools.mask is not None or rule.mask_bottom_px:
        pixels = masked(
            pixels, tools.mask, bottom_px=rule.mask_bottom_px, grey=rule.grey
        )
    if rule.crop:
        assert frame.extent is not None
        view = replace(rule.crop, yaw_deg=frame.yaw_deg)
        pixels = crop(pixels, view, extent=frame.extent)
    elif frame.yaw_deg:
        pixels = turned(pixels, frame.yaw_deg)
    size = stored_size(frame, rule)
    if size is None or size[0] >= pixels.shape[1]:
        return pixels
    image = Image.fromarray(np.ascontiguousarray(pixels))
    return np.asarray(image.resize(size, Image.Resampling.BILINEAR))


def _least_size(frame: Frame, tools: Tools) -> tuple[int, int] | None:
    """(height, width) that is enough of a picture, None if all of it is needed.

    Boxes and masks count the picture's own pixels.
    """
    rule = tools.rule
    own = tools.mask is not None or rule.mask_bottom_px or tools.finder
    if own or frame.source in tools.boxes or frame.size_px is None:
        return None
    width, height = frame.size_px
    if rule.crop and frame.extent:
        share = SAMPLES / finer_by(width, rule.crop, frame.extent)
    elif rule.width_px:
        share = SAMPLES * rule.width_px / width
    else:
        return None
    return math.ceil(height * share), math.ceil(width * share)


def _file(path: Path) -> dict[str, Any]:
    return {
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }

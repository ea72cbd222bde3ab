"""Decoding within bounds, and encoding without metadata.

A header is believed only as far as `MAX_PIXELS` and 8 bits a channel; the kinds of
picture are those of `FORMATS`, so that nobody's file can choose another decoder.
"""

import io
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from dataset_tools.errors import UnreadableError

Pixels = npt.NDArray[np.uint8]

MAX_PIXELS = 100_000_000
"""Largest picture that is decoded, 300 MB as RGB; real panoramas have up to 72 M."""
MAX_BYTES = 512 * 1024**2
"""Largest file that is read as a picture: more than any of `MAX_PIXELS` needs."""

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF")
"""Kinds that are opened; MPO, several JPEGs in a file, is opened as its first. Pillow
knows some forty more, among them ones that start another program (EPS) or were never
meant for strangers' files."""
ORIENTATION_TAG = 0x0112
_ANIMATED = ("PNG", "WEBP")

DECODING_ERRORS = (
    OSError,
    SyntaxError,  # Pillow's word for a broken PNG
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    EOFError,
    OverflowError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
"""Everything Pillow is known to raise on bytes that are no sound picture."""


def decode(
    data: bytes,
    *,
    max_pixels: int = MAX_PIXELS,
    at_least: tuple[int, int] | None = None,
) -> Pixels:
    """The picture as uint8 [H, W, 3] RGB in 0..255, turned upright as EXIF says.

    Args:
        data: an encoded picture of one of the `FORMATS`.
        max_pixels: refuse a picture whose header states more, before decoding it.
        at_least: (height, width) that is enough, once upright: a JPEG may come back at
            a half, a quarter or an eighth of its size, which is decoded faster.

    Raises:
        UnreadableError: if the bytes are no picture, broken, truncated or too large.
    """
    try:
        with open_bounded(io.BytesIO(data), max_pixels=max_pixels) as picture:
            if at_least is not None:
                on_its_side = picture.getexif().get(ORIENTATION_TAG, 1) in range(5, 9)
                picture.draft(None, at_least if on_its_side else at_least[::-1])
            ImageOps.exif_transpose(picture, in_place=True)
            rgb = picture if picture.mode == "RGB" else picture.convert("RGB")
            return np.array(rgb, dtype=np.uint8)
    except UnreadableError:
        raise
    except DECODING_ERRORS as error:
        message = (
            f"The picture ({len(data)} bytes) cannot be decoded: "
            f"{decoding_fault(error)}. "
            "Leave it out or export it again."
        )
        raise UnreadableError(message) from error


def open_bounded(file: BinaryIO, *, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """An opened Pillow picture whose header states an acceptable size and mode.

    Raises:
        UnreadableError: if it has more than `max_pixels`, samples beyond 8 bits or
            several frames that are played one after the other.
    """
    picture = Image.open(file, formats=FORMATS)
    width, height = picture.size
    if width * height > max_pixels:
        message = (
            f"The picture has {width} x {height} pixels, more than the limit of "
            f"{max_pixels}. Scale it down first."
        )
        raise UnreadableError(message)
    if picture.mode.startswith(("I", "F")):
        message = (
            f"The picture has samples of mode {picture.mode!r}; 8 bits a channel are "
            "expected. Convert it first, since its range is not known here."
        )
        raise UnreadableError(message)
    if picture.format in _ANIMATED and getattr(picture, "is_animated", False):
        message = (
            f"The picture is an animation of {getattr(picture, 'n_frames', 2)} frames; "
            "one picture a file is expected. Export the one that is meant."
        )
        raise UnreadableError(message)
    return picture


def decoding_fault(error: Exception) -> str:
    """What was wrong with a picture, in words that are the same in each run."""
    if isinstance(error, UnidentifiedImageError):
        # Pillow's own text holds the address of a buffer.
        return "it is no picture of a known kind"
    if isinstance(error, OSError) and error.strerror:
        # The text of the whole error would tell the folders of this machine.
        return error.strerror.lower()
    return str(error).rstrip(".") or type(error).__name__


def read_picture(path: Path) -> bytes:
    """The bytes of a picture file.

    Raises:
        UnreadableError: if it is empty or larger than `MAX_BYTES`.
        OSError: if it is not there or may not be read.
    """
    size = path.stat().st_size
    if size == 0:
        message = "The file is empty."
        raise UnreadableError(message)
    if size > MAX_BYTES:
        message = f"The file has {size} bytes, more than the limit of {MAX_BYTES}."
        raise UnreadableError(message)
    return path.read_bytes()


def encode_jpeg(array: Pixels, *, quality: int = 95) -> bytes:
    """JPEG bytes without metadata of uint8 [H, W, 3] RGB in 0..255."""
    target = io.BytesIO()
    Image.fromarray(array).save(target, "JPEG", quality=quality)
    return target.getvalue()


def encode_png(array: Pixels) -> bytes:
    """PNG bytes without metadata of uint8 [H, W, 3] RGB in 0..255."""
    target = io.BytesIO()
    Image.fromarray(array).save(target, "PNG")
    return target.getvalue()

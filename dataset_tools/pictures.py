"""Picture bytes: decoding within bounds, encoding, and metadata taken off.

Street pictures carry names, serial numbers and home positions in their metadata; a
pack stores the pixels' bytes untouched and nothing else.
"""

import io
import re
import struct
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from dataset_tools.errors import UnreadableError

Pixels = npt.NDArray[np.uint8]

MAX_PIXELS = 100_000_000
"""Largest picture that is decoded, 300 MB as RGB; real panoramas have up to 72 M."""

ORIENTATION_TAG = 0x0112

DECODING_ERRORS = (
    OSError,
    SyntaxError,  # Pillow's word for a broken PNG
    ValueError,
    TypeError,
    KeyError,
    EOFError,
    OverflowError,
    struct.error,
    Image.DecompressionBombError,
)
"""Everything Pillow is known to raise on bytes that are no sound picture."""

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_METADATA = frozenset({b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"tIME"})
# The next marker in entropy-coded data: not a stuffed zero, restart or fill byte.
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_JPEG_EOI, _JPEG_SOS, _JPEG_COMMENT = 0xD9, 0xDA, 0xFE
_JPEG_APP0, _JPEG_APP2, _JPEG_APP14, _JPEG_APP15 = 0xE0, 0xE2, 0xEE, 0xEF


def decode(data: bytes, *, max_pixels: int = MAX_PIXELS) -> Pixels:
    """The picture as uint8 [H, W, 3] RGB in 0..255, turned upright as EXIF says.

    Args:
        data: an encoded picture of any kind that Pillow reads.
        max_pixels: refuse a picture whose header states more, before decoding it.

    Raises:
        UnreadableError: if the bytes are no picture, broken, truncated or too large.
    """
    try:
        with open_bounded(io.BytesIO(data), max_pixels=max_pixels) as picture:
            upright = ImageOps.exif_transpose(picture)
            return np.array(upright.convert("RGB"), dtype=np.uint8)
    except UnreadableError:
        raise
    except DECODING_ERRORS as error:
        message = (
            f"The picture ({len(data)} bytes) cannot be decoded: "
            f"{decoding_fault(error)}. "
            "Leave it out or export it again."
        )
        raise UnreadableError(message) from error


def open_bounded(file: io.BytesIO, *, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """An opened Pillow picture whose header states an acceptable size and mode.

    Raises:
        UnreadableError: if it has more than `max_pixels` or samples beyond 8 bits.
    """
    picture = Image.open(file)
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
    return picture


def decoding_fault(error: Exception) -> str:
    """What was wrong with a picture, in words that are the same in each run."""
    if isinstance(error, UnidentifiedImageError):
        # Pillow's own text holds the address of a buffer.
        return "it is no picture of a known kind"
    return str(error).rstrip(".") or type(error).__name__


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


def without_metadata(data: bytes) -> bytes:
    """The same pixels without EXIF, XMP, comments, thumbnails and trailing data.

    JPEG and PNG lose their metadata segments and nothing else, so that no pixel is
    encoded twice. A picture that only its EXIF turns upright is decoded, turned and
    encoded again; so is any other kind, as PNG.

    Raises:
        UnreadableError: if the bytes are no picture.
    """
    kind, orientation = _kind(data)
    if orientation == 1 and kind in ("JPEG", "MPO"):
        return b"".join(_jpeg_parts(data))
    if orientation == 1 and kind == "PNG":
        return b"".join(_png_parts(data))
    pixels = decode(data)
    return encode_jpeg(pixels) if kind in ("JPEG", "MPO") else encode_png(pixels)


def _kind(data: bytes) -> tuple[str, int]:
    """(Pillow's name of the format, EXIF orientation with 1 for upright)."""
    try:
        with Image.open(io.BytesIO(data)) as picture:
            turned = picture.getexif().get(ORIENTATION_TAG, 1)
            # Values outside 2..8 mean nothing and turn nothing.
            orientation = turned if turned in range(2, 9) else 1
            return picture.format or "", orientation
    except DECODING_ERRORS as error:
        fault = decoding_fault(error)
        message = f"The picture ({len(data)} bytes) cannot be read: {fault}."
        raise UnreadableError(message) from error


def _jpeg_parts(data: bytes) -> Iterator[bytes]:
    yield data[:2]
    place = 2
    while place + 4 <= len(data):
        if data[place] != 0xFF:
            message = f"The JPEG is broken at byte {place}: a marker is expected there."
            raise UnreadableError(message)
        marker = data[place + 1]
        if marker == 0xFF:  # fill byte
            place += 1
            continue
        if marker == _JPEG_EOI:
            break
        end = place + 2 + int.from_bytes(data[place + 2 : place + 4], "big")
        if marker == _JPEG_SOS:
            found = _JPEG_MARKER.search(data, end)
            end = found.start() if found else len(data)
        if _is_needed(marker, data[place + 4 : end]):
            yield data[place:end]
        place = end
    # Anything behind the end of image is a preview, a video or a maker's trailer.
    yield bytes((0xFF, _JPEG_EOI))


def _is_needed(marker: int, payload: bytes) -> bool:
    """Whether a JPEG segment changes the pixels: tables, scans, colour."""
    if marker in (_JPEG_APP0, _JPEG_APP14):
        return True
    if marker == _JPEG_APP2:
        return payload.startswith(b"ICC_PROFILE\x00")
    return marker != _JPEG_COMMENT and not _JPEG_APP0 < marker <= _JPEG_APP15


def _png_parts(data: bytes) -> Iterator[bytes]:
    yield _PNG_SIGNATURE
    place = len(_PNG_SIGNATURE)
    while place + 12 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        kind, end = data[place + 4 : place + 8], place + 12 + length
        if kind not in _PNG_METADATA:
            yield data[place:end]
        if kind == b"IEND":
            break
        place = end

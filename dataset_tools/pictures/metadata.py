"""What is not picture taken off picture bytes: EXIF, XMP, comments, trailers.

JPEG and PNG are copied part by part, and only parts on a list are copied: what
decodes the pixels and what says how to show their colours. So a maker's private part
that nobody here has heard of stays behind too. Everything else is encoded again.
"""

import io
import re
import warnings
from collections.abc import Iterator

from PIL import Image

from dataset_tools.errors import UnreadableError
from dataset_tools.pictures.codec import (
    DECODING_ERRORS,
    FORMATS,
    ORIENTATION_TAG,
    decode,
    decoding_fault,
    encode_jpeg,
    encode_png,
)

JPEG_KINDS = ("JPEG", "MPO")

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = frozenset(
    {
        *(b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS"),
        *(b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"sBIT"),
    }
)
# The next marker in entropy-coded data: not a stuffed zero, restart or fill byte.
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_JPEG_EOI, _JPEG_SOS = 0xD9, 0xDA
_JPEG_APP0, _JPEG_APP2, _JPEG_APP14 = 0xE0, 0xE2, 0xEE
_JPEG_KEPT = frozenset({*range(0xC0, 0xD0), *range(0xDA, 0xE0)})
"""Frames, tables and scans; 0xD0 to 0xD9 stand without a segment."""
_JFIF_BYTES = 12
"""Of an APP0 segment's payload before the two that give a thumbnail's size."""
_ADOBE_BYTES = 12
"""Of an APP14 segment's payload that say how colours are stored."""


class _Unknown(Exception):
    """The parts of a file do not follow each other as its kind says."""


def without_metadata(data: bytes, *, quality: int = 95) -> bytes:
    """The same pixels without EXIF, XMP, comments, thumbnails and trailing data.

    JPEG and PNG lose their other parts and no pixel is encoded a second time, unless
    there is a `rewrite_reason`; then a JPEG becomes a JPEG and any other kind a PNG.

    Args:
        data: an encoded picture.
        quality: of a JPEG that is encoded again, 1 to 95.

    Raises:
        UnreadableError: if the bytes are no picture.
    """
    kind, turned = _kind(data)
    if not turned:
        try:
            if kind in JPEG_KINDS:
                return b"".join(_jpeg_parts(data))
            if kind == "PNG":
                return b"".join(_png_parts(data))
        except _Unknown:
            pass  # Pillow is more forgiving: see below.
    pixels = decode(data)
    return (
        encode_jpeg(pixels, quality=quality)
        if kind in JPEG_KINDS
        else (encode_png(pixels))
    )


def rewrite_reason(data: bytes, picture: Image.Image) -> str | None:
    """Why `without_metadata` has to encode a picture again, or None if it has not.

    Args:
        data: an encoded picture.
        picture: the same, opened.

    Returns:
        "turned" if its EXIF alone turns it upright, its kind if that is neither JPEG
        nor PNG, "broken-parts" if its parts cannot be told from each other.
    """
    if _is_turned(picture):
        return "turned"
    try:
        if picture.format in JPEG_KINDS:
            for _ in _jpeg_parts(data):
                pass
        elif picture.format == "PNG":
            for _ in _png_parts(data):
                pass
        else:
            return (picture.format or "unknown").lower()
    except _Unknown:
        return "broken-parts"
    return None


def _kind(data: bytes) -> tuple[str, bool]:
    """(Pillow's name of the format, whether only EXIF turns it upright)."""
    try:
        # Pillow warns of corrupt EXIF, which is about to be taken off anyway.
        quiet = warnings.catch_warnings(action="ignore", category=UserWarning)
        with quiet, Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            return picture.format or "", _is_turned(picture)
    except DECODING_ERRORS as error:
        fault = decoding_fault(error)
        message = f"The picture ({len(data)} bytes) cannot be read: {fault}."
        raise UnreadableError(message) from error


def upright_size(picture: Image.Image) -> tuple[int, int]:
    """Width and height that an opened picture has once it is upright."""
    width, height = picture.size
    on_its_side = picture.getexif().get(ORIENTATION_TAG, 1) in range(5, 9)
    return (height, width) if on_its_side else (width, height)


def _is_turned(picture: Image.Image) -> bool:
    # 1 is upright; values outside 1..8 mean nothing and turn nothing.
    return picture.getexif().get(ORIENTATION_TAG, 1) in range(2, 9)


def _jpeg_parts(data: bytes) -> Iterator[bytes]:
    yield data[:2]
    place, scanned = 2, False
    while place + 4 <= len(data):
        if data[place] != 0xFF:
            raise _Unknown
        marker = data[place + 1]
        if marker == 0xFF:  # fill byte
            place += 1
            continue
        if marker == _JPEG_EOI:
            break
        end = place + 2 + int.from_bytes(data[place + 2 : place + 4], "big")
        if marker == _JPEG_SOS:
            found = _JPEG_MARKER.search(data, end)
            end, scanned = found.start() if found else len(data), True
        yield _kept_segment(marker, data[place:end])
        place = end
    if not scanned:
        raise _Unknown
    # Anything behind the end of image is a preview, a video or a maker's trailer.
    yield bytes((0xFF, _JPEG_EOI))


def _kept_segment(marker: int, segment: bytes) -> bytes:
    """What of a JPEG segment changes the pixels or their colours; maybe nothing."""
    if marker in _JPEG_KEPT:
        return segment
    payload = segment[4:]
    if marker == _JPEG_APP0 and payload.startswith(b"JFIF\x00"):
        # Behind these bytes comes a thumbnail, which is left out.
        return _segment(marker, payload[:_JFIF_BYTES].ljust(_JFIF_BYTES + 2, b"\x00"))
    if marker == _JPEG_APP2 and payload.startswith(b"ICC_PROFILE\x00"):
        return segment
    if marker == _JPEG_APP14 and payload.startswith(b"Adobe"):
        return _segment(marker, payload[:_ADOBE_BYTES])
    return b""


def _segment(marker: int, payload: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(payload) + 2).to_bytes(2, "big") + payload


def _png_parts(data: bytes) -> Iterator[bytes]:
    yield _PNG_SIGNATURE
    place = len(_PNG_SIGNATURE)
    while place + 12 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        kind, end = data[place + 4 : place + 8], place + 12 + length
        if end > len(data):
            raise _Unknown
        if kind in _PNG_KEPT:
            yield data[place:end]
        if kind == b"IEND":
            return
        place = end
    raise _Unknown

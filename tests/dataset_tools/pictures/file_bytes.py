"""Small pictures in every kind, with somebody's name in their metadata."""

import io
import struct
import zlib

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

SECRET = b"Jane Owner 12345"


def picture(height=24, width=32):
    """Pixels [H, W, 3] that differ from each other."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 7, y * 9, x + y], axis=-1).astype(np.uint8)


def exif(*, orientation=None):
    tags = Image.Exif()
    tags[0x013B] = SECRET.decode()
    tags.get_ifd(0x8769)[0xA431] = SECRET.decode()  # BodySerialNumber
    if orientation:
        tags[0x0112] = orientation
    return tags


def saved(image, kind, **options):
    """The bytes that Pillow writes of a picture."""
    target = io.BytesIO()
    image = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    image.save(target, kind, **options)
    return target.getvalue()


def jpeg(array, *, orientation=None, **options):
    return saved(
        array,
        "JPEG",
        **{
            "exif": exif(orientation=orientation),
            "xmp": b"<x:xmpmeta>" + SECRET + b"</x:xmpmeta>",
            "comment": SECRET,
            "quality": 95,
        }
        | options,
    )


def png(array, *, orientation=None, **options):
    """A PNG with texts of three kinds, EXIF and a maker's private chunk."""
    info = PngInfo()
    info.add_text("Author", SECRET.decode())
    info.add_text("Comment", SECRET.decode(), zip=True)
    info.add_itxt("XML:com.adobe.xmp", SECRET.decode())
    info.add(b"caBX", SECRET, after_idat=True)
    return saved(array, "PNG", pnginfo=info, exif=exif(orientation=orientation))


def webp(array, **options):
    return saved(array, "WEBP", exif=exif(), xmp=SECRET, lossless=True, **options)


def png_header(width, height, *, depth=8, colour=2):
    """A PNG that states a size and holds next to nothing."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body))
        + kind
        + body
        + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in parts
    )

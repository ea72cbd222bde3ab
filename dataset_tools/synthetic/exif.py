"""JPEG bytes of a synthetic picture, with the tags a real camera would write."""

import io
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

JPEG_QUALITY = 92
ALTITUDE_M = 160
XMP = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:GPano="http://ns.google.com/photos/1.0/panorama/"'
    ' GPano:ProjectionType="equirectangular" GPano:UsePanoramaViewer="True"'
    ' GPano:CroppedAreaImageWidthPixels="{width}"'
    ' GPano:CroppedAreaImageHeightPixels="{height}"'
    ' GPano:FullPanoWidthPixels="{width}" GPano:FullPanoHeightPixels="{full}"'
    ' GPano:CroppedAreaLeftPixels="0" GPano:CroppedAreaTopPixels="{top}"'
    ' GPano:PoseHeadingDegrees="{heading:.2f}"/>'
    '</rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
)

# Tag numbers of EXIF 2.32.
_MAKE, _MODEL, _EXIF, _GPS = 0x010F, 0x0110, 0x8769, 0x8825
_TIME_ORIGINAL, _OFFSET_ORIGINAL, _SUBSECOND_ORIGINAL = 0x9003, 0x9011, 0x9291
_FOCAL_35MM = 0xA405


def encode(
    picture: npt.NDArray[np.uint8],
    *,
    tags: Image.Exif,
    panorama: tuple[float, float] | None = None,
) -> bytes:
    """JPEG bytes with EXIF, and for a panorama with XMP GPano.

    Args:
        picture: [H, W, 3] uint8.
        tags: what `picture_tags` made.
        panorama: elevation of the upper edge and heading of the middle column,
            degrees; None for a perspective picture.

    Returns:
        A complete JPEG file.
    """
    extra: dict[str, Any] = {}
    if panorama is not None:
        height, width = picture.shape[:2]
        # Degrees of height are not pixels of width here: the strip is stretched.
        full = round(height * 90 / panorama[0])
        top = (full - height) // 2
        extra["xmp"] = XMP.format(
            width=width, height=height, full=full, top=top, heading=panorama[1]
        ).encode()
    buffer = io.BytesIO()
    Image.fromarray(picture).save(
        buffer, "JPEG", quality=JPEG_QUALITY, exif=tags.tobytes(), **extra
    )
    return buffer.getvalue()


def picture_tags(
    *,
    time_ns: int,
    position: tuple[float, float] | None,
    heading_deg: float,
    focal_35mm: int | None,
) -> Image.Exif:
    """EXIF of a picture.

    Args:
        time_ns: UTC nanoseconds since 1970; written to the millisecond.
        position: (lat, lon) in degrees, or None without a fix.
        heading_deg: of the middle column, clockwise from true north.
        focal_35mm: focal length for a 36 mm wide picture; None for a panorama.

    Returns:
        Tags ready to be saved with a picture.
    """
    moment = datetime.fromtimestamp(time_ns // 1_000_000_000, UTC)
    thousandths = time_ns // 1_000_000 % 1000
    details: dict[int, Any] = {
        _TIME_ORIGINAL: moment.strftime("%Y:%m:%d %H:%M:%S"),
        _OFFSET_ORIGINAL: "+00:00",
        _SUBSECOND_ORIGINAL: f"{thousandths:03d}",
    }
    if focal_35mm is not None:
        details[_FOCAL_35MM] = focal_35mm
    tags = Image.Exif()
    tags[_MAKE], tags[_MODEL] = "crossview", "procedural"
    tags[_EXIF] = details
    if position is not None:
        seconds = IFDRational(moment.second * 1000 + thousandths, 1000)
        tags[_GPS] = {
            **_place(*position),
            7: (IFDRational(moment.hour), IFDRational(moment.minute), seconds),
            16: "T",
            17: IFDRational(round(heading_deg % 360.0 * 100) % 36000, 100),
            29: moment.strftime("%Y:%m:%d"),
        }
    return tags


def _place(lat: float, lon: float) -> dict[int, Any]:
    """GPS tags 1 to 6: position and altitude."""
    return {
        1: "N" if lat >= 0 else "S",
        2: _sexagesimal(lat),
        3: "E" if lon >= 0 else "W",
        4: _sexagesimal(lon),
        5: b"\x00",
        6: IFDRational(ALTITUDE_M),
    }


def _sexagesimal(value: float) -> tuple[IFDRational, IFDRational, IFDRational]:
    """Degrees, minutes and seconds; 1e-5 seconds are 0.3 mm."""
    units = round(abs(value) * 3600 * 100_000)
    degrees, rest = divmod(units, 3600 * 100_000)
    minutes, seconds = divmod(rest, 60 * 100_000)
    return IFDRational(degrees), IFDRational(minutes), IFDRational(seconds, 100_000)

"""What a picture's XMP (GPano) says of the panorama that it is, and what it covers.

Values are found by regular expression: XMP is hostile XML as often as not.
"""

import math
import re
from collections.abc import Mapping
from typing import Any

from dataset_tools.records import Extent

_KEYS = {
    "projection": "ProjectionType",
    "heading": "PoseHeadingDegrees",
    "full_width": "FullPanoWidthPixels",
    "full_height": "FullPanoHeightPixels",
    "width": "CroppedAreaImageWidthPixels",
    "height": "CroppedAreaImageHeightPixels",
    "left": "CroppedAreaLeftPixels",
    "top": "CroppedAreaTopPixels",
}

GPano = Mapping[str, str]
"""Key of `_KEYS` -> text; what is not there was not stated."""


def gpano_of(info: Mapping[Any, Any]) -> GPano:
    """The GPano values in the `info` of an opened Pillow picture."""
    raw = info.get("xmp") or info.get("XML:com.adobe.xmp") or b""
    packet = raw if isinstance(raw, bytes) else str(raw).encode()
    found = {}
    for key, name in _KEYS.items():
        pattern = rb"GPano:" + name.encode() + rb"\s*(?:=\s*[\"']|>)\s*([^\"'<>]{1,40})"
        match = re.search(pattern, packet)
        if match:
            found[key] = match.group(1).decode("ascii", "replace").strip()
    return found


def is_panorama(gpano: GPano) -> bool:
    """Whether the picture is an equirectangular panorama."""
    return gpano.get("projection", "").lower() == "equirectangular"


def heading_of(gpano: GPano) -> float | None:
    """Bearing of the picture's middle column, degrees, maybe beyond [0, 360).

    The stated one is the whole panorama's; of a part that is not its middle the
    middle looks elsewhere.
    """
    heading = _number(gpano, "heading")
    full, width = _number(gpano, "full_width"), _number(gpano, "width")
    left = _number(gpano, "left")
    if heading is None or not full or width is None or left is None:
        return heading
    aside = 360.0 * ((left + width / 2) / full - 0.5)
    return heading + aside if abs(aside) <= 180.0 else heading


def extent_of(gpano: GPano, size: tuple[int, int]) -> Extent:
    """What the picture covers.

    Only ratios are used, so a picture that was resized afterwards is read right.
    Without usable values it is 360 degrees wide, as high as equal degrees a pixel make
    it, and has the horizon in its middle.

    Args:
        gpano: of the picture.
        size: its width and height, px.
    """
    full, width = _number(gpano, "full_width"), _number(gpano, "width")
    sideways = full and width and 0 < width <= full
    width_deg = 360.0 * width / full if sideways and full and width else 360.0
    full, height = _number(gpano, "full_height"), _number(gpano, "height")
    top = _number(gpano, "top")
    if full and height and top is not None and 0 < height <= full - top <= full:
        top_deg = 90.0 - 180.0 * top / full
        bottom_deg = top_deg - 180.0 * height / full
    else:
        top_deg = min(90.0, width_deg * size[1] / size[0] / 2)
        bottom_deg = -top_deg
    return Extent(width_deg=width_deg, top_deg=top_deg, bottom_deg=bottom_deg)


def _number(gpano: GPano, key: str) -> float | None:
    try:
        value = float(gpano[key])
    except (KeyError, ValueError):
        return None
    return value if math.isfinite(value) else None

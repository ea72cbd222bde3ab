r"""One JSON file of the Vermont set: a sequence of frames and its tile.

    {"center": [lat, lon],
     "satellite_views": {"20": ".\2019_satellite\20\0.png"},
     "street_views": {"img_1": {"name": ".\ROW\SESSION\ODOMETER.jpg",
                                "lat": .., "lon": .., "heading": ..}, "img_2": ...}}

Paths have backslashes and a first component that means nothing. Frames are in the order
of the numbers in their keys, whatever the order in the file.
"""

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset_tools.originals.folder import inside
from dataset_tools.records import UNKNOWN

MAX_JSON_BYTES = 4 * 1024**2
HEADING_KEYS = ("heading", "bearing")
"""The key in the released files was not confirmed; a frame without one has none."""
_KEY = re.compile(r"img_(\d{1,6})")


class BadSequence(ValueError):
    """A file that is no sequence; its text is a few words for a rejection."""

    def __init__(self, text: str, *, reason: str = "broken-json") -> None:
        """Say what is wrong, and the reason that is counted."""
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class View:
    """One frame as a sequence names it."""

    path: str
    """Relative to the folder of street pictures."""
    lat: float
    """NaN, as lon, where the file has no position."""
    lon: float
    heading_deg: float | None


@dataclass(frozen=True, slots=True)
class Listed:
    """One file's content."""

    number: int
    """The file's name, which the published split counts by."""
    lat: float
    """Of the tile's centre."""
    lon: float
    satellite: str
    """Relative to the folder of satellite pictures."""
    views: tuple[View, ...]


def read_sequence(path: Path, *, number: int, zoom: int) -> Listed:
    """The content of one file.

    Args:
        path: an existing file.
        number: its name as a number.
        zoom: key of the tile that is wanted.

    Raises:
        BadSequence: if it is broken.
        UnreadableError: if it names a path outside of the release.
    """
    where = f"{path.parent.name}/{path.name}"
    content = _object(_parsed(path), "the file")
    lat, lon = _position(content.get("center"), "center")
    tiles = _object(content.get("satellite_views"), "satellite_views")
    tile = tiles.get(str(zoom))
    if not isinstance(tile, str):
        held = f"no tile of zoom {zoom}, only {sorted(tiles)[:4]}"
        raise BadSequence(held, reason="no-tile-of-zoom")
    views = _object(content.get("street_views"), "street_views")
    keys = {key: _KEY.fullmatch(key) for key in views}
    bad = next((k for k, m in keys.items() if m is None), None)
    if bad is not None or not views:
        raise BadSequence(f"frame key {bad!r}, expected img_1, img_2 ...")
    order = sorted(keys, key=lambda k: int(k.removeprefix("img_")))
    return Listed(
        number=number,
        lat=lat,
        lon=lon,
        satellite=without_first(tile, where=where),
        views=tuple(_view(views[k], key=k, where=where) for k in order),
    )


def without_first(text: str, *, where: str) -> str:
    r"""A path of the release without its first component, with slashes.

    >>> without_first(r".\ROW\20190616.101500\000000120345.jpg", where="a file")
    'ROW/20190616.101500/000000120345.jpg'

    Raises:
        BadSequence: if nothing is left.
        UnreadableError: if it is absolute or climbs out.
    """
    # Looked at before the first part goes, so that `C:\...` is not taken for `.\...`.
    inside(text, where=where)
    parts = [p for p in text.strip().replace("\\", "/").split("/") if p][1:]
    if not parts:
        raise BadSequence(f"path {text[:60]!r} of one component")
    return inside("/".join(parts), where=where)


def _parsed(path: Path) -> Any:
    try:
        size = path.stat().st_size
        if size > MAX_JSON_BYTES:
            raise BadSequence(f"{size:,} bytes, expected at most {MAX_JSON_BYTES:,}")
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, RecursionError) as error:
        raise BadSequence(f"unreadable: {type(error).__name__}") from error
    except BadSequence:
        raise
    except ValueError as error:
        raise BadSequence(f"no JSON: {error}") from error


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadSequence(f"{what} is no object")
    return value


def _view(value: Any, *, key: str, where: str) -> View:
    view = _object(value, key)
    name = view.get("name")
    if not isinstance(name, str):
        raise BadSequence(f"{key} has no name")
    try:
        lat, lon = _position([view.get("lat"), view.get("lon")], key)
    except BadSequence:
        lat, lon = UNKNOWN, UNKNOWN
    heading = next((view[k] for k in HEADING_KEYS if k in view), None)
    return View(
        path=without_first(name, where=where),
        lat=lat,
        lon=lon,
        heading_deg=_heading(heading),
    )


def _position(value: Any, what: str) -> tuple[float, float]:
    if isinstance(value, list) and len(value) == 2 and all(map(_is_number, value)):
        lat, lon = float(value[0]), float(value[1])
        if abs(lat) <= 90 and abs(lon) <= 180 and (lat or lon):
            return lat, lon
    raise BadSequence(f"{what} has the position {str(value)[:60]}")


def _heading(value: Any) -> float | None:
    return float(value) % 360.0 if _is_number(value) else None


def _is_number(value: Any) -> bool:
    try:
        return not isinstance(value, bool) and math.isfinite(value)
    except (TypeError, OverflowError):
        return False

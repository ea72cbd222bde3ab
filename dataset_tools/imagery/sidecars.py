"""What lies beside a raster and speaks of it: world file, system, date and terms.

GDAL itself is told to look at nothing beside a file, since what it finds there may
name other files, and addresses; the few kinds that are useful are read here, as text.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from affine import Affine
from defusedxml import DefusedXmlException, ElementTree

from dataset_tools.errors import UnreadableError
from dataset_tools.imagery.source import About, is_date

MAX_TEXT_BYTES = 1_000_000
DATE = re.compile(r"(\d{4})[:/-]?(\d{2})[:/-]?(\d{2})(?:\D|$)")
NAIP_NAME = re.compile(r"m_\d{7}_(?:ne|nw|se|sw)_\d{2}_\w+?_(\d{8})(?:_|$)", re.I)
"""m_QUAD_QUARTER_ZONE_RESOLUTION_DATE, as NAIP's quarter quads are named."""
FACTS = {
    "captured": (
        "captured",
        "datetime",
        "date",
        "acquired",
        "acquisition_date",
        "capture_date",
        "flown",
    ),
    "season": ("season",),
    "licence": ("licence", "license"),
    "attribution": ("attribution", "copyright"),
}
"""Names under which a sidecar, an index or a tag states what `About` holds."""


def world_file(raster: Path) -> Affine | None:
    """The way from pixels to coordinates that a world file states, or None.

    Raises:
        UnreadableError: if there is one and it holds no six numbers.
    """
    path = world_file_beside(raster)
    if path is None:
        return None
    a, d, b, e, x, y = _six_numbers(path)
    # A world file speaks of the centre of the first pixel.
    return Affine(a, b, x - (a + b) / 2, d, e, y - (d + e) / 2)


def world_file_beside(raster: Path) -> Path | None:
    """The world file of a picture (.tfw, .tifw, .wld and so on), or None."""
    suffix = raster.suffix[1:]
    names = [f"{suffix[:1]}{suffix[-1:]}w", f"{suffix}w", "wld"]
    beside = [raster.with_suffix(f".{n}") for n in [*names, *map(str.upper, names)]]
    return next((path for path in beside if path.is_file()), None)


def _six_numbers(path: Path) -> list[float]:
    try:
        numbers = [float(v) for v in _text(path).split()]
    except ValueError:
        numbers = []
    if len(numbers) < 6 or not all(math.isfinite(v) for v in numbers[:6]):
        raise UnreadableError(
            f"{path} is no world file: expected six numbers with a decimal point, one "
            "a line: pixel width, two rotations, minus pixel height, easting, northing."
        )
    return numbers[:6]


def system_beside(raster: Path) -> str | None:
    """WKT of the system that a .prj or .aux.xml file beside a raster states, or None.

    Raises:
        UnreadableError: if such a file is there and cannot be read.
    """
    for suffix in (".prj", ".PRJ"):
        path = raster.with_suffix(suffix)
        if path.is_file():
            return _text(path).strip() or None
    path = raster.with_name(f"{raster.name}.aux.xml")
    if not path.is_file():
        return None
    try:
        found = ElementTree.fromstring(_text(path)).findtext("SRS")
    except (ElementTree.ParseError, DefusedXmlException, ValueError) as error:
        raise UnreadableError(
            f"{path} cannot be read: {error}. Remove it, and state the system with "
            "--imagery-crs."
        ) from error
    return found.strip() if found else None


def completed(about: About, raster: Path, tags: dict[str, str]) -> About:
    """Terms and date of a raster: as stated, else by its sidecar, tags, or name.

    The sidecar is a JSON file beside it with the same stem, flat or a STAC item.

    Raises:
        UnreadableError: if the sidecar is there and cannot be read.
    """
    lowered = {k.lower(): v for k, v in tags.items()}
    lowered.setdefault("captured", lowered.get("tifftag_datetime", ""))
    lowered.setdefault("attribution", lowered.get("tifftag_copyright", ""))
    beside = _sidecar(raster)
    named = NAIP_NAME.match(raster.stem)
    dates = [fact(beside, "captured"), fact(lowered, "captured")]
    dates += [named[1] if named else ""]
    return replace(
        about,
        captured=about.captured or next((d for v in dates if (d := day(v))), None),
        season=about.season or fact(beside, "season") or lowered.get("season") or None,
        attribution=about.attribution
        or fact(beside, "attribution")
        or fact(lowered, "attribution"),
    )


def about_of(row: Mapping[str, Any], about: About) -> About | None:
    """Terms and date of one entry of a list: its own, else those of the whole list.

    None where it has a date that cannot be read.
    """
    date = fact(row, "captured")
    captured = day(date) if date else about.captured
    if date and captured is None:
        return None
    return About(
        licence=fact(row, "licence") or about.licence,
        attribution=fact(row, "attribution") or about.attribution,
        captured=captured,
        season=fact(row, "season") or about.season,
    )


def fact(row: Mapping[str, Any], what: str) -> str:
    """What a row of properties states of `captured`, `season` and so on, or ""."""
    names = {str(k).strip().lower(): v for k, v in row.items()}
    found = (names.get(name) for name in FACTS[what])
    return next((str(v).strip() for v in found if v not in (None, "")), "")


def day(text: str) -> str | None:
    """The ISO date that a text begins with, or None.

    >>> day("2023:04:15 12:00:00"), day("20160620"), day("spring 2016")
    ('2023-04-15', '2016-06-20', None)
    """
    found = DATE.match(text.strip())
    date = "-".join(found.groups()) if found else ""
    return date if is_date(date) else None


def _sidecar(raster: Path) -> dict[str, Any]:
    path = raster.with_suffix(".json")
    if not path.is_file():
        return {}
    try:
        content = json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise UnreadableError(
            f"{path} lies beside {raster.name} and cannot be read as JSON: {error}. "
            "Mend it or take it away."
        ) from error
    properties = content.get("properties") if isinstance(content, dict) else None
    found = properties if isinstance(properties, dict) else content
    return found if isinstance(found, dict) else {}


def _text(path: Path) -> str:
    """A small text file; bytes that are no UTF-8 are read as Latin-1."""
    with path.open("rb") as file:
        data = file.read(MAX_TEXT_BYTES + 1)
    if len(data) > MAX_TEXT_BYTES:
        raise UnreadableError(f"{path} has more than {MAX_TEXT_BYTES:,} bytes.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")

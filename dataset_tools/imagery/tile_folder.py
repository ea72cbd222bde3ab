"""A folder of Web Mercator tiles, as web map tools write them.

How files are named is a layout: `{z}/{x}/{y}` (rows from the north), `{z}/{x}/{-y}`
(TMS, rows from the south), `{z}/{y}/{x}`, `{quadkey}`, or any other text with these
words in it, such as `OAM-{x}-{y}-{z}`. The suffix (png, jpg, jpeg, webp) is not part
of it.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dataset_tools.errors import MissingDataError, UnreadableError, UsageError
from dataset_tools.imagery.chunks import ChunkCache
from dataset_tools.imagery.listed_files import listed_file
from dataset_tools.imagery.pyramid import MAX_ZOOM, TilePyramid
from dataset_tools.imagery.source import About

XYZ, TMS, QUADKEY = "{z}/{x}/{y}", "{z}/{x}/{-y}", "{quadkey}"
WORDS = {
    "{z}": r"(?P<z>\d{1,2})",
    "{x}": r"(?P<x>\d{1,9})",
    "{y}": r"(?P<y>\d{1,9})",
    "{-y}": r"(?P<south>\d{1,9})",
    "{quadkey}": r"(?P<quadkey>[0-3]{1,26})",
    "{q}": r"(?P<quadkey>[0-3]{1,26})",
}
SUFFIX = r"\.(?:png|jpe?g|webp)"
TMS_MARK = "tilemapresource.xml"
"""What gdal2tiles writes beside tiles whose rows count from the south."""
MAX_FILE_BYTES = 64_000_000
MAX_TILES = 10_000_000


def open_tiles(
    path: Path,
    about: About,
    *,
    layout: str | None = None,
    cache: ChunkCache | None = None,
) -> TilePyramid:
    """The tiles below a folder.

    Args:
        path: folder with png, jpg, jpeg or webp tiles.
        about: licence, attribution, date of capture and season.
        layout: how files are named; found out where None.
        cache: where decoded tiles are kept; its own where None.

    Raises:
        MissingDataError: if there is no such folder.
        UsageError: if the layout names no tile, or names one in two ways.
        UnreadableError: if the folder holds no tiles, or the first one is broken.
    """
    if not path.is_dir():
        raise MissingDataError(f"There is no tile folder {path}; check the path.")
    store = FolderStore(path, guess_layout(path) if layout is None else layout)
    return TilePyramid(store, about, name=path.name, cache=cache or ChunkCache())


def guess_layout(path: Path) -> str:
    """The layout of a folder: by what gdal2tiles left, by its names, else XYZ."""
    if (path / TMS_MARK).is_file():
        return TMS
    quadkey = re.compile(WORDS[QUADKEY] + SUFFIX, re.IGNORECASE)
    for entry in sorted(path.iterdir()):
        if entry.is_file() and quadkey.fullmatch(entry.name):
            return QUADKEY
    return XYZ


class FolderStore:
    """The tiles of a folder, found by one walk through it."""

    def __init__(self, path: Path, layout: str) -> None:
        """Walk through the folder; of two files for one tile the first by name counts.

        Raises:
            UsageError: if the layout names no tile, or names one in two ways.
            UnreadableError: if there is no tile, or there are too many.
        """
        self._path, self._layout = path, layout
        self._names: dict[int, dict[tuple[int, int], str]] = {}
        for count, (zoom, x, y, name) in enumerate(_found(path, layout), start=1):
            self._names.setdefault(zoom, {}).setdefault((x, y), name)
            if count > MAX_TILES:
                raise UnreadableError(
                    f"{path} holds more than {MAX_TILES:,} tiles. Give a folder for "
                    "each area, or pack them as MBTiles."
                )
        if not self._names:
            raise UnreadableError(
                f"{path} holds no map tiles named {layout} with png, jpg or webp. Say "
                "how they are named with --imagery-layout, for example {z}/{y}/{x}, "
                "{z}/{x}/{-y} for rows from the south, or {quadkey}."
            )

    @property
    def zooms(self) -> list[int]:
        """Zooms that have tiles, rising."""
        return sorted(self._names)

    def span(self, zoom: int) -> tuple[list[int], tuple[int, int]]:
        """Columns of a zoom that have tiles, sorted; its first and its last row."""
        rows = [y for _, y in self._names[zoom]]
        return sorted({x for x, _ in self._names[zoom]}), (min(rows), max(rows))

    def first(self, zoom: int) -> tuple[int, int]:
        """Column and row of the first tile of a zoom."""
        return min(self._names[zoom])

    def name(self, zoom: int, x: int, y: int) -> str:
        """The path of a tile in the folder."""
        return self._names[zoom].get((x, y), f"{zoom}/{x}/{y}")

    def read(self, zoom: int, x: int, y: int) -> bytes | None:
        """An encoded picture, or None where there is no such tile."""
        name = self._names[zoom].get((x, y))
        if name is None:
            return None
        path = self._path / name
        try:
            if path.is_symlink() and listed_file(self._path, name) is None:
                raise UnreadableError(f"tile {name} is a link out of the folder")
            if path.stat().st_size > MAX_FILE_BYTES:
                raise UnreadableError(
                    f"tile {name} has more than {MAX_FILE_BYTES // 10**6} MB"
                )
            return path.read_bytes()
        except UnreadableError:
            raise
        except OSError as error:
            fault = error.strerror or type(error).__name__
            raise UnreadableError(f"tile {name}: {fault}") from error

    def is_solid(self, zoom: int, x: int, y: int) -> bool | None:
        """Whether a tile is there and cannot be transparent, as JPEG cannot."""
        name = self._names[zoom].get((x, y))
        if name is None:
            return False
        return True if name.lower().endswith(("jpg", "jpeg")) else None

    def described(self) -> dict[str, Any]:
        """The layout."""
        return {"layout": self._layout}

    def close(self) -> None:
        """Nothing is held open."""


def pattern_of(layout: str) -> re.Pattern[str]:
    """What relative paths of tiles look like.

    Raises:
        UsageError: if the layout names no tile, or names one in two ways.
    """
    parts = re.split(r"(\{[^{}]*\})", layout.strip().strip("/"))
    words = [p for p in parts if p.startswith("{")]
    named = sorted(words)
    known = (["{x}", "{y}", "{z}"], ["{-y}", "{x}", "{z}"], ["{quadkey}"], ["{q}"])
    if named not in known:
        raise UsageError(
            f"The layout {layout!r} of map tiles must hold {{z}}, {{x}} and {{y}} (or "
            "{-y} for rows from the south) once each, or {quadkey}."
        )
    text = "".join(WORDS.get(p) or re.escape(p) for p in parts)
    return re.compile(text + SUFFIX, re.IGNORECASE)


def _found(path: Path, layout: str) -> Iterator[tuple[int, int, int, str]]:
    """(zoom, x, y from the north, relative path) of each tile, in order of paths."""
    pattern = pattern_of(layout)
    depth = layout.strip().strip("/").count("/")
    for name in _files(path, depth):
        match = pattern.fullmatch(name)
        if match is None:
            continue
        zoom, x, y = _place(match.groupdict())
        if zoom <= MAX_ZOOM and 0 <= x < 1 << zoom and 0 <= y < 1 << zoom:
            yield zoom, x, y, name


def _place(found: dict[str, str]) -> tuple[int, int, int]:
    """(zoom, x, y from the north) of a matched name."""
    if "quadkey" in found:
        # Each digit is a quarter: 1 is east, 2 south, 3 both.
        digits = [int(d) for d in found["quadkey"]]
        x = sum((d & 1) << i for i, d in enumerate(reversed(digits)))
        y = sum((d >> 1) << i for i, d in enumerate(reversed(digits)))
        return len(digits), x, y
    zoom, x = int(found["z"]), int(found["x"])
    if "south" in found:
        return zoom, x, (1 << zoom) - 1 - int(found["south"])
    return zoom, x, int(found["y"])


def _files(path: Path, depth: int) -> Iterator[str]:
    """Relative paths of the files `depth` folders below, sorted; links not followed."""
    for root, folders, files in os.walk(path):
        here = Path(root).relative_to(path)
        level = len(here.parts)
        folders.sort()
        if level >= depth:
            folders.clear()
        if level == depth:
            prefix = "" if depth == 0 else f"{here.as_posix()}/"
            yield from (f"{prefix}{name}" for name in sorted(files))

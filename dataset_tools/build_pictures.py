"""The pictures of a build: how any process makes them, and what they are made from.

The fingerprint of the inputs tells an unchanged drive and imagery from a changed one
as `make` does, by names, sizes and times of change: reading a hundred gigabytes to be
surer would take longer than making the pack.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from dataset_tools.build_camera import picture_rule
from dataset_tools.build_settings import BuildSettings
from dataset_tools.build_views import open_gallery
from dataset_tools.errors import UnreadableError
from dataset_tools.imagery import About, Imagery, open_sources
from dataset_tools.imagery.index import is_index, read_index
from dataset_tools.imagery.opening import LIST_SUFFIXES
from dataset_tools.imagery.sources import source_paths
from dataset_tools.imagery.tile_list import TileList
from dataset_tools.pack.tasks import MakePicture, Record
from dataset_tools.pack.write import PackContents
from dataset_tools.pictures import encode_jpeg
from dataset_tools.pictures.work import Tools, open_tools, stored_bytes, stored_size
from dataset_tools.records import Frame, Rejection, Tile

BYTE_PIXELS = 4
"""Pixels of a street picture that a byte of JPEG holds, roughly."""
ANYONE = About(licence="as the index says")
"""Terms do not matter where only an index's files are asked for."""


@dataclass(frozen=True, slots=True)
class BuildPictures:
    """The sources of a build, to be opened by each process that makes shards."""

    settings: BuildSettings

    @contextmanager
    def open(self) -> Iterator[MakePicture]:
        """Open imagery, galleries and what is needed to change pictures."""
        tools = open_tools(picture_rule(self.settings))
        with open_sources(self.settings) as imagery:
            lists = {
                tile.tile_id: tile_list
                for tile_list in open_gallery(self.settings)
                for tile in tile_list.tiles
            }
            yield partial(_make, self.settings, tools, imagery, lists)


def picture_bytes(settings: BuildSettings, record: Record) -> int:
    """About how many bytes a picture will have: the source's, or a byte a pixel."""
    if isinstance(record, Tile):
        return record.width_px * record.height_px
    rule = picture_rule(settings)
    size = stored_size(record, rule)
    if size is not None and (rule.crop or record.faces):
        return size[0] * size[1] // BYTE_PIXELS
    assert settings.drive is not None
    return sum((settings.drive / n).stat().st_size for n in _sources(record))


def fingerprint(settings: BuildSettings, contents: PackContents) -> str:
    """A hash of what the pictures are made from: names, sizes, times of change."""
    digest = hashlib.sha256()
    for frame in sorted(contents.frames, key=lambda f: f.frame_id):
        for name in _sources(frame):
            assert settings.drive is not None
            # A crop at a bearing depends on headings, so on more than its file.
            seen = f"{name}\0{frame.yaw_deg}" if frame.yaw_deg else name
            _add(digest, seen, settings.drive / name)
    listed = sorted({tile.source for tile in contents.tiles})
    for path in (settings.mask, settings.blur_boxes):
        if path is not None:
            _add(digest, path.name, path)
    for path in (*source_paths(settings), *settings.gallery):
        for file in _files(path, listed):
            _add(digest, file.relative_to(path.parent).as_posix(), file)
    return digest.hexdigest()


def _add(digest: "hashlib._Hash", name: str, path: Path) -> None:
    state = path.stat()
    digest.update(f"{name}\0{state.st_size}\0{state.st_mtime_ns}\n".encode())


def _files(path: Path, listed: list[str]) -> Iterator[Path]:
    """The files of a source.

    Of a folder all; of a list or an index itself and what it names; of a raster itself
    and what lies beside it under the same name, such as a world file.
    """
    if is_index(path):
        yield path
        yield from (entry.path for entry in read_index(path, ANYONE).entries)
    elif path.is_dir():
        for root, folders, files in os.walk(path):
            folders.sort()
            yield from (Path(root, name) for name in sorted(files))
    elif path.suffix.lower() in LIST_SUFFIXES:
        pictures = (path.parent / name for name in listed)
        yield from (p for p in [path, *pictures] if p.is_file())
    elif path.is_file():
        beside = (p for p in path.parent.iterdir() if p.name.startswith(path.stem))
        yield from sorted(p for p in beside if p.is_file())


def _make(
    settings: BuildSettings,
    tools: Tools,
    imagery: Imagery,
    lists: dict[str, TileList],
    record: Record,
) -> bytes:
    if isinstance(record, Frame):
        assert settings.drive is not None
        return stored_bytes(settings.drive, record, tools)
    return _tile(record, lists.get(record.tile_id, imagery))


def _tile(tile: Tile, source: Imagery) -> bytes:
    side_m = tile.m_per_px * tile.width_px
    pixels = source.crop(tile.lat, tile.lon, side_m=side_m, size_px=tile.width_px)
    if isinstance(pixels, Rejection):
        message = (
            f"Tile {tile.tile_id!r} at {tile.lat:.6f}, {tile.lon:.6f} could be paired "
            f"and cannot be cut now: {pixels.reason} ({pixels.measured}). Mend that "
            "imagery or leave it out, then run the same command again."
        )
        raise UnreadableError(message)
    return encode_jpeg(pixels)


def _sources(frame: Frame) -> tuple[str, ...]:
    """Paths in the drive of the files of a frame's picture, none without one."""
    return frame.faces or (() if frame.source is None else (frame.source,))

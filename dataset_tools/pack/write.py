"""Records and pictures to a pack that exists whole or not at all.

Everything is written to a hidden folder beside the final name, flushed to the disk,
checked, and renamed. What a killed run left behind is removed by the next one.
"""

import json
import os
import re
import shutil
import socket
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from dataset_tools.errors import IntegrityError, UsageError
from dataset_tools.pack import tables
from dataset_tools.pack.check import check_tables
from dataset_tools.pack.format import (
    FORMAT,
    META_FILE,
    VERSION,
    Encoding,
    Kind,
    content_sha256,
    shard_name,
)
from dataset_tools.pack.shards import Item, Pixels, batches, write_shard
from dataset_tools.records import Frame, Sequence, SplitRow, Tile

Picture = Callable[[Kind, str], bytes | Pixels]
"""(kind, id) -> encoded bytes, or uint8 [H, W, 3] for a baked pack."""


@dataclass(frozen=True, kw_only=True)
class PackContents:
    """What goes into a pack, the pictures aside."""

    name: str
    frames: list[Frame]
    tiles: list[Tile]
    sequences: list[Sequence]
    split_rows: list[SplitRow]
    licences: list[dict[str, Any]]
    """One object a source: `source`, `licence`, `attribution`."""
    made_by: dict[str, Any]
    """`command`, `parameters`, `versions`; no absolute path."""
    rejections: dict[str, dict[str, int]] = field(default_factory=dict)
    """Stage -> reason -> how many."""
    encoding: Encoding = "encoded"


def write_pack(
    path: Path, contents: PackContents, *, picture: Picture, overwrite: bool = False
) -> Path:
    """Write a pack and return its path.

    Args:
        path: final folder, by custom ending in `.pack`.
        contents: the records; order does not matter, ids must be unique.
        picture: called once for each frame that has a source, then for each tile.
        overwrite: replace a pack that is already there.

    Raises:
        UsageError: if something is there already, or an id is used twice.
        IntegrityError: if the records do not fit together.
    """
    refuse_target(path, overwrite=overwrite)
    _refuse_doubles(contents)
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_stale(path)
    with _temporary_folder(path) as folder:
        _write_content(folder, contents, picture)
        _refuse_faults(folder, path)
        _fsync(folder)
        _move(folder, path)
    return path


def refuse_target(path: Path, *, overwrite: bool) -> None:
    """Refuse to write where something is, before any work is done.

    Raises:
        UsageError: if a pack is there and may not be replaced, or something else is.
    """
    if not path.exists():
        return
    if not (path / META_FILE).is_file():
        message = (
            f"{path} exists and is no pack (it has no {META_FILE}), so it is never "
            "replaced. Choose another name."
        )
        raise UsageError(message)
    if not overwrite:
        message = (
            f"The pack {path} exists already. Choose another name, or give "
            "--overwrite to replace it."
        )
        raise UsageError(message)


def remove_stale(path: Path) -> None:
    """Remove what killed writers of this pack left beside it."""
    if not path.parent.is_dir():
        return
    pattern = re.compile(
        rf"\.{re.escape(path.name)}\.(partial|old)-(.+)-(\d+)-[0-9a-f]+"
    )
    for found in sorted(path.parent.iterdir()):
        match = pattern.fullmatch(found.name)
        # Another machine may be writing on a shared disk: leave its folders alone.
        if match is None or match[2] != _host() or _is_alive(int(match[3])):
            continue
        if match[1] == "old" and not path.exists():
            found.rename(path)
        else:
            shutil.rmtree(found)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        with temporary.open("wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _write_content(folder: Path, contents: PackContents, picture: Picture) -> None:
    frame_ids = sorted(f.frame_id for f in contents.frames if f.source is not None)
    tile_ids = sorted(t.tile_id for t in contents.tiles)
    frames = ((i, picture("frame", i)) for i in frame_ids)
    tiles = ((i, picture("tile", i)) for i in tile_ids)
    first = _write_shards(folder, frames, start=0, encoding=contents.encoding)
    start = max((shard for shard, _ in first.values()), default=-1) + 1
    second = _write_shards(folder, tiles, start=start, encoding=contents.encoding)
    by_id = {f.frame_id: f for f in contents.frames}
    missing = {i for s in contents.sequences for i in s.frame_ids} - by_id.keys()
    if missing:
        message = f"Sequences name {len(missing)} frames that are not given, such as "
        raise IntegrityError(f"{message}{min(missing)!r}.")
    for name, table in (
        ("frames", tables.frames_table(contents.frames, first)),
        ("tiles", tables.tiles_table(contents.tiles, second)),
        ("sequences", tables.sequences_table(contents.sequences, by_id)),
        ("splits", tables.splits_table(contents.split_rows)),
    ):
        tables.write_table(table, folder / f"{name}.parquet")
    _write_meta(folder, contents)


def _write_shards(
    folder: Path, items: Iterable[Item], *, start: int, encoding: Encoding
) -> dict[str, tuple[int, int]]:
    places: dict[str, tuple[int, int]] = {}
    for number, batch in enumerate(batches(items), start):
        write_shard(folder / shard_name(number), batch, encoding=encoding)
        places |= {name: (number, row) for row, (name, _) in enumerate(batch)}
    return places


def _write_meta(folder: Path, contents: PackContents) -> None:
    meta = {
        "format": FORMAT,
        "version": VERSION,
        "name": contents.name,
        "encoding": contents.encoding,
        "licences": contents.licences,
        "made_by": contents.made_by,
        "counts": {
            "frames": len(contents.frames),
            "tiles": len(contents.tiles),
            "sequences": len(contents.sequences),
            "sessions": len({f.session_id for f in contents.frames}),
            "shards": len(list(folder.glob("*.h5"))),
        },
        "rejections": contents.rejections,
        "content_sha256": content_sha256(folder),
    }
    text = json.dumps(meta, indent=2, allow_nan=False, ensure_ascii=False)
    (folder / META_FILE).write_text(text + "\n", encoding="utf-8")


def _refuse_doubles(contents: PackContents) -> None:
    for kind, ids in (
        ("frame", [f.frame_id for f in contents.frames]),
        ("tile", [t.tile_id for t in contents.tiles]),
        ("sequence", [s.sequence_id for s in contents.sequences]),
    ):
        if len(set(ids)) != len(ids):
            seen: set[str] = set()
            double = next(i for i in ids if i in seen or seen.add(i))  # type: ignore[func-returns-value]
            message = f"Two of the {kind}s have the id {double!r}; ids must be unique."
            raise UsageError(message)


def _refuse_faults(folder: Path, path: Path) -> None:
    faults = [f for f in check_tables(folder) if f.severity == "error"]
    if faults:
        message = (
            f"The pack {path} is not written, its records do not fit together: "
            f"{faults[0].message}"
        )
        raise IntegrityError(message)


@contextmanager
def _temporary_folder(path: Path) -> Iterator[Path]:
    folder = _beside(path, "partial")
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _move(folder: Path, path: Path) -> None:
    """Put the finished folder under the final name; the old one goes last."""
    if path.exists():
        old = _beside(path, "old")
        path.rename(old)
        try:
            folder.rename(path)
        except OSError:
            old.rename(path)
            raise
        shutil.rmtree(old)
    else:
        folder.rename(path)
    _fsync_one(path.parent)


def _fsync(folder: Path) -> None:
    for path in chain(sorted(folder.iterdir()), [folder]):
        _fsync_one(path)


def _fsync_one(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _beside(path: Path, word: str) -> Path:
    mark = f"{_host()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    return path.with_name(f".{path.name}.{word}-{mark}")


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9.]", "_", socket.gethostname())


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

"""A folder or a file that exists whole or not at all.

Everything is written to a hidden folder beside the final name, flushed to the disk
and renamed. What a killed writer left behind is removed by the next one.
"""

import os
import re
import shutil
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

from dataset_tools.errors import UsageError
from dataset_tools.pack.format import META_FILE


@contextmanager
def new_folder(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """A hidden folder that becomes `path` when the block ends without an error.

    Args:
        path: final name of a pack.
        overwrite: replace a pack that is already there, once the new one is whole.

    Raises:
        UsageError: if a pack is there and may not be replaced, or something else is.
    """
    refuse_target(path, overwrite=overwrite)
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_stale(path)
    with _temporary_folder(path) as folder:
        yield folder
        _fsync(folder)
        _move(folder, path)


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

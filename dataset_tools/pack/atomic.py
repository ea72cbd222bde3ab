"""A folder or a file that exists whole or not at all.

A pack is made in a work folder beside its final name, flushed to the disk and renamed:

    .NAME.pack.lock              held by the one writer of this pack
    .NAME.pack.work-PLAN/        named by the hash of what is to be written
        ledger.sqlite            shards that are whole
        pack/                    tables, then shards, at last pack.json
        temporary/               files being written
    .NAME.pack.old/              the pack being replaced, for an instant

What a killed writer left is taken up or removed by the next one.
"""

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from dataset_tools.errors import UsageError
from dataset_tools.pack.faults import is_passing, output
from dataset_tools.pack.format import META_FILE

TEMPORARY: Final = "temporary"
"""Name of the folder, beside the one that becomes the pack, for files not yet whole."""
_ONCE: Final = "once-"
"""What work folders that cannot be continued are called by."""


@contextmanager
def new_folder(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """A hidden folder that becomes `path` when the block ends without an error.

    Args:
        path: final name of a pack.
        overwrite: replace a pack that is already there, once the new one is whole.

    Raises:
        UsageError: if a pack is there and may not be replaced, if something else is,
            or if another process is writing it.
        OutputError: if the disk is full, read-only or broken.
    """
    with one_writer(path):
        refuse_target(path, overwrite=overwrite)
        with work_folder(path, plan=None, note=_silent) as work, output(path):
            yield work.pack
            publish(work, path)


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


@contextmanager
def one_writer(path: Path) -> Iterator[None]:
    """Hold the right to write the pack `path`; may be nested in one process.

    What a writer that was killed in the instant of replacing a pack left is put
    right first.

    Raises:
        UsageError: if another process is writing it.
        OutputError: if the folder cannot be written to.
    """
    name = path.with_name(f".{path.name}.lock")
    made = [p for p in path.parents if not p.exists()]
    with output(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(name, is_singleton=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            message = (
                f"Another process is writing {path}. Wait until it is done, or give "
                "another output."
            )
            raise UsageError(message) from None
        if lock.lock_counter == 1:
            _put_back(path)
    try:
        yield
    finally:
        # Removed while it is held: whoever opened it before finds it gone and retries.
        if lock.lock_counter == 1:
            name.unlink(missing_ok=True)
        lock.release()
        _remove_empty(made)


@dataclass(frozen=True, slots=True)
class Work:
    """The folder of one plan; `pack` becomes the finished pack."""

    root: Path

    @property
    def pack(self) -> Path:
        """What is to be the pack."""
        return self.root / "pack"

    @property
    def ledger(self) -> Path:
        """The ledger of its shards."""
        return self.root / "ledger.sqlite"

    def prepare(self) -> None:
        """Make the folders; files that a killed writer did not finish go."""
        self.pack.mkdir(parents=True, exist_ok=True)
        temporary = self.root / TEMPORARY
        if temporary.exists():
            shutil.rmtree(temporary)
        temporary.mkdir()

    def remove(self) -> None:
        """Throw everything away."""
        shutil.rmtree(self.root, ignore_errors=True)


@contextmanager
def work_folder(
    path: Path, *, plan: str | None, note: Callable[[str], None]
) -> Iterator[Work]:
    """The work folder of a pack, left for the next run only if that can use it.

    The lock must be held. Work of other plans is thrown away: parameters or inputs
    have changed since.

    Args:
        path: final name of the pack.
        plan: hash of all that is to be written; None: it cannot be continued.
        note: told when work of another plan is thrown away.
    """
    start = f".{path.name}.work-"
    mark = plan[:16] if plan is not None else _ONCE + uuid.uuid4().hex[:8]
    work = Work(path.with_name(start + mark))
    for found in sorted(path.parent.iterdir()):
        if not found.name.startswith(start) or found == work.root:
            continue
        if not found.name.startswith(start + _ONCE):
            note(
                f"Threw away unfinished work on {path.name}: its parameters, inputs or "
                "library versions were others."
            )
        shutil.rmtree(found)
    try:
        with output(path):
            work.prepare()
        yield work
    except BaseException as error:
        can_go_on = plan is not None and is_passing(error)
        if not (can_go_on and any(work.pack.glob("*.h5"))):
            work.remove()
        raise


def publish(work: Work, path: Path) -> None:
    """Put the finished pack under its final name; an old one goes last."""
    for part in chain(sorted(work.pack.iterdir()), [work.pack]):
        sync(part)
    old = _old(path)
    if path.exists():
        path.rename(old)
    work.pack.rename(path)
    sync(path.parent)
    if old.exists():
        shutil.rmtree(old)
    work.remove()


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    write_bytes(path, text.encode())


def write_bytes(
    path: Path, data: bytes | memoryview, *, through: Path | None = None
) -> None:
    """Write a file whole or not at all.

    Args:
        path: its final name.
        data: its content.
        through: folder of the temporary file on the same disk; the file's own folder
            if None.
    """
    name = f".{path.name}.{uuid.uuid4().hex[:8]}"
    temporary = (through or path.parent) / name
    try:
        with temporary.open("wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync(path.parent)


def sync(path: Path) -> None:
    """Ask the system to have a file or folder on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _put_back(path: Path) -> None:
    old = _old(path)
    if not old.exists():
        return
    if path.exists():
        shutil.rmtree(old)
    else:
        old.rename(path)


def _old(path: Path) -> Path:
    return path.with_name(f".{path.name}.old")


def _remove_empty(folders: list[Path]) -> None:
    """Remove folders, innermost first, made for a pack which then was not written."""
    for folder in folders:
        if not folder.is_dir() or any(folder.iterdir()):
            return
        folder.rmdir()


def _silent(sentence: str) -> None:
    del sentence

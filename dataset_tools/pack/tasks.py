"""Shard tasks: what a shard holds, and the one function that makes it.

A task is a plain record that any process can be given; `run_task` turns it into a
file, the same bytes wherever and how often it runs. So an executor only has to call
`run_task` for each task and hand back what it returns: `run_tasks` does it here or in
a pool of processes, and another one can be put in its place.
"""

import hashlib
import multiprocessing
import os
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Thread
from typing import Final, Protocol

from dataset_tools.errors import DatasetToolsError, UnreadableError
from dataset_tools.pack.atomic import TEMPORARY, write_bytes
from dataset_tools.pack.format import Encoding, shard_name
from dataset_tools.pack.ledger import Shard
from dataset_tools.pack.shards import Pixels, shard_image
from dataset_tools.records import Frame, Tile

FEW: Final = 2
"""Shards of a small pack: one of frames and one of tiles."""

Record = Frame | Tile
MakePicture = Callable[[Record], bytes | Pixels]
"""A record's picture: encoded bytes, or uint8 [H, W, 3] for a baked pack."""
Tick = Callable[[int], None]
"""Called with the number of pictures that were just made."""


class Pictures(Hashable, Protocol):
    """Where pictures come from.

    It is handed to every process that makes shards, so it holds paths and parameters
    and no open file, and is hashable; equal ones make equal pictures of equal records.
    """

    def open(self) -> AbstractContextManager[MakePicture]:
        """Open the sources; what comes back makes pictures until it is closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardTask:
    """One shard to be written: its records in order, one view."""

    number: int
    encoding: Encoding
    pictures: Pictures
    records: tuple[Record, ...]


def plan_shards(
    records: Sequence[Record], *, size: Callable[[Record], int], limit_bytes: int
) -> list[tuple[Record, ...]]:
    """Records cut into shards of about a size, in their order.

    Args:
        records: of one view, sorted by id.
        size: a record's picture in bytes, roughly; known before it is made, so that
            shards can be made in any order.
        limit_bytes: a shard is closed once it holds this much.
    """
    shards, batch, held = [], list[Record](), 0
    for record in records:
        batch.append(record)
        held += size(record)
        if held >= limit_bytes:
            shards.append(tuple(batch))
            batch, held = [], 0
    return [*shards, tuple(batch)] if batch else shards


def run_task(task: ShardTask, folder: Path) -> Shard:
    """Write the shard of a task into a folder and return what was written.

    Running it twice, even at once, does no harm.

    Raises:
        DatasetToolsError: if a picture cannot be made.
        OSError: if the file cannot be written.
    """
    with task.pictures.open() as make:
        return _write(task, folder, make)


def run_tasks(
    tasks: Sequence[ShardTask], folder: Path, *, workers: int, tick: Tick
) -> Iterator[Shard]:
    """Run tasks, in any order; what comes out is on the disk.

    Args:
        tasks: any tasks of one pack.
        folder: where the shards go.
        workers: processes; 1 works in this one, as do a few tasks, which are done
            before processes have started.
        tick: told of pictures as they are made.
    """
    workers = min(workers, len(tasks)) if len(tasks) > FEW else 1
    if workers > 1:
        yield from _in_pool(tasks, folder, workers=workers, tick=tick)
    elif tasks:
        with tasks[0].pictures.open() as make:
            for task in tasks:
                yield _write(task, folder, make, tick=tick)


def _write(
    task: ShardTask, folder: Path, make: MakePicture, *, tick: Tick | None = None
) -> Shard:
    def items() -> Iterator[tuple[str, bytes | Pixels]]:
        for record in task.records:
            yield record_id(record), _made(make, record)
            if tick is not None:
                tick(1)

    with shard_image(items(), encoding=task.encoding) as image:
        # Beside the folder: a writer that outlives its parent leaves nothing in it.
        write_bytes(
            folder / shard_name(task.number), image, through=folder.parent / TEMPORARY
        )
        return Shard(
            number=task.number,
            pictures=len(task.records),
            size_bytes=image.nbytes,
            sha256=hashlib.sha256(image).hexdigest(),
        )


def _made(make: MakePicture, record: Record) -> bytes | Pixels:
    try:
        return make(record)
    except DatasetToolsError:
        raise
    except OSError as error:
        message = (
            f"The source of {record_id(record)!r} cannot be read: "
            f"{error.strerror or error}. Is it being changed, or its drive gone?"
        )
        raise UnreadableError(message) from error


def record_id(record: Record) -> str:
    """The id of a frame or tile."""
    return record.frame_id if isinstance(record, Frame) else record.tile_id


def _in_pool(
    tasks: Iterable[ShardTask], folder: Path, *, workers: int, tick: Tick
) -> Iterator[Shard]:
    # Spawned: a forked process would keep the lock of this one, and GDAL's threads.
    pool = ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_end_with_parent,
    )
    try:
        futures = [pool.submit(_run_in_worker, task, folder) for task in tasks]
        for future in as_completed(futures):
            shard = future.result()
            tick(shard.pictures)
            yield shard
    finally:
        pool.shutdown(cancel_futures=True)


def _run_in_worker(task: ShardTask, folder: Path) -> Shard:
    return _write(task, folder, _opened(task.pictures)[1])


@lru_cache(maxsize=1)
def _opened(
    pictures: Pictures,
) -> tuple[AbstractContextManager[MakePicture], MakePicture]:
    """A worker's sources, opened once; the context is kept so that they stay open."""
    context = pictures.open()
    return context, context.__enter__()


def _end_with_parent() -> None:
    """End this worker when its parent is killed, which nothing else would tell it."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        os._exit(1)

    Thread(target=wait, daemon=True).start()

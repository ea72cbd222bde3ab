"""Records and pictures to a pack that exists whole or not at all.

First the plan: which picture goes into which shard, and the tables that say so. They
are written and checked before a picture is made. Then the shards, as tasks that can
run anywhere and in any order; a ledger keeps what is done, so that the same command
goes on after a kill and ends with the same bytes. `pack.json` comes last, and the
folder is renamed.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dataset_tools.errors import IntegrityError, OutputError, UsageError
from dataset_tools.pack import tables
from dataset_tools.pack.atomic import (
    Work,
    one_writer,
    publish,
    refuse_target,
    work_folder,
)
from dataset_tools.pack.check import check_tables
from dataset_tools.pack.faults import output
from dataset_tools.pack.format import (
    TABLES,
    Encoding,
    FileRecords,
    Kind,
    file_record,
    shard_name,
)
from dataset_tools.pack.ledger import Ledger, Shard
from dataset_tools.pack.seal import seal
from dataset_tools.pack.shards import SHARD_BYTES, Pixels
from dataset_tools.pack.tasks import (
    MakePicture,
    Pictures,
    Record,
    ShardTask,
    plan_shards,
    record_id,
    run_tasks,
)
from dataset_tools.records import Frame, Sequence, SplitRow, Tile

logger = logging.getLogger(__name__)

Picture = Callable[[Kind, str], bytes | Pixels]
"""(kind, id) -> encoded bytes, or uint8 [H, W, 3] for a baked pack."""

FRAME_BYTES = 256 * 1024
"""A ground picture of unknown size is planned as this."""


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
    private: bool = False
    """Whether its pictures may not be passed on."""
    preprocessing: dict[str, Any] | None = None
    """What was done to the pictures of a baked pack."""


@dataclass(frozen=True, kw_only=True)
class Writing:
    """How a pack is written; nothing here but `size` and `shard_bytes` shows in it."""

    inputs: str | None = None
    """Fingerprint of everything that pictures are made from. If given, a killed run is
    continued by the next one with the same contents and fingerprint."""
    size: Callable[[Record], int] | None = None
    """About how many bytes a record's picture has, known before it is made."""
    shard_bytes: int = SHARD_BYTES
    """About how many bytes a shard has."""
    workers: int = 1
    """Processes that make shards; needs `Pictures` that can be sent to them."""
    progress: Callable[[int, int], None] | None = None
    """Called with pictures done and pictures in all."""
    note: Callable[[str], None] = logger.warning
    """Called with a sentence when work of an earlier run is used or thrown away."""


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """Which record is in which shard, and the digest of all that is to be written."""

    tasks: list[ShardTask]
    about: dict[str, Any]
    """What goes into `pack.json`, counts and hashes aside."""
    tables: dict[str, bytes]
    digest: str


def write_pack(
    path: Path,
    contents: PackContents,
    *,
    picture: Picture | Pictures,
    overwrite: bool = False,
    how: Writing | None = None,
) -> Path:
    """Write a pack and return its path.

    Args:
        path: final folder, by custom ending in `.pack`.
        contents: the records; order does not matter, ids must be unique.
        picture: called once for each frame that has a source, then for each tile; or
            `Pictures`, which other processes can open too.
        overwrite: replace a pack that is already there.
        how: resuming, workers, size of shards, progress.

    Raises:
        UsageError: if something is there already or being written, or an id is used
            twice.
        IntegrityError: if the records do not fit together.
        OutputError: if the disk is full, read-only or broken. What is finished is kept
            for the next run if `how.inputs` is given.
    """
    how = how or Writing()
    if callable(picture):
        # A function of this process cannot be sent to another one.
        picture, how = _Here(picture), replace(how, workers=1)
    with one_writer(path):
        refuse_target(path, overwrite=overwrite)
        _refuse_doubles(contents)
        plan = _plan(contents, picture, how)
        key = plan.digest if how.inputs is not None else None
        with work_folder(path, plan=key, note=how.note) as work, output(path):
            for name, data in plan.tables.items():
                (work.pack / name).write_bytes(data)
            refuse_faults(work.pack, path)
            shards = _write_shards(work, plan, how)
            seal(work.pack, plan.about, known=_records(shards))
            publish(work, path)
    return path


def refuse_faults(folder: Path, path: Path) -> None:
    """Refuse to finish a pack whose tables have an error.

    Args:
        folder: where it has been written.
        path: its final name, for the message.

    Raises:
        IntegrityError: if the check of the tables finds an error.
    """
    # Leaks are warnings, and comparing dense splits takes longer than all the rest.
    found = check_tables(folder, leaks=False)
    faults = [f for f in found if f.severity == "error"]
    if faults:
        message = (
            f"The pack {path} is not written, its records do not fit together: "
            f"{faults[0].message}"
        )
        raise IntegrityError(message)


class _Here:
    """A function of this process as `Pictures`; it cannot be sent to another one."""

    def __init__(self, picture: Picture) -> None:
        self._picture = picture

    @contextmanager
    def open(self) -> Iterator[MakePicture]:
        yield self._make

    def _make(self, record: Record) -> bytes | Pixels:
        kind: Kind = "frame" if isinstance(record, Frame) else "tile"
        return self._picture(kind, record_id(record))


def _plan(contents: PackContents, pictures: Pictures, how: Writing) -> _Plan:
    size = how.size or _size_of(contents.encoding)
    frames = sorted(contents.frames, key=lambda f: f.frame_id)
    tiles = sorted(contents.tiles, key=lambda t: t.tile_id)
    stored = [f for f in frames if f.source is not None]
    first = plan_shards(stored, size=size, limit_bytes=how.shard_bytes)
    second = plan_shards(tiles, size=size, limit_bytes=how.shard_bytes)
    tasks = [
        ShardTask(
            number=number,
            encoding=contents.encoding,
            pictures=pictures,
            records=records,
        )
        for number, records in enumerate([*first, *second])
    ]
    names = ("name", "encoding", "licences", "made_by", "rejections", "private")
    about = {n: getattr(contents, n) for n in (*names, "preprocessing")}
    written = _tables(contents, frames, tiles, tasks)
    digest = hashlib.sha256(json.dumps([about, how.inputs], allow_nan=False).encode())
    for name in sorted(written):
        digest.update(hashlib.sha256(written[name]).digest())
    return _Plan(tasks=tasks, about=about, tables=written, digest=digest.hexdigest())


def _tables(
    contents: PackContents,
    frames: list[Frame],
    tiles: list[Tile],
    tasks: list[ShardTask],
) -> dict[str, bytes]:
    """File name -> content of the tables."""
    by_id = {f.frame_id: f for f in frames}
    missing = {i for s in contents.sequences for i in s.frame_ids} - by_id.keys()
    if missing:
        message = f"Sequences name {len(missing)} frames that are not given, such as "
        raise IntegrityError(f"{message}{min(missing)!r}.")
    places: dict[str, dict[str, tuple[int, int]]] = {"Frame": {}, "Tile": {}}
    for task in tasks:
        for row, record in enumerate(task.records):
            places[type(record).__name__][record_id(record)] = (task.number, row)
    made = {
        "frames": tables.frames_table(frames, places["Frame"]),
        "tiles": tables.tiles_table(tiles, places["Tile"]),
        "sequences": tables.sequences_table(contents.sequences, by_id),
        "splits": tables.splits_table(contents.split_rows),
    }
    return {f"{name}.parquet": tables.table_bytes(made[name]) for name in TABLES}


def _size_of(encoding: Encoding) -> Callable[[Record], int]:
    """A guess for pictures whose source does not tell: a byte a pixel of a JPEG."""

    def size(record: Record) -> int:
        if isinstance(record, Frame):
            return FRAME_BYTES
        pixels = record.width_px * record.height_px
        return pixels if encoding == "encoded" else 3 * pixels

    return size


def _write_shards(work: Work, plan: _Plan, how: Writing) -> list[Shard]:
    total = sum(len(task.records) for task in plan.tasks)
    with Ledger(work.ledger) as ledger:
        done = {n: s for n, s in ledger.shards().items() if _is_whole(work, s)}
        count = sum(shard.pictures for shard in done.values())
        if done:
            how.note(
                f"Going on with an interrupted run: {len(done)} of {len(plan.tasks)} "
                "shards are there."
            )

        def tick(pictures: int) -> None:
            nonlocal count
            count += pictures
            if how.progress is not None:
                how.progress(count, total)

        left = [task for task in plan.tasks if task.number not in done]
        try:
            for shard in run_tasks(left, work.pack, workers=how.workers, tick=tick):
                ledger.record(shard)
                done[shard.number] = shard
        except BrokenProcessPool as error:
            message = (
                "A worker process ended before its work was done, most likely for lack "
                "of memory. Run the same command again with fewer --workers."
            )
            raise OutputError(message) from error
    return [done[number] for number in sorted(done)]


def _is_whole(work: Work, shard: Shard) -> bool:
    """Whether a shard that the ledger names still has the bytes it was written with."""
    path = work.pack / shard_name(shard.number)
    return path.is_file() and file_record(path) == _record(shard)


def _records(shards: list[Shard]) -> FileRecords:
    return {shard_name(shard.number): _record(shard) for shard in shards}


def _record(shard: Shard) -> dict[str, Any]:
    return {"bytes": shard.size_bytes, "sha256": shard.sha256}


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

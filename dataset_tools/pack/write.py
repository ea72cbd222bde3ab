"""Records and pictures to a pack that exists whole or not at all.

The folder is checked before it gets its name: see `atomic`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dataset_tools.errors import IntegrityError, UsageError
from dataset_tools.pack import tables
from dataset_tools.pack.atomic import new_folder
from dataset_tools.pack.check import check_tables
from dataset_tools.pack.format import Encoding, Kind, shard_name
from dataset_tools.pack.seal import seal
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
    private: bool = False
    """Whether its pictures may not be passed on."""
    preprocessing: dict[str, Any] | None = None
    """What was done to the pictures of a baked pack."""


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
    _refuse_doubles(contents)
    with new_folder(path, overwrite=overwrite) as folder:
        _write_content(folder, contents, picture)
        refuse_faults(folder, path)
    return path


def refuse_faults(folder: Path, path: Path) -> None:
    """Refuse to finish a pack whose tables have an error.

    Args:
        folder: where it has been written.
        path: its final name, for the message.

    Raises:
        IntegrityError: if the check of the tables finds an error.
    """
    faults = [f for f in check_tables(folder) if f.severity == "error"]
    if faults:
        message = (
            f"The pack {path} is not written, its records do not fit together: "
            f"{faults[0].message}"
        )
        raise IntegrityError(message)


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
    about = {
        "name": contents.name,
        "encoding": contents.encoding,
        "licences": contents.licences,
        "made_by": contents.made_by,
        "rejections": contents.rejections,
        "private": contents.private,
        "preprocessing": contents.preprocessing,
    }
    seal(folder, about)


def _write_shards(
    folder: Path, items: Iterable[Item], *, start: int, encoding: Encoding
) -> dict[str, tuple[int, int]]:
    places: dict[str, tuple[int, int]] = {}
    for number, batch in enumerate(batches(items), start):
        write_shard(folder / shard_name(number), batch, encoding=encoding)
        places |= {name: (number, row) for row, (name, _) in enumerate(batch)}
    return places


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

"""Packs put together from parts of packs, for merging, cutting and mending.

Shards are written once and never changed, so one that is taken whole is not copied:
the new pack gets another name of the same file (a hard link), where the disk can do
that. Only of shards that are taken in part, or under other ids, pictures are written
again, byte for byte.
"""

import errno
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from dataset_tools.errors import UsageError
from dataset_tools.pack.atomic import write_bytes
from dataset_tools.pack.format import (
    ID_COLUMN,
    TABLE_OF,
    TABLES,
    Encoding,
    FileRecords,
    Kind,
    shard_name,
)
from dataset_tools.pack.read import Pack
from dataset_tools.pack.shards import SHARD_BYTES, Item, Pixels, shard_image
from dataset_tools.pack.tables import geo_metadata, table_bytes

STORED_AS: Final = "_stored_as"
"""Column of a part's frames and tiles: the id in its own shards."""
KINDS: Final[tuple[Kind, ...]] = ("frame", "tile")
NO_LINKS: Final = (errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK)
"""What a disk says that cannot give a file another name here."""

Place = tuple[int, int]
"""(shard, row)."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """Rows of a pack that go into a new one, under the ids they will have there."""

    pack: Pack
    tables: dict[str, pa.Table]
    """The four tables; of frames and tiles `shard` and `row` are still the pack's own,
    and a column `STORED_AS` tells the id there."""
    rebatch: bool = True
    """Put what is left of several shards together; False: keep one a shard."""
    usable: Callable[[int], bool] = field(default=lambda shard: True)
    """Whether a shard can be taken as it is."""
    picture: Callable[[Kind, str], bytes | Pixels] | None = None
    """Where pictures of other shards come from; None: the pack itself."""


@dataclass(frozen=True, kw_only=True)
class _Shelf:
    """What is taken of one shard: rows in order, with old and new ids."""

    part: Part
    kind: Kind
    shard: int
    rows: list[int]
    stored_as: list[str]
    ids: list[str]

    def is_whole(self) -> bool:
        """Whether it is all of a sound shard, under the same ids."""
        if self.stored_as != self.ids or not self.part.usable(self.shard):
            return False
        held = self.part.pack.shard(self.shard).ids
        return self.ids == held and self.rows == list(range(len(held)))

    def items(self) -> Iterator[Item]:
        """The pictures, under their new ids."""
        read = self.part.picture or self.part.pack.stored
        for old, new in zip(self.stored_as, self.ids, strict=True):
            yield new, read(self.kind, old)


def whole_part(pack: Pack) -> Part:
    """Everything of a pack."""
    tables = {name: pack.table(name) for name in TABLES}
    for name in TABLE_OF.values():
        ids = tables[name][ID_COLUMN[name]]
        tables[name] = tables[name].append_column(STORED_AS, ids)
    return Part(pack=pack, tables=tables)


def selected(part: Part, ids: Mapping[str, Iterable[str]], splits: pa.Table) -> Part:
    """Some rows of a part.

    Args:
        part: any part.
        ids: "frames", "tiles", "sequences" -> ids to keep.
        splits: the rows of splits to keep.
    """
    tables = {"splits": splits}
    for name, column in ID_COLUMN.items():
        wanted = pa.array(sorted(set(ids[name])), pa.string())
        table = part.tables[name]
        tables[name] = table.filter(pc.is_in(table[column], value_set=wanted))
    return replace(part, tables=tables)


def put_together(
    folder: Path,
    parts: Sequence[Part],
    *,
    encoding: Encoding,
    copy: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> FileRecords:
    """Write shards and tables of parts into a new folder.

    Args:
        folder: where to; empty.
        parts: ids must not be in two of them.
        encoding: of all parts.
        copy: never link, so that the new pack shares no file with the old ones.
        progress: called with pictures done and pictures in all.

    Returns:
        Size and hash of the files that were linked, as their packs state them.

    Raises:
        UsageError: if a column beyond the contract has two types.
    """
    places, known = place_shards(
        folder, parts, encoding=encoding, copy=copy, progress=progress
    )
    write_tables(folder, parts, places)
    return known


def place_shards(
    folder: Path,
    parts: Sequence[Part],
    *,
    encoding: Encoding,
    copy: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[dict[Kind, dict[str, Place]], FileRecords]:
    """Write the shards of parts; returns where each picture is now.

    Returns:
        (kind -> id -> place, size and hash of linked files as their packs state them).
    """
    places: dict[Kind, dict[str, Place]] = {"frame": {}, "tile": {}}
    known: FileRecords = {}
    shelves = {kind: [s for p in parts for s in _shelves(p, kind)] for kind in KINDS}
    total = sum(len(s.ids) for kind in KINDS for s in shelves[kind])
    number = done = 0

    def placed(kind: Kind, ids: Iterable[str]) -> None:
        nonlocal number, done
        places[kind] |= {name: (number, row) for row, name in enumerate(ids)}
        number, done = number + 1, len(places["frame"]) + len(places["tile"])
        if progress is not None:
            progress(done, total)

    for kind in KINDS:
        loose: list[_Shelf] = []
        for shelf in shelves[kind]:
            target = folder / shard_name(number)
            if shelf.is_whole():
                source = shelf.part.pack.path / shard_name(shelf.shard)
                link(source, target, copy=copy)
                stated = (shelf.part.pack.meta.get("files") or {}).get(source.name)
                known |= {target.name: stated} if stated else {}
                placed(kind, shelf.ids)
            elif shelf.part.rebatch:
                loose.append(shelf)
            else:
                _write(target, list(shelf.items()), encoding)
                placed(kind, shelf.ids)
        for batch in _batches(item for shelf in loose for item in shelf.items()):
            _write(folder / shard_name(number), batch, encoding)
            placed(kind, [name for name, _ in batch])
    return places, known


def write_tables(
    folder: Path, parts: Sequence[Part], places: dict[Kind, dict[str, Place]]
) -> None:
    """Write the tables of parts, whose pictures are now in `places`."""
    kind_of = {TABLE_OF[kind]: kind for kind in KINDS}
    for name in TABLES:
        table = _joined(name, [part.tables[name] for part in parts])
        if name in kind_of:
            table = _placed(table.drop_columns(STORED_AS), name, places[kind_of[name]])
        if name in ID_COLUMN:
            shapes = shapely.from_wkb(table["geometry"].to_numpy(zero_copy_only=False))
            geo = geo_metadata(np.asarray(shapes, dtype=object).reshape(-1))
            text = json.dumps(geo, sort_keys=True)
            table = table.replace_schema_metadata({"geo": text})
        (folder / f"{name}.parquet").write_bytes(table_bytes(table))


def link(source: Path, target: Path, *, copy: bool) -> None:
    """Give a file another name, or copy it where that cannot be or is not wanted."""
    if not copy:
        try:
            target.hardlink_to(source)
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
        else:
            return
    shutil.copyfile(source, target)


def _shelves(part: Part, kind: Kind) -> list[_Shelf]:
    table = part.tables[TABLE_OF[kind]]
    table = table.filter(table["shard"].is_valid())
    columns = ("shard", "row", STORED_AS, ID_COLUMN[TABLE_OF[kind]])
    stored = sorted(zip(*(table[c].to_pylist() for c in columns), strict=True))
    shelves = []
    for shard, group in groupby(stored, key=itemgetter(0)):
        _, rows, stored_as, ids = map(list, zip(*group, strict=True))
        shelves.append(
            _Shelf(
                part=part,
                kind=kind,
                shard=shard,
                rows=rows,
                stored_as=stored_as,
                ids=ids,
            )
        )
    return shelves


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    batch: list[Item] = []
    held = 0
    for item in items:
        batch.append(item)
        held += len(item[1]) if isinstance(item[1], bytes) else int(item[1].nbytes)
        if held >= SHARD_BYTES:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


def _write(path: Path, items: list[Item], encoding: Encoding) -> None:
    with shard_image(items, encoding=encoding) as image:
        write_bytes(path, image)


def _joined(name: str, tables: list[pa.Table]) -> pa.Table:
    """Rows of several tables, sorted; columns that one of them lacks are null there."""
    if name == "splits":
        names = TABLES[name].names
        rows = pa.concat_tables([table.select(names) for table in tables])
        rows = rows.group_by(names).aggregate([])
        return rows.sort_by([(n, "ascending") for n in names]).cast(TABLES[name])
    plain = [table.replace_schema_metadata(None) for table in tables]
    try:
        table = pa.concat_tables(plain, promote_options="default")
    except pa.ArrowException as error:
        message = (
            f"{name}.parquet has a column of different types in two of the packs "
            f"({error}). Take it out of one of them."
        )
        raise UsageError(message) from error
    table = table.sort_by([(ID_COLUMN[name], "ascending")]).combine_chunks()
    for known in TABLES[name]:
        # Parquet gives list items another name than the contract, which bytes show.
        at = table.schema.get_field_index(known.name)
        table = table.set_column(at, known, table[known.name].cast(known.type))
    return table


def _placed(table: pa.Table, name: str, places: dict[str, Place]) -> pa.Table:
    found = [places.get(i, (None, None)) for i in table[ID_COLUMN[name]].to_pylist()]
    for number, column in enumerate(("shard", "row")):
        at = table.schema.get_field_index(column)
        array = pa.array([f[number] for f in found], table.schema.field(at).type)
        table = table.set_column(at, column, array)
    return table

"""A damaged pack mended: what a checksum condemns is had again, or left out.

Good shards are linked. A shard that is mended from the right bytes is the same file
again, so that the pack keeps its hash.
"""

import shutil
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from dataset_tools.errors import DatasetToolsError, IntegrityError, UsageError
from dataset_tools.pack.assemble import (
    KINDS,
    Part,
    link,
    place_shards,
    selected,
    whole_part,
    write_tables,
)
from dataset_tools.pack.atomic import new_folder
from dataset_tools.pack.checks.pictures import picture_fault
from dataset_tools.pack.donors import Donors, Origin, Take, open_donors
from dataset_tools.pack.format import (
    CARD_FILES,
    ID_COLUMN,
    META_FILE,
    TABLE_OF,
    TABLES,
    FileRecords,
    Kind,
    file_record,
    shard_name,
)
from dataset_tools.pack.read import Pack, read_meta, read_table
from dataset_tools.pack.seal import seal
from dataset_tools.pack.shard_reader import ShardReader, refuse_special
from dataset_tools.pack.shards import Pixels
from dataset_tools.pack.subset import pruned
from dataset_tools.pack.write import refuse_faults
from dataset_tools.provenance import versions
from dataset_tools.settings.repair import RepairSettings

Picture = tuple[Kind, str]
STAGE = "repair"
CONDEMNED = ("place", "picture")
"""Codes of the check that say that a stored picture is not the one it was."""


@dataclass(frozen=True, kw_only=True)
class Repaired:
    """What was found, and what was done about it."""

    tables: tuple[str, ...] = ()
    """Damaged tables, taken from a copy."""
    shards: tuple[str, ...] = ()
    """Damaged shards, written again."""
    mended: dict[str, int] = field(default_factory=dict)
    """Where damaged pictures were had from -> how many."""
    lost: tuple[str, ...] = ()
    """Ids of pictures that no source gives."""
    dropped: dict[str, int] = field(default_factory=dict)
    """Table -> rows left out with the lost pictures."""
    same_hash: bool = True
    """Whether the pack has the content hash that it had."""


@dataclass(frozen=True, kw_only=True)
class _Damage:
    """What is wrong with shards."""

    shards: set[int]
    """Those that are not the files that `pack.json` was written for."""
    pictures: dict[Picture, int | None]
    """Condemned picture -> the checksum it should have; None: that is lost too."""


def repair(
    path: Path,
    out: Path | None = None,
    *,
    copies: Sequence[Path] = (),
    settings: RepairSettings | None = None,
    drop: bool = False,
    overwrite: bool = False,
) -> Repaired:
    """Mend a pack.

    Args:
        path: the damaged pack.
        out: the mended pack; None: it takes the place of the damaged one.
        copies: other copies of the pack, or packs with some of its pictures.
        settings: the drive and imagery that it was built from.
        drop: leave out pictures that no source gives, and what needs them.
        overwrite: replace a pack that is at `out`.

    Raises:
        IntegrityError: if `pack.json` is damaged, a table is and no copy has it, or
            pictures are lost and may not be left out.
        UsageError: if nothing would be left.
    """
    meta = read_meta(path)
    tables, replaced = _tables(path, meta, copies)
    with (
        Pack(path, meta, tables=tables) as pack,
        open_donors(pack, copies, settings or RepairSettings()) as donors,
    ):
        damage = _look(pack)
        if not (replaced or damage.shards):
            return Repaired()
        sources, lost = _find(donors, damage)
        if lost and not drop:
            raise IntegrityError(_lost_message(path, lost))
        part = _mended(pack, damage, sources)
        kept, dropped = _without(part, lost)
        with new_folder(out or path, overwrite=overwrite or out is None) as folder:
            places, known = place_shards(folder, [kept], encoding=pack.encoding)
            if lost:
                write_tables(folder, [kept], places)
                refuse_faults(folder, out or path)
            else:
                _link_tables(folder, path, replaced)
            same = _finish(folder, pack, known, lost=lost)
    origins = Counter(origin for origin, _ in sources.values())
    return Repaired(
        tables=tuple(sorted(replaced)),
        shards=tuple(shard_name(n) for n in sorted(damage.shards)),
        mended=dict(sorted(origins.items())),
        lost=tuple(sorted(name for _, name in lost)),
        dropped=dropped,
        same_hash=same,
    )


def _tables(
    path: Path, meta: dict[str, Any], copies: Sequence[Path]
) -> tuple[dict[str, pa.Table], dict[str, Path]]:
    """(the four tables, damaged one -> the file of a copy that stands for it)."""
    tables, replaced = {}, {}
    stated = meta.get("files") or {}
    for name in TABLES:
        file = f"{name}.parquet"
        record = stated.get(file)
        for folder in (path, *copies):
            try:
                tables[name] = read_table(folder, name, record=record, whole=True)
            except DatasetToolsError:
                continue
            # Without a hash of the file a copy must be the same pack as a whole.
            if folder != path:
                if not record and not _is_copy(folder, meta):
                    continue
                replaced[name] = folder / file
            break
        else:
            message = (
                f"{path / file} is damaged, and what it said of pictures and places "
                "cannot be made again. Give a copy of the pack with --from, or build "
                "it anew."
            )
            raise IntegrityError(message)
    return tables, replaced


def _is_copy(path: Path, meta: dict[str, Any]) -> bool:
    return bool(read_meta(path)["content_sha256"] == meta["content_sha256"])


def _look(pack: Pack) -> _Damage:
    """Shards that have changed, and the pictures in them that cannot be believed."""
    stated = pack.meta.get("files") or {}
    shards: set[int] = set()
    pictures: dict[Picture, int | None] = {}
    for number, rows in _rows_by_shard(pack).items():
        path = pack.path / shard_name(number)
        try:
            refuse_special(path)
            if path.name in stated and file_record(path) == stated[path.name]:
                continue
            reader = ShardReader(path, pack.encoding)
        except DatasetToolsError:
            shards.add(number)
            pictures |= {(kind, name): None for _, kind, name in rows}
            continue
        with closing(reader):
            bad: dict[Picture, int | None] = {
                (kind, name): _crc32(reader, row)
                for row, kind, name in rows
                if picture_fault(reader, row, name) in CONDEMNED
            }
        if bad or path.name in stated:
            shards.add(number)
            pictures |= bad
    return _Damage(shards=shards, pictures=pictures)


def _rows_by_shard(pack: Pack) -> dict[int, list[tuple[int, Kind, str]]]:
    found: dict[int, list[tuple[int, Kind, str]]] = {}
    for kind in KINDS:
        table = pack.table(TABLE_OF[kind])
        columns = (table[c].to_pylist() for c in ("shard", "row", *_id(kind)))
        for shard, row, name in zip(*columns, strict=True):
            if shard is not None:
                found.setdefault(shard, []).append((row, kind, name))
    return dict(sorted(found.items()))


def _id(kind: Kind) -> tuple[str]:
    return (ID_COLUMN[TABLE_OF[kind]],)


def _crc32(reader: ShardReader, row: int) -> int | None:
    return reader.crc32(row) if 0 <= row < len(reader) else None


def _find(
    donors: Donors, damage: _Damage
) -> tuple[dict[Picture, tuple[Origin, Take]], set[Picture]]:
    """(condemned picture -> its source, pictures that no source gives)."""
    sources, lost = {}, set()
    for (kind, name), crc32 in damage.pictures.items():
        source = donors.find(kind, name, crc32=crc32)
        if source is None:
            lost.add((kind, name))
        else:
            sources[kind, name] = source
    return sources, lost


def _lost_message(path: Path, lost: set[Picture]) -> str:
    first = min(lost)
    return (
        f"{len(lost)} damaged pictures of {path} are in no source, such as {first[0]} "
        f"{first[1]!r}; nothing was changed. Give a copy (--from), the drive or the "
        "imagery, or --drop to leave them out with all that needs them."
    )


def _mended(
    pack: Pack, damage: _Damage, sources: dict[Picture, tuple[Origin, Take]]
) -> Part:
    """All of a pack; what is damaged comes from its source."""

    def picture(kind: Kind, name: str) -> bytes | Pixels:
        if (kind, name) not in sources:
            return pack.stored(kind, name)
        made = sources[kind, name][1]()
        assert made is not None
        return made

    return replace(
        whole_part(pack),
        rebatch=False,
        usable=lambda number: number not in damage.shards,
        picture=picture,
    )


def _without(part: Part, lost: set[Picture]) -> tuple[Part, dict[str, int]]:
    """The part without lost pictures and what needs them, and rows left out."""
    if not lost:
        return part, {}
    gone = {kind: {name for k, name in lost if k == kind} for kind in KINDS}
    ids = {TABLE_OF[kind]: _column(part, TABLE_OF[kind]) - gone[kind] for kind in KINDS}
    ids["sequences"] = {
        row["sequence_id"]
        for row in part.tables["sequences"].to_pylist()
        if gone["frame"].isdisjoint(row["frame_ids"])
        and (not row["positives"] or set(row["positives"]) - gone["tile"])
    }
    if not ids["sequences"]:
        raise UsageError("Nothing would be left of the pack; build it anew.")
    splits = part.tables["splits"]
    kept = [
        row
        for row in splits.to_pylist()
        if row["id"] in ids["sequences" if row["kind"] == "sequence" else "tiles"]
    ]
    rows = pa.Table.from_pylist(kept, schema=splits.schema)
    left = pruned(selected(part, ids, rows), ids["tiles"])
    dropped = {name: len(part.tables[name]) - len(left.tables[name]) for name in TABLES}
    return left, {name: n for name, n in dropped.items() if n}


def _column(part: Part, name: str) -> set[str]:
    return set(part.tables[name][ID_COLUMN[name]].to_pylist())


def _link_tables(folder: Path, path: Path, replaced: dict[str, Path]) -> None:
    for name in TABLES:
        file = f"{name}.parquet"
        link(replaced.get(name, path / file), folder / file, copy=name in replaced)


def _finish(
    folder: Path, pack: Pack, known: FileRecords, *, lost: set[Picture]
) -> bool:
    """Write `pack.json`; the old one where all files are the old ones again."""
    about = pack.meta | {
        "made_by": {
            "command": "geobench data repair",
            "parameters": {"drop": bool(lost)},
            "source": {"name": pack.name, "content_sha256": pack.content_sha256},
            "built": pack.meta["made_by"],
            "versions": versions(("pyarrow", "h5py")),
        }
    }
    if lost:
        told = {STAGE: {"damaged-picture": len(lost)}}
        about["rejections"] = pack.meta["rejections"] | told
    meta = seal(folder, about, known=known)
    if meta["content_sha256"] != pack.content_sha256:
        return False
    for name in (META_FILE, *CARD_FILES):
        source = pack.path / name
        if source.is_file() and not source.is_symlink():
            shutil.copyfile(source, folder / name)
    return True

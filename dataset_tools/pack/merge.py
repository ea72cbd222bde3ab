"""Packs joined to one: a new year, or a new region, comes in without a rebuild.

Shards are reused as they are. What two packs hold under one id must be the same
thing, which is then kept once; otherwise the packs that join are given a prefix.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from dataset_tools.errors import UsageError
from dataset_tools.pack.assemble import (
    KINDS,
    STORED_AS,
    Part,
    put_together,
    selected,
    whole_part,
)
from dataset_tools.pack.atomic import new_folder
from dataset_tools.pack.check import check_tables
from dataset_tools.pack.findings import Finding
from dataset_tools.pack.format import GALLERIES, ID_COLUMN, TABLE_OF, TABLES, Kind
from dataset_tools.pack.read import Pack
from dataset_tools.pack.seal import seal
from dataset_tools.pack.write import refuse_faults
from dataset_tools.pairing import label
from dataset_tools.provenance import versions
from dataset_tools.records import UNPLACED, Offset, Tile
from dataset_tools.records import Sequence as Query

IDS: Final = {
    "frames": ("frame_id", "session_id"),
    "tiles": ("tile_id",),
    "sequences": ("sequence_id", "frame_ids", "positives", "semi_positives", "offsets"),
    "splits": ("id",),
}
"""Table -> columns that hold ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """A merged pack: its `pack.json`, and what is worth knowing of it."""

    meta: dict[str, Any]
    same: dict[str, int]
    """Table -> rows that were in two packs and are kept once."""
    labelled: int
    """Sequences that a tile of another pack shows as well."""
    warnings: tuple[Finding, ...]
    """What the check says of the tables, such as leaks between splits."""


def merge(
    paths: Sequence[Path],
    out: Path,
    *,
    prefix: str = "",
    name: str | None = None,
    relabel: bool = True,
    overwrite: bool = False,
    copy: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Merged:
    """Write the pack that holds everything of several packs.

    Args:
        paths: two packs or more, of one encoding.
        out: the pack to write.
        prefix: put before all ids of the packs after the first.
        name: of the new pack; by default of its folder.
        relabel: add the tiles of other packs that show a query to its semi-positives;
            otherwise they would count as wrong answers.
        overwrite: replace a pack that is there.
        copy: never share a shard's file with the packs.
        progress: called with pictures done and pictures in all.

    Raises:
        UsageError: if the packs do not fit together, or an id stands for two things.
    """
    with ExitStack() as stack:
        packs = [stack.enter_context(Pack.open(path)) for path in paths]
        _refuse_misfits(packs)
        parts = [whole_part(pack) for pack in packs]
        parts = [parts[0], *(_prefixed(part, prefix) for part in parts[1:])]
        parts, same = _once(parts)
        _refuse_sessions(parts)
        parts = _even_galleries(parts)
        labelled = 0
        if relabel:
            parts, labelled = _relabelled(parts)
        about = _about(packs, name or out.name.removesuffix(".pack"), prefix)
        with new_folder(out, overwrite=overwrite) as folder:
            known = put_together(
                folder, parts, encoding=packs[0].encoding, copy=copy, progress=progress
            )
            refuse_faults(folder, out)
            warnings = check_tables(folder)
            meta = seal(folder, about, known=known)
    return Merged(meta=meta, same=same, labelled=labelled, warnings=tuple(warnings))


def _refuse_misfits(packs: list[Pack]) -> None:
    if len(packs) < 2:
        raise UsageError("Give two packs or more to merge.")
    first = packs[0]
    for pack in packs[1:]:
        if pack.encoding != first.encoding:
            message = (
                f"{first.path} is {first.encoding} and {pack.path} {pack.encoding}; "
                "packs of one encoding can be merged. Bake the merged pack."
            )
            raise UsageError(message)
        if _steps(pack) != _steps(first):
            message = (
                f"{first.path} and {pack.path} were baked by different preprocessing. "
                "Merge the encoded packs and bake the result."
            )
            raise UsageError(message)


def _steps(pack: Pack) -> Any:
    return (pack.meta.get("preprocessing") or {}).get("sha256")


def _prefixed(part: Part, prefix: str) -> Part:
    """A part all of whose ids begin with the prefix."""
    if not prefix:
        return part
    tables = dict(part.tables)
    for name, columns in IDS.items():
        for column in columns:
            table = tables[name]
            at = table.schema.get_field_index(column)
            kind = table.schema.field(at).type
            values = [_with_prefix(v, prefix) for v in table[column].to_pylist()]
            tables[name] = table.set_column(
                at, table.schema.field(at), pa.array(values, kind)
            )
    return replace(part, tables=tables)


def _with_prefix(value: Any, prefix: str) -> Any:
    if isinstance(value, list):
        return [_with_prefix(v, prefix) for v in value]
    if isinstance(value, dict):
        return value | {"tile_id": prefix + value["tile_id"]}
    return prefix + value


def _once(parts: list[Part]) -> tuple[list[Part], dict[str, int]]:
    """Parts without the rows that an earlier part has, and how many those were."""
    same: Counter[str] = Counter()
    kept = [parts[0]]
    for part in parts[1:]:
        ids: dict[str, set[str]] = {}
        for name, column in ID_COLUMN.items():
            own = set(part.tables[name][column].to_pylist())
            for earlier in kept:
                shared = sorted(own & set(earlier.tables[name][column].to_pylist()))
                _refuse_different(earlier, part, name, shared)
                own -= set(shared)
                same[name] += len(shared)
            ids[name] = own
        kept.append(selected(part, ids, part.tables["splits"]))
    return kept, {name: n for name, n in same.items() if n}


def _refuse_different(a: Part, b: Part, name: str, shared: list[str]) -> None:
    """Refuse ids under which two parts hold different rows or pictures."""
    first, second = _rows(a, name, shared), _rows(b, name, shared)
    kind = next((k for k in KINDS if TABLE_OF[k] == name), None)
    for i in shared:
        own, other = first[i].pop(STORED_AS, i), second[i].pop(STORED_AS, i)
        same = first[i] == second[i]
        if same and kind is not None:
            same = _picture(a.pack, kind, own) == _picture(b.pack, kind, other)
        if not same:
            message = (
                f"{len(shared)} ids of {name} are in both {a.pack.path} and "
                f"{b.pack.path}, and {i!r} stands for different things. Give --prefix, "
                "such as --prefix 2024/, to put before the ids of the packs that join."
            )
            raise UsageError(message)


def _rows(part: Part, name: str, ids: list[str]) -> dict[str, dict[str, Any]]:
    """Id -> row, but for where its picture is stored."""
    column = ID_COLUMN[name]
    kept = [*TABLES[name].names, STORED_AS]
    table = part.tables[name]
    table = table.select([n for n in table.column_names if n in kept])
    table = table.filter(pc.is_in(table[column], value_set=pa.array(ids, pa.string())))
    places = {"shard": None, "row": None}
    return {r[column]: r | (places if "shard" in r else {}) for r in table.to_pylist()}


def _picture(pack: Pack, kind: Kind, name: str) -> bytes | None:
    if not pack.holds(kind, name):
        return None
    held = pack.stored(kind, name)
    return held if isinstance(held, bytes) else held.tobytes()


def _refuse_sessions(parts: list[Part]) -> None:
    """Refuse recordings that two packs call by one name."""
    taken: dict[tuple[str, int], Part] = {}
    for part in parts:
        table = part.tables["frames"]
        places = zip(
            table["session_id"].to_pylist(), table["order"].to_pylist(), strict=True
        )
        for place in places:
            other = taken.setdefault(place, part)
            if other is not part:
                message = (
                    f"{other.pack.path} and {part.pack.path} both have a session "
                    f"{place[0]!r} with other frames. Give --prefix, such as --prefix "
                    "2024/, to put before the ids of the packs that join."
                )
                raise UsageError(message)


def _even_galleries(parts: list[Part]) -> list[Part]:
    """Parts that fill every gallery that another part has of the same split.

    A part without, say, an open gallery adds the tiles of its closed one to the open
    one that comes of the merge, which would lack right answers otherwise.
    """
    rows = [part.tables["splits"].to_pylist() for part in parts]
    kinds: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in chain.from_iterable(rows):
        if row["kind"] in GALLERIES:
            kinds[row["scheme"], row["split"]].add(row["kind"])
    evened = []
    for part, own in zip(parts, rows, strict=True):
        held = {(r["scheme"], r["split"], r["kind"]) for r in own}
        added = [
            row | {"kind": kind}
            for row in own
            if row["kind"] == "tile"
            for kind in sorted(kinds[row["scheme"], row["split"]])
            if (row["scheme"], row["split"], kind) not in held
        ]
        splits = part.tables["splits"]
        more = pa.Table.from_pylist([*own, *added], schema=splits.schema)
        evened.append(replace(part, tables=part.tables | {"splits": more}))
    return evened


def _relabelled(parts: list[Part]) -> tuple[list[Part], int]:
    """Parts whose sequences name the tiles of others that show them as well."""
    count, done = 0, []
    for part in parts:
        others = [t for p in parts if p is not part for t in _placed_tiles(p)]
        sequences = part.tables["sequences"]
        found = {
            s.sequence_id: s.offsets
            for s in label(_placed_queries(part), others, semi_max_m=_reach_m(part))
            if s.offsets
        }
        rows = sequences.to_pylist()
        for row in rows:
            count += _add(row, found.get(row["sequence_id"], ()))
        for column in ("semi_positives", "offsets"):
            at = sequences.schema.get_field_index(column)
            about = sequences.schema.field(at)
            array = pa.array([r[column] for r in rows], about.type)
            sequences = sequences.set_column(at, about, array)
        done.append(replace(part, tables=part.tables | {"sequences": sequences}))
    return done, count


def _add(row: dict[str, Any], offsets: Iterable[Offset]) -> bool:
    """Add tiles to a row's semi-positives and offsets; whether there was one."""
    listed = {*row["positives"], *row["semi_positives"]}
    new = [o for o in offsets if o.tile_id not in listed]
    if new:
        semi = {*row["semi_positives"], *(o.tile_id for o in new)}
        row["semi_positives"] = sorted(semi)
        both = [*row["offsets"], *(asdict(o) for o in new)]
        row["offsets"] = sorted(both, key=lambda o: str(o["tile_id"]))
    return bool(new)


def _placed_queries(part: Part) -> list[Query]:
    columns = part.tables["sequences"].select(["sequence_id", "lat", "lon"])
    return [
        Query(**row, region="", frame_ids=(), length_m=0.0)
        for row in columns.to_pylist()
        if row["lat"] is not None
    ]


def _placed_tiles(part: Part) -> list[Tile]:
    names = ["tile_id", "lat", "lon", "m_per_px", "width_px", "height_px"]
    return [
        Tile(**row, footprint=UNPLACED)
        for row in part.tables["tiles"].select(names).to_pylist()
        if row["lat"] is not None
    ]


def _reach_m(part: Part) -> float | None:
    """Farthest centre of a semi-positive by the rule that a pack was built by."""
    rules = part.pack.meta["made_by"].get("rules") or {}
    reach = (rules.get("pairing") or {}).get("semi_max_m")
    return float(reach) if isinstance(reach, int | float) else None


def _about(packs: list[Pack], name: str, prefix: str) -> dict[str, Any]:
    rejections: dict[str, Counter[str]] = defaultdict(Counter)
    for pack in packs:
        for stage, reasons in pack.meta["rejections"].items():
            rejections[stage].update(reasons)
    licences = [entry for pack in packs for entry in pack.meta["licences"]]
    return {
        "name": name,
        "encoding": packs[0].encoding,
        "licences": [e for i, e in enumerate(licences) if e not in licences[:i]],
        "made_by": {
            "command": "geobench data merge",
            "parameters": {"prefix": prefix},
            "sources": [
                {"name": p.name, "content_sha256": p.content_sha256} for p in packs
            ],
            "built": [p.meta["made_by"] for p in packs],
            "versions": versions(("pyarrow", "h5py", "pyproj")),
        },
        "rejections": {stage: dict(counts) for stage, counts in rejections.items()},
        "private": any(p.meta.get("private") for p in packs),
        "preprocessing": packs[0].meta.get("preprocessing"),
    }

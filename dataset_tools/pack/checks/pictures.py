"""Promises about shards and the pictures in them; every picture is read."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import pandas as pd

from dataset_tools.errors import DatasetToolsError, MissingDataError, UnreadableError
from dataset_tools.pack.findings import Finding, found
from dataset_tools.pack.format import TABLE_OF, Kind, shard_name
from dataset_tools.pack.leaks import Tables
from dataset_tools.pack.preprocessing import preprocessing_fault
from dataset_tools.pack.shard_reader import ShardReader
from dataset_tools.pictures import decode, open_bounded, without_metadata

Place = tuple[int, Kind, str]
"""(row, kind, id)."""
Size = tuple[int, int]
"""Height and width, pixels."""

MAGIC: Final = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
"""First bytes of JPEG and PNG."""
MESSAGES: Final = {
    "place": "{n} pictures have no place in a shard, a wrong one or another's.",
    "picture": "{n} pictures fail their checksum; see `geobench data repair`.",
    "picture-kind": "{n} pictures are neither JPEG nor PNG.",
    "picture-metadata": "{n} pictures carry metadata, which tells of owner and home.",
    "undecodable": "{n} pictures cannot be decoded.",
    "picture-size": "{n} pictures have not the size that the pack states.",
}


def check_pictures(
    path: Path,
    meta: Mapping[str, Any],
    tables: Tables,
    *,
    decode_pictures: bool,
    progress: Callable[[int, int], None] | None = None,
) -> list[Finding]:
    """Findings about shards and pictures.

    Args:
        path: the pack's folder.
        meta: its `pack.json`.
        tables: its tables, sound by themselves.
        decode_pictures: also decode every picture, at some hundreds a second.
        progress: called with pictures done and pictures in all, once a shard.
    """
    bad: dict[str, list[str]] = defaultdict(list)
    findings: list[Finding] = []
    mixed, spare = [], []
    places = _places(tables, bad)
    sizes = _sizes(tables, meta)
    done, total = 0, sum(map(len, places.values()))
    for shard, rows in sorted(places.items()):
        name = shard_name(shard)
        done += len(rows)
        try:
            reader = ShardReader(path / name, meta["encoding"])
        except DatasetToolsError as error:
            code = "missing-file" if isinstance(error, MissingDataError) else "shard"
            findings.append(Finding(code=code, severity="error", message=str(error)))
            continue
        with closing(reader):
            for row, kind, item in sorted(rows):
                size = sizes.get((kind, item))
                fault = picture_fault(
                    reader, row, item, size=size, decode_pictures=decode_pictures
                )
                if fault:
                    bad[fault].append(item)
            named = {row for row, _, _ in rows}
            spare += [f"{name}, row {i}" for i in range(len(reader)) if i not in named]
        if len({kind for _, kind, _ in rows}) > 1:
            mixed.append(name)
        if progress is not None:
            progress(done, total)
    for code, text in MESSAGES.items():
        findings += found(code, bad.get(code, ()), text)
    text = "{n} shards hold both frames and tiles; a shard has one view."
    findings += found("mixed-shard", mixed, text)
    if not bad["place"]:
        text = "{n} stored pictures belong to no frame and no tile."
        findings += found("spare-picture", spare, text, severity="warning")
    files = {p.name for p in path.glob("*.h5")} - {shard_name(s) for s in places}
    text = "{n} HDF5 files belong to no picture."
    return findings + found("spare-shard", files, text, severity="warning")


def picture_fault(
    reader: ShardReader,
    row: int,
    item: str,
    *,
    size: Size | None = None,
    decode_pictures: bool = False,
) -> str | None:
    """The code of what is wrong with one stored picture, or None.

    Args:
        reader: its shard.
        row: where it should be.
        item: its id.
        size: height and width it should have, where that is known.
        decode_pictures: also decode it.
    """
    if not 0 <= row < len(reader) or reader.ids[row] != item:
        return "place"
    try:
        value = reader.read(row, item)
    except DatasetToolsError:
        return "picture"
    if not isinstance(value, bytes):
        return None if size in (None, value.shape[:2]) else "picture-size"
    if not value.startswith(MAGIC):
        return "picture-kind"
    try:
        if without_metadata(value) != value:
            return "picture-metadata"
        if decode_pictures:
            held = decode(value).shape[:2]
        else:
            with open_bounded(BytesIO(value)) as picture:
                held = picture.size[::-1]
    except UnreadableError:
        return "undecodable"
    return None if size in (None, held) else "picture-size"


def _places(tables: Tables, bad: dict[str, list[str]]) -> dict[int, list[Place]]:
    """Shard -> places in it; what has none that can be looked at is bad."""
    places: dict[int, list[Place]] = defaultdict(list)
    kinds: tuple[Kind, ...] = ("frame", "tile")
    for kind in kinds:
        table = tables[TABLE_OF[kind]]
        stored = table["source"].notna()
        for item, shard, row, has in zip(
            table.index, table["shard"], table["row"], stored, strict=True
        ):
            known = not (pd.isna(shard) or pd.isna(row))
            if known and has and shard >= 0 and row >= 0:
                places[int(shard)].append((int(row), kind, str(item)))
            elif has or not (pd.isna(shard) and pd.isna(row)):
                bad["place"].append(str(item))
    for shard, rows in places.items():
        taken = Counter(row for row, _, _ in rows)
        bad["place"] += [item for row, _, item in rows if taken[row] > 1]
        places[shard] = [place for place in rows if taken[place[0]] == 1]
    return places


def _sizes(tables: Tables, meta: Mapping[str, Any]) -> dict[tuple[Kind, str], Size]:
    """(kind, id) -> the size that the pack states, where it states one."""
    steps = meta.get("preprocessing")
    tiles = tables["tiles"]
    tiles = tiles[(tiles["height_px"] > 0) & (tiles["width_px"] > 0)]
    if meta["encoding"] == "encoded":
        sizes = zip(tiles["height_px"], tiles["width_px"], strict=True)
        return {("tile", i): s for i, s in zip(tiles.index, sizes, strict=True)}
    if preprocessing_fault(meta) or not steps:
        return {}
    ground, satellite = tuple(steps["ground_size"]), tuple(steps["satellite_size"])
    frames: dict[tuple[Kind, str], Size] = {
        ("frame", i): ground for i in tables["frames"].index
    }
    return frames | {("tile", i): satellite for i in tiles.index}

"""The contract of a pack: names, columns, types, hash. docs/formats.md explains it.

Everything that writes or reads a pack takes its names from here. Nothing here needs
more than pyarrow.
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

import pyarrow as pa

FORMAT: Final = "crossview-pack"
VERSION: Final = 1

Kind = Literal["frame", "tile"]
Encoding = Literal["encoded", "baked"]
FileRecords = dict[str, dict[str, Any]]
"""File name -> {"bytes": size, "sha256": digits}."""
ENCODINGS: Final = ("encoded", "baked")

META_FILE: Final = "pack.json"
CARD_FILE: Final = "card.md"
PAGE_FILE: Final = "card.html"
MAP_FILE: Final = "map.png"
SHEET_FILE: Final = "sequences.png"
HISTOGRAMS_FILE: Final = "histograms.png"
CROISSANT_FILE: Final = "croissant.json"
CARD_FILES: Final = (
    CARD_FILE,
    PAGE_FILE,
    MAP_FILE,
    SHEET_FILE,
    HISTOGRAMS_FILE,
    CROISSANT_FILE,
)
"""Files that people read; they can be written again and no hash covers them."""
SHARD_PATTERN: Final = re.compile(r"images-\d{5}\.h5")

SPLITS: Final = ("train", "val", "test", "dropped")
SPLIT_KINDS: Final = (
    "sequence",
    "tile",
    "tile-thinned",
    "tile-open",
    "tile-thinned-open",
)
GALLERIES: Final = SPLIT_KINDS[1:]
PROJECTIONS: Final = ("perspective", "equirectangular")

GEOPARQUET: Final = "1.1.0"

LICENCE_KEYS: Final = ("source", "licence", "attribution")

META_KEYS: Final[dict[str, type]] = {
    "format": str,
    "version": int,
    "name": str,
    "encoding": str,
    "licences": list,
    "made_by": dict,
    "counts": dict,
    "rejections": dict,
    "content_sha256": str,
}
"""Keys of `pack.json` and the JSON type of each; others may stand beside them."""
META_OPTIONAL: Final[dict[str, type]] = {
    "files": dict,
    "private": bool,
    "preprocessing": dict,
}
"""Keys that may be absent, and their types."""

_SHA256 = re.compile("[0-9a-f]{64}")
_TIME = pa.timestamp("ns", tz="UTC")
_BBOX = pa.struct([(name, pa.float64()) for name in ("xmin", "ymin", "xmax", "ymax")])
_OFFSET = pa.struct(
    [("tile_id", pa.string()), ("east_m", pa.float64()), ("north_m", pa.float64())]
)
_GEOMETRY = [("geometry", pa.binary()), ("bbox", _BBOX)]
_PLACE = [("shard", pa.int32()), ("row", pa.int64())]

FRAMES: Final = pa.schema(
    [
        ("frame_id", pa.string()),
        ("session_id", pa.string()),
        ("order", pa.int64()),
        ("time", _TIME),
        ("lat", pa.float64()),
        ("lon", pa.float64()),
        ("altitude_m", pa.float64()),
        ("heading_deg", pa.float64()),
        ("hfov_deg", pa.float64()),
        ("projection", pa.string()),
        *_GEOMETRY,
        ("source", pa.string()),
        *_PLACE,
    ]
)
TILES: Final = pa.schema(
    [
        ("tile_id", pa.string()),
        ("lat", pa.float64()),
        ("lon", pa.float64()),
        *_GEOMETRY,
        ("m_per_px", pa.float64()),
        ("width_px", pa.int32()),
        ("height_px", pa.int32()),
        ("captured", pa.date32()),
        ("season", pa.string()),
        ("source", pa.string()),
        ("licence", pa.string()),
        *_PLACE,
    ]
)
SEQUENCES: Final = pa.schema(
    [
        ("sequence_id", pa.string()),
        ("region", pa.string()),
        ("stratum", pa.string()),
        ("frame_ids", pa.list_(pa.string())),
        ("lat", pa.float64()),
        ("lon", pa.float64()),
        ("length_m", pa.float64()),
        *_GEOMETRY,
        ("positives", pa.list_(pa.string())),
        ("semi_positives", pa.list_(pa.string())),
        ("offsets", pa.list_(_OFFSET)),
    ]
)
SPLIT_ROWS: Final = pa.schema(
    [(name, pa.string()) for name in ("scheme", "split", "kind", "id")]
)

TABLES: Final[dict[str, pa.Schema]] = {
    "frames": FRAMES,
    "tiles": TILES,
    "sequences": SEQUENCES,
    "splits": SPLIT_ROWS,
}
"""Table name -> schema; the file is `NAME.parquet`."""
ID_COLUMN: Final = {
    "frames": "frame_id",
    "tiles": "tile_id",
    "sequences": "sequence_id",
}
_UNPLACED = {"lat", "lon", "geometry", "bbox"}
NULLABLE: Final[dict[str, frozenset[str]]] = {
    "frames": frozenset(
        {"time", "altitude_m", "heading_deg", "hfov_deg", "source", "shard", "row"}
        | _UNPLACED
    ),
    "tiles": frozenset({"m_per_px", "captured", "season"} | _UNPLACED),
    "sequences": frozenset({"stratum", "length_m"} | _UNPLACED),
    "splits": frozenset(),
}
"""Table name -> columns in which null stands for unknown."""
TABLE_OF: Final[dict[str, str]] = {"frame": "frames", "tile": "tiles"}

SHARD_MEMBERS: Final[dict[str, dict[str, tuple[str, int]]]] = {
    "encoded": {
        "bytes": ("uint8", 1),
        "offset": ("int64", 1),
        "crc32": ("uint32", 1),
        "id": ("S", 1),
    },
    "baked": {"images": ("uint8", 4), "crc32": ("uint32", 1), "id": ("S", 1)},
}
"""Encoding -> dataset name -> (type, dimensions); `S` is fixed-length UTF-8."""


def shard_name(number: int) -> str:
    """File name of a shard.

    >>> shard_name(3)
    'images-00003.h5'
    """
    return f"images-{number:05d}.h5"


def content_files(folder: Path) -> list[Path]:
    """The files that `content_sha256` covers, sorted by name."""
    found = [p for p in folder.iterdir() if p.suffix in (".parquet", ".h5")]
    return sorted(found, key=lambda path: path.name)


def file_records(folder: Path) -> FileRecords:
    """Size and SHA-256 of the files that `content_sha256` covers, sorted by name."""
    return {path.name: file_record(path) for path in content_files(folder)}


def file_record(path: Path) -> dict[str, Any]:
    """Size and SHA-256 of one file."""
    with path.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
        return {"bytes": handle.tell(), "sha256": digest}


def content_sha256(folder: Path) -> str:
    """Hash over names and contents of all Parquet and HDF5 files of a pack.

    Returns:
        64 hexadecimal digits: SHA-256 of one line `SHA256  NAME` a file, sorted by
        name. `pack.json`, card and map are left out.
    """
    return content_sha256_of(file_records(folder))


def content_sha256_of(files: Mapping[str, Mapping[str, Any]]) -> str:
    """`content_sha256` of files whose own hashes are known.

    Args:
        files: name -> {"sha256": 64 hexadecimal digits, ...}.
    """
    lines = [f"{files[name]['sha256']}  {name}\n" for name in sorted(files)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def schema_faults(table: str, schema: pa.Schema) -> list[str]:
    """What differs between a file's schema and the contract, one sentence each.

    Columns beyond the contract are allowed.
    """
    faults = []
    for field in TABLES[table]:
        if field.name not in schema.names:
            faults.append(f"{table}.parquet has no column {field.name!r}.")
        elif not _same_type(schema.field(field.name).type, field.type):
            faults.append(
                f"{table}.parquet has column {field.name!r} of type "
                f"{schema.field(field.name).type}, expected {field.type}."
            )
    return faults


def meta_faults(meta: Any) -> list[str]:
    """What is wrong with the content of `pack.json`, one sentence each."""
    if not isinstance(meta, dict):
        return [f"{META_FILE} holds no object but {type(meta).__name__}."]
    faults = [
        f"{META_FILE} has {key!r} of type {type(meta.get(key)).__name__}, "
        f"expected {kind.__name__}."
        for key, kind in (META_KEYS | META_OPTIONAL).items()
        if not isinstance(meta.get(key), kind)
        and (key in META_KEYS or meta.get(key) is not None)
    ]
    if faults:
        return faults
    if not meta["name"].strip():
        faults.append(f"{META_FILE} states no name.")
    if not _SHA256.fullmatch(meta["content_sha256"]):
        faults.append(f"{META_FILE} has a content_sha256 that is no SHA-256.")
    if meta["format"] != FORMAT:
        faults.append(f"{META_FILE} has format {meta['format']!r}, not {FORMAT!r}.")
    if meta["version"] != VERSION:
        faults.append(
            f"{META_FILE} has version {meta['version']!r}; version {VERSION} is read."
        )
    if meta["encoding"] not in ENCODINGS:
        faults.append(
            f"{META_FILE} has encoding {meta['encoding']!r}, not one of {ENCODINGS}."
        )
    return faults + _record_faults(meta.get("files") or {})


def _record_faults(files: Mapping[str, Any]) -> list[str]:
    return [
        f"{META_FILE} states no size and SHA-256 of {name!r} under 'files'."
        for name, record in files.items()
        if not isinstance(record, dict)
        or type(record.get("bytes")) is not int
        or not _SHA256.fullmatch(str(record.get("sha256")))
    ]


def _same_type(found: pa.DataType, expected: pa.DataType) -> bool:
    """Equal but for the names of list items, which writers choose differently."""
    if pa.types.is_list(expected):
        return pa.types.is_list(found) and _same_type(
            found.value_type, expected.value_type
        )
    return bool(found == expected)

"""Whether a pack keeps its promises: hash, checksums, schema, references, splits.

Findings, not exceptions: one run says everything that is wrong. Only a folder that
is no pack at all is an error.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from dataset_tools.errors import DatasetToolsError, IntegrityError
from dataset_tools.geodesy import offset_m
from dataset_tools.pack.findings import Finding, exit_code, found
from dataset_tools.pack.format import (
    ID_COLUMN,
    PROJECTIONS,
    SPLIT_KINDS,
    SPLITS,
    TABLE_OF,
    TABLES,
    content_sha256,
    shard_name,
)
from dataset_tools.pack.leaks import Tables, check_leaks
from dataset_tools.pack.read import read_meta, read_table
from dataset_tools.pack.shard_reader import ShardReader
from dataset_tools.pictures import decode

__all__ = ["Finding", "check_pack", "check_tables", "exit_code"]

OFFSET_TOLERANCE_M: Final = 0.5
OFFSET_TOLERANCE_SHARE: Final = 0.02
"""Of the offset's length: a published label may be measured on a grid whose north is
up to a degree off the true one."""


def check_pack(path: Path, *, decode_pictures: bool = False) -> list[Finding]:
    """Everything that is wrong with a pack, worst first.

    Args:
        path: the pack's folder.
        decode_pictures: also decode every picture, at some hundreds a second.

    Raises:
        MissingDataError: if the folder is no pack.
    """
    try:
        meta = read_meta(path)
    except IntegrityError as error:
        return [Finding(code="meta", severity="error", message=str(error))]
    findings = _check_hash(path, meta)
    findings += check_tables(path)
    if not any(f.code == "schema" for f in findings):
        findings += _check_counts(path, meta)
        findings += _check_shards(path, meta, decode_pictures=decode_pictures)
    findings += _check_paths(meta)
    rank = {"error": 0, "warning": 1, "note": 2}
    return sorted(findings, key=lambda f: (rank[f.severity], f.code, f.message))


def check_tables(path: Path) -> list[Finding]:
    """Findings about a pack's tables alone: schema, values, references, leaks."""
    tables: dict[str, pd.DataFrame] = {}
    findings = []
    for name in TABLES:
        try:
            frame = read_table(path, name).to_pandas()
        except DatasetToolsError as error:
            text = str(error)
            findings.append(Finding(code="schema", severity="error", message=text))
            continue
        findings += _check_geo(path, name)
        if name in ID_COLUMN:
            findings += _check_ids(name, frame[ID_COLUMN[name]])
            frame = frame.set_index(ID_COLUMN[name])
        tables[name] = frame
    if findings:
        return findings
    findings = _check_values(tables) + _check_references(tables)
    findings += _check_split_rows(tables)
    # What follows looks ids up, so it needs every one of them to exist.
    if not any(f.severity == "error" for f in findings):
        findings += _check_offsets(tables) + _check_galleries(tables)
        findings += check_leaks(tables)
    return findings


def _check_hash(path: Path, meta: dict[str, Any]) -> list[Finding]:
    if content_sha256(path) == meta["content_sha256"]:
        return []
    message = (
        f"The Parquet and HDF5 files of {path} are not those that pack.json was "
        "written for (content_sha256 differs). Fetch the pack again."
    )
    return [Finding(code="hash", severity="error", message=message)]


def _check_geo(path: Path, name: str) -> list[Finding]:
    if name == "splits":
        return []
    held = pq.read_schema(path / f"{name}.parquet").metadata or {}
    try:
        geo = json.loads(held.get(b"geo", b"null"))
        good = geo["columns"][geo["primary_column"]]["encoding"] == "WKB"
    except (ValueError, TypeError, KeyError):
        good = False
    message = f"{name}.parquet has no GeoParquet metadata (key 'geo'). Build anew."
    return [] if good else [Finding(code="schema", severity="error", message=message)]


def _check_ids(name: str, ids: "pd.Series[str]") -> list[Finding]:
    findings = found(
        "null-id", ids.index[ids.isna()], f"{name}: {{n}} rows without id."
    )
    findings += found(
        "double-id", ids[ids.duplicated()], f"{name}: {{n}} ids stand more than once."
    )
    if not findings and not ids.is_monotonic_increasing:
        message = f"{name}.parquet is not sorted by id. Build the pack anew."
        findings.append(Finding(code="unsorted", severity="error", message=message))
    return findings


def _check_values(tables: Tables) -> list[Finding]:
    findings = []
    for name in ID_COLUMN:
        table = tables[name]
        good = table["lat"].between(-90, 90) & table["lon"].between(-180, 180)
        unknown = table["lat"].isna() & table["lon"].isna()
        message = f"{name}: {{n}} rows without a position on Earth."
        findings += found("position", table.index[~good & ~unknown], message)
        message = f"{name}: {{n}} rows of unknown position; no metre can be told."
        findings += found("no-position", table.index[unknown], message, severity="note")
    frames, tiles = tables["frames"], tables["tiles"]
    heading = frames["heading_deg"]
    findings += found(
        "heading",
        frames.index[heading.notna() & ~heading.between(0, 360, inclusive="left")],
        "{n} frames have a heading outside [0, 360).",
    )
    findings += found(
        "projection",
        frames.index[~frames["projection"].isin(PROJECTIONS)],
        f"{{n}} frames have a projection that is none of {', '.join(PROJECTIONS)}.",
    )
    scale = (tiles["m_per_px"] > 0) | (tiles["m_per_px"].isna() & tiles["lat"].isna())
    size = scale & (tiles["width_px"] > 0) & (tiles["height_px"] > 0)
    findings += found("tile-size", tiles.index[~size], "{n} tiles have no size.")
    findings += found(
        "no-picture",
        frames.index[frames["shard"].isna()],
        "{n} frames are positions without a picture; no model can be trained on them.",
        severity="warning",
    )
    return findings


def _check_references(tables: Tables) -> list[Finding]:
    sequences = tables["sequences"]
    known = {"frame": set(tables["frames"].index), "tile": set(tables["tiles"].index)}
    findings = found(
        "empty-sequence",
        sequences.index[sequences["frame_ids"].map(_is_empty).astype(bool)],
        "{n} sequences have no frame.",
    )
    for column, kind in (
        ("frame_ids", "frame"),
        ("positives", "tile"),
        ("semi_positives", "tile"),
    ):
        named = sequences[column].explode().dropna()
        bad = named[~named.isin(known[kind])]
        message = f"{column} of sequences name {{n}} {kind}s that are not in the pack."
        findings += found(f"missing-{kind}", bad, message)
    offsets = {o["tile_id"] for given in sequences["offsets"] for o in _items(given)}
    message = "offsets of sequences name {n} tiles that are not in the pack."
    return findings + found("missing-tile", offsets - known["tile"], message)


def _check_split_rows(tables: Tables) -> list[Finding]:
    rows = tables["splits"]
    bad_split = rows.loc[~rows["split"].isin(SPLITS), "split"]
    bad_kind = rows.loc[~rows["kind"].isin(SPLIT_KINDS), "kind"]
    findings = found(
        "split-name", bad_split, f"{{n}} split names are none of {SPLITS}."
    )
    findings += found("kind-name", bad_kind, f"{{n}} kinds are none of {SPLIT_KINDS}.")
    for kind, name in (("sequence", "sequences"), ("tile", "tiles")):
        chosen = rows[rows["kind"].astype(str).str.startswith(kind)]
        bad = chosen.loc[~chosen["id"].isin(tables[name].index), "id"]
        message = f"splits name {{n}} {name} that are not in the pack."
        findings += found(f"split-missing-{kind}", bad, message)
    queries = rows[rows["kind"] == "sequence"]
    twice = queries.loc[queries.duplicated(["scheme", "id"]), "id"]
    message = "{n} sequences stand in two splits of one scheme."
    return findings + found("two-splits", twice, message)


def _check_offsets(tables: Tables) -> list[Finding]:
    sequences, tiles = tables["sequences"], tables["tiles"]
    rows = [
        (i, o["tile_id"], o["east_m"], o["north_m"])
        for i, given in sequences["offsets"].items()
        for o in _items(given)
    ]
    if not rows:
        return []
    query, tile, east, north = zip(*rows, strict=True)
    at, to = sequences.loc[list(query)], tiles.loc[list(tile)]
    true_east, true_north = offset_m(at["lat"], at["lon"], to["lat"], to["lon"])
    wrong = np.hypot(true_east - np.array(east), true_north - np.array(north))
    message = (
        f"Offsets of {{n}} sequences differ by more than {OFFSET_TOLERANCE_M} m and "
        f"{OFFSET_TOLERANCE_SHARE:.0%} from tile centre minus query position."
    )
    length = np.hypot(true_east, true_north)
    bad = ~(wrong <= OFFSET_TOLERANCE_M + OFFSET_TOLERANCE_SHARE * length)
    return found("offset", np.array(query, dtype=object)[bad], message)


def _check_galleries(tables: Tables) -> list[Finding]:
    """A test whose right answer is not in the gallery cannot be passed."""
    findings = []
    kept = tables["splits"][tables["splits"]["split"] != "dropped"]
    for (scheme, split), rows in kept.groupby(["scheme", "split"], sort=True):
        queries = rows.loc[rows["kind"] == "sequence", "id"]
        positives = tables["sequences"].loc[queries, "positives"]
        where = f"in split {split!r} of scheme {scheme!r}"
        findings += found(
            "no-positive",
            positives.index[positives.map(_is_empty).astype(bool)],
            f"{{n}} sequences {where} have no positive tile and cannot be scored.",
            severity="warning",
        )
        shown = set(positives.explode().dropna())
        for kind in ("tile", "tile-open"):
            held = set(rows.loc[rows["kind"] == kind, "id"])
            message = f"The gallery {kind!r} {where} lacks {{n}} positive tiles."
            findings += found("gallery", shown - held if held else (), message)
    return findings


def _check_counts(path: Path, meta: dict[str, Any]) -> list[Finding]:
    findings = []
    for name in ID_COLUMN:
        rows = pq.read_metadata(path / f"{name}.parquet").num_rows
        if meta["counts"].get(name) != rows:
            said = meta["counts"].get(name)
            message = f"pack.json counts {said} {name}, {name}.parquet holds {rows}."
            findings.append(Finding(code="counts", severity="error", message=message))
    return findings


def _check_shards(
    path: Path, meta: dict[str, Any], *, decode_pictures: bool
) -> list[Finding]:
    places: dict[int, list[tuple[int, str]]] = {}
    for name in TABLE_OF.values():
        table = read_table(path, name).select([ID_COLUMN[name], "shard", "row"])
        for item, shard, row in zip(*table.to_pydict().values(), strict=True):
            if shard is not None:
                places.setdefault(shard, []).append(
                    (row if row is not None else -1, item)
                )
    findings = []
    for shard in sorted(places):
        try:
            reader = ShardReader(path / shard_name(shard), meta["encoding"])
        except DatasetToolsError as error:
            text = str(error)
            findings.append(Finding(code="shard", severity="error", message=text))
            continue
        bad = [*_bad_pictures(reader, places[shard], decode_pictures=decode_pictures)]
        reader.close()
        message = f"{{n}} pictures of {shard_name(shard)} are damaged."
        findings += found("picture", bad, message)
    spare = {p.name for p in path.glob("*.h5")} - {shard_name(s) for s in places}
    message = "{n} HDF5 files belong to no picture."
    return findings + found("spare-shard", spare, message, severity="warning")


def _bad_pictures(
    reader: ShardReader, rows: list[tuple[int, str]], *, decode_pictures: bool
) -> Iterable[str]:
    for row, item in sorted(rows):
        try:
            value = reader.read(row, item)
            if decode_pictures and isinstance(value, bytes):
                decode(value)
        except DatasetToolsError:
            yield item


def _check_paths(meta: dict[str, Any]) -> list[Finding]:
    texts = _texts(meta["made_by"])
    absolute = [t for t in texts if t.startswith(("/", "~")) or t[1:3] in (":\\", ":/")]
    message = "made_by in pack.json holds {n} absolute paths, which tell of a machine."
    return found("absolute-path", absolute, message, severity="warning")


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [t for v in value.values() for t in _texts(v)]
    if isinstance(value, list):
        return [t for v in value for t in _texts(v)]
    return [value] if isinstance(value, str) else []


def _items(value: Any) -> Any:
    return () if value is None else value


def _is_empty(value: Any) -> bool:
    return value is None or len(value) == 0

"""A part of a pack as a pack: some sequences and what they need."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from dataset_tools.errors import MissingDataError, UnreadableError, UsageError, suggest
from dataset_tools.pack.assemble import Part, put_together, selected, whole_part
from dataset_tools.pack.atomic import new_folder
from dataset_tools.pack.read import Pack
from dataset_tools.pack.seal import seal
from dataset_tools.pack.write import refuse_faults
from dataset_tools.provenance import parameters, versions
from dataset_tools.settings.subset import SubsetSettings

STAGE = "subset"
LISTS = ("positives", "semi_positives")


def subset(
    path: Path,
    out: Path,
    settings: SubsetSettings,
    *,
    name: str | None = None,
    overwrite: bool = False,
    copy: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Write the pack of some sequences; returns its `pack.json`.

    Frames, tiles and pictures that no sequence left uses are left out; semi-positives
    and offsets of tiles that are left out go too.

    Args:
        path: the whole pack.
        out: the pack to write.
        settings: which sequences stay.
        name: of the new pack; by default of its folder.
        overwrite: replace a pack that is there.
        copy: never share a shard's file with the whole pack.
        progress: called with pictures done and pictures in all.

    Raises:
        UsageError: if no sequence is left, or a name is unknown.
    """
    with Pack.open(path) as pack:
        sequences = chosen(pack, settings)
        part = cut(
            whole_part(pack), sequences, whole_galleries=settings.galleries == "whole"
        )
        left_out = len(pack.sequences) - len(sequences)
        about = pack.meta | {
            "name": name or out.name.removesuffix(".pack"),
            "made_by": {
                "command": "geobench data subset",
                "parameters": parameters(settings.model_dump()),
                "source": {"name": pack.name, "content_sha256": pack.content_sha256},
                "built": pack.meta["made_by"],
                "versions": versions(("pyarrow", "h5py")),
            },
            "rejections": pack.meta["rejections"] | {STAGE: {"not-chosen": left_out}},
        }
        with new_folder(out, overwrite=overwrite) as folder:
            known = put_together(
                folder, [part], encoding=pack.encoding, copy=copy, progress=progress
            )
            refuse_faults(folder, out)
            return seal(folder, about, known=known)


def chosen(pack: Pack, settings: SubsetSettings) -> list[str]:
    """Sorted ids of the sequences that the settings leave.

    Raises:
        UsageError: if a name is unknown, or nothing is left.
        MissingDataError: if --ids names a sequence that is not there.
    """
    table = pack.sequences
    keep = np.ones(len(table), np.bool_)
    if settings.split:
        rows = pack.splits
        scheme = _scheme(pack, settings.scheme)
        rows = rows[(rows["scheme"] == scheme) & (rows["kind"] == "sequence")]
        keep &= table.index.isin(rows.loc[rows["split"].isin(settings.split), "id"])
    elif settings.scheme is not None:
        message = "--scheme says which scheme --split is about; give --split too."
        raise UsageError(message)
    for column, wanted in (("region", settings.region), ("stratum", settings.stratum)):
        if wanted:
            _refuse_unknown(column, wanted, table[column])
            keep &= table[column].isin(wanted).to_numpy()
    if settings.bbox is not None:
        keep &= _inside(table, settings.bbox)
    if settings.ids is not None:
        keep &= table.index.isin(_listed(settings.ids, table.index))
    left = [str(i) for i in table.index[keep]][: settings.first]
    if not left:
        message = (
            f"No sequence of {pack.path} is left by these options together; "
            "`geobench data card` shows what is in it."
        )
        raise UsageError(message)
    return left


def cut(part: Part, sequences: Iterable[str], *, whole_galleries: bool) -> Part:
    """A part with these sequences and what they need.

    Args:
        part: any part.
        sequences: ids to keep.
        whole_galleries: keep also every tile in a gallery of a split of which a
            sequence is kept.
    """
    wanted = set(sequences)
    table = part.tables["sequences"]
    rows = [r for r in table.to_pylist() if r["sequence_id"] in wanted]
    frames = {i for r in rows for i in r["frame_ids"]}
    tiles = {i for r in rows for i in r["positives"]}
    splits = part.tables["splits"].to_pylist()
    alive = {
        (r["scheme"], r["split"])
        for r in splits
        if r["kind"] == "sequence" and r["id"] in wanted
    }
    if whole_galleries:
        tiles |= {
            r["id"]
            for r in splits
            if r["kind"] != "sequence" and (r["scheme"], r["split"]) in alive
        }
    kept = [
        r
        for r in splits
        if (r["scheme"], r["split"]) in alive
        and r["id"] in (wanted if r["kind"] == "sequence" else tiles)
    ]
    chosen_part = selected(
        part,
        {"frames": frames, "tiles": tiles, "sequences": wanted},
        pa.Table.from_pylist(kept, schema=part.tables["splits"].schema),
    )
    return pruned(chosen_part, tiles)


def pruned(part: Part, tiles: Iterable[str]) -> Part:
    """A part whose sequences name only these tiles, in all their lists."""
    held = set(tiles)
    table = part.tables["sequences"]
    for column in (*LISTS, "offsets"):
        lists = [
            [i for i in items if (i["tile_id"] if column == "offsets" else i) in held]
            for items in table[column].to_pylist()
        ]
        at = table.schema.get_field_index(column)
        array = pa.array(lists, table.schema.field(at).type)
        table = table.set_column(at, table.schema.field(at), array)
    return replace(part, tables=part.tables | {"sequences": table})


def _scheme(pack: Pack, asked: str | None) -> str:
    known = sorted(set(pack.splits["scheme"]))
    if asked is None and len(known) == 1:
        return str(known[0])
    if asked in known:
        return str(asked)
    if asked is None:
        message = f"The pack {pack.path} has {len(known)} split schemes; say which "
        raise UsageError(f"{message}with --scheme. {suggest('', known)}")
    message = f"The pack {pack.path} has no split scheme {asked!r}. "
    raise UsageError(message + suggest(asked, known))


def _refuse_unknown(
    column: str, wanted: Iterable[str], values: "pd.Series[str]"
) -> None:
    known = {str(v) for v in values.dropna()}
    for name in wanted:
        if name not in known:
            message = f"No sequence has the {column} {name!r}. {suggest(name, known)}"
            raise UsageError(message)


def _inside(table: pd.DataFrame, bbox: tuple[float, float, float, float]) -> Any:
    west, south, east, north = bbox
    lat, lon = table["lat"].to_numpy(float), table["lon"].to_numpy(float)
    if west <= east:
        along = (lon >= west) & (lon <= east)
    else:
        along = (lon >= west) | (lon <= east)
    return along & (lat >= south) & (lat <= north)


def _listed(path: Path, known: "pd.Index[Any]") -> set[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeError) as error:
        message = f"{path} cannot be read as text: {error}."
        raise UnreadableError(message) from error
    names = [line.strip() for line in lines if line.strip()]
    strange = [n for n in names if n not in known]
    if strange:
        message = (
            f"{path} names {len(strange)} sequences that the pack does not have, such "
            f"as {strange[0]!r}."
        )
        raise MissingDataError(message)
    return set(names)

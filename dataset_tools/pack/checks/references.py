"""Promises about what rows name: frames, tiles, sequences, splits, galleries."""

from typing import Any, Final

import pandas as pd

from dataset_tools.pack.findings import Finding, found
from dataset_tools.pack.format import SPLIT_KINDS, SPLITS
from dataset_tools.pack.leaks import Tables

WITHIN: Final = (
    ("tile-thinned", "tile"),
    ("tile", "tile-open"),
    ("tile-thinned", "tile-thinned-open"),
    ("tile-thinned-open", "tile-open"),
)
"""(few, many): every tile of the first gallery is in the second."""


def check_references(tables: Tables) -> list[Finding]:
    """Findings about frames and tiles that sequences name."""
    sequences = tables["sequences"]
    known = {"frame": set(tables["frames"].index), "tile": set(tables["tiles"].index)}
    findings = found(
        "empty-sequence",
        sequences.index[sequences["frame_ids"].map(len) == 0],
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
    findings += found("double-entry", _doubles(sequences), _DOUBLE)
    stray = _stray_offsets(sequences)
    return findings + found("offset-tile", stray, _STRAY)


_DOUBLE: Final = (
    "{n} sequences name a frame or tile twice, or a tile as positive and semi-positive."
)
_STRAY: Final = (
    "{n} sequences have two offsets of one tile, or one of a tile that is neither "
    "positive nor semi-positive."
)


def check_order(tables: Tables) -> list[Finding]:
    """Whether frames of one session come in the order driven; needs all references."""
    frames, sequences = tables["frames"], tables["sequences"]
    named = sequences["frame_ids"].explode().dropna()
    at = frames[["session_id", "order"]].loc[named]
    session, order = at["session_id"].to_numpy(), at["order"].to_numpy()
    owner = named.index.to_numpy()
    back = (owner[1:] == owner[:-1]) & (session[1:] == session[:-1])
    back &= order[1:] <= order[:-1]
    message = "{n} sequences do not list the frames of a session in the order driven."
    return found("sequence-order", owner[1:][back], message)


def check_split_rows(tables: Tables) -> list[Finding]:
    """Findings about names in `splits.parquet`."""
    rows = tables["splits"]
    bad_split = rows.loc[~rows["split"].isin(SPLITS), "split"]
    bad_kind = rows.loc[~rows["kind"].isin(SPLIT_KINDS), "kind"]
    findings = found(
        "split-name", bad_split, f"{{n}} split names are none of {SPLITS}."
    )
    findings += found("kind-name", bad_kind, f"{{n}} kinds are none of {SPLIT_KINDS}.")
    for kind, name in (("sequence", "sequences"), ("tile", "tiles")):
        chosen = rows[rows["kind"].str.startswith(kind)]
        bad = chosen.loc[~chosen["id"].isin(tables[name].index), "id"]
        message = f"splits name {{n}} {name} that are not in the pack."
        findings += found(f"split-missing-{kind}", bad, message)
    queries = rows[rows["kind"] == "sequence"]
    twice = queries.loc[queries.duplicated(["scheme", "id"]), "id"]
    message = "{n} sequences stand in two splits of one scheme."
    return findings + found("two-splits", twice, message)


def check_galleries(tables: Tables) -> list[Finding]:
    """A test whose right answer is not in the gallery cannot be passed."""
    findings = []
    kept = tables["splits"][tables["splits"]["split"] != "dropped"]
    for (scheme, split), rows in kept.groupby(["scheme", "split"], sort=True):
        queries = rows.loc[rows["kind"] == "sequence", "id"]
        positives = tables["sequences"].loc[queries, "positives"]
        where = f"in split {split!r} of scheme {scheme!r}"
        findings += found(
            "no-positive",
            positives.index[positives.map(len) == 0],
            f"{{n}} sequences {where} have no positive tile and cannot be scored.",
            severity="warning",
        )
        held = {str(k): set(part) for k, part in rows.groupby("kind")["id"]}
        shown = set(positives.explode().dropna())
        for kind in ("tile", "tile-open"):
            message = f"The gallery {kind!r} {where} lacks {{n}} positive tiles."
            findings += found("gallery", shown - held.get(kind, shown), message)
        for few, many in WITHIN:
            if few in held and many in held:
                told = shown if few == "tile" else set()
                message = f"The gallery {many!r} {where} lacks {{n}} tiles of {few!r}."
                findings += found("gallery", held[few] - held[many] - told, message)
    return findings


def _doubles(sequences: pd.DataFrame) -> list[Any]:
    return [
        name
        for name, own, tile, semi in zip(
            sequences.index,
            sequences["frame_ids"],
            sequences["positives"],
            sequences["semi_positives"],
            strict=True,
        )
        if len(set(own)) < len(own) or len({*tile, *semi}) < len(tile) + len(semi)
    ]


def _stray_offsets(sequences: pd.DataFrame) -> list[Any]:
    found_in = []
    for name, given, own, semi in zip(
        sequences.index,
        sequences["offsets"],
        sequences["positives"],
        sequences["semi_positives"],
        strict=True,
    ):
        named = [o["tile_id"] for o in given]
        if len(set(named)) < len(named) or not {*own, *semi}.issuperset(named):
            found_in.append(name)
    return found_in

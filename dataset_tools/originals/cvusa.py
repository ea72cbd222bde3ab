"""CVUSA: one panorama and one centred tile a place, over the United States.

    splits/train-19zl.csv, splits/val-19zl.csv   satellite, panorama, annotation
    bingmap/19/ID.jpg      750 x 750, Bing zoom 19, centred on the panorama
    streetview/panos/ID.jpg  1232 x 224, 360 degrees, north in the middle column
    split_locations/all.csv  (or all.csv)  row ID - 1: tile lat, lon, ground lat, lon

The published test is on `val`. Lists name what counts: 100 panoramas have no tile. The
"cleaned" lists lack 763 + 43 pairs with duplicates and carry the same file names.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dataset_tools.build_drive import Stages
from dataset_tools.errors import MissingDataError, UnreadableError
from dataset_tools.geodesy import offset_m
from dataset_tools.originals.folder import Folder, inside, read_lines
from dataset_tools.originals.looking import Looked
from dataset_tools.originals.release import (
    PUBLISHED,
    Contents,
    Released,
    Survey,
    fault_of,
    gallery_rows,
    licences,
    mercator_tiles,
    panorama,
)
from dataset_tools.records import UNKNOWN, Offset, Rejection, Sequence
from dataset_tools.settings.original import CvusaSettings

NAME = "cvusa"
CELL_M = 20_000.0
TERMS = "research only, not to be redistributed (CVUSA, Washington University)"
RELEASED = Released(side_px=750, zoom=19, terms=TERMS)
SPLITS = ("train", "val")
LISTS = {split: f"{split}-19zl.csv" for split in SPLITS}
KNOWN = {(35_532, 8_884): "original", (34_769, 8_841): "cleaned"}
"""(train, val) pairs of the lists in circulation."""
CLEANED_IDS_SHA256 = "c36818c6a0a677a38461885d3ef24befc4f121f3bb6edd280bd55fd1bccdc201"
"""Of the cleaned lists' ids: train sorted, "--", val sorted, one a line."""
COORDINATES = ("split_locations/all.csv", "all.csv")
ROOTS = ("", "dataset", "CVUSA", "CVUSA/dataset", "CVPR_subset", "CVUSA/CVPR_subset")
MAX_ID = 10_000_000

Positions = npt.NDArray[np.float64]
"""[N, 4] tile lat, tile lon, ground lat, ground lon of ids 1 to N; NaN: unknown."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One row of a list."""

    split: str
    pair_id: str
    satellite: str
    ground: str


@dataclass(frozen=True)
class Listed:
    """The rows of both lists in their order, and all positions."""

    pairs: tuple[Pair, ...]
    positions: Positions


def find(folder: Folder) -> Folder | None:
    """The folder that holds the pictures and lists, at or below the one given."""
    for root in ROOTS:
        has = {*folder.folders(root)}
        if {"bingmap", "streetview"} <= has or {"polarmap", "streetview"} <= has:
            return folder.sub(root)
        if {"19", "panos"} <= has or folder.has(f"{root}/splits/{LISTS['train']}"):
            return folder.sub(root)
    return None


def choices(root: Folder) -> list[dict[str, Any]]:
    """The lists that are there."""
    both = all(root.has(f"{f}/{LISTS['train']}") for f in ("splits", "splits_cleaned"))
    return [{}, {"lists": "cleaned"}] if both else [{}]


def survey(root: Folder, settings: CvusaSettings) -> Survey[Listed]:
    """What the folder holds; see `release.Reader`."""
    _refuse_other_subsets(root)
    lists = _list_folder(root, settings)
    pairs = [p for s in SPLITS for p in _read_list(root, lists, s)]
    _refuse_doubles(pairs, lists)
    counts = {s: sum(p.split == s for p in pairs) for s in SPLITS}
    variant, findings = _variant(pairs)
    notes = []
    if settings.lists not in ("found", variant) and lists != "splits_cleaned":
        raise UnreadableError(
            f"{lists}/ holds {variant or 'unknown'} lists ({counts['train']:,} + "
            f"{counts['val']:,} pairs), not the {settings.lists} ones; unpack those "
            "into it, or import with --lists found."
        )
    positions, told = _positions(root, most=max(int(p.pair_id) for p in pairs))
    findings += told
    missing = [f for p in pairs for f in (p.satellite, p.ground) if not root.has(f)]
    cleaned = variant == "cleaned" or lists == "splits_cleaned"
    if cleaned:
        notes.append(
            "Published numbers are on the original lists; the cleaned ones lack 763 + "
            "43 pairs and so have a smaller gallery."
        )
    return Survey(
        data_set=NAME,
        variant=f"{'cleaned' if cleaned else variant or 'unknown'} lists in {lists}/",
        pack_name="cvusa-cleaned" if cleaned else "cvusa",
        root=root,
        counts=counts,
        folders={f: len(root.names(f)) for f in _folders_of(pairs)},
        wanted=2 * len(pairs),
        missing=missing,
        findings=findings,
        notes=notes,
        listed=Listed(tuple(pairs), positions),
    )


def pictures(survey: Survey[Listed]) -> list[str]:
    """Relative paths of the pictures that are wanted and there."""
    named = (f for p in survey.listed.pairs for f in (p.satellite, p.ground))
    return [f for f in named if survey.root.has(f)]


def limited(listed: Listed, limit: int) -> Listed:
    """The first pairs of each split."""
    chosen = []
    for split in SPLITS:
        chosen += [p for p in listed.pairs if p.split == split][:limit]
    return replace(listed, pairs=tuple(chosen))


def contents(
    survey: Survey[Listed],
    settings: CvusaSettings,
    looked: Looked,
    stages: Stages,
) -> Contents:
    """The records of a pack; a pair that lacks a picture is left out whole."""
    kept = _usable(survey, looked, stages)
    at = survey.listed.positions
    row = {p.pair_id: at[int(p.pair_id) - 1] for p in kept}
    tiles = mercator_tiles(
        {i: (float(r[0]), float(r[1])) for i, r in row.items()},
        {p.pair_id: p.satellite for p in kept},
        looked,
        released=RELEASED,
    )
    frames = [
        panorama(
            p.pair_id,
            (float(row[p.pair_id][2]), float(row[p.pair_id][3])),
            session=NAME,
            order=int(p.pair_id),
            source=p.ground,
        )
        for p in kept
    ]
    sequences = _sequences(kept, np.array([row[p.pair_id] for p in kept]))
    rows = []
    for split in SPLITS:
        ids = [p.pair_id for p in kept if p.split == split]
        rows += gallery_rows(PUBLISHED, split, ids, ids)
    return Contents(
        frames=frames,
        tiles=tiles,
        sequences=sequences,
        split_rows=rows,
        licences=licences(TERMS, "CVUSA: Bing Maps, zoom 19", "CVUSA: Street View"),
        rules={
            "variant": survey.variant,
            "heading": "north in the middle column",
            "m_per_px": f"Web Mercator zoom {RELEASED.zoom} at the tile's latitude",
            "published": "train and val as released; the published test is on val",
        },
        area_sequences=[s for s in sequences if np.isfinite(s.lat)],
    )


def _refuse_other_subsets(root: Folder) -> None:
    """Say which subset this is, if it is not the one for localization."""
    if not root.names("bingmap/19") and root.folders("polarmap"):
        raise UnreadableError(
            f"{root.path} holds polar maps and no tiles: they are made by users of the "
            "released pictures. Unpack the release's bingmap/19 beside them."
        )
    lists = [f for f in root.folders() if root.has(f"{f}/{LISTS['train']}")]
    if lists:
        return
    halves = [s for s in SPLITS if root.has(f"splits/{LISTS[s]}")]
    pictures_only = not root.folders("streetview/annotations") and not root.names(
        "streetview/annotations"
    )
    if pictures_only and not halves:
        raise UnreadableError(
            f"{root.path} has CVUSA's pictures and neither splits/ nor annotations: it "
            "looks like the image-synthesis copy (19.zip and panos.zip), not the "
            "localization one. Get the lists, `split.tar.gz` in the folder CVPR_subset "
            "of the release, from the address that `geobench data request cvusa` says."
        )


def _list_folder(root: Folder, settings: CvusaSettings) -> str:
    """Which folder of lists counts."""
    candidates = {
        "found": ("splits", "splits_cleaned"),
        "original": ("splits",),
        "cleaned": ("splits_cleaned", "splits"),
    }[settings.lists]
    for folder in candidates:
        if all(root.has(f"{folder}/{LISTS[s]}") for s in SPLITS):
            return folder
    lacking = [LISTS[s] for s in SPLITS if not root.has(f"splits/{LISTS[s]}")]
    raise MissingDataError(
        f"{root.path / 'splits'} lacks {' and '.join(lacking)}: without the lists "
        "nothing says which pairs train and which test. They are in `split.tar.gz` in "
        "the folder CVPR_subset of the release."
    )


def _read_list(root: Folder, folder: str, split: str) -> Iterable[Pair]:
    path = f"{folder}/{LISTS[split]}"
    lines = read_lines(root.file(path))
    if not lines:
        raise UnreadableError(f"{path} is empty; fetch and unpack it again.")
    for number, line in enumerate(lines, 1):
        yield _pair(line, split, where=f"Line {number} of {path}")


def _pair(line: str, split: str, *, where: str) -> Pair:
    fields = line.split(",")
    if len(fields) not in (2, 3):
        raise UnreadableError(
            f"{where} has {len(fields)} fields, expected satellite, panorama and "
            "annotation path; the list is cut or another one. Unpack it again."
        )
    satellite, ground = (inside(f, where=where) for f in fields[:2])
    paths = [satellite, ground, *(f.strip().replace("\\", "/") for f in fields[2:])]
    names = {p.rpartition("/")[2].partition(".")[0] for p in paths}
    (name,) = names if len(names) == 1 else ("",)
    if not re.fullmatch(r"[0-9]{1,7}", name) or not 0 < int(name) <= MAX_ID:
        raise UnreadableError(
            f"{where} pairs {sorted(names)}; expected the same number of up to seven "
            "digits in each path. Use the list as it was released."
        )
    return Pair(split, name, satellite, ground)


def _refuse_doubles(pairs: list[Pair], folder: str) -> None:
    seen: set[int] = set()
    for pair in pairs:
        number = int(pair.pair_id)
        if number in seen:
            raise UnreadableError(
                f"Pair {pair.pair_id} stands twice in the lists of {folder}/, the "
                f"second time in {LISTS[pair.split]}; released lists share no pair. "
                "Unpack them anew."
            )
        seen.add(number)


def _variant(pairs: list[Pair]) -> tuple[str | None, list[str]]:
    """Which lists these are, by their counts and the ids in them."""
    ids = [sorted(p.pair_id for p in pairs if p.split == s) for s in SPLITS]
    variant = KNOWN.get((len(ids[0]), len(ids[1])))
    counts = f"{len(ids[0]):,} + {len(ids[1]):,} pairs"
    if variant is None:
        return None, [
            f"The lists hold {counts}, neither the original 35,532 + 8,884 nor the "
            "cleaned 34,769 + 8,841: numbers on them compare with no published one."
        ]
    text = "\n".join([*ids[0], "--", *ids[1]])
    digest = hashlib.sha256(text.encode()).hexdigest()
    if variant == "cleaned" and digest != CLEANED_IDS_SHA256:
        return variant, [
            f"The lists hold {counts}, as many as the cleaned ones, but not the same "
            "pairs: numbers on them compare with no published one."
        ]
    return variant, []


def _positions(root: Folder, *, most: int) -> tuple[Positions, list[str]]:
    """Positions of ids 1 to `most`, and what is to be said about them."""
    rows = np.full((most, 4), UNKNOWN)
    path = next((p for p in COORDINATES if root.has(p)), None)
    if path is None:
        return rows, [
            "There is no all.csv (in split_locations/ or the root), so positions are "
            "unknown: no metres, no map and no split by area. It is in the release."
        ]
    found = _read_coordinates(root.file(path))
    count = min(most, len(found))
    rows[:count] = found[:count]
    lat, lon = rows[:, [0, 2]], rows[:, [1, 3]]
    good = ((np.abs(lat) <= 90) & (np.abs(lon) <= 180) & ((lat != 0) | (lon != 0))).all(
        axis=1
    )
    rows[~good] = UNKNOWN
    if good.all():
        return rows, []
    first = int(np.flatnonzero(~good)[0]) + 1
    return rows, [
        f"{path} has no position for {int((~good).sum()):,} of the ids 1 to {most:,}, "
        f"the first is {first}; these pairs have no metres and are in no area."
    ]


def _read_coordinates(path: Path) -> Positions:
    import pandas as pd

    lines = len(read_lines(path))
    try:
        table = pd.read_csv(path, header=None, usecols=[0, 1, 2, 3], dtype=float)
    except (ValueError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise UnreadableError(
            f"{path} cannot be read as rows of tile lat, lon, ground lat, lon: "
            f"{str(error).splitlines()[0]}. Unpack it again."
        ) from error
    if len(table) != lines:
        raise UnreadableError(f"{path} has broken lines; unpack it again.")
    return table.to_numpy(np.float64)


def _folders_of(pairs: list[Pair]) -> list[str]:
    named = {f.rpartition("/")[0] for p in pairs for f in (p.satellite, p.ground)}
    return sorted(named)


def _usable(survey: Survey[Listed], looked: Looked, stages: Stages) -> list[Pair]:
    kept: list[Pair] = []
    lost: list[Rejection] = []
    for pair in survey.listed.pairs:
        for view, path in (("satellite", pair.satellite), ("ground", pair.ground)):
            there = survey.root.has(path)
            fault = fault_of(pair.pair_id, path, there=there, looked=looked, view=view)
            if fault is not None:
                lost.append(fault)
                break
        else:
            kept.append(pair)
    stages.add("pairs", "pairs", len(kept), lost)
    return kept


def _sequences(pairs: list[Pair], at: Positions) -> list[Sequence]:
    at = at.reshape(-1, 4)
    known = np.asarray(np.isfinite(at).all(axis=1), np.bool_)
    east, north = np.full((2, len(at)), UNKNOWN)
    east[known], north[known] = offset_m(*at[known][:, [2, 3, 0, 1]].T)
    return [
        Sequence(
            sequence_id=p.pair_id,
            region=NAME,
            frame_ids=(p.pair_id,),
            lat=float(at[i, 2]),
            lon=float(at[i, 3]),
            length_m=0.0,
            positives=(p.pair_id,),
            offsets=(
                Offset(
                    tile_id=p.pair_id, east_m=float(east[i]), north_m=float(north[i])
                ),
            )
            if known[i]
            else (),
        )
        for i, p in enumerate(pairs)
    ]

"""SeqGeo's Vermont set: sequences of street pictures, each with a tile.

    json/2019_JSON/NUMBER.json                        a sequence; see vermont_json
    satellite/2019_satellite/20/NUMBER.png            640 x 640, zoom 20
    street/2019_street/ROW/YYYYMMDD.HHMMSS/ODOMETER.jpg

A frame's file name looks like the odometer in millimetres, its folder like the start of
a session. Sequences share frames, and each frame is stored once. The published split
counts files by number: the first int(0.8 n) train, the one after is in no split, the
rest is val; neighbours at the cut share frames. All frames of a sequence are kept; the
authors' loader draws 7 of more in training and leaves out the last ones in its test.
"""

import math
import re
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from dataset_tools.build_drive import Stages
from dataset_tools.errors import MissingDataError, UnreadableError
from dataset_tools.geodesy import distance_m
from dataset_tools.originals.folder import Folder
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
)
from dataset_tools.originals.vermont_json import (
    BadSequence,
    Listed,
    View,
    read_sequence,
)
from dataset_tools.pairing import label
from dataset_tools.records import Frame, Rejection, Sequence, SplitRow
from dataset_tools.settings.original import VermontSettings

NAME = "vermont"
CELL_M = 1_000.0
TERMS = "research only (SeqGeo / Vermont)"
JSON, SATELLITE, STREET = "json/2019_JSON", "satellite", "street/2019_street"
TILE_PX = 640
FILES_PUBLISHED = 38_863
PUBLISHED_DEV = "published-dev"
"""Scheme of the authors' small subsets: dev1 is its train, dev2 its val."""
ROOTS = ("", "dataset", "SeqGeo", "SeqGeo/dataset")
_NUMBER = re.compile(r"[0-9]{1,9}")
_ODOMETER = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True)
class Lists:
    """All files in the order of their numbers."""

    numbers: tuple[int, ...]
    """Of every file, readable or not: the published split counts them all."""
    sequences: tuple[Listed, ...]
    broken: tuple[Rejection, ...]


@dataclass
class _Frames:
    """Frames by id, as the sequences name them first."""

    by_id: dict[str, Frame] = field(default_factory=dict)
    lost: dict[str, Rejection] = field(default_factory=dict)
    differing: set[str] = field(default_factory=set)
    """Frames that two sequences put at different places."""


def find(folder: Folder) -> Folder | None:
    """The folder that holds json, satellite and street, at or below the one given."""
    for root in ROOTS:
        if {"json", "satellite", "street"} & {*folder.folders(root)} and (
            folder.folders(f"{root}/json") or folder.folders(f"{root}/street")
        ):
            return folder.sub(root)
    return None


def choices(root: Folder) -> list[dict[str, Any]]:
    """The zoom that the authors use."""
    del root
    return [{}]


def survey(root: Folder, settings: VermontSettings) -> Survey[Lists]:
    """What the folder holds; see `release.Reader`."""
    names = _json_names(root)
    lists = _read(root, names, zoom=settings.zoom)
    paths = _named(lists.sequences)
    findings = []
    if len(names) != FILES_PUBLISHED:
        findings.append(
            f"There are {len(names):,} sequences, {FILES_PUBLISHED:,} are published: "
            "the published split, which counts files, comes out different."
        )
    if lists.broken:
        findings.append(
            f"{len(lists.broken):,} sequences cannot be used, the first is "
            f"{lists.broken[0].item}: {lists.broken[0].measured}."
        )
    views = [v for s in lists.sequences for v in s.views]
    headed = {v.path for v in views if v.heading_deg is not None}
    headless = len({v.path for v in views} - headed)
    notes = [f"{headless:,} frames have no heading."] if headless else []
    sessions = {p.rpartition("/")[0] for p in paths if p.startswith(STREET)}
    return Survey(
        data_set=NAME,
        variant=f"2019, zoom {settings.zoom}",
        pack_name=NAME,
        root=root,
        counts={"sequences": len(names), **_split_counts(len(names))},
        folders={
            f"{SATELLITE}/2019_satellite/{settings.zoom}": len(
                root.names(f"{SATELLITE}/2019_satellite/{settings.zoom}")
            ),
            f"{STREET} in {len(sessions)} sessions": sum(
                len(root.names(s)) for s in sorted(sessions)
            ),
        },
        wanted=len(paths),
        missing=[p for p in paths if not root.has(p)],
        findings=findings,
        notes=notes,
        listed=lists,
    )


def pictures(survey: Survey[Lists]) -> list[str]:
    """Relative paths of the pictures that are wanted and there."""
    return [p for p in _named(survey.listed.sequences) if survey.root.has(p)]


def limited(listed: Lists, limit: int) -> Lists:
    """The first sequences of train and of val; the split is still that of all files."""
    left = {"train": limit, "val": limit}
    split_of = dict(_published(listed.numbers))
    chosen = []
    for sequence in listed.sequences:
        split = split_of[sequence.number]
        if left.get(split, 0) > 0:
            left[split] -= 1
            chosen.append(sequence)
    return replace(listed, sequences=tuple(chosen), broken=())


def contents(
    survey: Survey[Lists],
    settings: VermontSettings,
    looked: Looked,
    stages: Stages,
) -> Contents:
    """The records; a frame without picture leaves its sequences, which stay."""
    listed, root = survey.listed, survey.root
    frames = _frames(listed.sequences, root, looked)
    kept, lost = _usable(survey, frames, looked)
    stages.add("frames", "frames", len(frames.by_id), [*frames.lost.values()])
    stages.add("sequences", "sequences", len(kept), lost)
    tiles = mercator_tiles(
        {_id(s.number): (s.lat, s.lon) for s in kept},
        {_id(s.number): f"{SATELLITE}/{s.satellite}" for s in kept},
        looked,
        released=Released(side_px=TILE_PX, zoom=settings.zoom, terms=TERMS),
    )
    used = {_frame_id(v.path) for s in kept for v in _kept_views(s, frames)}
    sequences = label([_sequence(s, frames) for s in kept], tiles)
    made = Contents(
        frames=[f for i, f in frames.by_id.items() if i in used],
        tiles=tiles,
        sequences=sequences,
        split_rows=_split_rows(listed.numbers, {s.number for s in kept}),
        licences=licences(TERMS, "Vermont: satellite", "Vermont: street"),
        rules={
            "variant": survey.variant,
            "m_per_px": f"Web Mercator zoom {settings.zoom} at the tile's latitude",
            "position": "the frame nearest to the tile's centre",
            "order": "number in a frame's file name, the odometer in millimetres; a "
            "sequence lists each session in this order",
            "published": "files by number: first int(0.8 n) train, one dropped, val",
        },
    )
    if frames.differing:
        made.warnings.append(
            f"{len(frames.differing):,} frames have two positions or headings in "
            f"different sequences, such as {min(frames.differing)}; the first counts."
        )
    return made


def _usable(
    survey: Survey[Lists], frames: _Frames, looked: Looked
) -> tuple[list[Listed], list[Rejection]]:
    """Sequences with a tile and a frame, and why others are left out."""
    kept: list[Listed] = []
    lost = list(survey.listed.broken)
    for sequence in survey.listed.sequences:
        path, item = f"{SATELLITE}/{sequence.satellite}", _id(sequence.number)
        there = survey.root.has(path)
        fault = fault_of(item, path, there=there, looked=looked, view="satellite")
        if fault is None and not _kept_views(sequence, frames):
            fault = Rejection(item=item, stage="frames", reason="no-frame-left")
        if fault is None:
            kept.append(sequence)
        else:
            lost.append(fault)
    return kept, lost


def _json_names(root: Folder) -> list[tuple[int, str]]:
    """(number, name) of the files, by number."""
    names = sorted(n for n in root.names(JSON) if n.endswith(".json"))
    if not names:
        raise MissingDataError(
            f"{root.path / JSON} holds no JSON files: they say which frames make a "
            "sequence. Unpack `json` of the release there."
        )
    bad = [n for n in names if not _NUMBER.fullmatch(n.removesuffix(".json"))]
    if bad:
        raise UnreadableError(
            f"{root.path / JSON} holds {bad[0]!r}; sequences are named by number, such "
            "as 12.json. Move other files away."
        )
    numbered = sorted((int(n.removesuffix(".json")), n) for n in names)
    doubles = len(numbered) - len({n for n, _ in numbered})
    if doubles:
        raise UnreadableError(
            f"{root.path / JSON} holds {doubles} numbers twice, with and without "
            "leading zeros; use the files as they were released."
        )
    return numbered


def _read(root: Folder, names: list[tuple[int, str]], *, zoom: int) -> Lists:
    found, broken = [], []
    for number, name in names:
        path = root.file(f"{JSON}/{name}")
        try:
            found.append(read_sequence(path, number=number, zoom=zoom))
        except BadSequence as error:
            broken.append(
                Rejection(
                    item=_id(number),
                    stage="lists",
                    reason=error.reason,
                    measured=str(error)[:200],
                )
            )
    return Lists(tuple(n for n, _ in names), tuple(found), tuple(broken))


def _named(sequences: tuple[Listed, ...]) -> list[str]:
    """Every picture that the sequences name, once."""
    tiles = (f"{SATELLITE}/{s.satellite}" for s in sequences)
    street = (f"{STREET}/{v.path}" for s in sequences for v in s.views)
    return [*dict.fromkeys(tiles), *dict.fromkeys(street)]


def _frames(sequences: tuple[Listed, ...], root: Folder, looked: Looked) -> _Frames:
    found = _Frames()
    views = [v for s in sequences for v in s.views]
    # A position that one sequence leaves out may be in another.
    for view in sorted(views, key=lambda v: not math.isfinite(v.lat)):
        frame_id, path = _frame_id(view.path), f"{STREET}/{view.path}"
        if frame_id in found.lost:
            continue
        if frame_id in found.by_id:
            if math.isfinite(view.lat):
                _compare(found, frame_id, view)
            continue
        fault = fault_of(
            frame_id, path, there=root.has(path), looked=looked, view="ground"
        )
        if fault is None and not math.isfinite(view.lat):
            fault = Rejection(item=frame_id, stage="frames", reason="no-position")
        if fault is None:
            found.by_id[frame_id] = _frame(frame_id, view, len(found.by_id))
        else:
            found.lost[frame_id] = fault
    return found


def _compare(found: _Frames, frame_id: str, view: View) -> None:
    """Take a heading that another sequence left out; note what disagrees."""
    frame = found.by_id[frame_id]
    if frame.heading_deg is None and view.heading_deg is not None:
        frame = found.by_id[frame_id] = replace(frame, heading_deg=view.heading_deg)
    heading = frame.heading_deg if view.heading_deg is None else view.heading_deg
    if (view.lat, view.lon, heading) != (frame.lat, frame.lon, frame.heading_deg):
        found.differing.add(frame_id)


def _frame(frame_id: str, view: View, count: int) -> Frame:
    path = PurePosixPath(view.path)
    return Frame(
        frame_id=frame_id,
        session_id=str(path.parent),
        order=int(path.stem) if _ODOMETER.fullmatch(path.stem) else count,
        lat=view.lat,
        lon=view.lon,
        heading_deg=view.heading_deg,
        source=f"{STREET}/{view.path}",
    )


def _kept_views(sequence: Listed, frames: _Frames) -> list[View]:
    return [v for v in sequence.views if _frame_id(v.path) in frames.by_id]


def _sequence(sequence: Listed, frames: _Frames) -> Sequence:
    views = _kept_views(sequence, frames)
    named = _driven([frames.by_id[_frame_id(v.path)] for v in views])
    at = np.array([(f.lat, f.lon) for f in named], np.float64)
    away = distance_m(sequence.lat, sequence.lon, at[:, 0], at[:, 1])
    nearest = at[int(np.argmin(away))]
    steps = distance_m(at[:-1, 0], at[:-1, 1], at[1:, 0], at[1:, 1])
    return Sequence(
        sequence_id=_id(sequence.number),
        region=NAME,
        frame_ids=tuple(f.frame_id for f in named),
        lat=float(nearest[0]),
        lon=float(nearest[1]),
        length_m=float(steps.sum()),
        positives=(_id(sequence.number),),
    )


def _driven(frames: list[Frame]) -> list[Frame]:
    """Frames of each session by their odometer, each once, sessions as they come.

    Keys count in this order in all that was seen of the release.
    """
    sessions = list(dict.fromkeys(f.session_id for f in frames))
    once = {f.frame_id: f for f in frames}.values()
    return sorted(once, key=lambda f: (sessions.index(f.session_id), f.order))


def _published(numbers: tuple[int, ...]) -> list[tuple[int, str]]:
    """(number, split) of every file: first int(0.8 n), one dropped, the rest."""
    first = int(0.8 * len(numbers))
    splits = ["train"] * first + ["dropped"] + ["val"] * (len(numbers) - first - 1)
    return list(zip(numbers, splits, strict=False))


def _split_counts(count: int) -> dict[str, int]:
    splits = [s for _, s in _published(tuple(range(count)))]
    return {s: splits.count(s) for s in ("train", "dropped", "val")}


def _split_rows(numbers: tuple[int, ...], kept: set[int]) -> list[SplitRow]:
    rows: list[SplitRow] = []
    split_of = dict(_published(numbers))
    count = len(numbers)
    dev = {"train": numbers[: int(0.05 * count)], "val": numbers[int(0.99 * count) :]}
    for split in ("train", "val"):
        ids = [_id(n) for n in numbers if split_of[n] == split and n in kept]
        rows += gallery_rows(PUBLISHED, split, ids, ids)
        few = [_id(n) for n in dev[split] if n in kept]
        rows += gallery_rows(PUBLISHED_DEV, split, few, few)
    return rows + [
        (PUBLISHED, "dropped", "sequence", _id(n))
        for n in numbers
        if split_of[n] == "dropped" and n in kept
    ]


def _id(number: int) -> str:
    """Number with five digits, so that ids sort as the files are counted.

    >>> _id(12)
    '00012'
    """
    return f"{number:05d}"


def _frame_id(path: str) -> str:
    return str(PurePosixPath(path).with_suffix(""))

"""VIGOR: panoramas of four cities, and a grid of tiles over each.

    CITY/panorama/ID,LAT,LON,.jpg            2048 x 1024, north in the middle column
    CITY/satellite/satellite_LAT_LON.png     640 x 640, Google zoom 20, on a grid
    splits/CITY/satellite_list.txt, pano_label_balanced.txt,
        same_area_balanced_train.txt, same_area_balanced_test.txt
    splits__corrected/CITY/...               SliceMatch's labels, names end __corrected

or ground/CITY and satellite/CITY, and the corrected labels in splits_new. One label set
is one pack. Both published splits search every tile of the list, also those that are
nobody's positive:

    same-area    train and test of each city
    cross-area   NewYork and Seattle train, SanFrancisco and Chicago test
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dataset_tools.build_drive import Stages
from dataset_tools.errors import MissingDataError, UnreadableError
from dataset_tools.originals.folder import Folder
from dataset_tools.originals.release import (
    Contents,
    Looked,
    Survey,
    fault_of,
    gallery_rows,
    licence,
    mercator_tiles,
    panorama,
)
from dataset_tools.originals.vigor_lists import (
    M_PER_PX,
    ORIGINAL_M_PER_PX,
    TILE_PX,
    Labels,
    TileList,
    measured_m_per_px,
    read_labels,
    read_tiles,
)
from dataset_tools.records import Offset, Rejection, Sequence
from dataset_tools.settings.original import VigorSettings

NAME = "vigor"
CELL_M = 1_000.0
TERMS = "academic research only, not to be redistributed (VIGOR)"
SOURCE = "VIGOR: Google, zoom 20"
ZOOM = 20
CITIES = ("Chicago", "NewYork", "SanFrancisco", "Seattle")
CROSS_AREA = {"train": ("NewYork", "Seattle"), "test": ("SanFrancisco", "Chicago")}
SAME_AREA, CROSS = "same-area", "cross-area"
TILES_PUBLISHED = {
    "Chicago": 22_308,
    "NewYork": 23_279,
    "SanFrancisco": 24_255,
    "Seattle": 20_776,
}
FILES = {
    "train": "same_area_balanced_train",
    "test": "same_area_balanced_test",
    "all": "pano_label_balanced",
}
"""Part of a city's labels to the name of its file."""
LISTS = {
    "original": (("splits", ""),),
    "corrected": (("splits__corrected", "__corrected"), ("splits_new", "")),
}
"""Label set to (folder, end of the file names), in the order they are looked for."""
LAYOUTS = (
    {"ground": "{city}/panorama", "satellite": "{city}/satellite"},
    {"ground": "ground/{city}", "satellite": "satellite/{city}"},
)
ROOTS = ("", "VIGOR", "dataset", "dataset/VIGOR")
UNIT_TOLERANCE = 0.004
"""The two label sets' pixels differ by 0.7 % at least, in NewYork."""


@dataclass(frozen=True)
class CityLists:
    """What is known of one city."""

    city: str
    tiles: TileList
    parts: dict[str, Labels]
    """"train" and "test" of same-area, and "all"."""
    ground: str
    """Folder of the panoramas."""
    satellite: str
    """Folder of the tiles."""
    gallery: tuple[int, ...] | None = None
    """Places in the tile list that count, or None for all."""


Listed = tuple[CityLists, ...]


def find(folder: Folder) -> Folder | None:
    """The folder that holds the cities, at or below the one given."""
    for root in ROOTS:
        has = {*folder.folders(root)}
        lists = {f for found in LISTS.values() for f, _ in found}
        cities = {
            c for f in lists & has for c in folder.folders(f"{root}/{f}".strip("/"))
        }
        if cities & {*CITIES}:
            return folder.sub(root)
        if any(folder.folders(f"{root}/{c}".strip("/")) for c in has & {*CITIES}):
            return folder.sub(root)
    return None


def choices(root: Folder) -> list[dict[str, Any]]:
    """The label sets that are there, of the cities that are there."""
    found: list[dict[str, Any]] = []
    for labels, folders in LISTS.items():
        folder = next((f for f, _ in folders if root.folders(f)), None)
        if folder is None:
            continue
        cities = tuple(c for c in CITIES if c in root.folders(folder))
        some = {"cities": cities} if 0 < len(cities) < len(CITIES) else {}
        found.append({"labels": labels, **some})
    return found or [{}]


def survey(root: Folder, settings: VigorSettings) -> Survey[Listed]:
    """What the folder holds; see `release.Reader`."""
    lists, ending = _list_folder(root, settings)
    chosen = settings.cities or CITIES
    cities = tuple(
        _city(root, lists, ending, city) for city in CITIES if city in chosen
    )
    findings = [*_count_findings(cities)]
    findings += [t for c in cities for t in _unit_findings(c, settings.labels, lists)]
    counts = {"tiles": sum(len(c.tiles.names) for c in cities)}
    for part in FILES:
        counts[part] = sum(len(c.parts[part]) for c in cities)
    named = [*_named(cities)]
    corrected = settings.labels == "corrected"
    notes = ["Hits are counted on the positive only; see docs/original-datasets.md."]
    if len(cities) < len(CITIES):
        notes.append(f"Only {', '.join(c.city for c in cities)}: numbers are partial.")
    return Survey(
        data_set=NAME,
        variant=f"{settings.labels} labels in {lists}/",
        pack_name="-".join(
            [
                "vigor-corrected" if corrected else "vigor",
                *(c.city for c in cities if len(cities) < len(CITIES)),
            ]
        ),
        root=root,
        counts=counts,
        folders={
            f: len(root.names(f)) for c in cities for f in (c.ground, c.satellite)
        },
        wanted=len(named),
        missing=[p for p in named if not root.has(p)],
        findings=findings,
        notes=notes,
        listed=cities,
    )


def pictures(survey: Survey[Listed]) -> list[str]:
    """Relative paths of the pictures that are wanted and there."""
    return [p for p in _named(survey.listed) if survey.root.has(p)]


def limited(listed: Listed, limit: int) -> Listed:
    """The first panoramas of train and test of each city, and the tiles they name."""
    found = []
    for city in listed:
        parts = {
            p: labels.rows([*range(min(limit, len(labels)))])
            for p, labels in city.parts.items()
        }
        both = {n for p in ("train", "test") for n in parts[p].names}
        rows = [i for i, n in enumerate(city.parts["all"].names) if n in both]
        parts["all"] = city.parts["all"].rows(rows)
        tiles = np.unique(
            np.concatenate([labels.tile.ravel() for labels in parts.values()])
        )
        found.append(replace(city, parts=parts, gallery=tuple(tiles.tolist())))
    return tuple(found)


def contents(
    survey: Survey[Listed],
    settings: VigorSettings,
    looked: Looked,
    stages: Stages,
) -> Contents:
    """The records; a panorama is left out without its picture or its positive's."""
    corrected = settings.labels == "corrected"
    made = Contents(
        licences=[licence(SOURCE, TERMS), licence("VIGOR: Street View", TERMS)],
        rules={
            "labels": survey.variant,
            "label_m_per_px": dict(M_PER_PX) if corrected else ORIGINAL_M_PER_PX,
            "m_per_px": "of each city, times 640 over the width of the picture",
            "offsets": "the label's, on its own grid",
            "heading": "north in the middle column",
            "published": "same-area and cross-area, every tile of the lists searched",
        },
    )
    tiles_of: dict[str, list[str]] = {}
    queries: dict[tuple[str, str], list[str]] = {}
    lost: dict[str, list[Rejection]] = {"tiles": [], "panoramas": []}
    for city in survey.listed:
        there = _tiles(city, survey.root, looked, made, lost["tiles"])
        tiles_of[city.city] = sorted(there.values())
        unit = M_PER_PX[city.city] if corrected else ORIGINAL_M_PER_PX
        kept = _panoramas(city, survey, looked, lost["panoramas"], there=there)
        for row in kept:
            _add_panorama(made, city, row, there=there, unit_m=unit)
        for part, labels in city.parts.items():
            names = {city.parts["all"].names[r] for r in kept} & {*labels.names}
            queries[city.city, part] = sorted(_id(city.city, n) for n in names)
    stages.add("tiles", "tiles", len(made.tiles), lost["tiles"])
    stages.add("panoramas", "panoramas", len(made.frames), lost["panoramas"])
    made.split_rows = [*_split_rows(queries, tiles_of)]
    return made


def _list_folder(root: Folder, settings: VigorSettings) -> tuple[str, str]:
    for folder, ending in LISTS[settings.labels]:
        if root.folders(folder):
            return folder, ending
    wanted = " or ".join(f"{f}/" for f, _ in LISTS[settings.labels])
    other = "corrected" if settings.labels == "original" else "original"
    held = any(root.folders(f) for f, _ in LISTS[other])
    advice = (
        f"the {other} labels are there, import them with --labels {other}"
        if held
        else "`geobench data request vigor` says where they are"
    )
    raise MissingDataError(
        f"{root.path} has no {wanted} with the {settings.labels} labels; {advice}."
    )


def _city(root: Folder, lists: str, ending: str, city: str) -> CityLists:
    folder = f"{lists}/{city}"
    if not root.folders(lists) or city not in root.folders(lists):
        raise MissingDataError(
            f"{root.path / lists} has no folder {city}; unpack it, or name the cities "
            "that are there with --cities."
        )
    tiles = read_tiles(root.file(f"{folder}/satellite_list.txt"))
    parts = {
        part: read_labels(root.file(f"{folder}/{stem}{ending}.txt"), tiles)
        for part, stem in FILES.items()
    }
    stray = {*parts["train"].names, *parts["test"].names} - {*parts["all"].names}
    shared = {*parts["train"].names} & {*parts["test"].names}
    if stray or shared:
        what = "not in pano_label_balanced" if stray else "in train and test"
        raise UnreadableError(
            f"In {folder} the panorama {min(stray or shared)!r} of same_area_balanced "
            f"is {what}; use lists of one release together."
        )
    layout = _layout(root, city)
    return CityLists(
        city=city,
        tiles=tiles,
        parts=parts,
        ground=layout["ground"],
        satellite=layout["satellite"],
    )


def _layout(root: Folder, city: str) -> dict[str, str]:
    """Folders of a city's pictures, of the layout that is there."""
    made = [{v: f.format(city=city) for v, f in layout.items()} for layout in LAYOUTS]
    return next((m for m in made if any(root.names(f) for f in m.values())), made[0])


def _count_findings(cities: Listed) -> Iterator[str]:
    odd = [
        f"{len(c.tiles.names):,} in {c.city} ({TILES_PUBLISHED[c.city]:,} published)"
        for c in cities
        if len(c.tiles.names) != TILES_PUBLISHED[c.city]
    ]
    if odd:
        yield (
            f"The tile lists hold {', '.join(odd)}: numbers on them compare with no "
            "published one."
        )


def _unit_findings(city: CityLists, labels: str, lists: str) -> Iterator[str]:
    measured = measured_m_per_px(city.parts["all"], city.tiles, city.city)
    own, other = M_PER_PX[city.city], ORIGINAL_M_PER_PX
    if labels == "original":
        own, other = other, own
    if measured is not None and abs(measured / own - 1) > UNIT_TOLERANCE:
        told = (
            "those are the other label set"
            if abs(measured / other - 1) <= UNIT_TOLERANCE
            else "they belong to neither label set"
        )
        yield (
            f"The {labels} labels of {city.city} should count {own} m a pixel, those "
            f"in {lists}/ count {measured:.4f}: {told}."
        )


def _named(cities: Listed) -> Iterator[str]:
    """Every picture that the lists name, once."""
    for city in cities:
        gallery = range(len(city.tiles.names)) if city.gallery is None else city.gallery
        yield from (f"{city.satellite}/{city.tiles.names[i]}" for i in gallery)
        yield from (f"{city.ground}/{name}" for name in city.parts["all"].names)


def _tiles(
    city: CityLists,
    root: Folder,
    looked: Looked,
    made: Contents,
    lost: list[Rejection],
) -> dict[int, str]:
    """Place in the tile list to tile id, of the tiles whose pictures can be used."""
    gallery = range(len(city.tiles.names)) if city.gallery is None else city.gallery
    there: dict[int, str] = {}
    paths: dict[str, str] = {}
    for number in gallery:
        name = city.tiles.names[number]
        path = f"{city.satellite}/{name}"
        tile_id = f"{city.city}/{name.removesuffix('.png')}"
        fault = fault_of(
            tile_id, path, there=root.has(path), looked=looked, view="satellite"
        )
        if fault is None:
            there[number], paths[tile_id] = tile_id, path
        else:
            lost.append(fault)
    lat, lon = city.tiles.lat, city.tiles.lon
    made.tiles += mercator_tiles(
        {i: (float(lat[n]), float(lon[n])) for n, i in there.items()},
        {i: looked[p] for i, p in paths.items()},  # type: ignore[misc]
        m_per_px=dict.fromkeys(paths, M_PER_PX[city.city]),
        released_px=TILE_PX,
        zoom=ZOOM,
        source=SOURCE,
        licence=TERMS,
    )
    made.tile_paths |= paths
    return there


def _panoramas(
    city: CityLists,
    survey: Survey[Listed],
    looked: Looked,
    lost: list[Rejection],
    *,
    there: dict[int, str],
) -> list[int]:
    """Rows of the labels whose panorama and positive can be used."""
    labels, kept = city.parts["all"], []
    for row, name in enumerate(labels.names):
        path, item = f"{city.ground}/{name}", _id(city.city, name)
        fault = fault_of(
            item, path, there=survey.root.has(path), looked=looked, view="ground"
        )
        positive = int(labels.tile[row, 0])
        if fault is None and positive not in there:
            fault = Rejection(
                item=item,
                stage="pairs",
                reason="positive-left-out",
                measured=city.tiles.names[positive],
            )
        if fault is None:
            kept.append(row)
        else:
            lost.append(fault)
    return kept


def _add_panorama(
    made: Contents, city: CityLists, row: int, *, there: dict[int, str], unit_m: float
) -> None:
    labels = city.parts["all"]
    name = labels.names[row]
    frame_id = _id(city.city, name)
    lat, lon = float(labels.lat[row]), float(labels.lon[row])
    groups = [
        (there[n], delta)
        for n, delta in zip(
            labels.tile[row].tolist(), labels.delta_px[row].tolist(), strict=True
        )
        if n in there
    ]
    source = f"{city.ground}/{name}"
    made.frames.append(
        panorama(frame_id, (lat, lon), session=city.city, order=row, source=source)
    )
    made.sequences.append(
        Sequence(
            sequence_id=frame_id,
            region=city.city,
            frame_ids=(frame_id,),
            lat=lat,
            lon=lon,
            length_m=0.0,
            positives=(groups[0][0],),
            semi_positives=tuple(i for i, _ in groups[1:]),
            offsets=tuple(
                Offset(tile_id=i, north_m=north * unit_m, east_m=east * unit_m)
                for i, (north, east) in groups
            ),
        )
    )


def _id(city: str, name: str) -> str:
    return f"{city}/{name.partition(',')[0]}"


def _split_rows(
    queries: dict[tuple[str, str], list[str]], tiles: dict[str, list[str]]
) -> Iterator[tuple[str, str, str, str]]:
    every = [t for city in tiles.values() for t in city]
    for split in ("train", "test"):
        ids = [
            i for (_, part), found in queries.items() if part == split for i in found
        ]
        if ids:
            yield from gallery_rows(SAME_AREA, split, ids, every)
    for split, cities in CROSS_AREA.items():
        if all({*group} & tiles.keys() for group in CROSS_AREA.values()):
            yield from gallery_rows(
                CROSS,
                split,
                [i for c in cities for i in queries.get((c, "all"), ())],
                [i for c in cities for i in tiles.get(c, ())],
            )

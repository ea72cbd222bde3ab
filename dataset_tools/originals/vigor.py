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
from dataclasses import replace

import numpy as np

from dataset_tools.build_drive import Stages
from dataset_tools.originals.folder import Folder
from dataset_tools.originals.looking import Looked
from dataset_tools.originals.release import (
    Contents,
    Released,
    Survey,
    fault_of,
    gallery_rows,
    licences,
    mercator_tiles,
    panorama,
)
from dataset_tools.originals.vigor_folder import (
    CITIES,
    FILES,
    CityLists,
    Listed,
    choices,
    count_findings,
    find,
    list_folder,
    read_city,
    refuse_other_labels,
)
from dataset_tools.originals.vigor_lists import (
    M_PER_PX,
    ORIGINAL_M_PER_PX,
    TILE_PX,
    Floats,
    label_offsets_m,
)
from dataset_tools.records import Offset, Rejection, Sequence
from dataset_tools.settings.original import VigorSettings

NAME = "vigor"
CELL_M = 1_000.0
TERMS = "academic research only, not to be redistributed (VIGOR)"
RELEASED = Released(side_px=TILE_PX, zoom=20, terms=TERMS)
CROSS_AREA = {"train": ("NewYork", "Seattle"), "test": ("SanFrancisco", "Chicago")}
SAME_AREA, CROSS = "same-area", "cross-area"

__all__ = [
    "CELL_M",
    "NAME",
    "choices",
    "contents",
    "find",
    "limited",
    "pictures",
    "survey",
]


def survey(root: Folder, settings: VigorSettings) -> Survey[Listed]:
    """What the folder holds; see `release.Reader`."""
    lists, ending = list_folder(root, settings.labels)
    chosen = settings.cities or CITIES
    cities = tuple(
        read_city(root, lists, ending, city) for city in CITIES if city in chosen
    )
    for city in cities:
        refuse_other_labels(city, settings.labels, lists)
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
        findings=[*count_findings(cities)],
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
        licences=licences(TERMS, "VIGOR: Google, zoom 20", "VIGOR: Street View"),
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
        offsets, wrong = label_offsets_m(city.parts["all"], city.tiles, unit_m=unit)
        for row in kept:
            _add_panorama(made, city, row, there=there, offsets_m=offsets[row])
        if wrong.any():
            made.warnings.append(
                f"{int(wrong.any(axis=1).sum()):,} labels of {city.city} contradict "
                "the positions in their names; their offsets are measured anew."
            )
        for part, labels in city.parts.items():
            names = {city.parts["all"].names[r] for r in kept} & {*labels.names}
            queries[city.city, part] = sorted(_id(city.city, n) for n in names)
    stages.add("tiles", "tiles", len(made.tiles), lost["tiles"])
    stages.add("panoramas", "panoramas", len(made.frames), lost["panoramas"])
    made.split_rows = [*_split_rows(queries, tiles_of)]
    return made


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
        paths,
        looked,
        released=RELEASED,
        m_per_px=M_PER_PX[city.city],
    )
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
    made: Contents,
    city: CityLists,
    row: int,
    *,
    there: dict[int, str],
    offsets_m: Floats,
) -> None:
    labels = city.parts["all"]
    name = labels.names[row]
    frame_id = _id(city.city, name)
    lat, lon = float(labels.lat[row]), float(labels.lon[row])
    numbers, metres = labels.tile[row].tolist(), offsets_m.tolist()
    groups = [(there[n], m) for n, m in zip(numbers, metres, strict=True) if n in there]
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
                Offset(tile_id=i, north_m=north, east_m=east)
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

"""Where the lists and pictures of VIGOR lie, and whether they are what they claim.

Two layouts of pictures and three folders of lists are in circulation. Whether labels
are the original or the corrected ones is told by the pixel they were made with.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from dataset_tools.errors import MissingDataError, UnreadableError
from dataset_tools.originals.folder import Folder
from dataset_tools.originals.vigor_lists import (
    M_PER_PX,
    ORIGINAL_M_PER_PX,
    Labels,
    TileList,
    measured_m_per_px,
    read_labels,
    read_tiles,
)

LabelSet = Literal["original", "corrected"]
CITIES = ("Chicago", "NewYork", "SanFrancisco", "Seattle")
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
        cities = {c for f in lists & has for c in folder.folders(f"{root}/{f}")}
        if cities & {*CITIES}:
            return folder.sub(root)
        if any(folder.folders(f"{root}/{c}") for c in has & {*CITIES}):
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


def list_folder(root: Folder, labels: LabelSet) -> tuple[str, str]:
    """(folder, end of the file names) of a label set.

    Raises:
        MissingDataError: if it is not there.
    """
    for folder, ending in LISTS[labels]:
        if root.folders(folder):
            return folder, ending
    wanted = " or ".join(f"{f}/" for f, _ in LISTS[labels])
    other = "corrected" if labels == "original" else "original"
    held = any(root.folders(f) for f, _ in LISTS[other])
    advice = (
        f"the {other} labels are there, import them with --labels {other}"
        if held
        else "`geobench data request vigor` says where they are"
    )
    raise MissingDataError(
        f"{root.path} has no {wanted} with the {labels} labels; {advice}."
    )


def read_city(root: Folder, lists: str, ending: str, city: str) -> CityLists:
    """The lists of a city, and where its pictures are.

    Raises:
        MissingDataError: if a list is not there.
        UnreadableError: if one is broken, or they do not belong together.
    """
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


def count_findings(cities: Listed) -> Iterator[str]:
    """A sentence if the tile lists are not the published ones."""
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


def refuse_other_labels(city: CityLists, labels: LabelSet, lists: str) -> None:
    """Refuse labels that were not made with the pixel of their label set.

    Raises:
        UnreadableError: if they are the other label set, or neither.
    """
    measured = measured_m_per_px(city.parts["all"], city.tiles, city.city)
    own, other = ORIGINAL_M_PER_PX, M_PER_PX[city.city]
    if labels == "corrected":
        own, other = other, own
    if measured is None or abs(measured / own - 1) <= UNIT_TOLERANCE:
        return
    told = "these belong to neither label set"
    if abs(measured / other - 1) <= UNIT_TOLERANCE:
        told = "these are the other label set"
    raise UnreadableError(
        f"The {labels} labels of {city.city} count {own:g} m a pixel, those in "
        f"{lists}/ count {measured:.4f}: {told}. Put the released files "
        "back, or choose with --labels."
    )

"""The schemes that a build's settings ask for, side by side in one outcome."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from dataset_tools.build_settings import BuildSettings
from dataset_tools.errors import UsageError
from dataset_tools.records import Frame, Sequence, Tile
from dataset_tools.splits import (
    SplitOutcome,
    by_area,
    by_polygons,
    join_schemes,
    single_split,
)

AREA = ("polygons", "area", "single")
"""These answer one question, what lies where, and share the scheme name "area"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """What is split, and how."""

    settings: BuildSettings
    sequences: list[Sequence]
    frames: Mapping[str, Frame]
    tiles: list[Tile]


def split_all(
    settings: BuildSettings,
    sequences: list[Sequence],
    frames: Mapping[str, Frame],
    tiles: Iterable[Tile],
) -> SplitOutcome:
    """The rows of every scheme asked for; no sequence, no row.

    Raises:
        UsageError: if the parameters make no sense, or a split stays empty.
        MissingDataError: if a file is not there.
        UnreadableError: if one cannot be read.
    """
    refuse_schemes(settings)
    if not sequences:
        return SplitOutcome()
    task = _Task(
        settings=settings, sequences=sequences, frames=frames, tiles=list(tiles)
    )
    outcomes: dict[str, SplitOutcome] = {}
    for scheme in settings.split_scheme:
        outcomes |= SCHEMES[scheme](task)
    return join_schemes(outcomes)


def refuse_schemes(settings: BuildSettings) -> None:
    """Refuse schemes that cannot stand side by side, or lack their file.

    Raises:
        UsageError: if so.
    """
    area = [s for s in settings.split_scheme if s in AREA]
    if len(area) > 1:
        raise UsageError(
            f"The split schemes {area[0]!r} and {area[1]!r} would both be called "
            "'area' in the pack; give --split-scheme one of them."
        )
    if "polygons" in area and settings.areas is None:
        raise UsageError(
            "The split scheme 'polygons' needs polygons. Give --areas a GeoJSON with a "
            "property 'split' of train, val or test, or choose another scheme."
        )


def _single(task: _Task) -> dict[str, SplitOutcome]:
    outcome = single_split(
        task.sequences,
        task.frames,
        task.tiles,
        split=task.settings.split,
        thin_m=task.settings.thin_m,
    )
    return {"area": outcome}


def _polygons(task: _Task) -> dict[str, SplitOutcome]:
    settings = task.settings
    assert settings.areas is not None
    outcome = by_polygons(
        task.sequences,
        task.frames,
        task.tiles,
        settings.areas,
        buffer_m=settings.buffer_m,
        tile_side_m=settings.tile_m,
        thin_m=settings.thin_m,
    )
    return {"area": outcome}


def _area(task: _Task) -> dict[str, SplitOutcome]:
    settings = task.settings
    outcome = by_area(
        task.sequences,
        task.frames,
        task.tiles,
        cell_m=settings.cell_m,
        buffer_m=settings.buffer_m,
        seed=settings.seed,
        tile_side_m=settings.tile_m,
        thin_m=settings.thin_m,
    )
    return {"area": outcome}


SCHEMES: dict[str, Callable[[_Task], dict[str, SplitOutcome]]] = {
    "single": _single,
    "polygons": _polygons,
    "area": _area,
}
"""Name on the command line -> what makes its rows, under the names they get."""

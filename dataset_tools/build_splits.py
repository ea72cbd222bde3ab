"""The schemes that a build's settings ask for, side by side in one outcome."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from dataset_tools.build_settings import BuildSettings
from dataset_tools.errors import UsageError
from dataset_tools.records import Frame, Sequence, Tile
from dataset_tools.splits import (
    RoadRule,
    SplitOutcome,
    SplitRule,
    Years,
    by_area,
    by_fold,
    by_list,
    by_polygons,
    by_road,
    by_session,
    by_year,
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

    @property
    def items(self) -> tuple[list[Sequence], Mapping[str, Frame], list[Tile]]:
        """What every scheme is given first."""
        return self.sequences, self.frames, self.tiles

    @property
    def rule(self) -> SplitRule:
        """What every scheme shares."""
        return split_rule(self.settings)


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


def split_rule(settings: BuildSettings) -> SplitRule:
    """What the settings say of every scheme.

    Raises:
        UsageError: if it makes no sense.
    """
    return SplitRule(
        buffer_m=settings.buffer_m,
        revisit_buffer_m=settings.revisit_buffer_m,
        seed=settings.seed,
        shares=settings.shares,
        cell_m=settings.cell_m,
        tile_side_m=settings.tile_m,
        thin_m=settings.thin_m,
    )


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
    if settings.val_share + settings.test_share >= 1:
        raise UsageError(
            f"--val-share {settings.val_share:g} and --test-share "
            f"{settings.test_share:g} leave nothing to train on; lower one of them."
        )
    if ("list" in settings.split_scheme) != bool(settings.split_list):
        raise UsageError(
            "The split scheme 'list' and --split-list FILE need each other: give both "
            "or neither."
        )
    _refuse_names(settings)


def _refuse_names(settings: BuildSettings) -> None:
    """Refuse lists whose schemes would be called like another scheme."""
    taken = {"area" if s in AREA else str(s) for s in settings.split_scheme}
    taken = {*taken, *(f"fold-{i + 1}" for i in range(settings.folds))} - {"list"}
    for path in settings.split_list:
        if path.stem in taken:
            raise UsageError(
                f"The scheme of the list {path.name} would be called {path.stem!r} "
                "like another one of this pack; rename the file."
            )
        taken.add(path.stem)


def _single(task: _Task) -> dict[str, SplitOutcome]:
    outcome = single_split(
        *task.items,
        split=task.settings.split,
        thin_m=task.settings.thin_m,
    )
    return {"area": outcome}


def _polygons(task: _Task) -> dict[str, SplitOutcome]:
    settings = task.settings
    assert settings.areas is not None
    outcome = by_polygons(
        *task.items,
        settings.areas,
        buffer_m=settings.buffer_m,
        tile_side_m=settings.tile_m,
        thin_m=settings.thin_m,
    )
    return {"area": outcome}


def _area(task: _Task) -> dict[str, SplitOutcome]:
    settings = task.settings
    outcome = by_area(
        *task.items,
        cell_m=settings.cell_m,
        buffer_m=settings.buffer_m,
        seed=settings.seed,
        shares=settings.shares,
        tile_side_m=settings.tile_m,
        thin_m=settings.thin_m,
    )
    return {"area": outcome}


def _session(task: _Task) -> dict[str, SplitOutcome]:
    return {"session": by_session(*task.items, task.rule)}


def _road(task: _Task) -> dict[str, SplitOutcome]:
    settings = task.settings
    roads = RoadRule(width_m=settings.road_width_m, turn_deg=settings.road_turn_deg)
    return {"road": by_road(*task.items, task.rule, roads=roads)}


def _fold(task: _Task) -> dict[str, SplitOutcome]:
    return by_fold(*task.items, task.rule, folds=task.settings.folds)


def _year(task: _Task) -> dict[str, SplitOutcome]:
    settings = task.settings
    years = Years(
        test=settings.test_year,
        val=settings.val_year,
        train_imagery=settings.train_imagery_year,
        test_imagery=settings.test_imagery_year,
    )
    return {"year": by_year(*task.items, task.rule, years=years)}


def _list(task: _Task) -> dict[str, SplitOutcome]:
    return {
        path.stem: by_list(*task.items, path, task.rule)
        for path in task.settings.split_list
    }


SCHEMES: dict[str, Callable[[_Task], dict[str, SplitOutcome]]] = {
    "single": _single,
    "polygons": _polygons,
    "area": _area,
    "session": _session,
    "road": _road,
    "fold": _fold,
    "year": _year,
    "list": _list,
}
"""Name on the command line -> what makes its rows, under the names they get."""

"""The second half of a build: tiles for the sequences, a gallery, splits."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from dataset_tools.build_drive import Stages
from dataset_tools.build_settings import BuildSettings
from dataset_tools.build_splits import refuse_schemes, split_all
from dataset_tools.distractors import add_distractors
from dataset_tools.elsewhere import refuse_elsewhere
from dataset_tools.errors import UsageError
from dataset_tools.grid_gallery import GridExtent
from dataset_tools.imagery import About, Imagery
from dataset_tools.imagery.tile_list import TileList, open_tile_list
from dataset_tools.pairing import Pairing, label, pair
from dataset_tools.placement import PairingRule
from dataset_tools.records import Frame, Sequence, SplitRow, Tile
from dataset_tools.splits import STAGE as SPLITS
from dataset_tools.splits import SplitOutcome, stage_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Views:
    """Paired sequences, every tile of the pack, and who is in which split."""

    formed: list[Sequence]
    """As they came in, to tell what became of the others."""
    sequences: list[Sequence]
    tiles: list[Tile]
    split_rows: list[SplitRow]
    rights: list[tuple[str, About]]
    """Name and terms of each source that tiles come from."""
    warnings: tuple[str, ...]


def make_views(
    settings: BuildSettings,
    sequences: list[Sequence],
    frames: Mapping[str, Frame],
    *,
    imagery: Imagery,
    stages: Stages,
) -> Views:
    """Pair, add the open gallery and split.

    Raises:
        UsageError: if the parameters of tiles or splits make no sense.
        MissingDataError: if a file of areas or a tile list is not there.
        UnreadableError: if one cannot be read, or the imagery lies elsewhere.
    """
    refuse_schemes(settings)
    rule = pairing_rule(settings)
    paired = _paired(settings, sequences, frames, imagery=imagery, stages=stages)
    galleries = open_gallery(settings)
    listed = _listed(galleries, stages)
    _refuse_doubles({t.tile_id for t in paired.tiles}, listed)
    tiles = paired.tiles + listed
    queries = (
        label(paired.sequences, tiles, semi_max_m=rule.semi_max_m)
        if listed
        else paired.sequences
    )
    extra = add_distractors(
        tiles,
        imagery,
        partial(split_all, settings, queries, frames),
        per_tile=settings.distractors_per_tile,
        rule=rule,
        seed=settings.seed,
    )
    if settings.distractors_per_tile:
        added = extra.outcome
        stages.add("distractors", "tiles", len(added.kept), added.rejected)
    tiles += extra.outcome.kept
    if queries:
        _note_dropped(extra.split, len(queries), stages)
    return Views(
        formed=sequences,
        sequences=queries,
        tiles=sorted(tiles, key=lambda t: t.tile_id),
        split_rows=extra.split.rows,
        rights=[*imagery.rights, *(r for one in galleries for r in one.rights)],
        warnings=(*paired.warnings, *extra.warnings, *extra.split.warnings),
    )


def pairing_rule(settings: BuildSettings) -> PairingRule:
    """How the settings place tiles.

    Raises:
        UsageError: if no tile can be placed so.
    """
    return PairingRule(
        side_m=settings.tile_m,
        size_px=settings.size_px,
        layout=settings.tile_layout,
        centre=settings.centre,
        ahead_m=settings.ahead_m,
        ahead_along=settings.ahead_along,
        jitter_m=settings.jitter_m,
        jitter_shape=settings.jitter_shape,
        overlap=settings.grid_overlap,
        margin_m=settings.margin_m,
        frames_may_leave=settings.frames_may_leave,
        semi_max_m=settings.semi_max_m,
        seed=settings.seed,
    )


def _paired(
    settings: BuildSettings,
    sequences: list[Sequence],
    frames: Mapping[str, Frame],
    *,
    imagery: Imagery,
    stages: Stages,
) -> Pairing:
    """Pair, and note what imagery was there and what became of the sequences."""
    rule = pairing_rule(settings)
    if rule.layout == "grid":
        _refuse_distractors(settings)
    if imagery.files > 1 or imagery.rejected:
        stages.add("imagery", "files", imagery.files, [*imagery.rejected])
    refuse_elsewhere(sequences, imagery)
    extent = GridExtent(reach_m=settings.grid_reach_m, areas=settings.grid_area)
    paired = pair(sequences, frames, imagery, rule, grid=extent)
    stages.add("pairing", "sequences", len(paired.sequences), paired.rejected)
    if rule.layout == "grid":
        stages.add("grid", "tiles", len(paired.tiles), paired.left_out)
    return paired


def _note_dropped(split: SplitOutcome, count: int, stages: Stages) -> None:
    """Note for each scheme how many of its sequences lie between the splits."""
    several = len(split.schemes) > 1
    for scheme in split.schemes:
        stage = stage_of(scheme) if several else SPLITS
        dropped = [r for r in split.rejected if r.stage == stage]
        stages.add(stage, "sequences", count - len(dropped), dropped)


def _refuse_distractors(settings: BuildSettings) -> None:
    if settings.distractors_per_tile:
        message = (
            "A grid has tiles off the road of its own. Leave --distractors-per-tile "
            "away and widen the grid with --grid-reach-m or --grid-area instead."
        )
        raise UsageError(message)


def open_gallery(settings: BuildSettings) -> list[TileList]:
    """The tile lists whose pictures join the open gallery.

    Raises:
        MissingDataError: if a list is not there.
        UnreadableError: if one cannot be read.
    """
    about = About(licence=settings.licence, attribution=settings.attribution)
    side_m = settings.gallery_side_m
    return [open_tile_list(path, about, side_m=side_m) for path in settings.gallery]


def _listed(found: list[TileList], stages: Stages) -> list[Tile]:
    tiles = [tile for tile_list in found for tile in tile_list.tiles]
    if found:
        rejected = [r for tile_list in found for r in tile_list.rejected]
        stages.add("gallery", "tiles", len(tiles), rejected)
    return tiles


def _refuse_doubles(have: set[str], listed: list[Tile]) -> None:
    for tile in listed:
        if tile.tile_id in have:
            message = (
                f"A tile list holds {tile.tile_id!r}, an id that another tile has "
                "already. Rename the picture, or give the list once."
            )
            raise UsageError(message)
        have.add(tile.tile_id)

"""By area: a place decides, drawn by the user or grown from square cells.

A sequence or a tile belongs to a split if all of it (frames and footprints) lies in
that split's area. Where two areas come close, train gives way to val and test, and
val to test: what lies within the buffer of an area it gives way to is dropped. So the
items of two splits are at least the buffer apart, no frame is shared, no two tiles
of different splits overlap, and both directions of a road fall on one side, because a
place decides and not a drive.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from dataset_tools.areas import grow_areas, read_areas
from dataset_tools.records import Frame, Rejection, Sequence, SplitRow, Tile
from dataset_tools.splits.groups import until_full
from dataset_tools.splits.rows import (
    DEFAULT_SHARES,
    DROPPED,
    PRIORITY,
    STAGE,
    THIN_M,
    SplitOutcome,
    rows_of,
)
from dataset_tools.splits.rule import SplitRule
from dataset_tools.splits.world import World


def by_polygons(
    sequences: Iterable[Sequence],
    frames_by_id: Mapping[str, Frame],
    tiles: Iterable[Tile],
    areas_geojson: Path,
    *,
    buffer_m: float,
    tile_side_m: float,
    scheme: str = "area",
    thin_m: float = THIN_M,
) -> SplitOutcome:
    """Splits by polygons with a property "split" of train, val or test.

    Args:
        sequences: queries with their positives.
        frames_by_id: every frame of the sequences.
        tiles: positives and, for the open gallery, other tiles.
        areas_geojson: polygons in WGS84; polygons of two splits must not overlap.
        buffer_m: least distance between items of two splits, metres, at least 0.
        tile_side_m: side that a tile of unknown footprint is taken to have, metres.
        scheme: name of this way of splitting in the pack.
        thin_m: least distance of centres in the thinned gallery, metres.

    Raises:
        MissingDataError: if there is no such file.
        UnreadableError: if it holds no such polygons.
        UsageError: if polygons overlap or the buffer is negative.
    """
    world = World.of(sequences, frames_by_id, tiles, tile_side_m=tile_side_m)
    areas = read_areas(areas_geojson, world.frame)
    found = _assign(world, areas, buffer_m=buffer_m, scheme=scheme, thin_m=thin_m)
    held = {row[1] for row in found.rows}
    if "train" in held and "val" not in held:
        text = (
            f"{areas_geojson.name} leaves no sequence to validate on; draw a polygon "
            'with the split "val", or models can only be chosen on the test.'
        )
        return replace(found, warnings=(text,))
    return found


def by_area(
    sequences: Iterable[Sequence],
    frames_by_id: Mapping[str, Frame],
    tiles: Iterable[Tile],
    *,
    cell_m: float,
    buffer_m: float,
    seed: int,
    tile_side_m: float = 0.0,
    shares: Mapping[str, float] | None = None,
    scheme: str = "area",
    thin_m: float = THIN_M,
) -> SplitOutcome:
    """Splits by square cells, grown together to compact areas of the wanted shares.

    Args:
        sequences: queries with their positives.
        frames_by_id: every frame of the sequences.
        tiles: positives and, for the open gallery, other tiles.
        cell_m: side of a cell, metres, above 0; several times the buffer.
        buffer_m: least distance between items of two splits, metres, at least 0.
        seed: decides where the areas begin.
        tile_side_m: side that a tile of unknown footprint is taken to have, metres.
        shares: split to its share of the queries before the buffer; 70, 10 and 20 %
            where None.
        scheme: name of this way of splitting in the pack.
        thin_m: least distance of centres in the thinned gallery, metres.

    Raises:
        UsageError: if a parameter makes no sense, or a wanted split stays empty.
    """
    rule = SplitRule(
        buffer_m=buffer_m,
        seed=seed,
        shares=dict(DEFAULT_SHARES if shares is None else shares),
        cell_m=cell_m,
        tile_side_m=tile_side_m,
        thin_m=thin_m,
    )
    world = World.of(sequences, frames_by_id, tiles, tile_side_m=tile_side_m)

    def attempt(number: int) -> SplitOutcome:
        areas = grow_areas(
            world.queries_m,
            world.ground(),
            cell_m=cell_m,
            shares=rule.shares,
            seed=(seed, number),
        )
        return _assign(world, areas, buffer_m=buffer_m, scheme=scheme, thin_m=thin_m)

    told = (
        f"{len(world.sequences)} sequences, cells of {cell_m:g} m and a buffer of "
        f"{buffer_m:g} m. Lower the cell or the buffer, or put everything into one "
        "split"
    )
    return until_full(attempt, rule, told=told)


def _assign(
    world: World,
    areas: Mapping[str, Any],
    *,
    buffer_m: float,
    scheme: str,
    thin_m: float,
) -> SplitOutcome:
    """Rows for areas in the world's plane."""
    safe_m = world.safe_m(buffer_m)
    split_of, reasons = _place(world.shapes, areas, buffer_m=safe_m)
    other_shapes = np.array([world.tile_shapes[i] for i in world.others], dtype=object)
    other_split, _ = _place(other_shapes, areas, buffer_m=safe_m)
    members: dict[str, list[Sequence]] = {s: [] for s in PRIORITY}
    rejected: list[Rejection] = []
    rows: list[SplitRow] = []
    for sequence, split, reason in zip(world.sequences, split_of, reasons, strict=True):
        if split == DROPPED:
            name = sequence.sequence_id
            rows.append((scheme, DROPPED, "sequence", name))
            limit = buffer_m if reason == "in-buffer" else None
            rejected.append(
                Rejection(item=name, stage=STAGE, reason=reason, limit=limit)
            )
        else:
            members[split].append(sequence)
    others: dict[str, list[str]] = {s: [] for s in PRIORITY}
    for tile_id, split in zip(world.others, other_split, strict=True):
        if split != DROPPED:
            others[split].append(tile_id)
    rows += rows_of(members, world.tiles, others, scheme=scheme, thin_m=thin_m)
    assert sum(len(m) for m in members.values()) + len(rejected) == len(world.sequences)
    return SplitOutcome(rows=sorted(rows), rejected=rejected)


def _place(
    shapes: npt.NDArray[Any], areas: Mapping[str, Any], *, buffer_m: float
) -> tuple[list[str], list[str]]:
    """The split of each shape, or "dropped", and the reason for that."""
    splits = [DROPPED] * len(shapes)
    reasons = ["outside-areas"] * len(shapes)
    for k, split in enumerate(PRIORITY):
        if split not in areas or not len(shapes):
            continue
        area = areas[split]
        shapely.prepare(area)
        inside = shapely.covers(area, shapes)
        touched = shapely.intersects(area, shapes)
        before = [areas[s] for s in PRIORITY[:k] if s in areas]
        near = np.zeros(len(shapes), np.bool_)
        if before and buffer_m > 0:
            near = shapely.distance(shapely.union_all(before), shapes) < buffer_m
        for i in np.flatnonzero(touched):
            if inside[i] and not near[i] and splits[i] == DROPPED:
                splits[i] = split
            else:
                reasons[i] = "in-buffer" if inside[i] else "across-border"
    return splits, reasons

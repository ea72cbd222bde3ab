"""Splits by area: who trains, validates and tests, with a buffer between them.

A sequence or a tile belongs to a split if all of it (frames and footprints) lies in
that split's area. Where two areas come close, train gives way to val and test, and
val to test: what lies within the buffer of an area it gives way to is dropped. So the
items of two splits are at least the buffer apart, no frame is shared, no two tiles
of different splits overlap, and both directions of a road fall on one side, because a
place decides and not a drive.
"""

import math
from collections.abc import Iterable, Mapping
from collections.abc import Sequence as Series
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from dataset_tools.areas import grow_areas, read_areas
from dataset_tools.errors import UsageError
from dataset_tools.geodesy import LocalFrame, ecef_m
from dataset_tools.pairing import thin
from dataset_tools.records import Frame, Rejection, Sequence, SplitRow, Tile

STAGE = "splits"
PRIORITY = ("test", "val", "train")
"""Each split gives way to those before it."""
DROPPED = "dropped"
THIN_M = 70.0
"""Least distance of centres in the thinned gallery, metres."""
ATTEMPTS = 16
"""Other beginnings that are tried where the buffer leaves a split empty."""
MIN_RADIUS_M = 6_335_000.0
"""Smallest radius of curvature of the ellipsoid, for a safe bound."""
DEFAULT_SHARES = {"train": 0.7, "val": 0.1, "test": 0.2}


@dataclass(frozen=True, slots=True)
class SplitOutcome:
    """Rows of `splits.parquet`, and why sequences were dropped.

    Every sequence has one row of kind "sequence"; those with split "dropped" have a
    rejection each.
    """

    rows: list[SplitRow] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)


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
    world = _World.of(sequences, frames_by_id, tiles, tile_side_m=tile_side_m)
    areas = read_areas(areas_geojson, world.frame)
    return _assign(world, areas, buffer_m=buffer_m, scheme=scheme, thin_m=thin_m)


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
    wanted = dict(DEFAULT_SHARES if shares is None else shares)
    world = _World.of(sequences, frames_by_id, tiles, tile_side_m=tile_side_m)
    needed = {s for s, share in wanted.items() if share > 0}
    for attempt in range(ATTEMPTS):
        areas = grow_areas(
            world.queries_m,
            world.ground(),
            cell_m=cell_m,
            shares=wanted,
            seed=(seed, attempt),
        )
        outcome = _assign(world, areas, buffer_m=buffer_m, scheme=scheme, thin_m=thin_m)
        empty = sorted(needed - {row[1] for row in outcome.rows})
        if not empty:
            return outcome
    raise UsageError(
        f"No sequence is left for {empty[0]!r}: {len(world.sequences)} sequences, "
        f"cells of {cell_m:g} m and a buffer of {buffer_m:g} m. Lower the cell or the "
        "buffer, or put everything into one split."
    )


def single_split(
    sequences: Iterable[Sequence],
    frames_by_id: Mapping[str, Frame],
    tiles: Iterable[Tile],
    *,
    split: str = "test",
    scheme: str = "area",
    thin_m: float = THIN_M,
) -> SplitOutcome:
    """Everything in one split, as for a held-out region.

    Args:
        sequences: queries with their positives.
        frames_by_id: every frame of the sequences.
        tiles: positives and, for the open gallery, other tiles.
        split: train, val or test.
        scheme: name of this way of splitting in the pack.
        thin_m: least distance of centres in the thinned gallery, metres.

    Raises:
        UsageError: if there is no such split or a frame is missing.
    """
    if split not in PRIORITY:
        raise UsageError(f"There is no split {split!r}; use train, val or test.")
    world = _World.of(sequences, frames_by_id, tiles, tile_side_m=0.0)
    members = {split: list(world.sequences)}
    others = {split: world.others}
    rows = _rows(world, members, others, scheme=scheme, thin_m=thin_m)
    return SplitOutcome(rows=sorted(rows))


@dataclass(frozen=True, slots=True)
class _World:
    """Sequences and tiles as shapes in one plane, metres east and north."""

    sequences: list[Sequence]
    tiles: dict[str, Tile]
    others: list[str]
    """Ids of tiles that are no sequence's positive."""
    frame: LocalFrame
    queries_m: npt.NDArray[np.float64]
    """[Q, 2] positions of the queries."""
    shapes: npt.NDArray[Any]
    """[Q] hulls of the frames and positive footprints of each sequence."""
    tile_shapes: dict[str, Any]

    @classmethod
    def of(
        cls,
        sequences: Iterable[Sequence],
        frames_by_id: Mapping[str, Frame],
        tiles: Iterable[Tile],
        *,
        tile_side_m: float,
    ) -> "_World":
        """Project everything around the middle of the queries.

        Raises:
            UsageError: if a sequence names a frame or a tile that is not given.
        """
        ordered = sorted(sequences, key=lambda s: s.sequence_id)
        by_id = {t.tile_id: t for t in sorted(tiles, key=lambda t: t.tile_id)}
        _check(ordered, frames_by_id, by_id)
        frame = _frame(ordered)
        tile_shapes = _footprints(list(by_id.values()), frame, tile_side_m=tile_side_m)
        used = {p for s in ordered for p in s.positives}
        return cls(
            sequences=ordered,
            tiles=by_id,
            others=[i for i in by_id if i not in used],
            frame=frame,
            queries_m=_plane(frame, [(s.lat, s.lon) for s in ordered]),
            shapes=_sequence_shapes(ordered, frames_by_id, tile_shapes, frame),
            tile_shapes=tile_shapes,
        )

    def ground(self) -> npt.NDArray[np.float64]:
        """[N, 2] every corner of every sequence's and every tile's shape, metres."""
        every = [*self.shapes, *self.tile_shapes.values()]
        return np.asarray(shapely.get_coordinates(np.array(every, dtype=object)))

    def stretch(self) -> float:
        """How much farther apart things can look in this plane than they are."""
        points = self.ground()
        far = float(np.hypot(*points.T).max()) if points.size else 0.0
        angle = min(far / MIN_RADIUS_M, 3.0)
        return angle / math.sin(angle) if angle > 0 else 1.0


def _check(
    sequences: list[Sequence],
    frames_by_id: Mapping[str, Frame],
    tiles: Mapping[str, Tile],
) -> None:
    for sequence in sequences:
        name = sequence.sequence_id
        for frame_id in sequence.frame_ids:
            if frame_id not in frames_by_id:
                raise UsageError(
                    f"Sequence {name!r} names the frame {frame_id!r}, which is not "
                    "given; pass all frames to the split."
                )
        for tile_id in sequence.positives:
            if tile_id not in tiles:
                raise UsageError(
                    f"Sequence {name!r} names the tile {tile_id!r}, which is not "
                    "given; pass all tiles to the split."
                )


def _frame(sequences: list[Sequence]) -> LocalFrame:
    """A plane around the query nearest to the middle of all."""
    if not sequences:
        return LocalFrame(0.0, 0.0)
    places = ecef_m([s.lat for s in sequences], [s.lon for s in sequences])
    away = np.linalg.norm(places - places.mean(axis=0), axis=1)
    middle = sequences[int(np.argmin(away))]
    return LocalFrame(middle.lat, middle.lon)


def _plane(
    frame: LocalFrame, positions: Series[tuple[float, float]]
) -> npt.NDArray[np.float64]:
    """[N, 2] metres east and north of (lat, lon) positions in degrees."""
    at = np.array(positions, dtype=np.float64).reshape(-1, 2)
    east, north = frame.to_metres(at[:, 0], at[:, 1])
    return np.column_stack([east, north])


def _footprints(
    tiles: list[Tile], frame: LocalFrame, *, tile_side_m: float
) -> dict[str, Any]:
    """Footprint polygons in the plane, a square where a tile has no corners."""
    shapes: dict[str, Any] = {}
    for tile in (t for t in tiles if len(t.footprint) < 3):
        ((x, y),) = _plane(frame, [(tile.lat, tile.lon)])
        half = tile_side_m / 2
        shapes[tile.tile_id] = shapely.box(x - half, y - half, x + half, y + half)
    known = [t for t in tiles if len(t.footprint) >= 3]
    corners = _plane(frame, [(lat, lon) for t in known for lon, lat in t.footprint])
    start = 0
    for tile in known:
        end = start + len(tile.footprint)
        shapes[tile.tile_id] = shapely.Polygon(corners[start:end])
        start = end
    return shapes


def _sequence_shapes(
    sequences: list[Sequence],
    frames_by_id: Mapping[str, Frame],
    tile_shapes: Mapping[str, Any],
    frame: LocalFrame,
) -> npt.NDArray[Any]:
    """[Q] convex hulls of each sequence's frames, query and positive footprints."""
    shapes = np.empty(len(sequences), dtype=object)
    for i, sequence in enumerate(sequences):
        chosen = [frames_by_id[f] for f in sequence.frame_ids]
        places = [(sequence.lat, sequence.lon), *((f.lat, f.lon) for f in chosen)]
        points = shapely.MultiPoint(_plane(frame, places))
        parts = [points, *(tile_shapes[p] for p in sequence.positives)]
        shapes[i] = shapely.convex_hull(shapely.GeometryCollection(parts))
    return shapes


def _assign(
    world: _World,
    areas: Mapping[str, Any],
    *,
    buffer_m: float,
    scheme: str,
    thin_m: float,
) -> SplitOutcome:
    """Rows for areas in the world's plane."""
    if not (buffer_m >= 0 and math.isfinite(buffer_m)):
        raise UsageError(f"The buffer must be at least 0 m, got {buffer_m!r}.")
    # Distances only ever look too long in this plane, so a wider buffer is safe.
    safe_m = buffer_m * world.stretch() + 1e-6 if buffer_m else 0.0
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
    rows += _rows(world, members, others, scheme=scheme, thin_m=thin_m)
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


def _rows(
    world: _World,
    members: Mapping[str, list[Sequence]],
    others: Mapping[str, list[str]],
    *,
    scheme: str,
    thin_m: float,
) -> list[SplitRow]:
    """Rows of the sequences and of the four galleries of each split."""
    rows: list[SplitRow] = []
    for split, sequences in members.items():
        closed = sorted({p for s in sequences for p in s.positives})
        thinned = thin(
            (world.tiles[i] for i in closed), sequences, min_distance_m=thin_m
        )
        off_road = others.get(split, ()) if closed else ()
        rows += [(scheme, split, "sequence", s.sequence_id) for s in sequences]
        rows += [(scheme, split, "tile", i) for i in closed]
        rows += [(scheme, split, "tile-thinned", i) for i in thinned]
        rows += [(scheme, split, "tile-open", i) for i in {*closed, *off_road}]
        rows += [(scheme, split, "tile-thinned-open", i) for i in {*thinned, *off_road}]
    return rows

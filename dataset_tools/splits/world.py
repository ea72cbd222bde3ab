"""Sequences and tiles as shapes in one plane, which every scheme measures in."""

import math
from collections.abc import Iterable, Mapping
from collections.abc import Sequence as Series
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely

from dataset_tools.errors import UsageError
from dataset_tools.geodesy import LocalFrame, ecef_m
from dataset_tools.records import Frame, Sequence, Tile
from dataset_tools.splits.rule import check_buffer

MIN_RADIUS_M: Final = 6_335_000.0
"""Smallest radius of curvature of the ellipsoid, for a safe bound."""


@dataclass(frozen=True, slots=True)
class World:
    """Sequences and tiles as shapes in one plane, metres east and north."""

    sequences: list[Sequence]
    frames: Mapping[str, Frame]
    """Frame id -> frame, those of the sequences among them."""
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
    ) -> "World":
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
            frames=frames_by_id,
            tiles=by_id,
            others=[i for i in by_id if i not in used],
            frame=frame,
            queries_m=_plane(frame, [(s.lat, s.lon) for s in ordered]),
            shapes=_sequence_shapes(ordered, frames_by_id, tile_shapes, frame),
            tile_shapes=tile_shapes,
        )

    def plane(self, positions: Series[tuple[float, float]]) -> npt.NDArray[np.float64]:
        """[N, 2] metres east and north of (lat, lon) positions in degrees."""
        return _plane(self.frame, positions)

    def ground(self) -> npt.NDArray[np.float64]:
        """[N, 2] every corner of every sequence's and every tile's shape, metres."""
        every = [*self.shapes, *self.tile_shapes.values()]
        return np.asarray(shapely.get_coordinates(np.array(every, dtype=object)))

    def safe_m(self, buffer_m: float) -> float:
        """The buffer in this plane, in which distances only ever look too long.

        Raises:
            UsageError: if the buffer is negative or not finite.
        """
        check_buffer(buffer_m)
        return buffer_m * self.stretch() + 1e-6 if buffer_m else 0.0

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
    places: list[tuple[float, float]] = []
    owner: list[int] = []
    answers: list[tuple[int, Any]] = []
    for i, sequence in enumerate(sequences):
        chosen = [frames_by_id[f] for f in sequence.frame_ids]
        places += [(sequence.lat, sequence.lon), *((f.lat, f.lon) for f in chosen)]
        owner += [i] * (1 + len(chosen))
        answers += [(i, tile_shapes[p]) for p in sequence.positives]
    # The hull of shapes is that of their corners.
    of_tiles = np.empty(len(answers), dtype=object)
    of_tiles[:] = [shape for _, shape in answers]
    corners, which = shapely.get_coordinates(of_tiles, return_index=True)
    tile_owner = np.array([i for i, _ in answers], np.int64)[which]
    points = np.concatenate([_plane(frame, places), corners])
    owners = np.concatenate([np.array(owner, np.int64), tile_owner])
    order = np.argsort(owners, kind="stable")
    clouds = shapely.multipoints(points[order], indices=owners[order])
    return np.asarray(shapely.convex_hull(clouds), dtype=object)

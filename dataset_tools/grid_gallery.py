"""A gallery on a regular grid: sequences share its tiles, most tiles have none.

The positive of a sequence is the tile with the nearest centre. With an overlap of one
half, four tiles show each place: the positive and three semi-positives.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dataset_tools.errors import UsageError
from dataset_tools.imagery.source import Imagery
from dataset_tools.imagery.tile_list import TileList
from dataset_tools.placement import STAGE, PairingRule, frame_outside, make_tile
from dataset_tools.records import Frame, Rejection, Sequence, Tile
from dataset_tools.tile_grid import Cells, TileGrid, cell_name

GRID_STAGE = "grid"


@dataclass(frozen=True, slots=True, kw_only=True)
class GridExtent:
    """Which tiles of the grid are in the gallery."""

    reach_m: float = 200.0
    """Those whose centre is this near to a query, metres."""
    areas: Path | None = None
    """GeoJSON polygons: those whose centre lies inside, instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedTiles:
    """The tile of each sequence, or why it has none, and the whole gallery."""

    own: list[Tile | Rejection]
    tiles: list[Tile]
    left_out: list[Rejection]
    """Cells of the extent that the imagery does not cover."""


def shared_tiles(
    sequences: list[Sequence],
    frames_by_id: Mapping[str, Frame],
    imagery: Imagery,
    rule: PairingRule,
    *,
    extent: GridExtent,
) -> SharedTiles:
    """The tiles of a grid that imagery covers, and the nearest one of each sequence.

    Returns:
        For each sequence its tile, or a Rejection: "outside-grid-area", what the
        imagery says of the nearest tile, or "frame-outside-tile".

    Raises:
        UsageError: if the imagery is a list of tiles, or the grid has too many.
        MissingDataError: if there is no file of areas.
        UnreadableError: if it cannot be read.
    """
    if isinstance(imagery, TileList):
        raise UsageError(
            f"{imagery.source} lists tiles that lie where they are; a grid needs "
            "imagery that tiles can be cut from. Use centred tiles."
        )
    grid = TileGrid(rule.spacing_m)
    lat = np.array([s.lat for s in sequences], np.float64)
    lon = np.array([s.lon for s in sequences], np.float64)
    if extent.areas is not None:
        cells = grid.inside(extent.areas)
    else:
        # The nearest centre is at most half a diagonal away, whatever the reach.
        cells = grid.near(lat, lon, reach_m=max(extent.reach_m, rule.spacing_m * 0.75))
    made = _cut(grid, cells, imagery, rule)
    own = [
        _own(sequence, frames_by_id, made.get(cell_name(cell)), rule=rule)
        for sequence, cell in zip(sequences, grid.nearest(lat, lon), strict=True)
    ]
    found = list(made.values())
    return SharedTiles(
        own=own,
        tiles=[t for t in found if isinstance(t, Tile)],
        left_out=[r for r in found if isinstance(r, Rejection)],
    )


def _cut(
    grid: TileGrid, cells: Cells, imagery: Imagery, rule: PairingRule
) -> dict[str, Tile | Rejection]:
    """Each cell's tile by id, or what the imagery says against it."""
    made: dict[str, Tile | Rejection] = {}
    lat, lon = grid.centres(cells)
    for cell, one_lat, one_lon in zip(cells, lat, lon, strict=True):
        at, name = (float(one_lat), float(one_lon)), cell_name(cell)
        part = imagery.part_at(*at, side_m=rule.side_m, size_px=rule.size_px)
        if isinstance(part, Rejection):
            made[name] = replace(part, item=name, stage=GRID_STAGE)
        else:
            made[name] = make_tile(name, at, part, rule)
    return made


def _own(
    sequence: Sequence,
    frames_by_id: Mapping[str, Frame],
    tile: Tile | Rejection | None,
    *,
    rule: PairingRule,
) -> Tile | Rejection:
    if tile is None:
        return Rejection(
            item=sequence.sequence_id, stage=STAGE, reason="outside-grid-area"
        )
    if isinstance(tile, Rejection):
        return tile
    fault = frame_outside(sequence, frames_by_id, (tile.lat, tile.lon), rule=rule)
    return fault or tile

"""A pack's tables back to records, for commands that write a pack from a pack."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import shapely

from dataset_tools.pack.format import Encoding
from dataset_tools.pack.read import Pack
from dataset_tools.pack.write import PackContents
from dataset_tools.records import UNPLACED, Frame, Offset, Sequence, Tile


def contents_of(
    pack: Pack,
    *,
    made_by: dict[str, Any],
    encoding: Encoding = "encoded",
    preprocessing: dict[str, Any] | None = None,
) -> PackContents:
    """Everything of a pack but the pictures, ready to be written again."""
    rows = pack.splits[["scheme", "split", "kind", "id"]]
    return PackContents(
        name=pack.name,
        frames=frames_of(pack),
        tiles=tiles_of(pack),
        sequences=sequences_of(pack),
        split_rows=list(rows.itertuples(index=False, name=None)),
        licences=pack.meta["licences"],
        made_by=made_by,
        rejections=pack.meta["rejections"],
        encoding=encoding,
        private=bool(pack.meta.get("private")),
        preprocessing=preprocessing,
    )


def frames_of(pack: Pack) -> list[Frame]:
    """The frames of a pack, sorted by id."""
    return [
        Frame(
            frame_id=str(row.Index),
            session_id=row.session_id,
            order=int(row.order),
            lat=row.lat,
            lon=row.lon,
            time=None if pd.isna(row.time) else int(row.time.value),
            altitude_m=_known(row.altitude_m),
            heading_deg=_known(row.heading_deg),
            hfov_deg=_known(row.hfov_deg),
            projection=row.projection,
            source=_known(row.source),
        )
        for row in _rows(pack.frames)
    ]


def tiles_of(pack: Pack) -> list[Tile]:
    """The tiles of a pack, sorted by id."""
    return [
        Tile(
            tile_id=str(row.Index),
            lat=row.lat,
            lon=row.lon,
            footprint=_corners(row.geometry),
            m_per_px=row.m_per_px,
            width_px=int(row.width_px),
            height_px=int(row.height_px),
            captured=None if pd.isna(row.captured) else row.captured.isoformat(),
            season=_known(row.season),
            source=row.source,
            licence=row.licence,
        )
        for row in _rows(pack.tiles)
    ]


def sequences_of(pack: Pack) -> list[Sequence]:
    """The sequences of a pack, sorted by id."""
    return [
        Sequence(
            sequence_id=str(row.Index),
            region=row.region,
            frame_ids=tuple(row.frame_ids),
            lat=row.lat,
            lon=row.lon,
            length_m=row.length_m,
            stratum=_known(row.stratum),
            positives=tuple(row.positives),
            semi_positives=tuple(row.semi_positives),
            offsets=tuple(Offset(**o) for o in row.offsets),
        )
        for row in _rows(pack.sequences)
    ]


def _rows(table: pd.DataFrame) -> Iterator[Any]:
    yield from table.itertuples()


def _corners(geometry: bytes | None) -> tuple[tuple[float, float], ...]:
    if geometry is None:
        return UNPLACED
    ring = shapely.get_coordinates(shapely.from_wkb(geometry))[:4]
    ring[:, 0] -= 360.0 * np.round(ring[:, 0] / 360.0)  # over the antimeridian
    north_west, south_west, south_east, north_east = (
        tuple(map(float, p)) for p in ring
    )
    return north_west, north_east, south_east, south_west  # type: ignore[return-value]


def _known(value: Any) -> Any:
    return None if pd.isna(value) else value

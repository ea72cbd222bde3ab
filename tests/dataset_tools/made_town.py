"""Streets of sequences and their tiles, and what every split of them must keep."""

from itertools import combinations, product

import numpy as np
import shapely

from dataset_tools.geodesy import LocalFrame
from dataset_tools.imagery.tile_list import footprint
from dataset_tools.records import Frame, Sequence, Tile
from dataset_tools.tracks.times import nanoseconds

HOME = LocalFrame(44.5, -72.6)
SIDE_M = 80.0


def degrees(east, north):
    lat, lon = HOME.to_degrees(east, north)
    return float(lat), float(lon)


def make_tile(tile_id, east, north, captured=None):
    lat, lon = degrees(east, north)
    return Tile(
        tile_id=tile_id,
        lat=lat,
        lon=lon,
        footprint=footprint(lat, lon, side_m=SIDE_M),
        m_per_px=0.5,
        width_px=160,
        height_px=160,
        captured=captured,
    )


def driven(name, places, *, session=None, day=None, captured=None):
    """Sequences of three of the places (east, north), neighbours sharing one."""
    frames, sequences, tiles = {}, [], []
    for i, (east, north) in enumerate(places):
        lat, lon = degrees(east, north)
        frame = Frame(
            frame_id=f"{name}{i:04}",
            session_id=session or name,
            order=i,
            lat=lat,
            lon=lon,
            time=None if day is None else nanoseconds(day) + i * 10**9,
        )
        frames[frame.frame_id] = frame
    ids = sorted(frames)
    for k in range((len(places) - 1) // 2):
        middle = frames[ids[2 * k + 1]]
        east, north = places[2 * k + 1]
        tiles.append(make_tile(f"t-{name}{k:04}", east + 3, north + 2, captured))
        sequences.append(
            Sequence(
                sequence_id=f"s-{name}{k:04}",
                region="r",
                frame_ids=tuple(ids[2 * k : 2 * k + 3]),
                lat=middle.lat,
                lon=middle.lon,
                length_m=24.0,
                positives=(tiles[-1].tile_id,),
            )
        )
    return sequences, frames, tiles


def street(count, *, step_m=24.0, north=0.0, name="a", east=0.0, **options):
    """So many sequences along an eastward street."""
    places = [(east + i * step_m / 2, north) for i in range(2 * count + 1)]
    return driven(name, places, **options)


def together(*parts):
    """Several drives as one."""
    sequences = [s for part in parts for s in part[0]]
    frames = {name: f for part in parts for name, f in part[1].items()}
    return sequences, frames, [t for part in parts for t in part[2]]


def town(blocks=6, spacing_m=400.0):
    sequences, frames, tiles = together(
        *(
            street(100, north=row * spacing_m, name=f"row{row}-")
            for row in range(blocks)
        )
    )
    for i, j in product(range(24), range(20)):
        tiles.append(make_tile(f"grid{i:02}{j:02}", 100.0 * i, 100.0 * j + 50))
    return sequences, frames, tiles


def ids(outcome, split, kind):
    return [r[3] for r in outcome.rows if r[1:3] == (split, kind)]


def check_guarantees(outcome, data, *, buffer_m):
    """No shared frame, no overlapping tiles, every two splits a buffer apart."""
    sequences = {s.sequence_id: s for s in data[0]}
    frames, tiles = data[1], {t.tile_id: t for t in data[2]}
    kept = [s for s in ("train", "val", "test") if ids(outcome, s, "sequence")]
    found = [r[3] for r in outcome.rows if r[2] == "sequence"]
    assert sorted(found) == sorted(sequences)
    dropped = ids(outcome, "dropped", "sequence")
    assert sorted(r.item for r in outcome.rejected) == sorted(dropped)
    used, ground, places = {}, {}, {}
    for split in kept:
        mine = [sequences[i] for i in ids(outcome, split, "sequence")]
        used[split] = {f for s in mine for f in s.frame_ids}
        shown = [tiles[i] for i in ids(outcome, split, "tile-open")]
        assert set(ids(outcome, split, "tile")) == {
            p for s in mine for p in s.positives
        }
        assert set(ids(outcome, split, "tile")) <= {t.tile_id for t in shown}
        assert set(ids(outcome, split, "tile-thinned")) <= set(
            ids(outcome, split, "tile")
        )
        flat = [
            shapely.Polygon(
                np.column_stack(HOME.to_metres(*np.array(t.footprint).T[::-1]))
            )
            for t in shown
        ]
        points = [
            shapely.Point(*HOME.to_metres(frames[f].lat, frames[f].lon))
            for f in sorted(used[split])
        ]
        places[split] = shapely.union_all([*flat, *points])
        ground[split] = shapely.union_all(flat)
    for one, other in combinations(kept, 2):
        assert not used[one] & used[other]
        assert ground[one].intersection(ground[other]).area == 0
        # 1 mm for the plane of the test, which lies around another point.
        assert places[one].distance(places[other]) >= buffer_m - 1e-3

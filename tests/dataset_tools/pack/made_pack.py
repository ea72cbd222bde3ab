"""A small pack made by hand: two streets, two splits, six tiles."""

from pathlib import Path

import numpy as np

from dataset_tools.geodesy import LocalFrame
from dataset_tools.pack.write import PackContents, write_pack
from dataset_tools.pictures import encode_jpeg
from dataset_tools.records import Frame, Offset, Sequence, Tile

ORIGIN = LocalFrame(44.5, -72.5)
SIDE_M = 80.0
SIZE_PX = 16
SECOND = 1_000_000_000


def frame(number, *, north_m=0.0, **changes):
    lat, lon = ORIGIN.to_degrees(8.0 * number, north_m)
    values = {
        "frame_id": f"s{int(north_m)}/{number:03d}",
        "session_id": f"s{int(north_m)}",
        "order": number,
        "lat": float(lat),
        "lon": float(lon),
        "time": 1_700_000_000 * SECOND + number * SECOND + 1,
        "heading_deg": 90.0,
        "source": f"s{int(north_m)}/{number:03d}.jpg",
    }
    return Frame(**(values | changes))


def tile(name, east_m, north_m, **changes):
    half = SIDE_M / 2
    lat, lon = ORIGIN.to_degrees(
        [east_m, *(east_m + half * d for d in (-1, 1, 1, -1))],
        [north_m, *(north_m + half * d for d in (1, 1, -1, -1))],
    )
    values = {
        "tile_id": name,
        "lat": float(lat[0]),
        "lon": float(lon[0]),
        "footprint": tuple(zip(map(float, lon[1:]), map(float, lat[1:]), strict=True)),
        "m_per_px": SIDE_M / SIZE_PX,
        "width_px": SIZE_PX,
        "height_px": SIZE_PX,
        "captured": "2023-05-31",
        "source": "ortho.tif",
        "licence": "CC0-1.0",
    }
    return Tile(**(values | changes))


def sequence(name, frames, positive, **changes):
    middle = frames[len(frames) // 2]
    east, north = ORIGIN.to_metres(
        [middle.lat, positive.lat], [middle.lon, positive.lon]
    )
    offset = Offset(
        tile_id=positive.tile_id,
        east_m=float(east[1] - east[0]),
        north_m=float(north[1] - north[0]),
    )
    values = {
        "sequence_id": name,
        "region": "r",
        "frame_ids": tuple(f.frame_id for f in frames),
        "lat": middle.lat,
        "lon": middle.lon,
        "length_m": 8.0 * (len(frames) - 1),
        "stratum": "urban",
        "positives": (positive.tile_id,),
        "offsets": (offset,),
    }
    return Sequence(**(values | changes))


def contents(**changes):
    near = [frame(i) for i in range(4)]
    far = [frame(i, north_m=900.0) for i in range(3)]
    tiles = [tile("t/near", 16, 3), tile("t/far", 8, 900), tile("t/grid", 300, 900)]
    values = {
        "name": "made",
        "frames": [*near, *far],
        "tiles": tiles,
        "sequences": [
            sequence("q/near", near[:3], tiles[0]),
            sequence("q/far", far, tiles[1]),
            sequence("q/one", near[1:2], tiles[0]),
        ],
        "split_rows": [
            ("area", "train", "sequence", "q/near"),
            ("area", "train", "sequence", "q/one"),
            ("area", "train", "tile", "t/near"),
            ("area", "test", "sequence", "q/far"),
            ("area", "test", "tile", "t/far"),
            ("area", "test", "tile-open", "t/far"),
            ("area", "test", "tile-open", "t/grid"),
        ],
        "licences": [{"source": "ortho.tif", "licence": "CC0-1.0", "attribution": ""}],
        "made_by": {"command": "test", "parameters": {}, "versions": {}},
        "rejections": {"clean": {"jump": 2}, "pairing": {}},
    }
    return PackContents(**(values | changes))


def picture(kind, name):
    """JPEG bytes that differ from id to id."""
    seed = sum(name.encode()) + (kind == "tile")
    noise = np.random.default_rng(seed).integers(0, 255, (SIZE_PX, 2 * SIZE_PX, 3))
    pixels = noise.astype(np.uint8)
    return encode_jpeg(pixels[:, :SIZE_PX] if kind == "tile" else pixels)


def make(folder: Path, **changes) -> Path:
    return write_pack(folder / "made.pack", contents(**changes), picture=picture)

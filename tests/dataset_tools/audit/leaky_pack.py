"""A pack of two streets, 900 m apart, in which leaks can be planted one by one."""

import io
from dataclasses import replace
from itertools import pairwise

import numpy as np
from made_pack import ORIGIN, contents, frame, sequence, tile
from PIL import Image

from dataset_tools.geodesy import distance_m
from dataset_tools.pack.write import write_pack

PER_SPLIT = 6
TILE_STEP_M = 100.0


def pixels(seed, *, kind, brighter=0):
    """A picture of soft spots uint8 [64, 128 or 64, 3], another one for each seed."""
    rng = np.random.default_rng(seed)
    width = 64 if kind == "tile" else 128
    coarse = Image.fromarray(rng.integers(30, 220, (8, 8, 3)).astype(np.uint8))
    soft = np.asarray(coarse.resize((width, 64), Image.Resampling.BICUBIC), float)
    noise = rng.normal(0, 4, soft.shape)
    return (soft + noise + brighter).clip(0, 255).astype(np.uint8)


def jpeg(array, *, quality=90, comment=None):
    target = io.BytesIO()
    extra = {} if comment is None else {"comment": comment}
    Image.fromarray(array).save(target, "JPEG", quality=quality, **extra)
    return target.getvalue()


def moved(number, north_m, *, to):
    """The frame of a street put elsewhere, metres east and north of the origin."""
    lat, lon = ORIGIN.to_degrees(*to)
    return replace(frame(number, north_m=north_m), lat=float(lat), lon=float(lon))


def _step_m(a, b):
    return float(distance_m(a.lat, a.lon, b.lat, b.lon))


class Pictures:
    """A picture for each id; `alike` maps an id to (other id, how it is encoded)."""

    def __init__(self, alike):
        self.alike = alike

    def __call__(self, kind, name):
        source, how = self.alike.get(name, (name, {}))
        given = dict(how)
        array = pixels(
            sum(f"{kind}{source}".encode()) * 7919,
            kind=kind,
            brighter=given.pop("brighter", 0),
        )
        if given.pop("flat", False):
            array[:] = 40
        return jpeg(array, **given)


def write(
    path, *, alike=None, frames=None, tiles=None, test_frames=None, extra=(), dropped=()
):
    """Write a pack without leaks but for what is asked for.

    `frames` and `tiles` replace records by id; `test_frames` are further frames of the
    first test sequence; `extra` are further split rows; `dropped` are sequences that
    are in no split.
    """
    near = [frame(i, north_m=0.0) for i in range(PER_SPLIT)]
    far = [frame(i, north_m=900.0) for i in range(PER_SPLIT)]
    all_frames = {f.frame_id: f for f in [*near, *far]} | (frames or {})
    all_tiles = {
        f"t/{split}/{i}": tile(f"t/{split}/{i}", TILE_STEP_M * i, north)
        for split, north in (("train", 0.0), ("test", 900.0))
        for i in range(PER_SPLIT)
    } | (tiles or {})
    sequences, rows = [], list(extra)
    for split, members in (("train", near), ("test", far)):
        for i in range(PER_SPLIT):
            own = [all_frames[members[i].frame_id]]
            if split == "test" and i == 0:
                own += [all_frames[name] for name in test_frames or ()]
            positive = all_tiles[f"t/{split}/{i}"]
            length_m = sum(_step_m(*pair) for pair in pairwise(own))
            sequences.append(
                sequence(f"q/{split}/{i}", own, positive, length_m=length_m)
            )
            if f"q/{split}/{i}" in dropped:
                rows.append(("area", "dropped", "sequence", f"q/{split}/{i}"))
                continue
            rows.append(("area", split, "sequence", f"q/{split}/{i}"))
            rows.append(("area", split, "tile", f"t/{split}/{i}"))
    return write_pack(
        path,
        contents(
            name=path.stem,
            frames=list(all_frames.values()),
            tiles=list(all_tiles.values()),
            sequences=sequences,
            split_rows=rows,
        ),
        picture=Pictures(alike or {}),
    )

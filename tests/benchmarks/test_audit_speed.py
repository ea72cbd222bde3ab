"""An audit's searches on ten thousand and a hundred thousand items a side.

Searches for places may not grow with the square of the number: ten times the items may
cost twenty times the processor time at most. The search for near hashes compares one
pair in about 1,600, so it is measured beside comparing all.
"""

import sys
import time
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from dataset_tools.audit.groups import Comparison, Group
from dataset_tools.audit.hashes import grey_copy, near_hashes
from dataset_tools.audit.places import same_ground, same_place
from dataset_tools.geodesy import LocalFrame
from dataset_tools.pictures import encode_jpeg

SIZES = (10_000, 100_000)
NONE = frozenset[str]()


def hashes(count):
    """Two sides of random hashes, a hundredth of them 3 bits apart."""
    rng = np.random.default_rng(0)
    a, b = (np.unique(rng.integers(0, 2**64, count, dtype=np.uint64)) for _ in "ab")
    near = a[: count // 100] ^ np.uint64(0b10101)
    return a, np.unique(np.concatenate([b, near]))


def groups(count):
    """Frames each 8 m and tiles each 40 m of two halves of a town, side by side."""
    local = LocalFrame(44.5, -72.6)
    found = []
    for name, west_m in (("train", 0.0), ("test", 20_010.0)):
        at = np.arange(count)
        east, north = west_m + 8.0 * (at % 2500), 60.0 * (at // 2500)
        lat, lon = local.to_degrees(east, north)
        ids = [f"{name}{i:06d}" for i in range(count)]
        table = pd.DataFrame({"lat": lat, "lon": lon}, index=ids)
        tiles = table.assign(width_px=160, height_px=160, m_per_px=0.5).iloc[::5]
        pack = SimpleNamespace(frames=table, tiles=tiles)
        found.append(
            Group(name=name, pack=pack, frames=tuple(ids), tiles=tuple(tiles.index))
        )
    return Comparison(scheme="area", a=found[0], b=found[1])


def by_hash(made):
    return len(near_hashes(*made, bits=4)[0])


def by_place(made):
    leak = same_place(made, within_m=25.0, skip=NONE, worst=8)
    return 0 if leak is None else len(leak.in_b)


def by_ground(made):
    leak = same_ground(made, above=0.001, skip=NONE, worst=8)
    return 0 if leak is None else len(leak.in_b)


@pytest.mark.parametrize(("make", "search"), [(groups, by_place), (groups, by_ground)])
def test_a_search_does_not_grow_with_the_square(benchmark, make, search):
    seconds = {}

    def both():
        for count in SIZES:
            made = make(count)
            start = time.process_time()
            assert search(made) > 0
            seconds[count] = time.process_time() - start

    benchmark.pedantic(both, rounds=1)
    small, large = (seconds[count] for count in SIZES)
    benchmark.extra_info |= {"small_s": small, "large_s": large}
    sys.stdout.write(
        f"\n{search.__name__}: {small:.2f} s for 10,000 a side, {large:.2f} s for "
        f"100,000, {large / small:.1f} times\n"
    )
    assert large < 20 * small


def test_near_hashes_beside_comparing_all(benchmark):
    count, part = 100_000, 5_000
    a, b = hashes(count)
    start = time.process_time()
    all_pairs = np.bitwise_count(a[:part, None] ^ b[None, :part]) <= 4
    all_s = (time.process_time() - start) * (count / part) ** 2
    assert all_pairs.shape == (part, part)
    start = time.process_time()
    found = benchmark.pedantic(by_hash, ((a, b),), rounds=1)
    seconds = time.process_time() - start
    assert found >= count // 100
    sys.stdout.write(
        f"\nhashes: {seconds:.2f} s for 100,000 a side, {all_s / seconds:.0f} times "
        "faster than comparing all\n"
    )
    assert all_s > 50 * seconds


def test_pictures_hashed_in_a_second(benchmark):
    noise = np.random.default_rng(0).integers(0, 255, (56, 308, 3)).astype(np.uint8)
    panorama = encode_jpeg(np.repeat(np.repeat(noise, 4, axis=0), 4, axis=1))
    benchmark(grey_copy, panorama)
    rate = 1.0 / benchmark.stats.stats.median
    sys.stdout.write(f"\n{rate:.0f} panoramas of 224 x 1,232 px a second\n")

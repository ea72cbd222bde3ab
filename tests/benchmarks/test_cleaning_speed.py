"""Cleaning alone, of tracks that ask much of it: stops, dense fixes, slow walks.

Times are those of the processor, so that other work on the machine counts less.
"""

import time

import numpy as np
import pytest

from dataset_tools.tracks.columns import TrackColumns, clean_columns

POINTS = 200_000
LEAST_PER_S = 500_000
"""Fixes a second that a drive with all its defects must reach."""


def track(step_m, *, stops=False, defects=False):
    """Winding drives of 2,000 fixes at one a second, without headings."""
    rng = np.random.default_rng(0)
    step = np.full(POINTS, step_m) * rng.normal(1.0, 0.05, POINTS)
    if stops:
        standing = (np.arange(POINTS) // 50) % 6 == 0
        step[standing] = rng.uniform(0.0, 0.4, standing.sum())
    heading = np.cumsum(rng.normal(0.0, 0.02, POINTS))
    # Folded at the edge, so that no step is a jump from one side to the other.
    east = np.abs(np.cumsum(step * np.sin(heading)) % 80e3 - 40e3)
    north = np.abs(np.cumsum(step * np.cos(heading)) % 80e3 - 40e3)
    lat, lon = 44.0 + north / 111_122.0, -72.0 + east / 79_530.0
    when = (1_560_000_000 + np.arange(POINTS)) * 10**9
    if defects:
        lat[rng.random(POINTS) < 0.002] += 0.1
        lat[rng.random(POINTS) < 0.001] = 0.0
        when[rng.random(POINTS) < 0.001] -= 10**10
    return TrackColumns(
        lat=lat,
        lon=lon,
        time=when,
        session=np.arange(POINTS) // 2_000,
        heading=np.full(POINTS, np.nan),
        hdop=np.full(POINTS, 1.0),
    )


TRACKS = {
    "drive": {"step_m": 8.05},
    "drive-with-stops-and-defects": {"step_m": 8.05, "stops": True, "defects": True},
    "dense": {"step_m": 0.3},
    "slow-walk": {"step_m": 0.7},
}


@pytest.mark.benchmark(
    group=f"cleaning {POINTS:,} fixes", timer=time.process_time, warmup=True
)
@pytest.mark.parametrize("name", TRACKS)
def test_cleaning(benchmark, name):
    made = track(**TRACKS[name])
    cleaned = benchmark.pedantic(clean_columns, args=(made,), rounds=5, warmup_rounds=1)
    assert len(cleaned.kept) + sum(cleaned.reasons().values()) == POINTS
    per_s = POINTS / benchmark.stats.stats.min
    benchmark.extra_info["fixes_per_s"] = round(per_s)
    if name.startswith("drive"):
        assert per_s >= LEAST_PER_S

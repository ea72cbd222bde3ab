"""Cleaning and sequence formation beside movingpandas' gap split on the same points.

Times are those of the processor, so that other work on the machine counts less.
"""

import sys
import time
from datetime import timedelta

import numpy as np
import pytest

from dataset_tools.sequences import SequenceRule, form_columns
from dataset_tools.tracks.columns import TrackColumns, clean_columns

POINTS = 100_000
SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
SESSION = 2_000
"""Fixes of a session: 16 km at one each 8 m."""
RULES = {
    "distance": SequenceRule(),
    "variable": SequenceRule(min_length=5, max_length=9),
    "time": SequenceRule(rule="time", window_s=6.0),
    "count": SequenceRule(rule="count", overlap=False),
    "radius": SequenceRule(rule="radius"),
}


def drives(count, seed=0):
    """So many fixes of winding drives: stops, pauses, jumps, and noise of 30 cm."""
    rng = np.random.default_rng(seed)
    row = np.arange(count)
    step = 8.05 * rng.uniform(0.9, 1.1, count)
    step[rng.random(count) < 0.02] = 0.0
    step[rng.random(count) < 0.001] = 70.0
    pause = np.where(rng.random(count) < 0.005, 90.0, 1.0)
    heading = np.cumsum(rng.normal(scale=0.05, size=count))
    noise = rng.normal(scale=0.3, size=(2, count))
    # Folded into 80 km, so that ten million fixes stay on one map.
    east = np.abs(np.cumsum(step * np.sin(heading)) % 160e3 - 80e3) + noise[0]
    north = np.abs(np.cumsum(step * np.cos(heading)) % 160e3 - 80e3) + noise[1]
    north[rng.random(count) < 0.0005] += 5_000.0
    unknown = np.full(count, np.nan)
    return TrackColumns(
        lat=44.0 + north / 111_122.0,
        lon=-72.0 + east / 79_530.0,
        time=(1.6e18 + np.cumsum(pause) * 1e9).astype(np.int64),
        session=row // SESSION,
        heading=unknown,
        hdop=unknown,
    )


def form(track, rule=RULES["distance"]):
    cleaned = clean_columns(track)
    return cleaned, form_columns(cleaned.kept, rule, places=cleaned.places)


def least_s(track, rounds):
    """Processor seconds of the fastest of some rounds."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        form(track)
        times.append(time.process_time() - start)
    return min(times)


def say(capsys, *lines):
    with capsys.disabled():
        sys.stdout.write("\n".join(["", *lines, ""]))


@pytest.fixture(scope="module")
def track():
    return drives(POINTS)


@pytest.mark.benchmark(group="sequences of 100,000 fixes", timer=time.process_time)
@pytest.mark.parametrize("rule", RULES)
def test_cleaning_and_forming(benchmark, track, rule):
    cleaned, found = benchmark.pedantic(
        form, (track, RULES[rule]), rounds=10, warmup_rounds=1
    )
    assert len(cleaned.kept) > 0.9 * POINTS
    assert len(found) > 1_000


@pytest.mark.benchmark(group="sequences of 100,000 fixes", timer=time.process_time)
def test_movingpandas_gap_split(benchmark, track, capsys):
    # First, before a million objects lie around for the garbage collector.
    ours = least_s(track, 20)
    movingpandas = pytest.importorskip("movingpandas")
    import pandas as pd

    table = pd.DataFrame(
        {
            "t": pd.to_datetime(track.time),
            "lat": track.lat,
            "lon": track.lon,
            "session": track.session,
        }
    )
    whole = movingpandas.TrajectoryCollection(
        table, "session", t="t", x="lon", y="lat", crs=4326
    )
    splitter = movingpandas.ObservationGapSplitter(whole)
    parts = benchmark.pedantic(
        splitter.split, kwargs={"gap": timedelta(seconds=60)}, rounds=3
    )
    assert len(parts) > 2 * POINTS / SESSION
    ratio = benchmark.stats.stats.min / ours
    say(capsys, f"cleaning and forming: {ratio:.0f} times as fast as the gap split")
    assert ratio >= 100


@pytest.mark.benchmark(group="sequences, time against points")
def test_time_grows_in_proportion_to_the_points(benchmark, capsys):
    seconds = benchmark.pedantic(
        lambda: [least_s(drives(count), 5) for count in SIZES], rounds=1
    )
    slope = float(np.polyfit(np.log(SIZES), np.log(seconds), 1)[0])
    lines = [
        f"{count:>12,} fixes {needed:8.3f} s {count / needed:>12,.0f} a second"
        for count, needed in zip(SIZES, seconds, strict=True)
    ]
    say(capsys, *lines, f"log-log slope {slope:.3f}")
    assert 0.9 < slope < 1.1

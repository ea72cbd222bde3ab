"""Positions of a fast receiver that stand apart from the rest for seconds."""

import time
from dataclasses import replace

import numpy as np
from made_drive import SECOND, drive, fixes_of
from made_gpmf import gps5

from dataset_tools.tracks.formats import read_track
from dataset_tools.tracks.outliers import apart

RATE = 1 / 18


def fixes(east, north=0.0):
    return fixes_of(drive(east, north, seconds=RATE))


def test_a_sound_track_hangs_together():
    out, _, limit = apart(fixes(0.7 * np.arange(400)))
    assert not out.any()
    assert limit == 60.0


def test_two_seconds_thrown_aside_are_left_out_and_the_rest_is_joined():
    north = np.zeros(400)
    north[100:136] = 50.0
    out, speed, limit = apart(fixes(0.7 * np.arange(400), north))
    assert np.flatnonzero(out).tolist() == list(range(100, 136))
    assert speed[100] > 800.0 > limit
    assert np.isnan(speed[0])


def test_a_road_after_a_tunnel_joins():
    track = fixes(0.7 * np.arange(400))
    track[200:] = [
        replace(f, lat=f.lat + 0.004, time=f.time + 30 * SECOND) for f in track[200:]
    ]
    assert not apart(track)[0].any()


def test_a_wild_beginning_does_not_take_the_rest_with_it():
    north = np.zeros(100)
    north[:5] = 900.0
    out, speed, _ = apart(fixes(0.7 * np.arange(100), north))
    assert np.flatnonzero(out).tolist() == [0, 1, 2, 3, 4]
    assert np.isnan(speed[:5]).all()


def test_few_fixes_and_nothing_but_jumps_are_no_trouble():
    assert not apart([])[0].any()
    assert not apart(fixes([0.0]))[0].any()
    wild = fixes(np.random.default_rng(0).uniform(0, 1e6, 5_000))
    began = time.perf_counter()
    apart(wild)
    assert time.perf_counter() - began < 10.0


def test_telemetry_is_read_without_what_stands_apart(tmp_path):
    places = [
        [(42.34 + 1e-6 * (18 * s + k), -8.75) for k in range(18)] for s in range(9)
    ]
    places[4] = [(lat + 0.0006, lon) for lat, lon in places[4]]
    data = b"".join(
        gps5(p, moment=f"1901031633{s + 10}.000") for s, p in enumerate(places)
    )
    (tmp_path / "a.gpmf").write_bytes(data)
    outcome = read_track(tmp_path / "a.gpmf")
    assert len(outcome.kept) == 8 * 18
    assert outcome.reasons() == {"apart": 18}
    assert outcome.rejected[0].limit == 60.0

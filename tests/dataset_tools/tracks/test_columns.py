"""Cleaning in columns: the sieves find what walking row by row would find."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_drive import SECOND, START, drive

from dataset_tools.errors import UsageError
from dataset_tools.tracks import columns as module
from dataset_tools.tracks.clean import CleaningLimits, clean, columns_of
from dataset_tools.tracks.columns import NO_TIME, Reason, TrackColumns, clean_columns
from dataset_tools.tracks.rows import Rows, spans

LOOSE = CleaningLimits(max_speed_mps=1e6, max_step_m=1e6, frozen_release_mps=1e6)


def track_of(east, seconds, headings, sessions):
    frames = drive(east) if len(east) else []
    times = [NO_TIME if s is None else START + s * SECOND for s in seconds]
    return replace(
        columns_of(frames),
        time=np.array(times, np.int64),
        heading=np.array(headings, float),
        session=np.array(sessions, np.int64),
    )


ROWS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.0, 0.2, 0.41, 1.3, 3.1, 5.3, 9.7]),
        st.one_of(st.integers(0, 3), st.none()),
        st.sampled_from([math.nan, 10.0, 14.0, 355.0]),
        st.sampled_from([0, 0, 0, 1]),
    ),
    max_size=40,
)


def made(rows):
    steps, seconds, headings, sessions = zip(*rows, strict=True)
    clock = np.cumsum([s or 0 for s in seconds]).tolist()
    times = [None if s is None else c for s, c in zip(seconds, clock, strict=True)]
    ordered = np.sort(np.array(sessions))
    return track_of(np.cumsum(steps), times, headings, ordered)


def walked(track, limits, check):
    """Rows of each session in turn, given to a plain loop."""
    x, y, z = Rows.of(track).places
    places = list(zip(x, y, z, strict=True))
    out = set()
    for session in np.unique(track.session):
        out |= check(np.flatnonzero(track.session == session), places, track, limits)
    return out


def stops_walked(rows, places, track, limits):
    out, k = set(), 0
    while k < len(rows):
        end = k
        for n in range(k, len(rows)):
            near = math.dist(places[rows[k]], places[rows[n]]) <= limits.stop_radius_m
            if track.time[rows[n]] == NO_TIME or not near:
                break
            end = n
        lasted = (track.time[rows[end]] - track.time[rows[k]]) / SECOND
        if end > k and lasted >= limits.stop_min_s:
            out |= set(rows[k + 1 : end + 1].tolist())
            k = end
        k += 1
    return out


def duplicates_walked(rows, places, track, limits):
    out, last = set(), rows[0]
    for row in rows[1:]:
        metres = math.dist(places[last], places[row])
        turn = abs((track.heading[row] - track.heading[last] + 180) % 360 - 180)
        if metres < limits.duplicate_m and not turn >= limits.duplicate_turn_deg:
            out.add(row)
        else:
            last = row
    return out


@settings(max_examples=150, deadline=None)
@given(ROWS.filter(len), st.sampled_from([0.3, 1.0, 4.0]), st.sampled_from([1.0, 3.0]))
def test_stops_are_those_of_a_plain_walk(rows, radius, least):
    limits = replace(LOOSE, stop_radius_m=radius, stop_min_s=least, duplicate_m=0.0)
    track = made(rows)
    reason = clean_columns(track, limits).reason
    got = set(np.flatnonzero(reason == Reason.STATIONARY).tolist())
    # Duplicates of the exact kind come later and cannot hide a stop.
    earlier = np.isin(reason, [Reason.FROZEN_FIX, Reason.FROZEN_REPEATS])
    if not earlier.any():
        assert got == walked(track, limits, stops_walked)


@settings(max_examples=150, deadline=None)
@given(ROWS.filter(len), st.sampled_from([0.3, 0.5, 2.0]))
def test_duplicates_are_those_of_a_plain_walk(rows, metres):
    limits = replace(LOOSE, stop_min_s=math.inf, duplicate_m=metres, frozen_repeats=99)
    track = made(rows)
    reason = clean_columns(track, limits).reason
    got = set(np.flatnonzero(reason == Reason.DUPLICATE).tolist())
    assert got == walked(track, limits, duplicates_walked)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(0, 12), min_size=1, max_size=14))
def test_no_longer_run_of_times_could_have_been_kept(times):
    track = track_of(
        8.0 * np.arange(len(times)), times, [0.0] * len(times), [0] * len(times)
    )
    cleaned = clean_columns(track, replace(LOOSE, stop_min_s=math.inf))
    kept = [t for t, keep in zip(times, cleaned.keep, strict=True) if keep]
    best = [1] * len(times)
    for i, later in enumerate(times):
        best[i] = 1 + max((best[k] for k in range(i) if times[k] <= later), default=0)
    assert kept == sorted(kept)
    assert len(kept) == max(best)


@pytest.mark.parametrize("block", [1, 3, 7, 1000])
def test_the_result_does_not_depend_on_the_size_of_a_block(block, monkeypatch):
    generator = np.random.default_rng(1)
    east = np.cumsum(generator.choice([0.0, 0.3, 8.0, 300.0], 200))
    seconds = np.sort(generator.integers(0, 400, 200)).tolist()
    sessions = np.sort(generator.integers(0, 9, 200))
    track = track_of(east, seconds, [math.nan] * 200, sessions)
    whole = clean_columns(track)
    monkeypatch.setattr(module, "BLOCK", block)
    parts = clean_columns(track)
    for name in ("rows", "reason", "measured", "limit"):
        a, b = getattr(whole, name), getattr(parts, name)
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(whole.kept.heading, parts.kept.heading)


def test_mixed_sessions_are_put_together_and_told_in_the_order_of_the_input():
    track = track_of([0.0, 0.0, 8.0, 8.1], [0, 0, 1, 1], [math.nan] * 4, [5, 2, 5, 2])
    cleaned = clean_columns(track)
    assert cleaned.rows.tolist() == [1, 3, 0, 2]
    assert cleaned.kept.session.tolist() == [2, 2, 5, 5]
    track.lat[3] = math.inf
    cleaned = clean_columns(track)
    assert cleaned.reason.tolist() == [0, 0, 0, Reason.NOT_A_NUMBER]
    assert cleaned.reasons() == {"not-a-number": 1}


def test_the_columns_and_the_frames_say_the_same():
    frames = drive([0.0, 8.0, 8.1, 16.0, 9_000.0, 24.0, 24.0, 24.0], seconds=2.0)
    outcome, cleaned = clean(frames), clean_columns(columns_of(frames))
    assert outcome.reasons() == cleaned.reasons()
    assert [f.frame_id for f in outcome.kept] == [
        frames[i].frame_id for i in cleaned.rows
    ]
    assert [r.measured for r in outcome.rejected] == pytest.approx(
        [cleaned.measured[i] for i in (4, 2, 6, 7)]
    )


def test_columns_of_the_wrong_kind_are_refused():
    track = columns_of(drive([0.0, 8.0]))
    with pytest.raises(UsageError, match="time is float64"):
        replace(track, time=track.time.astype(float))
    with pytest.raises(UsageError, match=r"lon is float64 \(1,\)"):
        replace(track, lon=track.lon[:1])


def test_nothing_is_nothing():
    nothing = clean_columns(columns_of([]))
    assert len(nothing.rows) == len(nothing.kept) == 0
    assert nothing.reasons() == {}


def test_a_stop_of_years_does_not_overflow():
    seconds = [0, 10**9, 2 * 10**9]
    track = track_of([0.0, 0.0, 0.0], seconds, [math.nan] * 3, [0] * 3)
    cleaned = clean_columns(track, CleaningLimits(stop_min_s=1.5e9))
    assert cleaned.reasons() == {"stationary": 2}
    assert isinstance(track, TrackColumns)


def test_spans_of_nothing_are_nothing():
    empty = np.empty(0, np.int64)
    assert spans(empty, empty).size == 0

"""Each defect of a track, and the laws that cleaning keeps."""

import random
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_drive import SECOND, START, changed, drive

from dataset_tools.errors import UsageError
from dataset_tools.tracks.clean import CleaningLimits, clean


def orders(outcome):
    return [f.order for f in outcome.kept]


def test_a_sound_drive_is_kept_whole():
    frames = drive(8.05 * np.arange(20))
    outcome = clean(frames)
    assert orders(outcome) == list(range(20))
    assert outcome.rejected == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"lat": 0.0, "lon": 0.0}, "null-island"),
        ({"lat": 181.0}, "latitude-out-of-range"),
        ({"lon": -999.0}, "longitude-out-of-range"),
        ({"lat": float("nan")}, "not-a-number"),
        ({"hdop": 5.1}, "hdop"),
        ({"lat": 44.51}, "jump"),
        ({"lat": -44.5}, "lost-sign"),
        ({"lat": -72.5, "lon": 44.5}, "swapped-lat-lon"),
        ({"time": START}, "out-of-order"),
        ({"time": START + 10**6 * SECOND}, "out-of-order"),
        ({"time": START + 4 * SECOND, "lat": 44.51}, "equal-time"),
        ({"lat": -122.4, "lon": 37.8}, "swapped-lat-lon"),
        ({"lat": 44.5004}, "zigzag"),
    ],
)
@pytest.mark.parametrize("index", [5])
def test_one_bad_frame_costs_that_frame(change, reason, index):
    outcome = clean(changed(drive(8.05 * np.arange(12)), index, **change))
    assert outcome.reasons() == {reason: 1}
    assert orders(outcome) == [k for k in range(12) if k != index]


def test_a_wild_first_fix_does_not_take_the_drive_with_it():
    outcome = clean(changed(drive(8.05 * np.arange(12)), 0, lat=44.6))
    assert orders(outcome) == list(range(1, 12))


def test_a_rejection_states_measure_and_limit():
    outcome = clean(changed(drive(8.05 * np.arange(12)), 5, hdop=9.0))
    (rejection,) = outcome.rejected
    assert (rejection.item, rejection.stage) == ("s/0005", "clean")
    assert (rejection.measured, rejection.limit) == (9.0, 5.0)


def test_a_real_displacement_keeps_both_sides():
    east = 8.05 * np.arange(20)
    east[10:] += 5_000.0
    assert len(clean(drive(east)).kept) == 20


def test_without_times_only_an_excursion_and_back_is_a_jump():
    east = 8.05 * np.arange(12)
    away = changed(drive(east, seconds=None), 5, lat=44.6)
    assert clean(away).reasons() == {"jump": 1}
    singles = drive([0.0, 9_000.0, 20_000.0], seconds=None)
    assert len(clean(singles).kept) == 3


def test_equal_times_of_a_coarse_clock_are_kept():
    frames = drive(8.05 * np.arange(12), seconds=0.5)
    coarse = [replace(f, time=f.time // SECOND * SECOND) for f in frames]
    assert len(clean(coarse).kept) == 12


def test_a_stop_leaves_one_frame():
    noise = np.random.default_rng(0).uniform(-1.0, 1.0, 30)
    east = np.concatenate(
        [8.0 * np.arange(10), 76.0 + noise, 80.0 + 8.0 * np.arange(9)]
    )
    outcome = clean(drive(east))
    assert set(outcome.reasons()) <= {"stationary", "duplicate"}
    assert 18 <= len(outcome.kept) <= 21


def test_a_frozen_fix_of_a_moving_car_is_named_so():
    east = 13.0 * np.arange(12)
    east[5:8] = east[4]
    outcome = clean(drive(east))
    assert outcome.reasons() == {"frozen-fix": 3}
    assert orders(outcome) == [0, 1, 2, 3, 4, 8, 9, 10, 11]


def test_without_times_three_frames_at_one_position_are_a_frozen_fix():
    east = [0.0, 8.0, 16.0, 24.0, 24.0, 24.0]
    outcome = clean(drive(east, seconds=None))
    assert outcome.reasons() == {"frozen-fix": 2}
    assert orders(outcome) == [0, 1, 2, 3]


def test_a_repeat_is_measured_against_the_last_kept_frame():
    # Steps of 0.3 m: each is a repeat of the one before, every second one is not.
    outcome = clean(drive(0.3 * np.arange(9), seconds=None))
    assert orders(outcome) == [0, 2, 4, 6, 8]
    assert outcome.reasons() == {"duplicate": 4}


def test_a_camera_that_turned_on_the_spot_is_no_repeat():
    frames = drive([0.0, 8.0, 8.2, 16.0], heading_deg=90.0)
    assert len(clean(frames).kept) == 3
    assert len(clean(changed(frames, 2, heading_deg=180.0)).kept) == 4


def test_unknown_headings_become_the_course_and_known_ones_stay():
    frames = changed(drive(8.05 * np.arange(5)), 2, heading_deg=12.0)
    headings = [f.heading_deg for f in clean(frames).kept]
    assert headings[2] == 12.0
    assert [headings[k] for k in (0, 1, 3, 4)] == pytest.approx([90.0] * 4, abs=1e-3)


def test_a_course_never_spans_a_gap_and_a_single_frame_has_none():
    frames = drive([0.0, 8.0, 500.0], seconds=60.0)
    assert clean(frames).kept[2].heading_deg is None
    assert clean(frames[:1]).kept[0].heading_deg is None


def test_sessions_are_cleaned_apart():
    frames = drive(8.05 * np.arange(6))
    other = [replace(f, session_id="t", frame_id=f"t{f.order}") for f in frames]
    assert len(clean([*frames, *other]).kept) == 12


def test_the_antimeridian_is_no_jump():
    frames = drive(8.05 * np.arange(-6, 6), origin=(10.0, 180.0))
    assert {f.lon > 0 for f in frames} == {True, False}
    outcome = clean(frames)
    assert len(outcome.kept) == 12
    assert [f.heading_deg for f in outcome.kept] == pytest.approx([90.0] * 12, abs=1e-3)


def test_nothing_gives_nothing():
    assert clean([]).kept == []


def test_a_negative_limit_is_refused():
    with pytest.raises(UsageError, match="max_hdop"):
        CleaningLimits(max_hdop=-1.0)


MESS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.3, 5.0, 8.0, 200.0, 9_000.0]),
        st.one_of(st.none(), st.integers(0, 30)),
        st.one_of(st.none(), st.floats(0, 359)),
        st.one_of(st.none(), st.floats(0, 9)),
        st.sampled_from(["a", "b"]),
    ),
    max_size=25,
)


def mess_frames(rows):
    frames = drive([row[0] for row in rows]) if rows else []
    return [
        replace(
            f,
            time=None if seconds is None else START + seconds * SECOND,
            heading_deg=heading,
            hdop=hdop,
            session_id=session,
        )
        for f, (_, seconds, heading, hdop, session) in zip(frames, rows, strict=True)
    ]


@settings(max_examples=100, deadline=None)
@given(MESS, st.randoms(use_true_random=False))
def test_every_frame_is_kept_or_rejected_once_in_any_order_of_input(rows, shuffler):
    frames = mess_frames(rows)
    outcome = clean(frames)
    names = [f.frame_id for f in outcome.kept] + [r.item for r in outcome.rejected]
    assert sorted(names) == sorted(f.frame_id for f in frames)
    shuffled = list(frames)
    shuffler.shuffle(shuffled)
    assert clean(shuffled) == outcome


@settings(max_examples=50, deadline=None)
@given(MESS)
def test_times_never_go_back_in_what_is_kept(rows):
    outcome = clean(mess_frames(rows))
    for session in ("a", "b"):
        times = [f.time for f in outcome.kept if f.session_id == session]
        known = [t for t in times if t is not None]
        assert known == sorted(known)


def test_a_long_drive_takes_well_under_a_second_per_ten_thousand_fixes():
    frames = drive(8.05 * np.arange(20_000), origin=(44.5, -72.5))
    began = time.perf_counter()
    assert len(clean(frames).kept) == 20_000
    assert time.perf_counter() - began < 4.0


def test_a_track_of_nothing_but_jumps_takes_seconds_at_most():
    generator = random.Random(0)
    frames = drive([generator.uniform(0, 50_000) for _ in range(5_000)])
    began = time.perf_counter()
    clean(frames)
    assert time.perf_counter() - began < 10.0


def test_times_beyond_the_limits_are_wrong_clocks_and_told_as_dates():
    limits = CleaningLimits(earliest=START - 10 * SECOND, latest=START + 1000 * SECOND)
    frames = changed(drive(8.05 * np.arange(12)), 5, time=0)
    frames = changed(frames, 6, time=2 * START)
    outcome = clean(frames, limits)
    assert [(r.item, r.reason, r.measured) for r in outcome.rejected] == [
        ("s/0005", "time-too-early", "1970-01-01T00:00:00+00:00"),
        ("s/0006", "time-in-future", "2068-11-13T02:40:00+00:00"),
    ]
    assert outcome.rejected[0].limit == "2019-06-08T13:19:50+00:00"
    assert len(clean(changed(frames, 6, time=None), limits).kept) == 11


@pytest.mark.parametrize("length", [1, 2, 4])
def test_a_zigzag_of_multipath_is_left_out_whole(length):
    north = np.zeros(20)
    north[8 : 8 + length] = 45.0
    outcome = clean(drive(15.0 * np.arange(20), north))
    assert outcome.reasons() == {"zigzag": length}
    assert orders(outcome) == [k for k in range(20) if not 8 <= k < 8 + length]
    assert outcome.rejected[0].measured > outcome.rejected[0].limit == 30.0


def test_a_displacement_of_many_frames_is_no_zigzag():
    north = np.zeros(20)
    north[8:14] = 45.0
    assert len(clean(drive(15.0 * np.arange(20), north)).kept) == 20


@pytest.mark.parametrize("seconds", [3.0, 5.0, 10.0])
def test_a_corner_between_distant_fixes_is_no_zigzag(seconds):
    along = 12.0 * seconds * np.arange(6)
    east = np.concatenate([along, np.full(6, along[-1])])
    north = np.concatenate([np.zeros(6), 12.0 * seconds * np.arange(1, 7)])
    assert len(clean(drive(east, north, seconds=seconds)).kept) == 12
    u_turn = np.concatenate([along, along[::-1] - 1.0])
    assert "zigzag" not in clean(drive(u_turn, seconds=seconds)).reasons()


def test_a_clock_of_whole_seconds_makes_no_zigzag_of_a_motorway():
    generator = np.random.default_rng(0)
    seconds = np.cumsum(generator.uniform(1.2, 2.5, 60))
    frames = drive(20.0 * seconds)
    frames = [
        replace(f, time=START + int(s) * SECOND)
        for f, s in zip(frames, seconds, strict=True)
    ]
    assert len(clean(frames).kept) == 60


def test_of_a_track_between_two_lines_every_second_frame_stays():
    north = np.where(np.arange(20) % 2, 45.0, 0.0)
    outcome = clean(drive(15.0 * np.arange(20), north))
    assert set(outcome.reasons()) == {"zigzag"}
    assert 9 <= len(outcome.kept) <= 11


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"lat": -72.5, "lon": 44.5}, "swapped-lat-lon"),
        ({"lat": 44.5, "lon": 72.5}, "lost-sign"),
        ({"lat": -44.5, "lon": 72.5}, "lost-sign"),
    ],
)
def test_a_mistake_that_the_neighbours_prove_is_repaired_only_if_asked(change, reason):
    frames = changed(drive(8.05 * np.arange(5)), 0, **change)
    assert clean(frames).reasons() == {reason: 1}
    outcome = clean(frames, repair=True)
    assert outcome.rejected == []
    first = outcome.kept[0]
    assert (first.lat, first.lon, first.repair) == (44.5, -72.5, reason)
    assert {f.repair for f in outcome.kept[1:]} == {None}


def test_a_repair_that_does_not_fit_is_cleaned_like_any_other():
    # Swapped back it would lie 900 m from its neighbours: near, but not on the way.
    wrong = {"lat": -72.5, "lon": 44.508}
    outcome = clean(changed(drive(8.05 * np.arange(12)), 5, **wrong), repair=True)
    assert outcome.reasons() == {"jump": 1}


def test_exact_repeats_stay_where_repeats_are_allowed():
    limits = CleaningLimits(stop_min_s=float("inf"), duplicate_m=0.0)
    frames = drive([0.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0, 16.0], seconds=3.0)
    assert len(clean(frames, limits).kept) == 9

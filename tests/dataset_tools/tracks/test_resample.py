"""Spacing in metres: interpolated positions and chosen pictures."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_drive import SECOND, START, drive

from dataset_tools.errors import UsageError
from dataset_tools.geodesy import distance_m
from dataset_tools.tracks.resample import resample


def steps(frames):
    return [float(distance_m(a.lat, a.lon, b.lat, b.lon)) for a, b in pairwise(frames)]


def pictures(east, **options):
    return [replace(f, source=f"{f.frame_id}.jpg") for f in drive(east, **options)]


@settings(max_examples=40, deadline=None)
@given(st.floats(0.5, 60.0), st.lists(st.floats(1.0, 90.0), min_size=1, max_size=20))
def test_a_straight_track_is_cut_into_equal_steps(spacing, lengths):
    track = drive(np.cumsum([0.0, *lengths]), seconds=None)
    kept = resample(track, spacing).kept
    assert steps(kept) == pytest.approx([spacing] * (len(kept) - 1), abs=1e-4)
    assert (len(kept) - 1) * spacing <= sum(lengths) + 1e-3 < len(kept) * spacing + 0.01
    assert (kept[0].lat, kept[0].lon) == pytest.approx((track[0].lat, track[0].lon))


def test_time_altitude_and_heading_are_interpolated():
    a, b = drive([0.0, 40.0], seconds=4.0)
    a = replace(a, altitude_m=10.0, heading_deg=350.0, hdop=1.0)
    b = replace(b, altitude_m=20.0, heading_deg=10.0, hdop=2.0)
    middle = resample([a, b], 20.0).kept[1]
    assert middle.time == pytest.approx(START + 2 * SECOND, abs=1e4)
    assert middle.altitude_m == pytest.approx(15.0, abs=1e-4)
    assert min(middle.heading_deg, 360.0 - middle.heading_deg) < 1e-3
    assert middle.hdop == 2.0


def test_without_headings_the_course_is_the_heading():
    kept = resample(drive([0.0, 40.0]), 10.0).kept
    assert [f.heading_deg for f in kept] == pytest.approx([90.0] * len(kept), abs=1e-3)


def test_positions_are_named_by_the_millimetres_driven():
    kept = resample(drive([0.0, 10.0, 20.1]), 8.05).kept
    assert [f.frame_id for f in kept] == [
        "s/m000000000000",
        "s/m000000008050",
        "s/m000000016100",
    ]
    assert [f.order for f in kept] == [0, 1, 2]


def test_a_gap_is_never_bridged_and_names_stay_apart():
    track = drive([0.0, 20.0, 40.0, 940.0, 960.0, 980.0])
    outcome = resample(track, 10.0)
    assert max(steps(outcome.kept)) == pytest.approx(900.0, abs=1e-2)
    assert len(outcome.kept) == 10
    assert len({f.frame_id for f in outcome.kept}) == 10


def test_a_position_alone_between_gaps_is_rejected():
    outcome = resample(drive([0.0, 20.0, 900.0]), 10.0)
    assert [r.item for r in outcome.rejected] == ["s/0002"]
    assert outcome.reasons() == {"alone-between-gaps": 1}


def test_a_pause_ends_a_piece_too():
    outcome = resample(drive([0.0, 20.0], seconds=61.0), 10.0)
    assert outcome.reasons() == {"alone-between-gaps": 2}


def test_interpolation_crosses_the_antimeridian():
    kept = resample(drive([-50.0, 40.0], origin=(10.0, 180.0)), 9.0).kept
    assert steps(kept) == pytest.approx([9.0] * 10, abs=1e-3)


def test_denser_pictures_are_thinned_to_the_nearest():
    outcome = resample(pictures(3.0 * np.arange(9)), 8.0)
    assert [f.order for f in outcome.kept] == [0, 3, 5, 8]
    assert outcome.reasons() == {"denser-than-spacing": 5}


def test_sparser_pictures_are_all_kept_untouched():
    frames = pictures(11.0 * np.arange(9))
    outcome = resample(frames, 8.05)
    assert outcome.kept == frames
    assert outcome.rejected == []


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0.0, 150.0), max_size=20), st.floats(1.0, 30.0))
def test_pictures_kept_and_rejected_add_up(lengths, spacing):
    frames = pictures(np.cumsum([0.0, *lengths]))
    outcome = resample(frames, spacing)
    names = [f.frame_id for f in outcome.kept] + [r.item for r in outcome.rejected]
    assert sorted(names) == [f.frame_id for f in frames]


@pytest.mark.parametrize("spacing", [0.0, -1.0, float("nan"), float("inf")])
def test_a_senseless_spacing_is_refused(spacing):
    with pytest.raises(UsageError, match="spacing"):
        resample([], spacing)

"""Windows along a track: hand-counted cases, cuts, and accounting."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_track import drive

from dataset_tools.errors import UsageError
from dataset_tools.sequences import SequenceRule, form_sequences
from dataset_tools.sequences.pieces import Cut
from dataset_tools.sequences.windows import Reason


def form(frames, **rule):
    return form_sequences(frames, SequenceRule(**rule), region="vermont")


def numbers(outcome):
    return [[int(f[-4:]) for f in s.frame_ids] for s in outcome.kept]


def test_thirteen_frames_give_three_overlapping_sequences():
    outcome = form(drive(8.05 * np.arange(13)))
    assert numbers(outcome) == [list(range(k, k + 7)) for k in (0, 3, 6)]
    assert outcome.rejected == []
    assert [s.sequence_id for s in outcome.kept] == [
        "vermont/s/00000",
        "vermont/s/00001",
        "vermont/s/00002",
    ]


def test_a_query_lies_at_its_middle_frame_and_is_about_50_m_long():
    frames = drive(8.05 * np.arange(7))
    (sequence,) = form(frames).kept
    assert (sequence.lat, sequence.lon) == (frames[3].lat, frames[3].lon)
    assert sequence.length_m == pytest.approx(48.3, abs=1e-3)
    assert sequence.region == "vermont"


def test_frames_behind_the_last_stride_are_named():
    outcome = form(drive(8.05 * np.arange(9)))
    assert [r.item for r in outcome.rejected] == ["s/0007", "s/0008"]
    assert outcome.reasons() == {"stride-remainder": 2}


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        (drive(30.0 * np.arange(8)), "path-too-long"),
        (drive(2.0 * np.arange(8)), "path-too-short"),
        (drive(8.05 * np.arange(6)), "short-piece-session-end"),
        (drive(51.0 * np.arange(8)), "short-piece-gap-m"),
        (drive(8.05 * np.arange(8), seconds=61.0), "short-piece-gap-s"),
    ],
)
def test_a_track_that_fits_no_window_says_why(frames, reason):
    outcome = form(frames)
    assert outcome.kept == []
    assert outcome.rejected[0].reason == reason
    assert len(outcome.rejected) == len(frames)


def test_each_cut_has_a_short_piece_of_its_name():
    for cut in Cut:
        reason = Reason(Reason.SHORT_PIECE_SESSION_END + cut)
        end = cut.name.lower().replace("_", "-")
        assert reason.label == f"short-piece-{end}"


def test_a_gap_cuts_and_no_sequence_spans_it():
    east = 8.05 * np.arange(14)
    east[7:] += 60.0
    assert numbers(form(drive(east))) == [list(range(7)), list(range(7, 14))]


def test_a_speed_cuts():
    frames = drive(8.05 * np.arange(14), seconds=0.1)
    far = [replace(f, lon=f.lon + 0.0006) for f in frames[7:]]
    outcome = form([*frames[:7], *far], max_gap_m=100.0, max_speed_mps=50.0)
    assert numbers(outcome) == [list(range(7)), list(range(7, 14))]


def test_a_turn_back_cuts_and_a_corner_does_not():
    there = 8.05 * np.arange(7)
    back = drive(np.concatenate([there, there[-2::-1], [-8.05]]))
    assert numbers(form(back))[0] == list(range(7))
    assert all(not (5 in n and 8 in n) for n in numbers(form(back)))
    corner = drive([0, 8, 16, 24, 24, 24, 24], [0, 0, 0, 0, 8, 16, 24])
    assert len(form(corner).kept) == 1


def test_sessions_never_share_a_sequence():
    frames = drive(8.05 * np.arange(14))
    mixed = [replace(f, session_id="t") if f.order >= 7 else f for f in frames]
    assert numbers(form(mixed)) == [list(range(7)), list(range(7, 14))]


def test_all_frames_lie_within_the_radius():
    outcome = form(drive(8.05 * np.arange(7)), max_radius_m=20.0)
    (reason,) = outcome.reasons()
    assert reason == "too-far-from-middle"
    assert outcome.rejected[0].measured == pytest.approx(24.15, abs=1e-3)


def test_a_short_piece_can_still_be_a_sequence():
    frames = drive([0.0, 6.6, 20.8], seconds=None)
    outcome = form(frames, rule="count", min_length=2)
    assert numbers(outcome) == [[0, 1, 2]]


def test_single_frames_are_sequences_of_one():
    outcome = form(drive([0.0, 900.0, 5000.0]), length=1, stride=1)
    assert numbers(outcome) == [[0], [1], [2]]
    assert [s.length_m for s in outcome.kept] == [0.0, 0.0, 0.0]


def test_windows_find_their_start_behind_a_bad_stretch():
    east = np.concatenate([[0.0, 40.0], 80.0 + 8.05 * np.arange(7)])
    assert numbers(form(drive(east))) == [list(range(2, 9))]


def test_the_antimeridian_cuts_nothing():
    frames = drive(8.05 * np.arange(-6, 7), origin=(10.0, 180.0))
    assert len(form(frames).kept) == 3


def test_the_same_frame_twice_is_refused():
    frames = drive(8.05 * np.arange(3))
    with pytest.raises(UsageError, match="more than once"):
        form([*frames, frames[0]])


@pytest.mark.parametrize(
    "rule",
    [
        {"length": 0},
        {"stride": 0},
        {"spacing_m": 0.0},
        {"max_gap_m": float("nan")},
        {"min_length": 8},
    ],
)
def test_a_senseless_rule_is_refused(rule):
    with pytest.raises(UsageError, match=next(iter(rule))):
        SequenceRule(**rule)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from([0.0, 4.0, 8.0, 9.0, 30.0, 70.0]), max_size=40),
    st.integers(1, 8),
    st.integers(1, 9),
    st.randoms(use_true_random=False),
)
def test_every_frame_is_in_a_sequence_or_rejected_once(steps, length, stride, shuffler):
    frames = drive(np.cumsum([0.0, *steps]))
    outcome = form(frames, length=length, stride=stride)
    used = {f for s in outcome.kept for f in s.frame_ids}
    rejected = [r.item for r in outcome.rejected]
    assert sorted([*used, *rejected]) == [f.frame_id for f in frames]
    assert all(len(s.frame_ids) == length for s in outcome.kept)
    shuffled = list(frames)
    shuffler.shuffle(shuffled)
    assert form(shuffled, length=length, stride=stride) == outcome

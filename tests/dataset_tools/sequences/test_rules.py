"""The four rules on tracks whose sequences can be counted by hand."""

from dataclasses import replace

import numpy as np
import pytest
from made_track import drive

from dataset_tools.errors import UsageError
from dataset_tools.sequences import SequenceRule, form_sequences


def form(frames, **rule):
    return form_sequences(frames, SequenceRule(**rule), region="r")


def numbers(outcome):
    return [[int(f[-4:]) for f in s.frame_ids] for s in outcome.kept]


def told(rejection):
    return rejection.reason, rejection.measured, rejection.limit


def every(*spans):
    return [list(range(a, b)) for a, b in spans]


class TestByDistance:
    def test_variable_length_keeps_to_the_path_and_not_to_the_count(self):
        # 48.3 m: 5 frames 12 m apart, 13 frames 4 m apart.
        sparse = form(drive(12.0 * np.arange(5)), min_length=4, max_length=14)
        dense = form(drive(4.0 * np.arange(13)), min_length=4, max_length=14)
        assert numbers(sparse) == every((0, 5))
        assert numbers(dense) == every((0, 13))

    def test_of_two_ends_the_one_nearer_to_the_nominal_path_is_taken(self):
        # 40 m and 55 m: 8.3 m too short or 6.7 m too long.
        east = [0, 10, 20, 30, 40, 55]
        outcome = form(drive(east), min_length=2, max_length=9)
        assert numbers(outcome) == every((0, 6))
        near = form(drive([0, 10, 20, 30, 44, 55]), min_length=2, max_length=9)
        assert numbers(near)[0] == list(range(5))

    def test_too_many_and_too_few_frames_are_told_with_both_numbers(self):
        variable = {"min_length": 5, "max_length": 9}
        dense = form(drive(1.0 * np.arange(60)), **variable).rejected[0]
        sparse = form(drive(40.0 * np.arange(8)), **variable).rejected[0]
        assert told(dense) == ("too-many-frames", 49, 9)
        assert told(sparse) == ("too-few-frames", 2, 5)

    def test_without_overlap_no_frame_is_in_two_sequences(self):
        outcome = form(drive(8.05 * np.arange(22)), overlap=False)
        assert numbers(outcome) == every((0, 7), (7, 14), (14, 21))
        assert [r.reason for r in outcome.rejected] == ["stride-remainder"]


class TestByTime:
    def test_a_window_holds_the_frames_of_so_many_seconds(self):
        # Ten frames a second apart: [0, 3], [2, 5], [4, 7], [6, 9] with stride 2.
        outcome = form(
            drive(9.0 * np.arange(10)), rule="time", window_s=3, length=3, stride=2
        )
        assert numbers(outcome) == every((0, 4), (2, 6), (4, 8), (6, 10))
        assert outcome.rejected == []

    def test_more_frames_a_second_are_more_frames_a_sequence(self):
        moments = [0, 1, 2, 3, 3.2, 3.4, 3.6, 3.8, 4]
        frames = drive(2.0 * np.arange(9), seconds=np.array(moments))
        outcome = form(frames, rule="time", window_s=2, length=3, overlap=False)
        assert numbers(outcome) == every((0, 3))
        reasons = outcome.reasons()
        assert reasons == {"time-too-short": 6}

    def test_time_that_runs_out_and_frames_that_are_too_few_or_many_are_named(self):
        late = form(drive(9.0 * np.arange(6)), rule="time", window_s=9, length=3)
        assert late.reasons() == {"time-too-short": 6}
        assert (late.rejected[0].measured, late.rejected[0].limit) == (5.0, 7.2)
        few = form(drive(9.0 * np.arange(9)), rule="time", window_s=3, length=6)
        assert few.rejected[0].reason == "too-few-frames"
        assert (few.rejected[0].measured, few.rejected[0].limit) == (4, 6)
        many = form(
            drive(1.0 * np.arange(30), seconds=0.1), rule="time", window_s=2, length=4
        )
        assert many.rejected[0].reason == "too-many-frames"
        assert (many.rejected[0].measured, many.rejected[0].limit) == (21, 16)

    def test_frames_without_a_time_are_named_and_cut(self):
        frames = drive(9.0 * np.arange(9))
        frames[4] = replace(frames[4], time=None)
        outcome = form(frames, rule="time", window_s=3, length=4)
        assert numbers(outcome) == every((0, 4), (5, 9))
        assert [(r.item, r.reason) for r in outcome.rejected] == [("s/0004", "no-time")]
        without = form(drive(9.0 * np.arange(9), seconds=None), rule="time")
        assert without.reasons() == {"no-time": 9}


class TestByCount:
    def test_so_many_frames_however_far_apart(self):
        east = np.cumsum([0, 1, 40, 2, 30, 9, 1])
        assert numbers(form(drive(east), rule="count")) == every((0, 7))

    def test_the_rest_of_a_piece_is_a_shorter_sequence_if_it_has_enough(self):
        frames = drive(8.05 * np.arange(9))
        options = {"rule": "count", "overlap": False}
        assert numbers(form(frames, min_length=2, **options)) == every((0, 7), (7, 9))
        alone = form(frames, min_length=3, **options)
        assert numbers(alone) == every((0, 7))
        assert alone.reasons() == {"stride-remainder": 2}

    def test_overlapping_ones_stop_where_the_piece_is_used_up(self):
        outcome = form(drive(8.05 * np.arange(12)), rule="count", min_length=2)
        assert numbers(outcome) == every((0, 7), (3, 10), (6, 12))


class TestByRadius:
    def test_one_pass_of_8_m_frames_gives_seven_around_each_third_frame(self):
        # 25 m reach three frames of 8.05 m to each side; the ends are one-sided.
        outcome = form(drive(8.05 * np.arange(13)), rule="radius")
        assert numbers(outcome) == every((0, 7), (3, 10), (6, 13))
        assert outcome.rejected == []

    def test_the_query_lies_at_the_centre_frame(self):
        frames = drive([0, 10, 23, 30, 38, 46])
        (sequence,) = form(frames, rule="radius", min_length=6, radius_m=24).kept
        # Only frame 2 has all others within 24 m: 23 m back and 23 m ahead.
        assert len(sequence.frame_ids) // 2 != 2
        assert (sequence.lat, sequence.lon) == (frames[2].lat, frames[2].lon)
        assert sequence.length_m == pytest.approx(46.0, abs=1e-3)

    def test_no_frame_of_a_sequence_lies_beyond_the_radius(self):
        corner = drive([0, 8, 16, 24, 24, 24, 24, 24], [0, 0, 0, 0, 8, 16, 24, 32])
        outcome = form(corner, rule="radius", min_length=2, stride=1, radius_m=12)
        # Round the corner 11.3 m apart: frames 2 and 4.
        assert numbers(outcome)[3] == [2, 3, 4]

    def test_too_few_frames_are_counted_against_the_fewest(self):
        outcome = form(drive(20.0 * np.arange(9)), rule="radius")
        assert outcome.kept == []
        assert outcome.reasons() == {"too-few-in-radius": 9}
        assert (outcome.rejected[4].measured, outcome.rejected[4].limit) == (3, 7)

    def test_of_too_many_the_ones_beside_the_centre_stay(self):
        frames = drive(2.0 * np.arange(25))
        outcome = form(frames, rule="radius", max_length=9, stride=9)
        # Around frame 0 nine lie ahead, around 9 and 18 four to each side.
        assert numbers(outcome) == every((0, 9), (5, 14), (14, 23))

    def test_without_overlap_circles_lie_behind_one_another(self):
        outcome = form(drive(8.05 * np.arange(15)), rule="radius", overlap=False)
        assert numbers(outcome) == every((0, 7), (7, 14))
        assert outcome.reasons() == {"too-few-in-radius": 1}

    def across(self, outcome):
        """Frames on the lesser side of the loop behind frame 8, at most."""
        return max(
            min(sum(n < 9 for n in s), sum(n >= 9 for n in s)) for s in numbers(outcome)
        )

    def test_a_loop_joins_no_two_directions_of_a_road(self):
        there = 8.05 * np.arange(9)
        # Two right angles over a step of 5 m: no turn is sharp enough to cut.
        frames = drive([*there, *there[::-1]], [0] * 9 + [5.0] * 9)
        outcome = form(frames, rule="radius", stride=1)
        assert "bends-back" in outcome.reasons()
        assert self.across(outcome) <= 2
        free = form(frames, rule="radius", stride=1, max_bend_deg=180)
        assert self.across(free) > 2


class TestJoinedPasses:
    def two_passes(self):
        """There, and back on the other lane 5 m to the north, on another day."""
        there = drive(8.05 * np.arange(13))
        back = drive(8.05 * np.arange(13)[::-1], 5.0, session="t")
        return there, back

    def test_two_passes_give_fourteen_frames_as_in_the_vermont_set(self):
        there, back = self.two_passes()
        alone = form([*there, *back], rule="radius")
        assert {len(s.frame_ids) for s in alone.kept} == {7}
        both = form([*there, *back], rule="radius", join_passes=True)
        lengths = {s.sequence_id: len(s.frame_ids) for s in both.kept}
        assert lengths["r/s/00006"] == lengths["r/t/00006"] == 14
        assert set(lengths) == {f"r/{s}/{k:05d}" for s in "st" for k in range(0, 13, 3)}

    def test_the_own_pass_comes_first_and_is_what_the_length_counts(self):
        there, back = self.two_passes()
        both = form([*there, *back], rule="radius", join_passes=True)
        middle = next(s for s in both.kept if s.sequence_id == "r/t/00006")
        assert [f[0] for f in middle.frame_ids] == ["t"] * 7 + ["s"] * 7
        assert [f[-4:] for f in middle.frame_ids[7:]] == sorted(
            f[-4:] for f in middle.frame_ids[7:]
        )
        assert middle.length_m == pytest.approx(48.3, abs=1e-3)

    def test_another_drive_adds_frames_and_moves_no_sequence(self):
        there, back = self.two_passes()
        third = drive(8.05 * np.arange(13) + 3, -5.0, session="a")
        rule = {"rule": "radius", "join_passes": True}
        before = {s.sequence_id: s for s in form([*there, *back], **rule).kept}
        after = {s.sequence_id: s for s in form([*there, *back, *third], **rule).kept}
        for name, sequence in before.items():
            same = after[name]
            assert (same.lat, same.lon) == (sequence.lat, sequence.lon)
            assert set(sequence.frame_ids) < set(same.frame_ids)

    def test_the_nearest_stay_where_there_are_too_many(self):
        there, back = self.two_passes()
        both = form(
            [*there, *back], rule="radius", join_passes=True, min_length=7, max_length=9
        )
        middle = next(s for s in both.kept if s.sequence_id == "r/s/00006")
        # t/0006 is abreast, 5 m away; t/0005 and t/0007 are equally far.
        assert middle.frame_ids[7:] == ("t/0005", "t/0006")

    def test_without_overlap_each_frame_is_used_once(self):
        there, back = self.two_passes()
        both = form([*there, *back], rule="radius", join_passes=True, overlap=False)
        used = [f for s in both.kept for f in s.frame_ids]
        assert len(used) == len(set(used))
        assert len(used) + len(both.rejected) == 26


@pytest.mark.parametrize(
    ("rule", "match"),
    [
        ({"rule": "distnace"}, "Did you mean 'distance'"),
        ({"join_passes": True}, "--sequence-rule radius"),
        ({"max_length": 5}, "max_length=5; at least 7"),
        ({"rule": "count", "max_length": 9}, "max_length=9; 7 expected"),
        ({"rule": "radius", "min_length": 40}, "min_length=40; 1 to 28"),
        ({"rule": "time", "window_s": float("inf")}, "window_s=inf"),
        ({"radius_m": 0.0}, "radius_m=0.0; above 0"),
    ],
)
def test_a_rule_that_cannot_be_met_is_one_clear_sentence(rule, match):
    with pytest.raises(UsageError, match=match):
        SequenceRule(**rule)

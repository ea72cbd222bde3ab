from datetime import datetime

import pytest
from made_town import check_guarantees, street, together

from dataset_tools.errors import UsageError
from dataset_tools.records import Sequence
from dataset_tools.splits import SplitOutcome, SplitRule, by_session

SPLITS = ("train", "val", "test")


def days(count=6, each=20, apart_m=500.0):
    """A street a day, the streets so far apart."""
    return together(
        *(
            street(
                each, north=k * apart_m, name=f"day{k}-", day=datetime(2024, 6, k + 1)
            )
            for k in range(count)
        )
    )


def split_of(outcome):
    return {r[3]: r[1] for r in outcome.rows if r[2] == "sequence"}


def test_no_recording_is_in_two_splits_and_each_split_has_one():
    data = days()
    outcome = by_session(*data, SplitRule(buffer_m=100.0))
    found = {}
    for name, split in split_of(outcome).items():
        found.setdefault(name[:6], set()).add(split)
    assert all(len(splits) == 1 for splits in found.values())
    counts = {s: sum(v == {s} for v in found.values()) for s in SPLITS}
    # 70, 10 and 20 % of six days: four or three, one, one or two.
    assert counts["val"] == 1
    assert counts["train"] >= 3
    assert outcome.rejected == []
    check_guarantees(outcome, data, buffer_m=100.0)


@pytest.mark.parametrize("buffer_m", [0.0, 50.0])
def test_days_that_cross_keep_the_buffer_unless_revisits_are_allowed(buffer_m):
    # Three days on one street, each beginning 300 m further on.
    data = together(
        *(street(60, east=300.0 * k, name=f"day{k}-", north=4.0 * k) for k in range(3))
    )
    rule = SplitRule(buffer_m=500.0, revisit_buffer_m=buffer_m)
    outcome = by_session(*data, rule)
    if buffer_m:
        check_guarantees(outcome, data, buffer_m=buffer_m)
        assert {r.reason for r in outcome.rejected} == {"in-buffer"}
        assert all(r.measured <= 50.0 == r.limit for r in outcome.rejected)
    else:
        assert outcome.rejected == []


def test_two_sessions_leave_a_part_of_the_training_places_to_validation():
    data = together(street(60, name="one"), street(20, name="two", north=3000.0))
    outcome = by_session(*data, SplitRule(buffer_m=100.0, seed=4))
    found = split_of(outcome)
    assert {found[f"s-two{k:04}"] for k in range(20)} == {"test"}
    val = [k for k in range(60) if found[f"s-one{k:04}"] == "val"]
    # In one piece, and every training place keeps its distance.
    assert val == list(range(val[0], val[-1] + 1))
    assert 5 <= len(val) <= 15
    check_guarantees(outcome, data, buffer_m=100.0)


def test_validation_taken_from_training_keeps_the_buffer_though_revisits_may_meet():
    data = together(street(60, name="one"), street(20, name="two", north=3.0))
    outcome = by_session(*data, SplitRule(buffer_m=100.0, revisit_buffer_m=0.0))
    rows = [r for r in outcome.rows if r[1] != "test"]
    train_and_val = SplitOutcome(rows, outcome.rejected)
    left = [s for s in data[0] if s.sequence_id in {r[3] for r in rows}]
    check_guarantees(train_and_val, (left, *data[1:]), buffer_m=100.0)
    assert {r.reason for r in outcome.rejected} == {"in-buffer"}


def test_sessions_that_share_a_sequence_go_together():
    data = together(*(street(10, name=f"day{k}", north=900.0 * k) for k in range(4)))
    first, last = data[1]["day00001"], data[1]["day30001"]
    joined = Sequence(
        sequence_id="joined",
        region="r",
        frame_ids=(first.frame_id, last.frame_id),
        lat=first.lat,
        lon=first.lon,
        length_m=0.0,
    )
    outcome = by_session(
        [*data[0], joined], *data[1:], SplitRule(buffer_m=0.0, revisit_buffer_m=0.0)
    )
    found = split_of(outcome)
    assert found["s-day00000"] == found["s-day30000"] == found["joined"]


def test_the_order_of_the_input_does_not_matter_and_the_seed_does():
    sequences, frames, tiles = days()
    rule = SplitRule(buffer_m=0.0)
    first = by_session(sequences, frames, tiles, rule)
    assert by_session(sequences[::-1], frames, tiles[::-1], rule) == first
    others = [
        split_of(by_session(sequences, frames, tiles, SplitRule(buffer_m=0.0, seed=s)))
        for s in range(1, 5)
    ]
    assert any(other != split_of(first) for other in others)


def test_one_session_cannot_be_held_out():
    with pytest.raises(UsageError, match="of one session, 'a'"):
        by_session(*street(9), SplitRule(buffer_m=0.0))


def test_a_buffer_that_leaves_nothing_says_what_to_lower():
    data = together(*(street(10, name=f"day{k}", north=5.0 * k) for k in range(3)))
    with pytest.raises(UsageError, match="at 0 another day of the same place"):
        by_session(*data, SplitRule(buffer_m=200.0))

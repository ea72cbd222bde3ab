import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataset_tools.errors import UsageError
from dataset_tools.splits import SplitRule
from dataset_tools.splits.groups import share_out

RULE = SplitRule(buffer_m=0.0)


def test_ten_equal_groups_are_shared_seven_one_two():
    found = list(share_out(dict.fromkeys("abcdefghij", 5), RULE, attempt=0).values())
    assert [found.count(s) for s in ("train", "val", "test")] == [7, 1, 2]


def test_the_last_groups_go_to_splits_that_have_none():
    found = share_out({"big": 1000, "b": 2, "c": 1}, RULE, attempt=0)
    assert found["big"] == "train"
    assert sorted(found.values()) == ["test", "train", "val"]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(1, 500), min_size=3, max_size=40), st.integers(0, 9))
def test_every_group_goes_somewhere_and_no_split_is_empty(sizes, seed):
    groups = {f"g{k}": n for k, n in enumerate(sizes)}
    rule = SplitRule(buffer_m=0.0, seed=seed)
    found = share_out(groups, rule, attempt=0)
    assert set(found) == set(groups)
    assert set(found.values()) == {"train", "val", "test"}
    assert found == share_out(dict(reversed(groups.items())), rule, attempt=0)


@pytest.mark.parametrize(
    ("rule", "match"),
    [
        ({"buffer_m": -1.0}, "at least 0 m"),
        ({"buffer_m": 0.0, "revisit_buffer_m": float("nan")}, "at least 0 m"),
        ({"buffer_m": 0.0, "cell_m": 0.0}, "side above 0 m"),
        ({"buffer_m": 0.0, "shares": {"train": 0.5}}, "add up to 1"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(rule, match):
    with pytest.raises(UsageError, match=match):
        SplitRule(**rule)

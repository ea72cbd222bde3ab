"""Clocks of many writers."""

import pytest

from dataset_tools.tracks.times import parse_time


@pytest.mark.parametrize(
    "text",
    [
        "2019-06-16T08:44:58.5Z",
        "2019-06-16 10:44:58.5+02:00",
        "2019-06-16 10:44:58.5+0200",
        "2019:06:16 08:44:58.5",
        "1560674698.5",
        "1560674698500",
        1560674698.5,
        1560674698500000000,
    ],
)
def test_one_moment_in_the_words_of_many(text):
    assert parse_time(text) == 1_560_674_698_500_000_000


@pytest.mark.parametrize("text", [None, "", "noon", "nan", "inf", 1e40, True, "2019"])
def test_what_is_no_moment_is_none_or_small(text):
    assert parse_time(text) in (None, 2019 * 10**9)

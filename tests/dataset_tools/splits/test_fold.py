from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_town import check_guarantees, ids, street, together, town

from dataset_tools.areas import part_cells
from dataset_tools.errors import UsageError
from dataset_tools.splits import SplitRule, by_fold


@pytest.mark.parametrize("buffer_m", [0.0, 120.0])
def test_every_sequence_is_tested_once_and_each_fold_keeps_the_buffer(buffer_m):
    data = town(5)
    outcomes = by_fold(*data, SplitRule(buffer_m=buffer_m, cell_m=400.0), folds=4)
    assert list(outcomes) == ["fold-1", "fold-2", "fold-3", "fold-4"]
    tested = Counter(i for o in outcomes.values() for i in ids(o, "test", "sequence"))
    assert tested == Counter(s.sequence_id for s in data[0])
    for name, outcome in outcomes.items():
        assert outcome.schemes == [name]
        assert all(ids(outcome, s, "sequence") for s in ("train", "val", "test"))
        check_guarantees(outcome, data, buffer_m=buffer_m)


def test_the_next_part_validates():
    data = together(*(street(20, east=2000.0 * k, name=f"part{k}-") for k in range(3)))
    outcomes = by_fold(*data, SplitRule(buffer_m=50.0, cell_m=1000.0), folds=3)
    tests = {n: set(ids(o, "test", "sequence")) for n, o in outcomes.items()}
    vals = {n: set(ids(o, "val", "sequence")) for n, o in outcomes.items()}
    assert vals["fold-1"] == tests["fold-2"]
    assert vals["fold-3"] == tests["fold-1"]


def test_off_road_tiles_lie_in_the_open_gallery_of_their_own_part():
    data = town(4)
    outcomes = by_fold(*data, SplitRule(buffer_m=50.0, cell_m=400.0), folds=3)
    held = Counter(
        i
        for o in outcomes.values()
        for i in ids(o, "test", "tile-open")
        if i.startswith("grid")
    )
    assert len(held) > 100
    assert set(held.values()) == {1}


def test_the_order_of_the_input_does_not_matter():
    sequences, frames, tiles = town(3)
    rule = SplitRule(buffer_m=50.0, cell_m=300.0)
    first = by_fold(sequences, frames, tiles, rule, folds=3)
    assert by_fold(sequences[::-1], frames, tiles[::-1], rule, folds=3) == first


def test_folds_that_cannot_be_made_say_what_to_change():
    with pytest.raises(UsageError, match="at least 3"):
        by_fold(*street(20), SplitRule(buffer_m=0.0), folds=2)
    with pytest.raises(UsageError, match=r"Only 1 cells of 9000 m .* 5 parts"):
        by_fold(*street(20), SplitRule(buffer_m=0.0, cell_m=9000.0))
    with pytest.raises(UsageError, match="No sequence is left for 'val' in fold-1"):
        by_fold(*street(20), SplitRule(buffer_m=900.0, cell_m=100.0), folds=3)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(-2000, 2000), st.integers(-2000, 2000)),
        min_size=1,
        max_size=60,
    ),
    st.integers(1, 6),
)
def test_parts_are_whole_cells_and_none_is_empty(points, parts):
    places = np.array(points, float)
    cells = np.floor(places / 100.0 + 0.5)
    if len(np.unique(cells, axis=0)) < parts:
        with pytest.raises(UsageError, match="need as many at least"):
            part_cells(places, cell_m=100.0, parts=parts)
        return
    part = part_cells(places, cell_m=100.0, parts=parts)
    assert set(part.tolist()) == set(range(parts))
    held = {}
    for cell, number in zip(map(tuple, cells.tolist()), part.tolist(), strict=True):
        assert held.setdefault(cell, number) == number


def test_parts_are_about_equally_full_and_compact():
    east, north = np.meshgrid(np.arange(20) * 100.0, np.arange(20) * 100.0)
    places = np.column_stack([east.ravel(), north.ravel()])
    part = part_cells(places, cell_m=100.0, parts=5)
    assert np.bincount(part).tolist() == [80] * 5
    for k in range(5):
        sides = np.ptp(places[part == k], axis=0) / 100.0 + 1
        assert sides.prod() <= 96

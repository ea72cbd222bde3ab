from random import Random

from hypothesis import given
from hypothesis import strategies as st

from geobench.data import neighbour_batches as module
from geobench.data.neighbour_batches import neighbour_batches

NEAR = {k: [(k + d) % 40 for d in (1, 2, 3, 4, 5, 6, 7, 8)] for k in range(40)}


@given(seed=st.integers(0, 99), size=st.integers(1, 12), select=st.integers(0, 8))
def test_batches_are_full_and_no_pair_comes_twice(seed, size, select):
    batches = neighbour_batches(
        range(40), NEAR, Random(seed), batch_size=size, select=select
    )
    flat = [pair for batch in batches for pair in batch]
    assert {len(batch) for batch in batches} <= {size}
    assert len(set(flat)) == len(flat)
    assert set(flat) <= set(range(40))


def test_a_pair_brings_its_best_neighbours_first_and_then_some_of_the_others():
    batch = neighbour_batches(range(40), NEAR, Random(0), batch_size=5, select=4)[0]
    first = batch[0]
    assert batch[1:3] == [(first + 1) % 40, (first + 2) % 40]
    assert {(pair - first) % 40 for pair in batch[3:]} <= {3, 4, 5, 6, 7, 8}


def test_without_neighbours_the_order_is_a_permutation():
    order = list(range(40))
    Random(3).shuffle(order)
    batches = neighbour_batches(range(40), {}, Random(3), batch_size=8, select=4)
    assert [pair for batch in batches for pair in batch] == order


def test_the_same_seed_gives_the_same_batches():
    one, two, other = (
        neighbour_batches(range(40), NEAR, Random(seed), batch_size=8, select=4)
        for seed in (5, 5, 6)
    )
    assert one == two != other


def test_an_epoch_is_over_when_too_many_pairs_in_a_row_bring_nothing(monkeypatch):
    def count():
        return len(
            neighbour_batches(range(40), NEAR, Random(0), batch_size=5, select=8)
        )

    patient = count()
    monkeypatch.setattr(module, "MOST_MISSES", 1)
    assert 0 < count() < patient


def test_pair_zero_is_a_neighbour_like_any_other():
    # The released code passes over it.
    found = neighbour_batches([7, 0], {7: [0]}, Random(1), batch_size=2, select=2)
    assert sorted(found[0]) == [0, 7]

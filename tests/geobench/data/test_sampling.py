import numpy as np
import pytest

from geobench.data.sampling import BatchRule, epoch_batches
from geobench.errors import DataError


def _line(count, spacing_m=24.0):
    return np.stack([np.arange(count) * spacing_m, np.zeros(count)], 1)


def _names(count):
    return [f"tile-{i}" for i in range(count)]


def test_neighbours_on_a_road_never_share_a_batch():
    places = _line(200)
    rule = BatchRule(batch_size=16, min_separation_m=50.0)
    for batch in epoch_batches(places, _names(200), rule, epoch=0):
        gaps = np.diff(np.sort(places[batch, 0]))
        assert gaps.min() >= 50.0


def test_one_tile_never_comes_twice_in_a_batch():
    tiles = [f"tile-{i // 4}" for i in range(80)]
    rule = BatchRule(batch_size=8, min_separation_m=0.0)
    for batch in epoch_batches(_line(80), tiles, rule, epoch=3):
        assert len({tiles[i] for i in batch}) == len(batch)


def test_an_epoch_shows_no_sequence_twice_and_nearly_all():
    rule = BatchRule(batch_size=16)
    seen = np.concatenate(epoch_batches(_line(400), _names(400), rule, epoch=0))
    assert len(set(seen.tolist())) == len(seen) >= 385


def test_epochs_differ_and_are_repeatable():
    rule = BatchRule(batch_size=8, seed=4)
    first = epoch_batches(_line(64), _names(64), rule, epoch=0)
    again = epoch_batches(_line(64), _names(64), rule, epoch=0)
    other = epoch_batches(_line(64), _names(64), rule, epoch=1)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_a_small_set_still_gives_its_largest_batch():
    rule = BatchRule(batch_size=32)
    batches = epoch_batches(_line(5, 100.0), _names(5), rule, epoch=0)
    assert [len(b) for b in batches] == [5]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_set_without_negatives_is_refused(count):
    with pytest.raises(DataError, match="min_separation_m"):
        epoch_batches(_line(count), _names(count), BatchRule(batch_size=4), epoch=0)

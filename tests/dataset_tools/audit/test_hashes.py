import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from leaky_pack import jpeg, pixels

from dataset_tools.audit.hashes import grey_copy, hashes_of, near_hashes


def hash_of(data):
    return hashes_of(grey_copy(data)[None])[0][0]


def distance(a, b):
    return int(np.bitwise_count(hash_of(a) ^ hash_of(b)))


def test_encoding_scaling_and_brightness_move_few_bits():
    array = pixels(1, kind="frame")
    larger = np.repeat(np.repeat(array, 3, axis=0), 3, axis=1)
    for other in (
        jpeg(array, quality=40),
        larger,
        pixels(1, kind="frame", brighter=20),
    ):
        assert distance(array, other) <= 4


def test_other_pictures_differ_in_about_half_of_the_bits():
    away = [
        distance(pixels(0, kind="frame"), pixels(s, kind="frame")) for s in range(1, 40)
    ]
    assert min(away) > 12
    assert 24 < np.mean(away) < 40


def test_the_first_bit_is_the_mean_and_never_set():
    array = pixels(3, kind="tile")
    assert int(hash_of(array)) >> 63 == 0
    assert int(hash_of(255 - array)) >> 63 == 0


def test_flat_pictures_are_known():
    greys = np.zeros((2, 32, 32), np.float32)
    greys[1, :16] = 100
    assert hashes_of(greys)[1].tolist() == [True, False]


def by_hand(a, b, bits):
    near = np.bitwise_count(a[:, None] ^ b[None, :]) <= bits
    return [tuple(pair) for pair in np.argwhere(near).tolist()]


words = st.lists(st.integers(0, 2**64 - 1), max_size=30, unique=True)


@settings(max_examples=60, deadline=None)
@given(words, words, st.integers(0, 8), st.data())
def test_near_hashes_are_those_that_comparing_all_finds(first, second, bits, data):
    # Some of the second are the first with a few bits turned.
    for word in first[:10]:
        turned = data.draw(st.lists(st.integers(0, 63), max_size=10))
        for bit in turned:
            word ^= 1 << bit
        second.append(word)
    a, b = (np.unique(np.array(w, np.uint64)) for w in (first, second))
    i, j = near_hashes(a, b, bits=bits)
    assert list(zip(i.tolist(), j.tolist(), strict=True)) == by_hand(a, b, bits)


def test_pairs_are_the_same_in_small_blocks(monkeypatch):
    from dataset_tools.audit import hashes

    rng = np.random.default_rng(0)
    a = np.unique(rng.integers(0, 2**64, 300, dtype=np.uint64) & np.uint64(0xFFFF))
    whole = near_hashes(a, a, bits=3)
    monkeypatch.setattr(hashes, "BLOCK", 50)
    assert np.array_equal(near_hashes(a, a, bits=3), whole)
    assert len(whole[0]) > len(a)

import numpy as np
import pytest

from geobench.errors import EmbeddingError, MetricError
from geobench.retrieval import rank_references, ranks_without, shared_first_places


def _vectors(seed, queries=40, references=60, dimensions=8):
    rng = np.random.default_rng(seed)
    query = rng.standard_normal((queries, dimensions)).astype(np.float32)
    reference = rng.standard_normal((references, dimensions)).astype(np.float32)
    return query, reference


def _unit(vectors):
    vectors = vectors.astype(float)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(length > 0, length, 1.0)


def _brute(query, reference, positives):
    """(at least as high, strictly higher) wrong references of the best positive."""
    score = _unit(query) @ _unit(reference).T
    silent_q = ~query.any(axis=1)
    silent_r = ~reference.any(axis=1)
    found = []
    for q, true in enumerate(positives):
        counts = []
        for p in true:
            equal = silent_q[q] | silent_r[p] | silent_r
            gap = score[q] - score[q, p]
            wrong = ~np.isin(np.arange(len(reference)), true)
            at_least = (equal | (gap >= -1e-12)) & wrong
            counts.append((at_least.sum(), (~equal & (gap > 1e-12) & wrong).sum()))
        found.append(min(counts))
    return np.array(found)


def test_hand_counted_ranks():
    reference = np.eye(4, dtype=np.float32)
    query = np.array([[4, 3, 2, 1], [1, 2, 2, 0]], np.float32)
    found = rank_references(query, reference, [[2], [1]])
    assert found.ranks.tolist() == [2, 1]
    assert found.strict_ranks.tolist() == [2, 0]
    assert found.tied.tolist() == [False, True]
    assert found.top_index[0].tolist() == [0, 1, 2, 3]


def test_ranks_agree_with_brute_force_on_small_problems_full_of_ties():
    rng = np.random.default_rng(0)
    for _ in range(150):
        q, r, d = rng.integers(1, 9), rng.integers(1, 12), rng.integers(1, 5)
        query = rng.integers(-1, 2, (q, d)).astype(np.float32)
        reference = rng.integers(-1, 2, (r, d)).astype(np.float32)
        sizes = rng.integers(1, min(3, r) + 1, q)
        positives = [rng.choice(r, size, replace=False) for size in sizes]
        block = int(rng.integers(1, 5))
        found = rank_references(query, reference, positives, top=3, block=block)
        expected = _brute(query, reference, positives)
        assert found.ranks.tolist() == expected[:, 0].tolist()
        assert found.strict_ranks.tolist() == expected[:, 1].tolist()


def test_constant_embeddings_never_score():
    same = np.ones((50, 16), np.float32)
    found = rank_references(same, same, [[i] for i in range(50)])
    assert found.ranks.min() == 49
    assert found.strict_ranks.max() == 0
    assert found.tied.all()
    assert found.first_tied.all()


def test_zero_embeddings_never_score():
    zero = np.zeros((20, 4), np.float32)
    found = rank_references(zero, zero, [[i] for i in range(20)])
    assert (found.ranks == 19).all()


def test_a_zero_query_ties_with_everything():
    query, reference = _vectors(1)
    query[3] = 0
    found = rank_references(query, reference, [[i] for i in range(40)])
    assert found.ranks[3] == 59
    assert found.tied[3]


def test_a_zero_reference_ties_with_every_positive():
    reference = np.eye(3, dtype=np.float32)
    before = rank_references(reference, reference, [[0], [1], [2]])
    padded = np.concatenate([reference, np.zeros((1, 3), np.float32)])
    after = rank_references(reference, padded, [[0], [1], [2]])
    assert before.ranks.tolist() == [0, 0, 0]
    assert after.ranks.tolist() == [1, 1, 1]
    assert after.strict_ranks.tolist() == [0, 0, 0]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_non_finite_vectors_are_refused_with_their_row(bad):
    query, reference = _vectors(2)
    query[7, 2] = bad
    with pytest.raises(EmbeddingError, match="query vector in row 7 holds NaN"):
        rank_references(query, reference, [[0]] * 40)


def test_neither_block_size_nor_order_of_references_matters():
    query, reference = _vectors(3, queries=70, references=90)
    reference[40:80] = reference[:40] * 2.0  # equal directions: ties everywhere
    positives = [[i] for i in range(70)]
    whole = rank_references(query, reference, positives)
    tiny = rank_references(query, reference, positives, block=3)
    order = np.random.default_rng(0).permutation(90)
    moved = [[int(np.flatnonzero(order == i)[0])] for i in range(70)]
    shuffled = rank_references(query, reference[order], moved)
    assert whole.ranks.tolist() == tiny.ranks.tolist() == shuffled.ranks.tolist()
    assert whole.top_index.tolist() == tiny.top_index.tolist()


def test_differences_below_float32_are_settled_in_float64():
    rng = np.random.default_rng(4)
    base = rng.standard_normal(64)
    query = base[None].astype(np.float64)
    near = base + 1e-4 * rng.standard_normal(64)
    nearer = base + 0.9 * (near - base)
    found = rank_references(query, np.stack([near, nearer]), [[0]])
    assert found.ranks.tolist() == [1]
    assert not found.tied[0]
    assert rank_references(query, np.stack([near, nearer]), [[1]]).ranks.tolist() == [0]


def test_the_length_of_vectors_does_not_matter():
    query, reference = _vectors(5)
    positives = [[i] for i in range(40)]
    plain = rank_references(query, reference, positives)
    scale = np.random.default_rng(0).uniform(1e-3, 1e3, (40, 1)).astype(np.float32)
    scaled = rank_references(query * scale, reference * 7, positives)
    assert plain.ranks.tolist() == scaled.ranks.tolist()
    huge = rank_references(query.astype(float) * 1e200, reference, positives)
    assert plain.ranks.tolist() == huge.ranks.tolist()


def test_the_top_list_is_the_sorted_scores():
    query, reference = _vectors(6, references=500)
    found = rank_references(query, reference, [[0]] * 40, top=7, block=16)
    score = _unit(query) @ _unit(reference).T
    assert found.top_index.tolist() == np.argsort(-score, axis=1)[:, :7].tolist()
    assert np.allclose(found.top_score, -np.sort(-score, axis=1)[:, :7], atol=1e-6)


def test_the_top_list_is_as_long_as_the_gallery_if_that_is_short():
    query, reference = _vectors(7, references=4)
    assert rank_references(query, reference, [[0]] * 40).top_index.shape == (40, 4)


def test_a_true_reference_stands_last_among_equals_in_the_top_list():
    reference = np.ones((3, 2), np.float32)
    found = rank_references(reference[:1], reference, [[0]])
    assert found.top_index[0].tolist() == [1, 2, 0]


def test_semi_positives_leave_the_competition():
    reference = np.array([[1, 0], [1, 0.1], [1, 0.2], [1, 0.3]], np.float32)
    query = reference[:1]
    ranking = rank_references(query, reference, [[2]])
    removed = ranks_without(ranking, query, reference, removed=[[0, 3]])
    assert ranking.ranks.tolist() == [2]
    assert removed.tolist() == [1]


def test_shared_first_places_names_all_that_tie():
    reference = np.array([[1, 0], [0, 1], [2, 0]], np.float32)
    found = dict(shared_first_places(reference[:2], reference, np.array([0, 1])))
    assert found[0].tolist() == [0, 2]
    assert found[1].tolist() == [1]


def test_a_query_without_a_positive_is_refused():
    query, reference = _vectors(8, queries=2)
    with pytest.raises(MetricError, match="Query 1 has no positive reference"):
        rank_references(query, reference, [[0], []])


def test_a_positive_outside_the_gallery_is_refused():
    query, reference = _vectors(9, queries=1)
    with pytest.raises(MetricError, match="Query 0 names reference 60"):
        rank_references(query, reference, [[60]])


def test_vectors_of_two_models_are_refused():
    with pytest.raises(EmbeddingError, match="3 dimensions and references 4"):
        rank_references(np.ones((1, 3)), np.ones((1, 4)), [[0]])

"""Ranking beside the bare matrix product that it cannot do without."""

import numpy as np
import pytest

from geobench.retrieval import rank_references

SIZE, DIMENSIONS = 10_000, 512


@pytest.fixture(scope="module")
def vectors():
    """Queries and noisy references [10000, 512], about half of them found."""
    rng = np.random.default_rng(0)
    query = rng.standard_normal((SIZE, DIMENSIONS)).astype(np.float32)
    noise = 9.0 * rng.standard_normal((SIZE, DIMENSIONS))
    return query, (query + noise).astype(np.float32)


def test_ranking_of_ten_thousand_by_ten_thousand(benchmark, vectors):
    query, reference = vectors
    truth = np.arange(SIZE)[:, None]
    found = benchmark.pedantic(
        rank_references, (query, reference, truth), rounds=3, warmup_rounds=1
    )
    assert found.ranks.shape == (SIZE,)


def test_the_bare_product_in_tiles(benchmark, vectors):
    query, reference = vectors

    def product():
        total = 0.0
        for start in range(0, SIZE, 1024):
            for column in range(0, SIZE, 4096):
                tile = query[start : start + 1024] @ reference[column : column + 4096].T
                total += float(tile[0, 0])
        return total

    assert np.isfinite(benchmark.pedantic(product, rounds=3, warmup_rounds=1))

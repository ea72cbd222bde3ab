import numpy as np
import pytest

from geobench.errors import MetricError
from geobench.metrics import (
    DEFAULT_METRICS,
    STATISTICS,
    Evidence,
    mean_average_precision,
    median_rank,
    one_percent_of,
    per_query,
    recall_at_1_within,
    recall_at_1pct,
    recall_at_k,
)


def _value(name, evidence):
    values, statistic = per_query(name, evidence)
    return float(STATISTICS[statistic](values))


def _evidence():
    return Evidence(
        ranks=np.array([0, 1, 4, 30]),
        strict_ranks=np.array([0, 0, 4, 30]),
        hit_ranks=np.array([0, 0, 4, 29]),
        positive_ranks=np.array([0, 1, 4, 30]),
        positive_starts=np.arange(4),
        references=150,
        error_m=np.array([2.0, 20.0, 26.0, 400.0]),
    )


def test_recall_counts_the_ranks_below_k():
    assert recall_at_k(np.array([0, 3, 4, 9]), 1) == 0.25
    assert recall_at_k(np.array([0, 3, 4, 9]), 5) == 0.75


def test_recall_grows_with_k():
    ranks = np.random.default_rng(0).integers(0, 50, 200)
    recalls = [recall_at_k(ranks, k) for k in range(1, 51)]
    assert recalls == sorted(recalls)
    assert recalls[-1] == 1.0


def test_one_per_cent_has_three_published_meanings():
    assert one_percent_of(8884) == 88
    assert one_percent_of(8884, "floor_plus_1") == 89
    assert one_percent_of(8884, "fractional") == 89
    assert one_percent_of(8800, "fractional") == 88
    assert one_percent_of(30) == 1


def test_recall_at_one_per_cent_uses_that_k():
    ranks = np.array([87, 88, 89, 0])
    assert recall_at_1pct(ranks, 8884) == 0.5
    assert recall_at_1pct(ranks, 8884, rule="floor_plus_1") == 0.75


def test_the_printed_median_rank_counts_from_one():
    assert median_rank(np.array([0, 0, 6])) == 1.0
    assert median_rank(np.array([0, 1])) == 1.5


def test_average_precision_of_two_positives_by_hand():
    # Places 1 and 4: (1/1 + 2/4) / 2; and place 3 alone: 1/3.
    found = mean_average_precision(np.array([2, 0, 2]), np.array([0, 2]))
    assert found == pytest.approx((0.75 + 1 / 3) / 2)


def test_a_radius_is_inclusive():
    assert recall_at_1_within(np.array([25.0, 25.1]), 25.0) == 0.5


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("recall@1", 0.25),
        ("recall@1:strict", 0.5),
        ("recall@5", 0.75),
        ("recall@1pct", 0.25),
        ("recall@1pct:floor_plus_1", 0.5),
        ("recall@1pct:strict:floor_plus_1", 0.5),
        ("hit_rate", 0.5),
        ("median_rank", 3.5),
        ("error_m_median", 23.0),
        ("error_m_mean", 112.0),
        ("recall@1_within_25m", 0.5),
        ("recall@1_within_2.5m", 0.25),
    ],
)
def test_metrics_by_name(name, value):
    assert _value(name, _evidence()) == pytest.approx(value)


def test_every_default_metric_can_be_formed():
    assert all(per_query(name, _evidence()) is not None for name in DEFAULT_METRICS)


def test_metrics_without_evidence_are_absent():
    bare = Evidence(ranks=np.array([0]), references=3)
    for name in (
        "error_m_median",
        "recall@1_within_25m",
        "hit_rate",
        "recall@1:strict",
    ):
        assert per_query(name, bare) is None


@pytest.mark.parametrize(
    "name", ["recal@1", "recall@0", "median_rank:strict", "recall@1:floor_plus_1"]
)
def test_an_unknown_metric_is_refused(name):
    with pytest.raises(MetricError, match="No metric is called"):
        per_query(name, _evidence())


def test_a_part_of_the_evidence_keeps_pairs_with_their_query():
    evidence = Evidence(
        ranks=np.array([0, 3]),
        references=9,
        positive_ranks=np.array([0, 2, 3]),
        positive_starts=np.array([0, 2]),
    )
    part = evidence.part(np.array([False, True]))
    assert part.positive_ranks.tolist() == [3]
    assert part.positive_starts.tolist() == [0]


def test_no_query_is_an_error_and_not_a_number():
    with pytest.raises(MetricError, match="at least one query"):
        recall_at_k(np.array([], int), 1)
    with pytest.raises(MetricError, match="k >= 1"):
        recall_at_k(np.array([0]), 0)

"""Retrieval metrics: ranks in, numbers out.

A rank is the number of wrong references placed before the true one, so 0 is a hit
at the first place. Every metric is a mean or a median of one value per query, which
is what the intervals draw from. Nothing here knows about models, images or torch.

Names: `recall@K`, `recall@1pct`, `hit_rate`, `map`, `median_rank`, `error_m_median`,
`recall@1_within_Rm`. A published variant carries a suffix: `:strict` (ties for free),
`:floor_plus_1` and `:fractional` (other meanings of one per cent).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from geobench.errors import MetricError, closest

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Statistic = Literal["mean", "median"]
Rule = Literal["floor", "floor_plus_1", "fractional"]

DEFAULT_METRICS = (
    "recall@1",
    "recall@5",
    "recall@10",
    "recall@1pct",
    "hit_rate",
    "map",
    "median_rank",
    "error_m_median",
    "recall@1_within_25m",
)
ONE_PERCENT_RULES: tuple[Rule, ...] = ("floor", "floor_plus_1", "fractional")
_NAME = re.compile(
    r"recall@(?P<k>[1-9]\d*)|(?P<percent>recall@1pct)|"
    r"recall@1_within_(?P<radius>\d+(\.\d+)?)m|(?P<plain>hit_rate|map|median_rank)|"
    r"error_m_(?P<error>median|mean)"
)


@dataclass(frozen=True)
class Evidence:
    """What retrieval found out about Q queries; absent fields make metrics absent."""

    ranks: Ints
    """[Q], ties against the model."""
    references: int
    """Size R of the gallery."""
    strict_ranks: Ints | None = None
    """[Q], ties for free: the published rule."""
    hit_ranks: Ints | None = None
    """[Q], semi-positives removed."""
    positive_ranks: Ints | None = None
    """[P] ranks of every positive, query by query."""
    positive_starts: Ints | None = None
    """[Q] first entry of each query in `positive_ranks`."""
    error_m: Floats | None = None
    """[Q] metres from the true position to the centre of the first reference."""

    def part(self, keep: npt.NDArray[np.bool_]) -> "Evidence":
        """The evidence about some of the queries, `keep` bool [Q]."""
        pairs, starts = self.positive_ranks, self.positive_starts
        if pairs is not None and starts is not None:
            sizes = np.diff(np.append(starts, len(pairs)))
            pairs = pairs[np.repeat(keep, sizes)]
            starts = np.cumsum(sizes[keep]) - sizes[keep]
        return Evidence(
            ranks=self.ranks[keep],
            references=self.references,
            strict_ranks=None if self.strict_ranks is None else self.strict_ranks[keep],
            hit_ranks=None if self.hit_ranks is None else self.hit_ranks[keep],
            positive_ranks=pairs,
            positive_starts=starts,
            error_m=None if self.error_m is None else self.error_m[keep],
        )


def recall_at_k(ranks: npt.NDArray[np.integer], k: int) -> float:
    """Share of the queries whose true reference is among the first k.

    Args:
        ranks: [Q] integers, 0 is best, ties already counted against the model.
        k: number of references a user would look at, at least 1.

    Returns:
        A fraction in [0, 1], not a percentage.

    Raises:
        MetricError: if k is below 1 or there is no query.

    >>> recall_at_k(np.array([0, 3, 4, 9]), 4)
    0.5
    """
    if k < 1:
        raise MetricError(f"recall@k needs k >= 1, got k={k}.")
    return float(np.mean(_some(ranks, "recall@k") < k))


def one_percent_of(references: int, rule: Rule = "floor") -> int:
    """How many references are one per cent of a gallery; the only place that says so.

    Args:
        references: size R of the gallery, at least 1.
        rule: "floor" is max(1, R // 100), ours and most papers'; "floor_plus_1" is
            R // 100 + 1 (VIGOR, CVM-Net); "fractional" counts ranks below 0.01 R (CDE).

    Returns:
        k, at least 1.

    >>> [one_percent_of(8884, rule) for rule in ONE_PERCENT_RULES]
    [88, 89, 89]
    """
    if references < 1:
        raise MetricError(
            f"recall@1pct needs at least one reference, got {references}."
        )
    if rule == "floor_plus_1":
        return references // 100 + 1
    if rule == "fractional":
        return -(-references // 100)
    if rule != "floor":
        raise MetricError(
            f"No rule for one per cent is called {rule!r}. "
            f"{closest(rule, ONE_PERCENT_RULES)}"
        )
    return max(1, references // 100)


def recall_at_1pct(
    ranks: npt.NDArray[np.integer], references: int, *, rule: Rule = "floor"
) -> float:
    """Share of the queries whose true reference is in the first per cent, in [0, 1].

    Args:
        ranks: [Q] integers, 0 is best.
        references: size R of the gallery.
        rule: see `one_percent_of`.

    Returns:
        A fraction in [0, 1].
    """
    return recall_at_k(ranks, one_percent_of(references, rule))


def median_rank(ranks: npt.NDArray[np.integer]) -> float:
    """Median place of the true reference, counted from 1.

    >>> median_rank(np.array([0, 0, 6]))
    1.0
    """
    return float(np.median(_some(ranks, "median_rank"))) + 1.0


def hit_rate(hit_ranks: npt.NDArray[np.integer]) -> float:
    """Share of the queries hit at the first place with semi-positives removed.

    Args:
        hit_ranks: [Q] ranks from a competition without each query's semi-positives.

    Returns:
        A fraction in [0, 1]; at least recall@1.
    """
    return recall_at_k(hit_ranks, 1)


def average_precision(positive_ranks: Ints, positive_starts: Ints) -> Floats:
    """Average precision of each query, ties counted against the model.

    Args:
        positive_ranks: [P] wrong references at least as high as each positive, query
            by query.
        positive_starts: [Q] first entry of each query.

    Returns:
        [Q] in [0, 1]: the mean over a query's positives of (positives found) /
        (references looked at).

    >>> average_precision(np.array([0, 1]), np.array([0])).round(4).tolist()
    [0.8333]
    """
    sizes = np.diff(np.append(positive_starts, len(positive_ranks)))
    query = np.repeat(np.arange(len(sizes)), sizes)
    wrong = positive_ranks[np.lexsort((positive_ranks, query))]
    found = np.arange(len(wrong)) - np.repeat(positive_starts, sizes) + 1
    total = np.bincount(query, weights=found / (found + wrong), minlength=len(sizes))
    return np.asarray(total / sizes, np.float64)


def mean_average_precision(positive_ranks: Ints, positive_starts: Ints) -> float:
    """Mean of `average_precision` over queries, in [0, 1]."""
    _some(positive_starts, "map")
    return float(np.mean(average_precision(positive_ranks, positive_starts)))


def recall_at_1_within(error_m: Floats, radius_m: float) -> float:
    """Share of the queries whose first reference lies within a radius, in [0, 1].

    Args:
        error_m: [Q] metres from the true position to the first reference's centre.
        radius_m: metres, inclusive.

    Returns:
        A fraction in [0, 1].

    >>> recall_at_1_within(np.array([3.0, 25.0, 26.0, 900.0]), 25.0)
    0.5
    """
    return float(np.mean(_some(error_m, "recall@1_within") <= radius_m))


def per_query(name: str, evidence: Evidence) -> tuple[Floats, Statistic] | None:
    """One value per query, and how a metric is formed from them.

    Args:
        name: a metric's name, perhaps with a published suffix.
        evidence: of Q queries.

    Returns:
        ([Q] values, "mean" or "median"), or None where the evidence needed is absent
        (no coordinates, no semi-positives).

    Raises:
        MetricError: if no metric has that name.
    """
    match, ranks, rule = _parse(name, evidence)
    if match["radius"] or match["error"]:
        return _of_errors(evidence.error_m, match)
    if match["plain"] == "hit_rate":
        return None if evidence.hit_ranks is None else _share(evidence.hit_ranks, 1)
    if match["plain"] == "map":
        pairs, starts = evidence.positive_ranks, evidence.positive_starts
        if pairs is None or starts is None:
            return None
        return average_precision(pairs, starts), "mean"
    if ranks is None:
        return None
    if match["plain"] == "median_rank":
        return np.asarray(ranks + 1, np.float64), "median"
    percent = match["percent"]
    return _share(
        ranks, one_percent_of(evidence.references, rule) if percent else int(match["k"])
    )


def is_fraction(name: str) -> bool:
    """Whether a metric is a fraction in [0, 1], printed as a percentage.

    >>> is_fraction("recall@1pct"), is_fraction("median_rank")
    (True, False)
    """
    return name.startswith("recall@") or name.split(":")[0] in ("hit_rate", "map")


STATISTICS: dict[Statistic, Callable[[Floats], np.floating]] = {
    "mean": np.mean,
    "median": np.median,
}


def _parse(name: str, evidence: Evidence) -> tuple[re.Match[str], Ints | None, Rule]:
    base, *suffixes = name.split(":")
    match = _NAME.fullmatch(base)
    rules = [s for s in suffixes if s in ONE_PERCENT_RULES]
    others = [s for s in suffixes if s not in ONE_PERCENT_RULES]
    by_rank = base.startswith("recall@") and "_within_" not in base
    misplaced = (rules and base != "recall@1pct") or (others and not by_rank)
    if match is None or misplaced or others not in ([], ["strict"]) or len(rules) > 1:
        known = [*DEFAULT_METRICS, "recall@1:strict", "recall@1pct:floor_plus_1"]
        raise MetricError(f"No metric is called {name!r}. {closest(name, known)}")
    ranks = evidence.strict_ranks if others else evidence.ranks
    return match, ranks, rules[0] if rules else "floor"


def _share(ranks: Ints, k: int) -> tuple[Floats, Statistic]:
    return (ranks < k).astype(np.float64), "mean"


def _of_errors(
    error_m: Floats | None, match: re.Match[str]
) -> tuple[Floats, Statistic] | None:
    if error_m is None:
        return None
    if match["radius"]:
        return (error_m <= float(match["radius"])).astype(np.float64), "mean"
    statistic: Statistic = "median" if match["error"] == "median" else "mean"
    return error_m, statistic


def _some(
    values: npt.NDArray[np.floating] | npt.NDArray[np.integer], what: str
) -> npt.NDArray[np.floating] | npt.NDArray[np.integer]:
    if values.size == 0:
        raise MetricError(
            f"{what} needs at least one query, got none: is the split empty?"
        )
    return values

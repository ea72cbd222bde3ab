"""Vectors and truth in, every number out: rank, measure, draw intervals.

`evaluate` takes the truth from a pack, `score` from plain files; both end here, so
that a number means the same whichever way it came.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from dataset_tools.geodesy import distance_m, ecef_m
from geobench.errors import MetricError
from geobench.intervals import (
    CELL_SIZES_M,
    DRAWS,
    LEVEL,
    Units,
    bootstrap_interval,
    choose_units,
    widening,
)
from geobench.metrics import DEFAULT_METRICS, STATISTICS, Evidence, per_query
from geobench.retrieval import (
    Ranking,
    rank_references,
    ranks_without,
    shared_first_places,
)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.floating]
Cells = dict[str, dict[str, float | None]]

NO_POSITIVE = "no positive in the truth"
METHODS = {
    "cell": "bootstrap over square cells, stratified by region",
    "session": "bootstrap over sessions, stratified by region",
    "query": "bootstrap over single queries taken as independent: too narrow if they "
    "are neighbours",
}


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """How intervals are drawn."""

    cell_m: float = CELL_SIZES_M[0]
    """Largest side of a cell, metres."""
    seed: int = 0


DEFAULT_DRAWING = Drawing()


@dataclass(frozen=True, kw_only=True)
class Truth:
    """What is known about Q queries and R references, by row."""

    positives: Sequence[Ints]
    """[Q] columns of the true references; queries without any are excluded."""
    semi_positives: Sequence[Ints] | None = None
    """[Q] columns that also show the place; None if unknown."""
    query_position: Floats | None = None
    """[Q, 2] true lat, lon in degrees."""
    reference_position: Floats | None = None
    """[R, 2] lat, lon of the references' centres in degrees."""
    region: npt.NDArray[np.str_] | None = None
    """[Q] names; intervals draw within each."""
    stratum: npt.NDArray[np.str_] | None = None
    """[Q] names; each gets its own numbers."""
    session: npt.NDArray[np.str_] | None = None
    """[Q] names of recordings."""
    reason: str = NO_POSITIVE
    """Why a query without a positive is excluded."""

    def part(self, rows: Ints) -> "Truth":
        """The truth about some queries, against all references."""

        def some(values: Any) -> Any:
            return None if values is None else np.asarray(values)[rows]

        semi = self.semi_positives
        return replace(
            self,
            positives=[self.positives[i] for i in rows],
            semi_positives=None if semi is None else [semi[i] for i in rows],
            query_position=some(self.query_position),
            region=some(self.region),
            stratum=some(self.stratum),
            session=some(self.session),
        )


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Numbers and ranks, before they are given a name."""

    metrics: Cells
    strata: dict[str, dict[str, Any]]
    interval: dict[str, Any]
    counts: dict[str, Any]
    kept: Ints
    """Rows of the queries that count; `ranking` and `error_m` are about these."""
    ranking: Ranking
    error_m: Floats | None
    seconds: float


def measure(
    query: Vectors,
    reference: Vectors,
    truth: Truth,
    *,
    metrics: Sequence[str] = DEFAULT_METRICS,
    drawing: Drawing = DEFAULT_DRAWING,
) -> Measured:
    """Rank and measure vectors against a truth.

    Args:
        query: [Q, D].
        reference: [R, D].
        truth: about these rows.
        metrics: names; those without evidence (no coordinates) are left out.
        drawing: how intervals are drawn.

    Returns:
        Metrics with intervals, overall and per stratum, counts and ranks.

    Raises:
        MetricError: if no query has a positive.
        EmbeddingError: if vectors are non-finite or misshapen.
    """
    kept = np.flatnonzero([len(p) > 0 for p in truth.positives])
    excluded = len(truth.positives) - len(kept)
    if len(kept) == 0:
        raise MetricError(
            f"None of {excluded} queries can be scored ({truth.reason}). Check that "
            "truth and gallery belong together."
        )
    start = time.perf_counter()
    truth = truth.part(kept)
    evidence, ranking = _evidence(query[kept], reference, truth)
    seconds = time.perf_counter() - start
    units = _units(truth, drawing)
    return Measured(
        metrics=_cells(evidence, units, metrics, seed=drawing.seed),
        strata=_strata(evidence, truth, metrics, drawing=drawing),
        interval=_description(units),
        counts={
            "queries": len(kept),
            "references": len(reference),
            "excluded": {truth.reason: excluded} if excluded else {},
            "tied_queries": int(ranking.tied.sum()),
        },
        kept=kept,
        ranking=ranking,
        error_m=evidence.error_m,
        seconds=seconds,
    )


def _evidence(
    query: Vectors, reference: Vectors, truth: Truth
) -> tuple[Evidence, Ranking]:
    ranking = rank_references(query, reference, truth.positives)
    hit_ranks = None
    if truth.semi_positives is not None:
        # A tile that is positive stays: only wrong references can leave.
        semi = [
            np.setdiff1d(s, p)
            for s, p in zip(truth.semi_positives, truth.positives, strict=True)
        ]
        hit_ranks = ranking.ranks
        if any(len(s) for s in semi):
            hit_ranks = ranks_without(ranking, query, reference, removed=semi)
    evidence = Evidence(
        ranks=ranking.ranks,
        references=len(reference),
        strict_ranks=ranking.strict_ranks,
        hit_ranks=hit_ranks,
        positive_ranks=ranking.positive_ranks,
        positive_starts=ranking.positive_starts,
        error_m=_errors(ranking, query, reference, truth=truth),
    )
    return evidence, ranking


def _errors(
    ranking: Ranking, query: Vectors, reference: Vectors, *, truth: Truth
) -> Floats | None:
    """[Q] metres from the true position to the first, or the farthest of equals."""
    here, there = truth.query_position, truth.reference_position
    if here is None or there is None:
        return None
    first = ranking.top_index[:, 0].copy()
    shared = np.flatnonzero(ranking.first_tied)
    if len(shared):
        spot, spots = ecef_m(here[:, 0], here[:, 1]), ecef_m(there[:, 0], there[:, 1])
        for row, columns in shared_first_places(query, reference, shared):
            chord = np.linalg.norm(spots[columns] - spot[row], axis=1)
            first[row] = columns[np.argmax(chord)]
    chosen = there[first]
    return distance_m(here[:, 0], here[:, 1], chosen[:, 0], chosen[:, 1])


def _units(truth: Truth, drawing: Drawing) -> Units:
    count, here = len(truth.positives), truth.query_position
    return choose_units(
        np.full(count, "") if truth.region is None else truth.region,
        lat=None if here is None else here[:, 0],
        lon=None if here is None else here[:, 1],
        sessions=truth.session,
        cell_m=drawing.cell_m,
    )


def _cells(
    evidence: Evidence, units: Units, metrics: Sequence[str], *, seed: int
) -> Cells:
    cells: Cells = {}
    for name in metrics:
        found = per_query(name, evidence)
        if found is None:
            continue
        values, statistic = found
        ends = bootstrap_interval(values, units, statistic=statistic, seed=seed)
        low, high = ends if ends is not None else (None, None)
        value = float(STATISTICS[statistic](values))
        cells[name] = {"value": value, "low": low, "high": high}
    return cells


def _strata(
    evidence: Evidence,
    truth: Truth,
    metrics: Sequence[str],
    *,
    drawing: Drawing,
) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    if truth.stratum is None:
        return found
    for name in np.unique(truth.stratum):
        rows = truth.stratum == name
        units = _units(truth.part(np.flatnonzero(rows)), drawing)
        found[str(name)] = {
            "queries": int(rows.sum()),
            "metrics": _cells(evidence.part(rows), units, metrics, seed=drawing.seed),
            "interval": _description(units),
        }
    return found


def _description(units: Units) -> dict[str, Any]:
    """How intervals were drawn, for the result; says so when there is none."""
    enough = units.freedom >= 1
    return {
        "method": METHODS[units.kind] if enough else "none: fewer than two queries",
        "unit": units.kind,
        "cell_m": units.cell_m,
        "units": len(units.stratum),
        "strata": len(np.unique(units.stratum)),
        "draws": DRAWS,
        "level": LEVEL,
        "widening": round(widening(units), 4) if enough else None,
    }

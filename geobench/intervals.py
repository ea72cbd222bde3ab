"""Intervals: how far a number could have moved had other streets been driven.

Queries a few metres apart see the same houses, so they are not drawn one by one:
whole cells of ground are, within each region. `docs/metrics.md` says why the cells
shrink in a small test area, what widens the interval when they are few, and what
the interval does not cover.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from geobench.errors import MetricError
from geobench.metrics import STATISTICS, Statistic

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CELL_SIZES_M = (1000.0, 500.0, 250.0, 125.0)
"""Sides tried in this order, metres."""
ENOUGH_FREEDOM = 9
"""Cells less regions wanted before a smaller cell is tried: ten cells in one region."""
METRES_PER_DEGREE = 111_320.0
"""Of latitude, near enough to lay out cells; errors in metres never use it."""
LEVEL = 0.95
DRAWS = 1000
DRAW_ELEMENTS = 1 << 22
"""Weights held at a time while medians are drawn (32 MiB)."""


@dataclass(frozen=True)
class Units:
    """What is drawn: a label per query, in strata of regions."""

    label: Ints
    """[Q] unit of each query, 0 to U - 1; a unit lies in one stratum."""
    stratum: Ints
    """[U] stratum of each unit."""
    kind: Literal["cell", "session", "query"]
    """"query" is the last resort: it takes queries as independent."""
    cell_m: float | None
    """Side of a cell, metres, where cells are drawn."""

    @property
    def freedom(self) -> int:
        """Units less strata: what the data know about the spread between units."""
        strata = len(np.unique(self.stratum))
        return len(self.stratum) - strata


def choose_units(
    regions: npt.ArrayLike,
    *,
    lat: npt.ArrayLike | None = None,
    lon: npt.ArrayLike | None = None,
    sessions: npt.ArrayLike | None = None,
    cell_m: float = CELL_SIZES_M[0],
) -> Units:
    """The units to draw: cells where there are positions, else sessions, else queries.

    Args:
        regions: [Q] names; draws are made within each.
        lat: [Q] degrees, or None.
        lon: [Q] degrees, or None.
        sessions: [Q] names of recordings, or None.
        cell_m: largest side of a cell, metres.

    Returns:
        Cells of the largest side at most `cell_m` that leaves enough freedom, or the
        smallest side; with fewer than two units, the next kind.
    """
    names = np.asarray(regions).astype(str)
    chosen: Units | None = None
    if lat is not None and lon is not None:
        chosen = _cells(np.asarray(lat, float), np.asarray(lon, float), names, cell_m)
    if (chosen is None or chosen.freedom < 1) and sessions is not None:
        texts = np.char.add(np.char.add(names, "\n"), np.asarray(sessions).astype(str))
        chosen = _units(texts, names, kind="session")
    if chosen is None or chosen.freedom < 1:
        chosen = _units(np.arange(len(names)), names, kind="query")
    return chosen


def bootstrap_interval(
    values: Floats,
    units: Units,
    *,
    statistic: Statistic = "mean",
    draws: int = DRAWS,
    seed: int = 0,
) -> tuple[float, float] | None:
    """A 95 % interval of a mean or median, drawing whole units within strata.

    Percentiles of the draws, their distance to the estimate widened by Student's t
    and U / (U - H) for U units in H strata; for shares never narrower than Wilson's
    interval for as many independent queries, so that 0 hits of 300 do not look certain.

    Args:
        values: [Q] finite values; 0 and 1 for a share.
        units: of these Q queries.
        statistic: "mean" or "median".
        draws: number of draws, at least 100.
        seed: of the draws.

    Returns:
        (low, high) around the estimate, or None when there are fewer than two units.
    """
    if len(values) != len(units.label) or draws < 100:
        raise MetricError(
            f"An interval needs one value per query and at least 100 draws, got "
            f"{len(values)} values, {len(units.label)} queries and {draws} draws."
        )
    if units.freedom < 1:
        return None
    estimate = float(STATISTICS[statistic](values))
    weights = _draw_weights(units, draws, np.random.default_rng(seed))
    drawn = (_means if statistic == "mean" else _medians)(values, units, weights)
    low, high = np.percentile(drawn, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    factor = widening(units)
    low = estimate - factor * max(estimate - float(low), 0.0)
    high = estimate + factor * max(float(high) - estimate, 0.0)
    if statistic == "mean" and np.isin(values, (0.0, 1.0)).all():
        floor = wilson_interval(estimate, len(values))
        low, high = min(low, floor[0]), max(high, floor[1])
    return _inside(low, high, values)


def widening(units: Units) -> float:
    """How much few units widen an interval; 1 when there are very many.

    The spread between U units of H strata is underestimated by (U - H) / U and known
    with U - H degrees of freedom only.
    """
    return float(_student_t(units.freedom) / _student_t(10**9)) * float(
        np.sqrt(len(units.stratum) / units.freedom)
    )


def wilson_interval(share: float, count: int) -> tuple[float, float]:
    """Wilson's 95 % score interval of a share of independent trials.

    >>> [round(v, 4) for v in wilson_interval(0.0, 300)]
    [0.0, 0.0126]
    """
    z2 = _student_t(10**9) ** 2
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    inner = share * (1 - share) / count + z2 / (4 * count**2)
    half = np.sqrt(z2) * np.sqrt(inner) / (1 + z2 / count)
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def _cells(
    lat: Floats, lon: Floats, regions: npt.NDArray[np.str_], cell_m: float
) -> Units:
    """Cells of the largest side that leaves enough freedom."""
    found: Units | None = None
    for side in (cell_m, *(s for s in CELL_SIZES_M if s < cell_m)):
        row = np.floor(lat * METRES_PER_DEGREE / side)
        middle = np.radians((row + 0.5) * side / METRES_PER_DEGREE)
        column = np.floor(lon * METRES_PER_DEGREE * np.cos(middle) / side)
        place = [f"{r:.0f} {c:.0f}" for r, c in zip(row, column, strict=True)]
        texts = np.char.add(np.char.add(regions, "\n"), np.array(place, dtype=str))
        found = _units(texts, regions, kind="cell", cell_m=side)
        if found.freedom >= ENOUGH_FREEDOM:
            break
    assert found is not None
    return found


def _units(
    names: npt.NDArray[np.generic],
    regions: npt.NDArray[np.str_],
    *,
    kind: Literal["cell", "session", "query"],
    cell_m: float | None = None,
) -> Units:
    _, first, label = np.unique(names, return_index=True, return_inverse=True)
    _, stratum = np.unique(regions[first], return_inverse=True)
    sizes = np.bincount(stratum)
    # A stratum of one unit shows no spread at all: such strata are drawn as one, and
    # a last lonely one joins the smallest of the others.
    lonely = np.flatnonzero(sizes == 1)
    if len(lonely):
        stratum = np.where(np.isin(stratum, lonely), lonely[0], stratum)
    if len(lonely) == 1 and len(sizes) > 1:
        others = np.flatnonzero(sizes > 1)
        stratum[stratum == lonely[0]] = others[np.argmin(sizes[others])]
    return Units(label.ravel().astype(np.int64), stratum.astype(np.int64), kind, cell_m)


def _draw_weights(units: Units, draws: int, rng: np.random.Generator) -> Ints:
    """[draws, U] how often each unit is drawn."""
    weights = np.zeros((draws, len(units.stratum)), np.int64)
    for stratum in np.unique(units.stratum):
        member = np.flatnonzero(units.stratum == stratum)
        share = np.full(len(member), 1.0 / len(member))
        weights[:, member] = rng.multinomial(len(member), share, size=draws)
    return weights


def _means(values: Floats, units: Units, weights: Ints) -> Floats:
    total = np.bincount(units.label, weights=values, minlength=len(units.stratum))
    count = np.bincount(units.label, minlength=len(units.stratum))
    means: Floats = (weights @ total) / (weights @ count)
    return means


def _medians(values: Floats, units: Units, weights: Ints) -> Floats:
    order = np.argsort(values, kind="stable")
    values, label = values[order], units.label[order]
    medians = np.empty(len(weights))
    step = max(1, DRAW_ELEMENTS // len(values))
    for start in range(0, len(weights), step):
        heap = np.cumsum(weights[start : start + step][:, label], axis=1)
        total = heap[:, -1]
        # The middle one, or the middle two: where the count first passes them.
        lower = (heap <= ((total - 1) // 2)[:, None]).sum(1)
        upper = (heap <= (total // 2)[:, None]).sum(1)
        medians[start : start + step] = (values[lower] + values[upper]) / 2
    return medians


def _inside(low: float, high: float, values: Floats) -> tuple[float, float]:
    """Keep an interval within what the metric can be."""
    if np.all((values >= 0) & (values <= 1)):
        return max(0.0, low), min(1.0, high)
    return max(low, float(values.min())), high


def _student_t(freedom: int) -> float:
    """97.5 % quantile of Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(float(freedom), 0.5 + LEVEL / 2))

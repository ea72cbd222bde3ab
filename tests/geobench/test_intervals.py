import numpy as np
import pytest

from geobench.errors import MetricError
from geobench.intervals import (
    Units,
    bootstrap_interval,
    choose_units,
    widening,
    wilson_interval,
)

DEGREE_M = 111_320.0


def _grid(rows, columns, step_m, lat=44.0, lon=-72.5):
    """Positions at the middles of squares of `step_m`, away from cell borders."""
    north, east = np.divmod(np.arange(rows * columns), columns)
    first = np.ceil(lat * DEGREE_M / 1000.0) * 1000.0
    latitude = (first + (north + 0.5) * step_m) / DEGREE_M
    longitude = lon + east * step_m / (DEGREE_M * np.cos(np.radians(lat)))
    return latitude, longitude


def _blocks(groups, size):
    return choose_units(
        np.full(groups * size, "a"), sessions=np.repeat(np.arange(groups), size)
    )


def test_a_wide_region_is_drawn_in_cells_of_one_kilometre():
    lat, lon = _grid(6, 6, 1000.0)
    units = choose_units(np.full(36, "a"), lat=lat, lon=lon)
    assert (units.kind, units.cell_m) == ("cell", 1000.0)
    assert len(units.stratum) >= 30


def test_a_small_region_gets_the_largest_cell_that_gives_ten():
    lat, lon = _grid(17, 17, 100.0)
    units = choose_units(np.full(289, "a"), lat=lat, lon=lon)
    assert (units.kind, units.cell_m) == ("cell", 500.0)
    assert len(units.stratum) >= 10


def test_a_given_cell_size_is_the_largest_tried():
    lat, lon = _grid(6, 6, 1000.0)
    assert (
        choose_units(np.full(36, "a"), lat=lat, lon=lon, cell_m=250.0).cell_m == 250.0
    )


def test_one_spot_falls_back_to_sessions_and_then_to_queries():
    spot = np.full(6, 44.0)
    sessions = ["a", "a", "b", "b", "c", "c"]
    where = {"lat": spot, "lon": spot}
    assert choose_units(np.full(6, "r"), **where, sessions=sessions).kind == "session"
    assert choose_units(np.full(6, "r"), **where).kind == "query"


def test_a_region_with_one_unit_is_drawn_with_others():
    units = choose_units(["a", "a", "b", "c"], sessions=["1", "2", "3", "4"])
    assert len(np.unique(units.stratum)) == 2
    assert np.bincount(np.unique(units.stratum, return_inverse=True)[1]).min() >= 2


def test_the_same_seed_gives_the_same_interval():
    values = np.random.default_rng(0).integers(0, 2, 200).astype(float)
    units = _blocks(20, 10)
    assert bootstrap_interval(values, units) == bootstrap_interval(values, units)
    assert bootstrap_interval(values, units) != bootstrap_interval(
        values, units, seed=1
    )


def test_drawing_neighbours_one_by_one_would_be_too_sure():
    hits = np.repeat(np.random.default_rng(1).integers(0, 2, 40), 10).astype(float)
    together = bootstrap_interval(hits, _blocks(40, 10))
    alone = bootstrap_interval(hits, choose_units(np.full(400, "a")))
    assert together[1] - together[0] > 2 * (alone[1] - alone[0])


def test_few_units_widen_the_interval_by_student_t():
    assert widening(_blocks(10, 3)) == pytest.approx(
        2.2622 / 1.9600 * np.sqrt(10 / 9), 1e-3
    )
    assert widening(_blocks(2000, 1)) == pytest.approx(1.0, abs=0.01)


def test_no_hit_at_all_is_not_certainty():
    low, high = bootstrap_interval(np.zeros(300), _blocks(30, 10))
    assert low == 0.0
    assert high == pytest.approx(wilson_interval(0.0, 300)[1])
    assert high == pytest.approx(0.0126, abs=1e-3)


def test_an_interval_holds_its_estimate_and_stays_in_range():
    rng = np.random.default_rng(2)
    for share in (0.02, 0.5, 0.99):
        values = (rng.random(120) < share).astype(float)
        low, high = bootstrap_interval(values, _blocks(12, 10))
        assert 0.0 <= low <= values.mean() <= high <= 1.0


def test_a_median_is_drawn_as_numpy_would():
    values = np.random.default_rng(3).exponential(50.0, 90)
    units = choose_units(np.full(90, "a"))
    low, high = bootstrap_interval(values, units, statistic="median")
    rng = np.random.default_rng(0)
    drawn = [np.median(rng.choice(values, 90)) for _ in range(1000)]
    assert low == pytest.approx(np.percentile(drawn, 2.5), rel=0.1)
    assert high == pytest.approx(np.percentile(drawn, 97.5), rel=0.1)


def test_strata_are_drawn_apart():
    # Two regions without any spread inside: nothing but Wilson's floor remains.
    values = np.repeat([0.0, 1.0], 500)
    regions = np.repeat(["a", "b"], 500)
    units = choose_units(regions, sessions=np.arange(1000) // 50)
    assert bootstrap_interval(values, units) == pytest.approx(
        wilson_interval(0.5, 1000)
    )


@pytest.mark.parametrize("groups", [10, 30])
def test_intervals_cover_the_truth_about_as_often_as_they_say(groups):
    rng = np.random.default_rng(4)
    covered = 0
    for _ in range(200):
        share = np.clip(0.5 + 0.25 * rng.standard_normal(groups), 0, 1)
        values = (rng.random((groups, 15)) < share[:, None]).astype(float).ravel()
        low, high = bootstrap_interval(values, _blocks(groups, 15), draws=300)
        covered += low <= 0.5 <= high
    assert 0.90 <= covered / 200 <= 0.995


def test_one_query_has_no_interval():
    units = choose_units(["a"])
    assert bootstrap_interval(np.array([1.0]), units) is None


def test_values_must_fit_the_units():
    with pytest.raises(MetricError, match="one value per query"):
        bootstrap_interval(np.zeros(3), _blocks(2, 2))
    assert isinstance(_blocks(2, 2), Units)

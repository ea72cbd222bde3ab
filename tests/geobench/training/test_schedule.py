from itertools import pairwise

import pytest

from geobench.errors import ConfigError
from geobench.training.schedule import rate_factor


def test_the_rate_rises_to_its_peak_and_falls_to_nothing():
    at = [rate_factor(p / 100, schedule="cosine", warmup=0.1) for p in range(1, 101)]
    assert at[4] == pytest.approx(0.5)
    assert at[9] == pytest.approx(1.0)
    assert all(a > b for a, b in pairwise(at[9:]))
    assert at[-1] == pytest.approx(0.0, abs=1e-12)


def test_a_linear_tail_falls_over_the_last_two_fifths():
    at = [
        rate_factor(p, schedule="linear-tail", warmup=0.0) for p in (0.3, 0.6, 0.8, 1.0)
    ]
    assert at == pytest.approx([1.0, 1.0, 0.5, 0.0])


def test_a_constant_rate_stays():
    assert rate_factor(0.99, schedule="constant", warmup=0.1) == 1.0


def test_an_unknown_schedule_is_refused():
    with pytest.raises(ConfigError, match="'cosine'"):
        rate_factor(0.5, schedule="step", warmup=0.0)

import csv
import os
from pathlib import Path

import pytest

from geobench.errors import RegistryError
from geobench.published import catalogue, find_row
from geobench.recipe import find_recipe, recipe_names
from geobench.registry import model_factory
from geobench.tasks import find_task
from geobench.training.schedule import rate_factor
from geobench.training.settings import parse_settings

SHARED = Path(os.environ.get("GEOBENCH_SHARED", Path(__file__).parents[3] / "shared"))
OURS = ("safa", "geodtr", "seqgeo", "vigor")
MINED = ("vigor-same-area/safa-mining", "vigor-cross-area/safa-mining")


@pytest.mark.parametrize("name", recipe_names())
def test_a_recipe_names_known_tasks_rows_models_and_settings(name):
    recipe = find_recipe(name)
    model_factory(recipe.model)
    settings = {**recipe.train, "model": recipe.model, "variant": recipe.variant}
    assert parse_settings(settings).epochs >= 20
    for task, row in recipe.rows.items():
        assert find_task(task).id == task
        assert find_row(row).attributes["task"] == task


def test_every_published_row_of_our_models_has_a_recipe():
    wanted = {r for r in catalogue() if r.split("/")[1].split("-")[0] in OURS}
    covered = [row for n in recipe_names() for row in find_recipe(n).rows.values()]
    assert len(covered) == len(set(covered))
    # Two rows need hard-negative mining, which is not here yet.
    assert wanted - set(covered) == set(MINED)


def test_figures_are_fractions_with_a_source_each():
    row = find_row("cvusa/geodtr-polar-ls")
    assert row.metrics["recall@1"] == pytest.approx(0.9543)
    assert row.sources.keys() == row.metrics.keys()
    assert all(row.sources.values())
    assert find_row("vermont/seqgeo").metrics["recall@1pct"] == pytest.approx(0.3438)


def test_the_suspicious_row_carries_its_remark():
    assert "copying error" in find_row("cvact-to-cvusa/transgeo").attributes["remark"]


def test_an_unknown_name_is_answered_with_the_closest():
    with pytest.raises(RegistryError, match="cvusa-geodtr-polar"):
        find_recipe("cvusa-geodtr-pola")
    with pytest.raises(RegistryError, match="cvusa/safa"):
        find_row("cvusa/saffa")


@pytest.mark.skipif(not SHARED.is_dir(), reason="the printed tables are not at hand")
def test_the_catalogue_holds_the_printed_figures():
    for name, task in (("cvusa_same_area", "cvusa"), ("vermont_sequences", "vermont")):
        for line in csv.DictReader((SHARED / "published" / f"{name}.csv").open()):
            printed = {float(v) for k, v in line.items() if k.startswith("r_at") and v}
            rows = [r for r in catalogue().values() if r.attributes["task"] == task]
            found = [{round(100 * v, 2) for v in r.metrics.values()} for r in rows]
            assert printed in found, line


def test_geodtrs_rates_by_epoch_are_the_released_ones():
    recipe = find_recipe("cvusa-geodtr-polar-ls").train
    rates = [
        recipe["lr"] * rate_factor(e / 200, schedule="cosine", warmup=recipe["warmup"])
        for e in (0, 1, 2, 5, 199)
    ]
    assert rates == pytest.approx([0, 2e-5, 4e-5, 1e-4, 6.49e-9], rel=1e-3, abs=1e-12)


def test_seqgeos_rate_falls_from_epoch_thirty():
    factors = [
        rate_factor(e / 50, schedule="linear-tail", warmup=0.0) for e in (0, 30, 40, 49)
    ]
    assert factors == pytest.approx([1.0, 1.0, 0.5, 0.05])


def test_the_exponential_schedule_falls_to_a_tenth_every_so_many_steps():
    # 300,000 steps in the run, a tenth every 150,000.
    half = rate_factor(0.5, schedule="exponential", warmup=0.0, decays=2.0)
    assert half == pytest.approx(0.1)

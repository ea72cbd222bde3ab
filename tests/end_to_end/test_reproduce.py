"""Recipes run on miniatures of their data sets: two steps, shrunken pictures."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from geobench.cli.main import cli

SHARED = Path(os.environ.get("GEOBENCH_SHARED", Path(__file__).parents[3] / "shared"))
LAYOUTS = SHARED / "layouts"
FOLDERS = {"cvusa": "cvusa", "cvact": "cvact", "vigor": "vigor", "vermont": "seqgeo"}
SMALL = ["variant.backbone=small", "variant.ground_size=[32,128]"]

needs_layouts = pytest.mark.skipif(
    not LAYOUTS.is_dir(), reason="miniatures of the released data sets are not at hand"
)


def invoke(*words):
    result = CliRunner().invoke(cli, [str(w) for w in words])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def packs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packs")
    for name, source in FOLDERS.items():
        out = folder / f"{name}.pack"
        invoke("data", "import", name, LAYOUTS / source, "--out", out)
    return folder


def reproduce(recipe, packs, run, *words):
    data = [w for p in sorted(packs.glob("*.pack")) for w in ("--data", p)]
    fixed = ["--run", run, "--pretrained", "none", "--steps", "2", "--device", "cpu"]
    text = invoke("reproduce", recipe, *data, *fixed, *words, "--json")
    return json.loads(text[text.index("{") :])


SHRUNKEN = {
    "cvusa-geodtr-polar-ls": "variant.satellite_size=[32,128]",
    "cvusa-safa": "variant.satellite_size=[64,64]",
    "cvact-geodtr-ls": "variant.satellite_size=[64,64]",
    "cvact-safa-polar-ls": "variant.satellite_size=[32,128]",
    "vigor-same-vigor": "variant.satellite_size=[64,64]",
    "vigor-cross-safa": "variant.satellite_size=[64,64]",
    "vermont-seqgeo": "variant.satellite_size=[64,64]",
    "vermont-safa-sequence": "variant.satellite_size=[64,64]",
    "vermont-vigor": "variant.satellite_size=[64,64]",
}


@needs_layouts
@pytest.mark.parametrize("recipe", sorted(SHRUNKEN))
def test_a_recipe_runs_on_the_miniature_of_its_data_set(recipe, packs, tmp_path):
    changes = [*SMALL, SHRUNKEN[recipe]]
    if "seqgeo" in recipe:
        changes += ["variant.layers=1", "variant.feed_forward=64", "variant.width=64"]
    words = [w for change in changes for w in ("--set", change)]
    found = reproduce(recipe, packs, tmp_path / "run", *words)
    assert found["recipe"] == recipe
    assert "stopped after 2 steps" in found["departures"]
    for test in found["tests"]:
        assert "skipped" not in test
        cell = test["metrics"]["recall@1"]
        assert 0.0 <= cell["value"] <= 1.0
        assert cell["difference"] == pytest.approx(cell["value"] - cell["published"])
    assert (tmp_path / "run" / "reproduction.json").is_file()


@needs_layouts
def test_tests_without_a_pack_are_named_and_a_wrong_pack_is_refused(packs, tmp_path):
    words = ["--set", "variant.backbone=small", "--set", "variant.ground_size=[32,128]"]
    words += ["--set", "variant.satellite_size=[32,128]", "--pretrained", "none"]
    base = ["reproduce", "cvusa-geodtr-polar-ls", "--run", tmp_path / "run"]
    text = invoke(*base, "--data", packs / "cvusa.pack", "--steps", "1", *words)
    assert "cvusa-to-cvact: not tested, no pack 'cvact' was given." in text
    assert "This is no reproduction of the published row" in text
    wrong = [*base, "--data", packs / "vigor.pack", *words]
    result = CliRunner().invoke(cli, [str(w) for w in wrong])
    assert result.exit_code != 0
    assert "trains on the pack 'cvusa'" in str(result.exception)


@needs_layouts
@pytest.mark.slow
@pytest.mark.parametrize(
    "recipe", ["cvusa-geodtr-polar-ls", "cvact-safa-polar", "vigor-same-vigor"]
)
def test_a_recipe_runs_at_full_size(recipe, packs, tmp_path):
    found = reproduce(recipe, packs, tmp_path / "run", "--set", "batch_size=2")
    assert found["tests"][0]["metrics"]

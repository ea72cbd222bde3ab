"""The demo from raw drives to tables, on the tiny world with one short training."""

import json

import pytest

from geobench.cli import demo_steps
from geobench.cli.demo_plan import PRESETS, load_plan
from geobench.errors import ConfigError


def shortened():
    """The tiny plan with two models and one epoch."""
    plan = load_plan("tiny")
    chosen = [m for m in plan.models if m.label in ("safa", "safa-sequence")]
    models = [m.model_copy(update={"train": {**m.train, "epochs": 1}}) for m in chosen]
    update = {"models": models, "floors": ["random_embedding"], "lengths": [1, 7]}
    return plan.model_copy(update={**update, "keeps": ["centre-out"]})


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "run"
    patch = pytest.MonkeyPatch()
    patch.setattr(demo_steps, "load_plan", lambda preset, hard: shortened())
    demo_steps.run_demo("tiny", folder, workers=1, device="cpu", seed=0)
    yield folder
    patch.undo()


def test_the_demo_writes_three_tables_in_three_formats_and_a_page(demo):
    for kind in ("same-area", "cross-area", "sequence-length"):
        for suffix in ("md", "csv", "tex"):
            assert (demo / "tables" / f"{kind}.{suffix}").stat().st_size > 100
    assert "safa" in (demo / "report.html").read_text()
    assert list((demo / "figures").glob("*.png"))


def test_the_packs_of_the_demo_pass_their_check(demo):
    from dataset_tools.pack.check import check_pack

    packs = sorted((demo / "packs").glob("*.pack"))
    assert len(packs) >= 4
    assert [f for p in packs for f in check_pack(p)] == []


def test_every_stage_of_a_build_adds_up(demo):
    for path in (demo / "packs").glob("*.pack/pack.json"):
        rejected = json.loads(path.read_text())["rejections"]
        assert {"pictures", "clean", "sequences"} <= set(rejected)


def test_a_finished_demo_run_again_changes_no_result(demo):
    def stamps():
        return {p: p.stat().st_mtime_ns for p in (demo / "results").rglob("*.json")}

    before = stamps()
    demo_steps.run_demo("tiny", demo, workers=1, device="cpu", seed=0)
    assert before
    assert stamps() == before


def test_a_folder_with_another_run_is_refused(demo):
    with pytest.raises(ConfigError, match="another folder"):
        demo_steps.run_demo("tiny", demo, workers=1, device="cpu", seed=1)


@pytest.mark.parametrize("preset", PRESETS)
def test_each_preset_has_a_plan_whose_models_can_be_named(preset):
    from geobench.registry import model_names

    plan = load_plan(preset)
    assert {m.name for m in plan.models} | set(plan.floors) <= set(model_names())
    assert {m.camera for m in plan.models} == set(plan.cameras)


def test_the_hard_variant_only_moves_the_tiles_farther_off():
    plain, hard = load_plan("small"), load_plan("small", hard=True)
    assert (plain.jitter_m, hard.jitter_m) == (5.0, 15.0)
    assert hard.model_copy(update={"jitter_m": 5.0}) == plain

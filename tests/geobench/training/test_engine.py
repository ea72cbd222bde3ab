import json
from pathlib import Path

import pytest
import torch

from geobench.errors import ConfigError, DataError, GeobenchError
from geobench.training import engine
from geobench.training.checkpoint import load_checkpoint, read_description
from geobench.training.settings import TrainSettings, parse_settings

PACK = Path("a.pack")


def _settings(**changes):
    values = {
        "model": "tiny",
        "epochs": 2,
        "batch_size": 8,
        "lr": 0.02,
        "semantic": "weak",
        "layout": "weak",
        **changes,
    }
    return parse_settings(values)


def _fit(settings, run, *, packs=(PACK,), model=None):
    model = model or engine.new_model(settings)
    return engine.fit(model, list(packs), settings, run, progress=False, device="cpu")


def _log(run):
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


@pytest.fixture
def pack(make_pack, open_packs):
    open_packs[PACK] = make_pack()
    return open_packs[PACK]


@pytest.fixture
def run(tmp_path):
    return tmp_path / "run"


@pytest.mark.usefixtures("pack", "tiny_model")
class TestFit:
    def test_a_small_network_learns(self, run):
        settings = _settings(epochs=25, layout="none", semantic="none")
        best = _fit(settings, run)
        log = _log(run)
        assert log[-1]["loss"]["total"] < 0.5 * log[0]["loss"]["total"]
        assert read_description(best)["metrics"]["recall@1"] >= 0.4
        assert best == run / "checkpoints" / "best"

    def test_the_run_folder_says_what_was_done(self, run, pack):
        _fit(_settings(), run)
        config = (run / "config.yaml").read_text()
        assert pack.content_sha256 in config
        assert "semantic: weak" in config
        assert [line["epoch"] for line in _log(run)] == [0, 1]
        assert (run / "checkpoints" / "last" / "model.safetensors").is_file()

    def test_one_seed_gives_one_model(self, tmp_path):
        texts = []
        for name, seed in (("a", 0), ("b", 0), ("c", 1)):
            _fit(_settings(seed=seed), tmp_path / name)
            last = tmp_path / name / "checkpoints" / "last"
            texts.append((last / "model.safetensors").read_bytes())
        assert texts[0] == texts[1] != texts[2]

    @pytest.mark.parametrize("killed_at", [1, 2, 3, 4, 5])
    def test_a_killed_run_ends_with_the_same_bits(self, tmp_path, killed_at):
        settings = _settings(
            save_every_s=0.0, layout="strong", epochs=2, variant={"size": [16, 16]}
        )
        whole, cut = tmp_path / "whole", tmp_path / "cut"
        _fit(settings, whole)
        model = engine.new_model(settings)
        describe, calls = model.describe, []

        def dying(batch):
            calls.append(1)
            if len(calls) > killed_at:
                raise KeyboardInterrupt
            return describe(batch)

        model.describe = dying
        with pytest.raises(KeyboardInterrupt):
            _fit(settings, cut, model=model)
        _fit(settings, cut)
        for name in ("best", "last"):
            paths = [
                r / "checkpoints" / name / "model.safetensors" for r in (whole, cut)
            ]
            assert paths[0].read_bytes() == paths[1].read_bytes()
        logs = _log(whole), _log(cut)
        assert [x["loss"] for x in logs[0]] == [x["loss"] for x in logs[1]]

    def test_a_finished_run_is_not_trained_again(self, run, tiny_model_class):
        first = _fit(_settings(), run)
        before = (first / "model.safetensors").read_bytes()
        model = engine.new_model(_settings())
        model.loss = None
        assert _fit(_settings(), run, model=model) == first
        assert (first / "model.safetensors").read_bytes() == before

    def test_another_setting_in_the_same_folder_is_refused(self, run):
        _fit(_settings(), run)
        with pytest.raises(ConfigError, match=r"train\.lr = 0\.02, now it is 0\.5"):
            _fit(_settings(lr=0.5), run)
        _fit(_settings(max_minutes=5.0), run)

    def test_a_time_budget_ends_the_run_after_an_epoch(self, run):
        _fit(_settings(epochs=50, max_minutes=1e-6), run)
        assert len(_log(run)) == 1

    def test_a_diverged_loss_is_named(self, run):
        model = engine.new_model(_settings())
        model.terms = lambda rows: {"total": rows["satellite"].sum() * float("nan")}
        with pytest.raises(GeobenchError, match=r"epoch 0, step 0.*lower lr"):
            _fit(_settings(), run, model=model)

    def test_the_callers_random_numbers_are_left_alone(self, run):
        torch.manual_seed(3)
        wanted = torch.rand(1)
        torch.manual_seed(3)
        _fit(_settings(epochs=1), run)
        assert torch.equal(torch.rand(1), wanted)

    @pytest.mark.parametrize("change", [{"precision": "bf16"}, {"channels_last": True}])
    def test_faster_arithmetic_trains_too(self, run, change):
        checkpoint = _fit(_settings(epochs=1, **change), run)
        assert load_checkpoint(checkpoint).identity.settings["epochs"] == 1

    def test_without_a_pack_there_is_nothing_to_train_on(self, run):
        with pytest.raises(DataError, match="at least one pack"):
            _fit(_settings(), run, packs=())


def test_without_a_validation_split_the_last_one_counts(
    make_pack, open_packs, tiny_model, run
):
    open_packs[PACK] = make_pack(val=0)
    assert _fit(_settings(epochs=1), run) == run / "checkpoints" / "last"
    assert _log(run)[0]["val"] is None


def test_several_packs_train_one_model(make_pack, open_packs, tiny_model, run):
    other = Path("b.pack")
    open_packs[PACK], open_packs[other] = make_pack("a"), make_pack("b", seed=5)
    best = _fit(_settings(epochs=1), run, packs=(PACK, other))
    assert load_checkpoint(best).identity.trained_on == ("a", "b")


@pytest.mark.usefixtures("pack")
@pytest.mark.parametrize("training", ["none", "closed-form"])
def test_a_model_without_gradients_is_saved_at_once(
    run, monkeypatch, tiny_model_class, training
):
    import geobench.registry as registry
    from geobench.model import ModelCard

    class Plain(tiny_model_class):
        card = ModelCard(title="Plain", training=training)

        def fit_closed_form(self, train, val):
            count = sum(len(batch["tile_id"]) for batch in train)
            with torch.no_grad():
                self.ground[4].bias.fill_(count)
            return {"val": float(sum(len(batch["tile_id"]) for batch in val))}

    registry.model_names()
    monkeypatch.setitem(registry._FACTORIES, "tiny", Plain)
    folder = _fit(_settings(), run)
    identity = load_checkpoint(folder).identity
    assert identity.trained_on == (() if training == "none" else ("pack",))
    if training == "closed-form":
        assert (load_checkpoint(folder).ground[4].bias == 24).all()
        assert identity.metrics["val"] == 12.0


def test_settings_refuse_what_they_do_not_know():
    with pytest.raises(ConfigError, match="Did you mean 'epochs'"):
        parse_settings({"model": "x", "epoch": 3})
    with pytest.raises(ConfigError, match="'epochs' is 0"):
        parse_settings({"model": "x", "epochs": 0})
    with pytest.raises(ValueError, match="frozen"):
        TrainSettings(model="x").lr = 1.0

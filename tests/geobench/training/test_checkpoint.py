import json

import pytest
import torch

from geobench.errors import ConfigError, DataError, SchemaError
from geobench.training.checkpoint import (
    Identity,
    build_variant,
    load_checkpoint,
    save_checkpoint,
)

VARIANT = {"size": [8, 32], "max_frames": 3}


@pytest.fixture
def saved(tiny_model, tmp_path):
    model = build_variant(tiny_model, VARIANT)
    folder = tmp_path / "best"
    identity = Identity(name=tiny_model, variant=VARIANT, trained_on=("a",))
    return model, folder, save_checkpoint(model, folder, identity)


def test_a_checkpoint_gives_back_the_model_and_its_identity(saved):
    model, folder, identity = saved
    loaded = load_checkpoint(folder)
    for key, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], value)
    assert loaded.identity == identity
    assert len(identity.sha256) == 64
    assert loaded.max_frames == 3
    assert not loaded.training


def test_saving_again_replaces_the_folder_as_a_whole(saved):
    model, folder, identity = saved
    (folder / "stray").write_text("")
    save_checkpoint(model, folder, identity)
    assert sorted(p.name for p in folder.iterdir()) == [
        "checkpoint.json",
        "model.safetensors",
    ]
    assert [p.name for p in folder.parent.iterdir()] == ["best"]


def test_a_replacement_cut_off_between_renames_leaves_the_old_one(saved):
    _, folder, identity = saved
    folder.rename(folder.with_name(".best.old"))
    assert load_checkpoint(folder).identity == identity


def test_a_card_is_written_where_there_is_one(saved):
    model, folder, identity = saved
    save_checkpoint(model, folder, identity, card="# Imported\n")
    assert (folder / "card.md").read_text() == "# Imported\n"
    save_checkpoint(model, folder, identity)
    assert not (folder / "card.md").exists()


def test_a_checkpoint_from_before_sources_were_kept_is_read(saved):
    _, folder, identity = saved
    path = folder / "checkpoint.json"
    described = json.loads(path.read_text())
    del described["source"]
    path.write_text(json.dumps(described))
    assert load_checkpoint(folder).identity == identity


def test_damaged_weights_are_refused(saved):
    _, folder, _ = saved
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(SchemaError, match="damaged"):
        load_checkpoint(folder)


def _edit(folder, **changes):
    path = folder / "checkpoint.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 99}, "version 99"),
        ({"format": "other"}, "format"),
        ({"preparation_sha256": "0"}, "was trained on input"),
    ],
)
def test_a_checkpoint_that_disagrees_is_refused(saved, changes, message):
    _, folder, _ = saved
    _edit(folder, **changes)
    with pytest.raises(SchemaError, match=message):
        load_checkpoint(folder)


def test_a_variant_the_model_does_not_take_is_refused(monkeypatch):
    import geobench.registry as registry

    registry.model_names()
    monkeypatch.setitem(registry._FACTORIES, "tiny", lambda size: None)
    with pytest.raises(ConfigError, match="does not take the variant"):
        build_variant("tiny", {"heads": 2})


def test_missing_or_extra_weights_are_refused(saved, monkeypatch, tiny_model_class):
    import geobench.registry as registry

    class Larger(tiny_model_class):
        def __init__(self, **variant):
            super().__init__(**variant)
            self.more = torch.nn.Linear(2, 2)

    monkeypatch.setitem(registry._FACTORIES, "tiny", Larger)
    with pytest.raises(SchemaError, match=r"more\.weight"):
        load_checkpoint(saved[1])


def test_a_folder_without_checkpoint_is_named(tmp_path):
    with pytest.raises(DataError, match=r"checkpoint\.json"):
        load_checkpoint(tmp_path / "none")

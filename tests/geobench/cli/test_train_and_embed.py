"""A real pack on disk through `geobench train` and `geobench embed`."""

import hashlib
import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from dataset_tools.imagery.tile_list import footprint
from dataset_tools.pack.write import PackContents, write_pack
from dataset_tools.pictures import encode_jpeg
from dataset_tools.records import Frame, Offset, Sequence, Tile
from geobench.cli.embed import command as embed
from geobench.cli.import_weights import command as import_weights
from geobench.cli.train import command as train
from geobench.embeddings import read_embeddings
from geobench.errors import ConfigError, DataError, SchemaError
from geobench.registry import build_model


def _write(path, *, count=12, length=3, size=32):
    frames, tiles, sequences, rows = [], [], [], []
    for i in range(count):
        lat, lon = 44.0 + i * 1e-3, -72.0
        ids = tuple(f"f{i:02d}-{k}" for k in range(length))
        frames += [
            Frame(
                frame_id=f,
                session_id="a",
                order=i * length + k,
                lat=lat + (k - 1) * 7e-5,
                lon=lon,
                heading_deg=0.0,
                hfov_deg=90.0,
                source=f"{f}.jpg",
            )
            for k, f in enumerate(ids)
        ]
        tiles.append(
            Tile(
                tile_id=f"t{i:02d}",
                lat=lat,
                lon=lon,
                footprint=footprint(lat, lon, side_m=80.0),
                m_per_px=80 / size,
                width_px=size,
                height_px=size,
                source="made",
                licence="CC0-1.0",
            )
        )
        sequences.append(
            Sequence(
                sequence_id=f"s{i:02d}",
                region="here",
                frame_ids=ids,
                lat=lat,
                lon=lon,
                length_m=16.0,
                positives=(f"t{i:02d}",),
                offsets=(Offset(tile_id=f"t{i:02d}", east_m=0.0, north_m=0.0),),
            )
        )
        split = ("train", "val", "test")[i % 3]
        rows += [
            ("area", split, "sequence", f"s{i:02d}"),
            ("area", split, "tile", f"t{i:02d}"),
        ]
    contents = PackContents(
        name="little",
        frames=frames,
        tiles=tiles,
        sequences=sequences,
        split_rows=rows,
        licences=[{"source": "made", "licence": "CC0-1.0", "attribution": ""}],
        made_by={"command": "test", "parameters": {}, "versions": {}},
    )
    rng = np.random.default_rng(0)

    def picture(kind, name):
        return encode_jpeg(rng.integers(0, 255, (size, size, 3), dtype=np.uint8))

    return write_pack(path, contents, picture=picture)


@pytest.fixture
def pack(tmp_path):
    return _write(tmp_path / "little.pack")


def _run(command, *words):
    return CliRunner().invoke(
        command, [str(w) for w in words], catch_exceptions=False, prog_name="geobench"
    )


def test_a_pack_becomes_a_checkpoint_and_then_embeddings(pack, tmp_path, tiny_model):
    run, out = tmp_path / "run", tmp_path / "a.emb"
    recipe = tmp_path / "r.yaml"
    recipe.write_text(
        "epochs: 3\nbatch_size: 4\nvariant: {size: [8, 32], max_frames: 3}\n"
    )
    words = ["--run", run, "--recipe", recipe, "--quiet", "--device", "cpu"]
    changes = [
        *("--set", "epochs=1", "--set", "lr=1e-3"),
        *("--set", "variant.north_canvas=true", "--set", "variant.polar=true"),
    ]
    trained = _run(train, tiny_model, pack, *words, *changes)
    assert trained.exit_code == 0, trained.output
    assert trained.output.splitlines()[-1] == f"Checkpoint: {run}/checkpoints/best"
    words = ["--out", out, "--frames", 1, "--device", "cpu", "--json"]
    done = _run(embed, run / "checkpoints" / "best", pack, *words)
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["model"] == "tiny"
    found = read_embeddings(out)
    assert found.query_ids == ("s02", "s05", "s08", "s11")
    assert found.info.variant["polar"] is True
    assert found.info.task["id"] == "little-test-tile-1-centre-out"


def test_wrong_settings_say_what_to_do(pack, tmp_path, tiny_model):
    words = [tiny_model, pack, "--run", tmp_path / "run", "--set"]
    with pytest.raises(ConfigError, match="Did you mean 'epochs'"):
        _run(train, *words, "epoch=3")
    with pytest.raises(ConfigError, match="NAME=VALUE"):
        _run(train, *words, "epochs")


@pytest.mark.parametrize("command", [train, embed, import_weights])
def test_help_shows_an_example(command):
    assert "Example: geobench" in _run(command, "--help").output


@pytest.fixture
def released(tmp_path):
    """A file such as authors release: a small GeoDTR from a training script."""
    model = build_model("geodtr", **SMALL)
    state = {f"module.{k}": v for k, v in model.state_dict().items()}
    path = tmp_path / "epoch_9.pth"
    torch.save({"epoch": 9, "model_state_dict": state}, path)
    return path


SMALL = {
    "backbone": "small",
    "ground_size": (16, 32),
    "satellite_size": (16, 32),
    "heads": 2,
}
VARIANT = [
    *("--set", "backbone=small", "--set", "ground_size=[16, 32]"),
    *("--set", "satellite_size=[16, 32]", "--set", "heads=2"),
]


def test_released_weights_become_a_checkpoint_with_a_card_that_embeds(
    pack, released, tmp_path
):
    out = tmp_path / "imported"
    words = ["geodtr", released, "--out", out, "--trained-on", "cvusa", *VARIANT]
    done = _run(import_weights, *words, "--json")
    assert done.exit_code == 0, done.output
    described = json.loads(done.output)
    digest = hashlib.sha256(released.read_bytes()).hexdigest()
    assert described["source"] == {"epoch_9.pth": digest}
    assert described["trained_on"] == ["cvusa"]
    card = (out / "card.md").read_text()
    for words in ("AAAI 2023", digest, "cvusa", f"{described['parameters']:,}"):
        assert words in card
    folder = tmp_path / "a.emb"
    done = _run(embed, out, pack, "--out", folder, "--device", "cpu", "--json")
    assert done.exit_code == 0, done.output
    found = read_embeddings(folder)
    assert found.info.model == "geodtr"
    assert found.info.trained_on == ("cvusa",)
    assert found.info.checkpoint_sha256 == described["sha256"]


def test_a_folder_of_other_things_or_a_checkpoint_is_not_replaced_unasked(
    released, tmp_path
):
    home = tmp_path / "home"
    home.mkdir()
    (home / "thesis.tex").write_text("years of work")
    words = ["geodtr", released, *VARIANT, "--out"]
    done = _run(import_weights, *words, home, "--overwrite")
    assert done.exit_code == 2
    assert "other things than a checkpoint" in done.output
    assert (home / "thesis.tex").read_text() == "years of work"
    out = tmp_path / "imported"
    assert _run(import_weights, *words, out).exit_code == 0
    again = _run(import_weights, *words, out)
    assert again.exit_code == 2
    assert "--overwrite" in again.output
    assert _run(import_weights, *words, out, "--overwrite").exit_code == 0


def test_parts_are_given_by_name(released, tmp_path):
    words = ["--out", tmp_path / "x", *VARIANT]
    with pytest.raises(SchemaError, match="'trans' is missing"):
        _run(import_weights, "seqgeo", f"GFE={released}", f"SFE={released}", *words)
    twice = _run(import_weights, "seqgeo", "GFE=a", "GFE=b", *words)
    assert (twice.exit_code, "given twice" in twice.output) == (2, True)
    plain = _run(import_weights, "seqgeo", "a", "b", *words)
    assert (plain.exit_code, "PART=FILE" in plain.output) == (2, True)
    with pytest.raises(DataError, match="no file of weights"):
        _run(import_weights, "seqgeo", "GFE=nowhere.pth", *words)

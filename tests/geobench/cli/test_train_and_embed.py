"""A real pack on disk through `geobench train` and `geobench embed`."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from dataset_tools.pack.write import PackContents, write_pack
from dataset_tools.pictures import encode_jpeg
from dataset_tools.records import Frame, Offset, Sequence, Tile
from geobench.cli.embed import command as embed
from geobench.cli.train import command as train
from geobench.embeddings import read_embeddings
from geobench.errors import ConfigError


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
        near = 4e-4
        tiles.append(
            Tile(
                tile_id=f"t{i:02d}",
                lat=lat,
                lon=lon,
                footprint=(
                    (lon - near, lat + near),
                    (lon + near, lat + near),
                    (lon + near, lat - near),
                    (lon - near, lat - near),
                ),
                m_per_px=80 / size,
                width_px=size,
                height_px=size,
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
    assert _run(train, *words, "epochs").exit_code == 2


@pytest.mark.parametrize("command", [train, embed])
def test_help_shows_an_example(command):
    assert "Example: geobench" in _run(command, "--help").output

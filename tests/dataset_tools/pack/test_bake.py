import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from made_pack import contents, make
from pydantic import ValidationError

from dataset_tools.errors import UsageError
from dataset_tools.pack.bake import bake, bake_frame, bake_tile, resize
from dataset_tools.pack.check import check_pack
from dataset_tools.pack.format import content_sha256
from dataset_tools.pack.preprocessing import preprocessing_sha256
from dataset_tools.pack.read import Pack
from dataset_tools.records import UNPLACED
from dataset_tools.settings.bake import BakeSettings
from geobench.cli.bake import command

SETTINGS = BakeSettings(ground_size=(8, 24), satellite_size=(8, 8))


def test_a_baked_pack_is_sound_and_holds_pixels_of_the_asked_size(tmp_path):
    source = make(tmp_path)
    path = bake(source, tmp_path / "baked.pack", SETTINGS)
    assert check_pack(path) == []
    with Pack.open(path) as baked, Pack.open(source) as pack:
        expected = resize(pack.picture("frame", "s0/002"), (8, 24))
        np.testing.assert_array_equal(baked.picture("frame", "s0/002"), expected)
        assert baked.picture("tile", "t/far").shape == (8, 8, 3)
        assert baked.picture_bytes("tile", "t/far").startswith(b"\x89PNG")
        assert list(baked.sequences.index) == list(pack.sequences.index)
        assert baked.splits.equals(pack.splits)
        built = baked.meta["made_by"]
        assert built["source"]["content_sha256"] == pack.content_sha256


def test_a_baked_pack_is_not_baked_again(tmp_path):
    path = bake(make(tmp_path), tmp_path / "baked.pack", SETTINGS)
    with pytest.raises(UsageError, match="baked already"):
        bake(path, tmp_path / "twice.pack", SETTINGS)


def test_a_tile_is_cropped_to_metres_about_its_centre():
    pixels = np.zeros((16, 16, 3), np.uint8)
    pixels[4:12, 4:12] = 200
    settings = BakeSettings(ground_size=(8, 8), satellite_size=(8, 8), tile_m=40.0)
    assert (bake_tile(pixels, 80.0, settings) == 200).all()


def test_polar_tiles_have_north_in_the_middle_column():
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[:20, 28:36] = 255
    settings = BakeSettings(ground_size=(8, 8), satellite_size=(16, 64), polar=True)
    columns = bake_tile(pixels, 80.0, settings)[:8].sum(axis=(0, 2))
    assert abs(int(columns.argmax()) - 32) <= 4


def test_part_of_a_frames_height_is_kept_before_it_is_resized():
    pixels = np.zeros((16, 16, 3), np.uint8)
    pixels[4:12] = 200
    settings = BakeSettings(
        ground_size=(8, 8), satellite_size=(8, 8), ground_rows=(0.25, 0.75)
    )
    assert (bake_frame(pixels, settings) == 200).all()


def test_preprocessing_is_stated_with_a_hash_of_all_that_changes_a_pixel(tmp_path):
    path = bake(make(tmp_path), tmp_path / "baked.pack", SETTINGS)
    steps = Pack.open(path).meta["preprocessing"]
    assert steps["ground_size"] == [8, 24]
    assert {"pillow", "jpeg", "numpy"} <= steps["versions"].keys()
    assert steps["sha256"] == preprocessing_sha256(steps)
    for change in ({"polar": True}, {"revision": 2}, {"versions": {}}):
        assert preprocessing_sha256(steps | change) != steps["sha256"]


def test_the_number_of_processes_does_not_change_a_byte(tmp_path):
    source = make(tmp_path)
    one = bake(source, tmp_path / "one.pack", SETTINGS)
    two = bake(source, tmp_path / "two.pack", SETTINGS, workers=2)
    assert content_sha256(one) == content_sha256(two)


def test_a_killed_baking_goes_on_to_the_same_bytes(tmp_path):
    """The first run dies at the first tile, after the shard of frames."""
    source, out = make(tmp_path), tmp_path / "b.pack"
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from dataset_tools.pack import bake as b\n"
        "from dataset_tools.settings.bake import BakeSettings\n"
        "b.bake_tile = lambda *a: os.kill(os.getpid(), signal.SIGKILL)\n"
        "s = BakeSettings(ground_size=(8, 24), satellite_size=(8, 8))\n"
        "b.bake(Path(sys.argv[1]), Path(sys.argv[2]), s)\n"
    )
    words = [sys.executable, "-c", code, str(source), str(out)]
    assert subprocess.run(words, check=False).returncode == -9
    assert not out.exists()
    (work,) = tmp_path.glob(".b.pack.work-*/pack/images-00000.h5")
    kept = work.stat().st_ino
    bake(source, out, SETTINGS)
    assert (out / "images-00000.h5").stat().st_ino == kept
    whole = bake(source, tmp_path / "whole.pack", SETTINGS)
    assert content_sha256(out) == content_sha256(whole)


def test_a_tile_of_unknown_scale_is_not_cropped(tmp_path):
    nan = float("nan")
    nowhere = {"lat": nan, "lon": nan, "m_per_px": nan, "footprint": UNPLACED}
    tiles = [replace(t, **nowhere) for t in contents().tiles]
    queries = [replace(s, offsets=()) for s in contents().sequences]
    source = make(tmp_path, tiles=tiles, sequences=queries)
    settings = SETTINGS.model_copy(update={"tile_m": 40.0})
    with pytest.raises(UsageError, match=r"3 tiles .* no known scale"):
        bake(source, tmp_path / "b.pack", settings)


def test_rows_out_of_order_are_refused():
    with pytest.raises(ValidationError, match="top < bottom"):
        BakeSettings(ground_size=(8, 8), satellite_size=(8, 8), ground_rows=(1, 0))


def test_the_command_bakes(tmp_path):
    source = make(tmp_path)
    words = [str(source), str(tmp_path / "b.pack")]
    sizes = ["--ground-size", "8", "24", "--satellite-size", "8", "8"]
    result = CliRunner().invoke(command, [*words, *sizes])
    assert result.exit_code == 0, result.output
    assert Pack.open(tmp_path / "b.pack").encoding == "baked"
    assert "preprocessing" in result.output
    wrong = CliRunner().invoke(command, [*words, "--ground-size", "0", "8", *sizes[3:]])
    assert wrong.exit_code == 2
    assert "--ground-size" in wrong.output

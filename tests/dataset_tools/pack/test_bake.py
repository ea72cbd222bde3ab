import numpy as np
import pytest
from click.testing import CliRunner
from made_pack import make

from dataset_tools.errors import UsageError
from dataset_tools.pack.bake import bake, bake_tile, resize
from dataset_tools.pack.check import check_pack
from dataset_tools.pack.read import Pack
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


def test_the_command_bakes(tmp_path):
    source = make(tmp_path)
    words = [str(source), str(tmp_path / "b.pack")]
    sizes = ["--ground-size", "8", "24", "--satellite-size", "8", "8"]
    result = CliRunner().invoke(command, [*words, *sizes])
    assert result.exit_code == 0, result.output
    assert Pack.open(tmp_path / "b.pack").encoding == "baked"

import json
import os
import shutil

import h5py
import numpy as np
import pytest
from broken_pack import baked, repacked
from click.testing import CliRunner
from drive_made import write_drive, write_ortho
from made_pack import make, picture

from dataset_tools.build import BuildSettings, build_pack
from dataset_tools.errors import IntegrityError, UsageError
from dataset_tools.pack.card import write_card
from dataset_tools.pack.check import check_pack
from dataset_tools.pack.format import content_sha256, file_records
from dataset_tools.pack.read import Pack
from dataset_tools.pack.repair import repair
from dataset_tools.settings.repair import RepairSettings
from geobench.cli.main import cli


@pytest.fixture
def path(tmp_path):
    return make(tmp_path)


@pytest.fixture
def copy(path, tmp_path):
    return shutil.copytree(path, tmp_path / "copy.pack")


def hurt(path, name, *, shard=0):
    """Flip a bit in the middle of one picture."""
    with h5py.File(path / f"images-{shard:05d}.h5", "r+") as file:
        row = [i.decode() for i in file["id"][()]].index(name)
        start, stop = (int(v) for v in file["offset"][row : row + 2])
        file["bytes"][(start + stop) // 2] ^= 1


def test_a_sound_pack_is_left_alone(path):
    before = file_records(path)
    done = repair(path)
    assert (done.shards, done.tables, done.same_hash) == ((), (), True)
    assert file_records(path) == before


def test_a_picture_from_a_copy_gives_the_same_pack_again(path, copy):
    before = content_sha256(path)
    write_card(path)
    hurt(path, "s0/001")
    done = repair(path, copies=[copy])
    assert done.shards == ("images-00000.h5",)
    assert done.mended == {"copy": 1}
    assert done.same_hash
    assert content_sha256(path) == before
    assert check_pack(path, decode_pictures=True) == []
    assert (path / "card.md").is_file()
    assert not [p for p in path.parent.iterdir() if p.name.startswith(".")]


def test_shards_that_are_whole_are_linked_and_not_written(path, copy, tmp_path):
    hurt(path, "s0/001")
    repair(path, tmp_path / "new.pack", copies=[copy])
    assert (tmp_path / "new.pack" / "images-00001.h5").stat().st_nlink == 2
    assert (tmp_path / "new.pack" / "images-00000.h5").stat().st_nlink == 1


@pytest.mark.parametrize("damage", ["cut", "gone", "no HDF5", "ids"])
def test_a_shard_that_cannot_be_read_is_had_from_a_copy(path, copy, damage):
    shard = path / "images-00000.h5"
    if damage == "cut":
        os.truncate(shard, 900)
    elif damage == "gone":
        shard.unlink()
    elif damage == "ids":
        with h5py.File(shard, "r+") as file:
            file["id"][...] = file["id"][()][::-1]
    else:
        shard.write_bytes(b"x")
    done = repair(path, copies=[copy])
    assert done.mended["copy"] >= 6
    assert done.same_hash
    assert check_pack(path) == []


def test_a_change_that_harms_no_picture_is_mended_without_a_source(path):
    before = content_sha256(path)
    with (path / "images-00000.h5").open("ab") as file:
        file.write(b"tail")
    done = repair(path)
    assert (done.mended, done.same_hash) == ({}, True)
    assert content_sha256(path) == before


def test_a_table_is_had_from_a_copy(path, copy):
    repacked(path)
    done = repair(path, copies=[copy])
    assert (done.tables, done.same_hash) == (("splits",), True)
    assert check_pack(path) == []


def test_a_table_without_a_copy_is_beyond_repair(path, tmp_path):
    other = make(tmp_path / "other", name="other", split_rows=[])
    repacked(path)
    with pytest.raises(IntegrityError, match=r"splits.parquet is damaged, .* --from"):
        repair(path, copies=[other])


def test_a_frame_is_had_from_the_drive_if_it_is_the_same_picture(path, tmp_path):
    drive = tmp_path / "drive"
    (drive / "s0").mkdir(parents=True)
    source = drive / "s0" / "001.jpg"
    source.write_bytes(picture("frame", "s0/001") + b"a trailer")
    hurt(path, "s0/001")
    done = repair(path, settings=RepairSettings(drive=drive))
    assert (done.mended, done.same_hash) == ({"drive": 1}, True)
    hurt(path, "s0/001")
    source.write_bytes(picture("frame", "s0/002"))
    with pytest.raises(IntegrityError, match="are in no source"):
        repair(path, settings=RepairSettings(drive=drive))


def test_a_source_outside_the_drive_is_not_read(path, tmp_path):
    drive = tmp_path / "drive"
    (drive / "s0").mkdir(parents=True)
    elsewhere = tmp_path / "elsewhere.jpg"
    elsewhere.write_bytes(picture("frame", "s0/001"))
    (drive / "s0" / "001.jpg").symlink_to(elsewhere)
    hurt(path, "s0/001")
    with pytest.raises(IntegrityError, match="are in no source"):
        repair(path, settings=RepairSettings(drive=drive))


def test_tiles_are_cut_from_the_imagery_again(tmp_path):
    write_drive(tmp_path / "drive", count=8)
    write_ortho(tmp_path / "ortho.tif", px=2.0)
    settings = BuildSettings(
        drive=tmp_path / "drive",
        imagery=(tmp_path / "ortho.tif",),
        licence="CC0-1.0",
        m_per_px=2.0,
        out=tmp_path / "a.pack",
    )
    pack = build_pack(settings).path
    with Pack.open(pack) as held:
        shard = int(held.tiles["shard"].iloc[0])
    before = content_sha256(pack)
    os.truncate(pack / f"images-{shard:05d}.h5", 900)
    done = repair(pack, settings=RepairSettings(imagery=settings.imagery))
    assert set(done.mended) == {"imagery"}
    assert (done.same_hash, content_sha256(pack)) == (True, before)


def test_without_a_source_nothing_is_changed_unless_it_may_be_dropped(path):
    hurt(path, "s900/001")
    before = file_records(path)
    with pytest.raises(IntegrityError, match=r"1 damaged pictures .* 's900/001'"):
        repair(path)
    assert file_records(path) == before
    done = repair(path, drop=True)
    assert done.lost == ("s900/001",)
    assert done.dropped == {"frames": 1, "sequences": 1, "splits": 1}
    assert not done.same_hash
    with Pack.open(path, verify=True) as pack:
        assert list(pack.sequences.index) == ["q/near", "q/one"]
        assert pack.meta["rejections"]["repair"] == {"damaged-picture": 1}
    assert [f for f in check_pack(path) if f.severity == "error"] == []


def test_a_lost_tile_takes_its_sequences_and_gallery_rows_along(path):
    hurt(path, "t/near", shard=1)
    done = repair(path, drop=True)
    assert done.dropped == {"tiles": 1, "sequences": 2, "splits": 3}
    assert check_pack(path) == []


def test_a_pack_of_which_nothing_would_be_left_is_not_written(path):
    (path / "images-00000.h5").unlink()
    with pytest.raises(UsageError, match="Nothing would be left"):
        repair(path, drop=True)
    assert (path / "images-00001.h5").exists()


def test_a_baked_pack_is_mended_from_a_copy_and_never_from_a_drive(path, tmp_path):
    baked(lambda p: None)(path)
    copy = shutil.copytree(path, tmp_path / "copy.pack")
    with h5py.File(path / "images-00000.h5", "r+") as file:
        file["images"][0, 0, 0, 0] ^= 1
    with pytest.raises(UsageError, match="is baked"):
        repair(path, settings=RepairSettings(drive=tmp_path))
    assert repair(path, copies=[copy]).same_hash
    with Pack.open(path) as pack, Pack.open(copy) as other:
        first = pack.picture("frame", "s0/000")
        np.testing.assert_array_equal(first, other.picture("frame", "s0/000"))


def test_a_damaged_pack_json_is_beyond_repair(path):
    (path / "pack.json").write_text("{")
    with pytest.raises(IntegrityError, match="no JSON"):
        repair(path)


def test_the_command_says_what_it_did(path, copy):
    hurt(path, "s0/001")
    words = ["data", "repair", str(path)]
    said = CliRunner().invoke(cli, words)
    assert isinstance(said.exception, IntegrityError)
    done = CliRunner().invoke(cli, [*words, "--from", str(copy)])
    assert done.exit_code == 0, done.output
    assert "images-00000.h5: written again" in done.stdout
    assert "its old hash again" in done.stdout
    again = CliRunner().invoke(cli, [*words, "--json"])
    assert json.loads(again.stdout)["shards"] == []

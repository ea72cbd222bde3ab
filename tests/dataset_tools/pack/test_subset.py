import json
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from broken_pack import baked, table
from click.testing import CliRunner
from made_pack import contents, make, picture
from pydantic import ValidationError

from dataset_tools.errors import IntegrityError, MissingDataError, UsageError
from dataset_tools.pack.check import check_pack
from dataset_tools.pack.read import Pack
from dataset_tools.pack.subset import subset
from dataset_tools.settings.subset import SubsetSettings
from geobench.cli.main import cli


@pytest.fixture
def path(tmp_path):
    """The made pack without the frame that no sequence uses, and a semi-positive."""
    given = contents()
    near = given.sequences[0]
    one = given.sequences[2]
    semi = replace(
        one,
        semi_positives=("t/grid",),
        offsets=(*one.offsets, replace(near.offsets[0], tile_id="t/grid")),
    )
    frames = [f for f in given.frames if f.frame_id != "s0/003"]
    tiles = [
        replace(t, lat=g.lat, lon=g.lon, footprint=g.footprint)
        if t.tile_id == "t/grid"
        else t
        for t in given.tiles
        for g in given.tiles[:1]
    ]
    rows = [r for r in given.split_rows if r[3] != "t/grid"]
    rows.append(("area", "train", "tile-open", "t/grid"))
    rows.append(("area", "train", "tile-open", "t/near"))
    return make(
        tmp_path,
        frames=frames,
        tiles=tiles,
        sequences=[near, given.sequences[1], semi],
        split_rows=rows,
    )


def cut(path, **settings):
    out = path.with_name("part.pack")
    subset(path, out, SubsetSettings(**settings))
    return Pack.open(out, verify=True)


def test_a_part_is_a_sound_pack_with_only_what_its_sequences_use(path):
    part = cut(path, split=("train",))
    assert check_pack(part.path, decode_pictures=True) == []
    assert list(part.sequences.index) == ["q/near", "q/one"]
    assert list(part.frames.index) == ["s0/000", "s0/001", "s0/002"]
    assert list(part.tiles.index) == ["t/near"]
    assert part.picture_bytes("frame", "s0/002") == picture("frame", "s0/002")
    assert part.picture_bytes("tile", "t/near") == picture("tile", "t/near")
    assert set(part.splits["split"]) == {"train"}
    assert part.meta["rejections"]["subset"] == {"not-chosen": 1}
    assert part.meta["made_by"]["source"]["name"] == "made"


def test_semi_positives_and_offsets_of_tiles_that_go_are_pruned(path):
    one = cut(path, split=("train",)).sequences.loc["q/one"]
    assert list(one["semi_positives"]) == []
    assert [o["tile_id"] for o in one["offsets"]] == ["t/near"]


def test_whole_galleries_keep_distractors_and_semi_positives(path):
    part = cut(path, split=("train",), galleries="whole")
    assert list(part.tiles.index) == ["t/grid", "t/near"]
    assert list(part.sequences.loc["q/one", "semi_positives"]) == ["t/grid"]
    assert part.split_ids("area", "train", "tile-open") == ["t/grid", "t/near"]


def test_the_part_that_is_all_of_a_pack_has_its_content_hash(path):
    with Pack.open(path) as pack:
        assert cut(path, galleries="whole").content_sha256 == pack.content_sha256


def test_shards_that_stay_whole_are_linked_and_others_are_not(path):
    part = cut(path, split=("test",))
    assert (part.path / "images-00000.h5").stat().st_nlink == 1
    whole = cut(path.with_name("part.pack").rename(path.with_name("b.pack")))
    assert (whole.path / "images-00000.h5").stat().st_nlink == 2


def test_a_copy_shares_no_file(path):
    out = path.with_name("copy.pack")
    subset(path, out, SubsetSettings(galleries="whole"), copy=True)
    assert {f.stat().st_nlink for f in out.iterdir()} == {1}
    assert check_pack(out) == []


@pytest.mark.parametrize(
    ("settings", "ids"),
    [
        ({"region": ("r",)}, ["q/far", "q/near", "q/one"]),
        ({"stratum": ("urban",), "first": 2}, ["q/far", "q/near"]),
        ({"split": ("train", "test"), "first": 1}, ["q/far"]),
        ({"bbox": (-73, 44.0, -72, 44.504)}, ["q/near", "q/one"]),
        ({"bbox": (-72.4, 44.0, -73, 45)}, None),
        ({"bbox": (170, 44.0, -72, 45)}, ["q/far", "q/near", "q/one"]),
    ],
)
def test_options_choose_sequences(path, settings, ids):
    if ids is None:
        with pytest.raises(UsageError, match=r"No sequence .* is left"):
            cut(path, **settings)
    else:
        assert list(cut(path, **settings).sequences.index) == ids


def test_a_file_of_ids_chooses_and_strangers_in_it_are_named(path, tmp_path):
    names = tmp_path / "ids.txt"
    names.write_text("q/one\n\n q/far \n")
    assert list(cut(path, ids=names).sequences.index) == ["q/far", "q/one"]
    names.write_text("q/none\n")
    with pytest.raises(MissingDataError, match=r"names 1 sequences .* 'q/none'"):
        subset(path, tmp_path / "x.pack", SubsetSettings(ids=names))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"region": ("q",)}, "no sequence has the region 'q'"),
        ({"stratum": ("urbna",)}, "Did you mean 'urban'"),
        ({"split": ("test",), "scheme": "aera"}, "Did you mean 'area'"),
        ({"scheme": "area"}, "give --split too"),
    ],
)
def test_unknown_names_are_named(path, settings, words):
    with pytest.raises(UsageError, match=f"(?i){words}"):
        cut(path, **settings)


def test_bounds_in_the_wrong_order_are_refused():
    with pytest.raises(ValidationError, match="west, south, east, north"):
        SubsetSettings(bbox=(44.0, -72.0, 45.0, -73.0))


def test_damage_in_a_shard_that_is_written_again_is_not_passed_on(path):
    import h5py

    with h5py.File(path / "images-00000.h5", "r+") as file:
        file["bytes"][-1] ^= 1
    with pytest.raises(IntegrityError, match="checksum"):
        cut(path, split=("test",))
    assert not path.with_name("part.pack").exists()


def test_columns_that_the_contract_does_not_know_are_kept(path):
    more = pa.array(["a", "b", "c", "d", "e", "f"])
    table("frames", lambda t: t.append_column("camera", more))(path)
    cut(path, split=("train",))
    held = pq.read_table(path.with_name("part.pack") / "frames.parquet")
    assert held["camera"].to_pylist() == ["a", "b", "c"]


def test_a_part_of_a_baked_pack_is_baked(path):
    baked(lambda p: None)(path)
    part = cut(path, split=("train",))
    assert check_pack(part.path) == []
    assert part.picture("frame", "s0/001").shape == (8, 24, 3)
    assert part.meta["preprocessing"]["ground_size"] == [8, 24]


def test_the_command_writes_and_prints(path):
    out = path.with_name("c.pack")
    words = ["data", "subset", str(path), str(out), "--split", "test", "--json"]
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["counts"]["sequences"] == 1
    again = CliRunner().invoke(cli, words)
    assert isinstance(again.exception, UsageError)
    box = [*words[:4], "--bbox", "1", "2", "3", "1", "--overwrite"]
    assert CliRunner().invoke(cli, box).exit_code == 2

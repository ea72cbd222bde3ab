import json
from dataclasses import replace

import pytest
from broken_pack import baked, image, meta, pictures
from click.testing import CliRunner
from made_pack import contents, frame, make, picture, sequence, tile

from dataset_tools.errors import UsageError
from dataset_tools.pack.check import check_pack
from dataset_tools.pack.merge import merge
from dataset_tools.pack.read import Pack
from dataset_tools.pack.subset import subset
from dataset_tools.records import SplitRow
from dataset_tools.settings.subset import SubsetSettings
from geobench.cli.main import cli


@pytest.fixture
def first(tmp_path):
    return make(tmp_path)


def year(folder, name="later", *, north_m=3000.0, tag="", **changes):
    """Another drive, 3 km north, whose ids begin with its name or a tag."""
    tag = tag or f"{name}/"
    frames = [
        replace(
            frame(i, north_m=north_m), frame_id=f"{tag}{i}", session_id=f"{tag}drive"
        )
        for i in range(3)
    ]
    tiles = [tile(f"{tag}tile", 10, north_m + 2)]
    queries = [sequence(f"{tag}q", frames, tiles[0])]
    rows: list[SplitRow] = [
        ("area", "test", "sequence", f"{tag}q"),
        ("area", "test", "tile", f"{tag}tile"),
    ]
    values = {
        "name": name,
        "frames": frames,
        "tiles": tiles,
        "sequences": queries,
        "split_rows": rows,
        "licences": [{"source": "b.tif", "licence": "ODbL-1.0", "attribution": "B"}],
        "rejections": {"clean": {"jump": 1, "duplicate": 4}},
    }
    return make(folder / name, **(values | changes))


def joined(tmp_path, *paths, **options):
    out = tmp_path / "joined.pack"
    return merge(paths, out, **options), Pack.open(out, verify=True)


def test_two_years_become_one_sound_pack_whose_shards_are_the_old_files(
    tmp_path, first
):
    second = year(tmp_path)
    merged, pack = joined(tmp_path, first, second)
    assert check_pack(pack.path, decode_pictures=True) == []
    assert merged.warnings == ()
    assert pack.meta["counts"] == {
        "frames": 10,
        "tiles": 4,
        "sequences": 4,
        "sessions": 3,
        "shards": 4,
    }
    files = {f.stat().st_ino for p in (first, second) for f in p.glob("*.h5")}
    assert {f.stat().st_ino for f in pack.path.glob("*.h5")} == files
    assert pack.picture_bytes("tile", "later/tile") == picture("tile", "later/tile")
    assert [e["licence"] for e in pack.meta["licences"]] == ["CC0-1.0", "ODbL-1.0"]
    assert pack.meta["rejections"]["clean"] == {"jump": 3, "duplicate": 4}
    assert [s["name"] for s in pack.meta["made_by"]["sources"]] == ["made", "later"]


def test_a_gallery_that_only_one_pack_has_holds_the_answers_of_both(tmp_path, first):
    _, pack = joined(tmp_path, first, year(tmp_path))
    open_gallery = pack.split_ids("area", "test", "tile-open")
    assert open_gallery == ["later/tile", "t/far", "t/grid"]


def test_halves_of_a_pack_joined_give_the_pack_again(tmp_path):
    given = contents()
    path = make(tmp_path, frames=[f for f in given.frames if f.frame_id != "s0/003"])
    halves = []
    for split in ("train", "test"):
        halves.append(tmp_path / f"{split}.pack")
        settings = SubsetSettings(split=(split,), galleries="whole")
        subset(path, halves[-1], settings)
    _, pack = joined(tmp_path, *halves)
    with Pack.open(path) as whole:
        places = ["shard", "row"]
        for name in ("frames", "tiles"):
            before, after = getattr(whole, name), getattr(pack, name)
            assert before.drop(columns=places).equals(after.drop(columns=places))
        assert whole.splits.equals(pack.splits)
        for name in ("positives", "semi_positives", "offsets", "frame_ids"):
            before = whole.sequences[name].map(list).to_list()
            assert before == pack.sequences[name].map(list).to_list()


def test_what_both_packs_hold_alike_is_kept_once(tmp_path, first):
    part = tmp_path / "part.pack"
    subset(first, part, SubsetSettings(split=("test",)))
    merged, pack = joined(tmp_path, first, part)
    assert merged.same == {"frames": 3, "tiles": 1, "sequences": 1}
    assert check_pack(pack.path) == []
    with Pack.open(first) as alone:
        assert pack.content_sha256 == alone.content_sha256


def test_an_id_of_two_things_is_refused_and_a_prefix_solves_it(tmp_path, first):
    second = year(tmp_path, tag="s0/00")
    with pytest.raises(UsageError, match=r"ids of frames are in both .* --prefix"):
        joined(tmp_path, first, second)
    merged, pack = joined(tmp_path, first, second, prefix="2024/")
    assert merged.same == {}
    assert check_pack(pack.path, decode_pictures=True) == []
    assert pack.picture_bytes("frame", "2024/s0/000") == picture("frame", "s0/000")
    assert list(pack.sequences.loc["2024/s0/00q", "positives"]) == ["2024/s0/00tile"]
    assert pack.split_ids("area", "test", "tile") == ["2024/s0/00tile", "t/far"]


def test_equal_rows_with_different_pictures_are_two_things(tmp_path, first):
    other = make(tmp_path / "other")
    merged, _ = joined(tmp_path, first, other)
    assert merged.same["frames"] == 7
    pictures({"s0/000": image("PNG")})(other)
    with pytest.raises(UsageError, match="'s0/000' stands for different things"):
        merge([first, other], tmp_path / "again.pack")


def test_sessions_of_one_name_with_other_frames_are_refused(tmp_path, first):
    second = year(tmp_path)
    frames = [replace(frame(i, north_m=3000.0), session_id="s0") for i in range(3)]
    third = year(tmp_path, "third", frames=frames, sequences=[], split_rows=[])
    with pytest.raises(UsageError, match="both have a session 's0'"):
        merge([first, second, third], tmp_path / "j.pack")


def test_tiles_of_another_year_become_semi_positives(tmp_path, first):
    """The far street again: its new tile's centre is 2 m north of the old one's."""
    second = year(tmp_path, north_m=900.0)
    merged, pack = joined(tmp_path, first, second)
    assert merged.labelled == 2
    far = pack.sequences.loc["q/far"]
    assert list(far["semi_positives"]) == ["later/tile"]
    (other,) = [o for o in far["offsets"] if o["tile_id"] == "later/tile"]
    assert (round(other["east_m"], 2), round(other["north_m"], 2)) == (2.0, 2.0)
    assert list(pack.sequences.loc["later/q", "semi_positives"]) == ["t/far"]
    assert check_pack(pack.path) == []
    kept = merge([first, second], tmp_path / "k.pack", relabel=False)
    assert kept.labelled == 0
    with Pack.open(tmp_path / "k.pack") as plain:
        assert list(plain.sequences.loc["q/far", "semi_positives"]) == []


def test_splits_that_overlap_after_merging_are_told(tmp_path, first):
    rows = [
        ("area", "train", "sequence", "later/q"),
        ("area", "train", "tile", "later/tile"),
    ]
    second = year(tmp_path, north_m=900.0, split_rows=rows)
    merged, _ = joined(tmp_path, first, second)
    assert [f.code for f in merged.warnings] == ["overlapping-tiles"]


def test_packs_that_do_not_fit_are_refused(tmp_path, first):
    with pytest.raises(UsageError, match="two packs or more"):
        merge([first], tmp_path / "j.pack")
    second = year(tmp_path)
    baked(lambda p: None)(second)
    with pytest.raises(UsageError, match=r"encoded and .* baked"):
        merge([first, second], tmp_path / "j.pack")
    baked(meta(preprocessing=None))(first)
    with pytest.raises(UsageError, match="different preprocessing"):
        merge([first, second], tmp_path / "j.pack")


def test_one_private_pack_makes_the_whole_private(tmp_path, first):
    _, pack = joined(tmp_path, first, year(tmp_path, private=True))
    assert pack.meta["private"] is True


def test_nothing_is_left_when_the_disk_is_full(tmp_path, first, monkeypatch):
    from dataset_tools.errors import OutputError
    from dataset_tools.pack import assemble

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(assemble, "link", full)
    with pytest.raises(OutputError, match="disk is full"):
        joined(tmp_path, first, year(tmp_path))
    assert not (tmp_path / "joined.pack").exists()


def test_the_command_joins_and_tells_what_it_did(tmp_path, first):
    second = year(tmp_path, north_m=900.0)
    words = [
        "data",
        "merge",
        str(first),
        str(second),
        "--out",
        str(tmp_path / "j.pack"),
    ]
    said = CliRunner().invoke(cli, words)
    assert said.exit_code == 0, said.output
    assert "2 sequences lie in tiles of another pack" in said.stdout
    assert "Wrote" in said.stdout
    told = CliRunner().invoke(cli, [*words, "--overwrite", "--copy", "--json"])
    assert json.loads(told.stdout)["labelled"] == 2

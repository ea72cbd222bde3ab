"""The miniatures of the original releases give the counts that their README says."""

import os
import zlib
from pathlib import Path

import numpy as np
import pytest

from dataset_tools.originals.importing import import_release, survey_release
from dataset_tools.pack.check import check_pack
from dataset_tools.pack.read import Pack
from dataset_tools.settings.original import (
    CvactSettings,
    CvusaSettings,
    VermontSettings,
    VigorSettings,
)

SHARED = Path(__file__).parents[4] / "shared" / "layouts"
LAYOUTS = Path(os.environ.get("GEOBENCH_LAYOUTS", SHARED))

pytestmark = pytest.mark.skipif(
    not LAYOUTS.is_dir(),
    reason="no miniatures: set GEOBENCH_LAYOUTS to the folder that holds them",
)

CASES = {
    "cvusa": ("cvusa", "cvusa", CvusaSettings, {}),
    "cvusa-cleaned": ("cvusa", "cvusa", CvusaSettings, {"lists": "cleaned"}),
    "cvact": ("cvact", "cvact", CvactSettings, {}),
    "vigor": ("vigor", "vigor", VigorSettings, {}),
    "vigor-corrected": ("vigor", "vigor", VigorSettings, {"labels": "corrected"}),
    "vermont": ("vermont", "seqgeo", VermontSettings, {}),
}


@pytest.fixture(scope="module")
def packs(tmp_path_factory):
    """Name -> open pack of each miniature."""
    out = tmp_path_factory.mktemp("packs")
    opened = {}
    for name, (data_set, folder, settings, given) in CASES.items():
        made = settings(out=out / f"{name}.pack", **given)
        report = import_release(data_set, LAYOUTS / folder, made)
        opened[name] = Pack.open(report.path)
    yield opened
    for pack in opened.values():
        pack.close()


def survey(name, **more):
    data_set, folder, settings, given = CASES[name]
    made = settings(out=Path("x.pack"), **given, **more)
    return survey_release(data_set, LAYOUTS / folder, made)


def ids(pack, split, kind="sequence", scheme="published"):
    return pack.split_ids(scheme, split, kind)


def tag_rgb(tag):
    """Colour of the block that the miniatures' pictures begin with."""
    value = zlib.crc32(tag.encode())
    return [32 + ((value >> s) & 0xFF) * 191 // 255 for s in (0, 8, 16)]


def shows(pack, kind, name, tag):
    """Whether a picture is the one of a tag, within what JPEG changes."""
    block = pack.picture(kind, name)[1:7, 1:7].reshape(-1, 3).astype(float)
    return bool((np.abs(block.mean(axis=0) - tag_rgb(tag)) < 6).all())


@pytest.mark.parametrize("name", CASES)
def test_no_pack_of_a_miniature_has_an_error(packs, name):
    findings = check_pack(packs[name].path, decode_pictures=True)
    assert [f for f in findings if f.severity == "error"] == []
    assert packs[name].name == name


def test_cvusa_counts(packs):
    pack = packs["cvusa"]
    assert (len(ids(pack, "train")), len(ids(pack, "val"))) == (10, 4)
    cleaned = packs["cvusa-cleaned"]
    assert (len(ids(cleaned, "train")), len(ids(cleaned, "val"))) == (8, 3)
    folders = survey("cvusa").folders
    assert folders == {"bingmap/19": 14, "streetview/panos": 16}
    assert survey("cvusa").missing == []


def test_cvusa_pictures_are_those_of_their_id(packs):
    pack = packs["cvusa"]
    same = {9: 3, 11: 4}
    for name in pack.frames.index:
        number = int(name)
        assert shows(pack, "frame", name, f"cvusa-grd-{same.get(number, number)}")
        sat = {9: 3, 13: 7}.get(number, number)
        assert shows(pack, "tile", name, f"cvusa-sat-{sat}")


def test_cvact_counts(packs):
    found = survey("cvact")
    assert len(found.listed.act.ids) == 16
    assert found.counts == {"train": 6, "val": 4, "test": 10}
    assert sorted(Path(p).name[:6] for p in found.missing) == ["gg_gg_", "xjpgYw"]
    pack = packs["cvact"]
    assert [len(ids(pack, s)) for s in ("train", "val", "test")] == [5, 4, 9]
    assert pack.meta["rejections"]["entries"] == {
        "missing-ground": 1,
        "missing-satellite": 1,
    }


def test_cvact_val_is_found_in_both_folders():
    root = survey("cvact").root
    for home in ("ANU_data_small", "ANU_data_test"):
        val = [i for i in survey("cvact").listed.items if i.split == "val"]
        names = [i.ground.rpartition("/")[2] for i in val]
        assert sum(root.has(f"{home}/streetview/{n}") for n in names) == 4


def test_cvact_index_lists_may_be_floating_point():
    plain = survey("cvact").listed.act.rows
    floats = survey(
        "cvact", mat=LAYOUTS / "cvact/variants/ACT_data_float64_index.mat"
    ).listed.act.rows
    assert all((plain[s] == floats[s]).all() for s in plain)
    assert (plain["train"] + 1).tolist() == [2, 4, 1, 7, 6, 3]


def test_cvact_tiles_three_metres_apart_are_both_right(packs):
    sequences = packs["cvact"].sequences
    twins = ["Near3mTwinA0000000000a", "Near3mTwinB0000000000b"]
    assert list(sequences.loc[f"test/{twins[0]}", "positives"]) == twins
    assert list(sequences.loc[f"test/{twins[1]}", "positives"]) == twins[::-1]
    # 20 m apart is no hit and no negative either.
    train = sequences.loc["train/A_b-C_d-E_f-G_h-I_j-K_"]
    assert list(train["semi_positives"]) == ["Zz09Yy18Xx27Ww36Vv45Uu"]
    assert len(train["positives"]) == 1


def test_cvact_pictures_are_those_of_their_id(packs):
    pack = packs["cvact"]
    for name in pack.frames.index:
        assert shows(pack, "frame", name, f"cvact-grd-{name}")
        assert shows(pack, "tile", name, f"cvact-sat-{name}")


@pytest.mark.parametrize("name", ["vigor", "vigor-corrected"])
def test_vigor_counts(packs, name):
    pack = packs[name]
    same = [len(ids(pack, s, scheme="same-area")) for s in ("train", "test")]
    cross = [len(ids(pack, s, scheme="cross-area")) for s in ("train", "test")]
    assert (same, cross) == ([8, 4], [6, 6])
    tiles = [
        len(ids(pack, split, "tile", scheme))
        for scheme in ("same-area", "cross-area")
        for split in ("train", "test")
    ]
    assert tiles == [36, 36, 18, 18]
    assert sorted(pack.sequences["region"].unique()) == [
        "Chicago",
        "NewYork",
        "SanFrancisco",
        "Seattle",
    ]


def test_vigor_pictures_are_those_of_their_name(packs):
    pack = packs["vigor-corrected"]
    for name in pack.frames.index:
        assert shows(pack, "frame", name, f"vigor-grd-{name.partition('/')[2]}")
    for name in pack.tiles.index:
        # A palette of few colours moves the block's colour in Chicago.
        if not name.startswith("Chicago"):
            assert shows(pack, "tile", name, f"vigor-sat-{name.partition('/')[2]}.png")


def test_vigor_label_sets_agree_in_metres_and_tiles(packs):
    one, other = packs["vigor"].sequences, packs["vigor-corrected"].sequences
    for name in one.index:
        assert list(one.loc[name, "positives"]) == list(other.loc[name, "positives"])
        for a, b in zip(
            one.loc[name, "offsets"], other.loc[name, "offsets"], strict=True
        ):
            # Both were rounded to whole pixels of about 0.11 m.
            assert a["east_m"] == pytest.approx(b["east_m"], abs=0.13)
            assert a["north_m"] == pytest.approx(b["north_m"], abs=0.13)


def test_vermont_counts(packs):
    found = survey("vermont")
    assert found.listed.numbers == (0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12)
    pack = packs["vermont"]
    assert ids(pack, "train") == [f"{n:05d}" for n in (0, 1, 2, 3, 4, 5, 6, 8, 9)]
    assert ids(pack, "dropped") == ["00010"]
    assert ids(pack, "val") == ["00011", "00012"]
    assert ids(pack, "train", scheme="published-dev") == []
    assert ids(pack, "val", scheme="published-dev") == ["00012"]
    (street,) = [n for f, n in found.folders.items() if f.startswith("street")]
    assert street == 52
    assert "3 sessions" in next(f for f in found.folders if f.startswith("street"))


def test_vermont_frames_come_in_the_order_of_their_keys(packs):
    pack = packs["vermont"]
    for name in ("00009", "00012"):
        order = pack.frames.loc[list(pack.sequences.loc[name, "frame_ids"]), "order"]
        assert order.is_monotonic_increasing
    assert len(pack.sequences.loc["00009", "frame_ids"]) == 8
    assert len(pack.sequences.loc["00010", "frame_ids"]) == 14


def test_vermont_cut_picture_leaves_its_sequences_and_they_stay(packs):
    pack = packs["vermont"]
    assert pack.meta["rejections"]["frames"] == {"cut-ground": 1}
    cut = "ROW/20190703.070809/000000016598"
    assert cut not in pack.frames.index
    lengths = [len(pack.sequences.loc[n, "frame_ids"]) for n in ("00011", "00012")]
    assert lengths == [6, 9]


def test_vermont_pictures_are_those_of_their_name(packs):
    pack = packs["vermont"]
    for name in pack.frames.index:
        windows = name.replace("/", "\\")
        assert shows(pack, "frame", name, f"seqgeo-grd-{windows}.jpg")
    for name in pack.tiles.index:
        assert shows(pack, "tile", name, f"seqgeo-sat-20-{int(name)}")


def test_vermont_other_zoom_is_taken_if_asked_for(tmp_path):
    made = VermontSettings(out=tmp_path / "x.pack", zoom=19, max_missing=1.0)
    report = import_release("vermont", LAYOUTS / "seqgeo", made)
    with Pack.open(report.path) as pack:
        assert list(pack.tiles.index) == ["00012"]
        assert shows(pack, "tile", "00012", "seqgeo-sat-19-12")
        assert pack.meta["rejections"]["sequences"] == {"no-tile-of-zoom": 11}

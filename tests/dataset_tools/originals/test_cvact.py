import struct
import zlib

import numpy as np
import pytest
import scipy.io
from released import CVACT_IDS, CVACT_LISTS, CVACT_UTM, act_mat, cvact, encoded, put

from dataset_tools.errors import MissingDataError, UnreadableError
from dataset_tools.originals import act_data
from dataset_tools.originals.act_data import read_act_data
from dataset_tools.originals.importing import import_release, survey_release
from dataset_tools.pack.check import check_pack
from dataset_tools.pack.read import Pack
from dataset_tools.settings.original import CvactSettings


def survey(root, **given):
    return survey_release("cvact", root, CvactSettings(out=root / "x.pack", **given))


def imported(root, out, **given):
    settings = CvactSettings(out=out, no_area_split=True, **given)
    return import_release("cvact", root, settings)


def right(pack, name):
    return list(pack.sequences.loc[name, "positives"])


def test_lists_are_counted_from_one_and_keep_their_order(tmp_path):
    act = read_act_data(act_mat(tmp_path / "a.mat"))
    assert act.ids == CVACT_IDS
    for split, rows in CVACT_LISTS.items():
        assert act.rows[split].tolist() == [r - 1 for r in rows]


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.uint8, np.int16])
def test_lists_of_any_number_kind_are_the_same(tmp_path, kind):
    act = read_act_data(act_mat(tmp_path / "a.mat", kind=kind))
    assert act.rows["test"].tolist() == [2, 5, 4, 0]
    assert act.rows["test"].dtype == np.int64


def test_positions_are_in_canberra_whichever_column_is_the_northing(tmp_path):
    one = read_act_data(act_mat(tmp_path / "a.mat"))
    other = read_act_data(act_mat(tmp_path / "b.mat", utm=CVACT_UTM[:, ::-1]))
    assert (one.lat == other.lat).all()
    # The central meridian of zone 55 is 147 degrees east: 193 km west of the first.
    assert one.lon[0] == pytest.approx(149.12, abs=0.01)
    assert one.lat[0] == pytest.approx(-35.28, abs=0.01)


def test_the_test_takes_every_tile_within_five_metres_and_val_its_own(tmp_path):
    """Rows 3 and 5 are 4 m apart, 1 and 6 exactly 5 m, 1 and 2 20 m."""
    with Pack.open(imported(cvact(tmp_path / "C"), tmp_path / "x.pack").path) as pack:
        a, _, c, _, e, f = CVACT_IDS
        assert right(pack, f"test/{c}") == [c, e]
        assert right(pack, f"test/{e}") == [e, c]
        assert right(pack, f"test/{a}") == [a, f]
        assert right(pack, f"val/{a}") == [a]
        assert list(pack.sequences.loc[f"val/{a}", "semi_positives"]) == [f]
        assert pack.split_ids("published", "test", "tile") == sorted([a, c, e, f])
        # One picture each, however many splits it is a query of.
        assert sorted(pack.frames.index) == sorted(CVACT_IDS)
    findings = check_pack(tmp_path / "x.pack")
    assert [f for f in findings if f.severity == "error"] == []


def test_a_hair_more_than_five_metres_is_no_hit(tmp_path):
    """In float32 a northing of 6,093,000 m has steps of 0.5 m: both would be 5 m."""
    utm = CVACT_UTM.copy()
    utm[5, 1] += 0.01
    root = cvact(tmp_path / "C", utm=utm)
    with Pack.open(imported(root, tmp_path / "x.pack").path) as pack:
        assert right(pack, f"test/{CVACT_IDS[0]}") == [CVACT_IDS[0]]
    wider = imported(root, tmp_path / "y.pack", match_m=5.02)
    with Pack.open(wider.path) as pack:
        assert len(right(pack, f"test/{CVACT_IDS[0]}")) == 2


def test_tiles_within_25_m_of_another_are_semi_positives_of_the_same_split(tmp_path):
    changed = {"train": (1, 2, 4)}
    root = cvact(tmp_path / "C", **changed)
    with Pack.open(imported(root, tmp_path / "x.pack").path) as pack:
        first = pack.sequences.loc[f"train/{CVACT_IDS[0]}"]
        assert list(first["semi_positives"]) == [CVACT_IDS[1]]
        (own, near) = first["offsets"]
    assert (own["east_m"], own["north_m"]) == (0.0, 0.0)
    # 20 m east on the grid, which is turned by about 1.2 degrees here.
    assert near["east_m"] == pytest.approx(20.0, abs=0.02)
    assert abs(near["north_m"]) == pytest.approx(0.42, abs=0.05)


def test_pictures_of_val_come_from_either_folder(tmp_path):
    root = cvact(tmp_path / "C")
    name = f"{CVACT_IDS[5]}_grdView.jpg"
    (root / "ANU_data_small/streetview" / name).unlink()
    assert survey(root).missing == []
    (root / "ANU_data_test/streetview" / name).unlink()
    found = survey(root)
    assert found.missing == [
        f"ANU_data_small/streetview/{name}",
        f"ANU_data_test/streetview/{name}",
    ]


def test_an_entry_without_a_picture_is_left_out_of_query_and_gallery(tmp_path):
    root = cvact(tmp_path / "C")
    name = f"{CVACT_IDS[4]}_satView_polish.jpg"
    (root / "ANU_data_test/satview_polish" / name).unlink()
    report = imported(root, tmp_path / "x.pack")
    assert report.stages[0].rejected == {"missing-satellite": 1}
    with Pack.open(report.path) as pack:
        assert CVACT_IDS[4] not in pack.tiles.index
        assert right(pack, f"test/{CVACT_IDS[2]}") == [CVACT_IDS[2]]


def test_whether_the_test_holds_the_val_is_said(tmp_path):
    assert survey(cvact(tmp_path / "A")).notes == [
        "The test list contains the val list."
    ]
    root = cvact(tmp_path / "B", test=(3, 5, 1))
    assert survey(root).notes == ["The test list lacks 1 entries of the val list."]


def test_the_image_synthesis_copy_is_named(tmp_path):
    root = cvact(tmp_path / "C")
    put(root / "satview_correct/a.png", encoded("a", 8, 8, "PNG"))
    with pytest.raises(UnreadableError, match="image-synthesis copy"):
        survey(root)


def test_the_mat_file_may_lie_elsewhere_and_must_be_somewhere(tmp_path):
    root = cvact(tmp_path / "C")
    elsewhere = tmp_path / "code.mat"
    (root / "ACT_data.mat").rename(elsewhere)
    with pytest.raises(MissingDataError, match="give it with --mat"):
        survey(root)
    assert survey(root, mat=elsewhere).counts["train"] == 2
    (root / "ANU_data_small/ACT_data.mat").write_bytes(elsewhere.read_bytes())
    assert survey(root).counts["test"] == 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train": (0, 1)}, "trainSet.trainInd holds 0.0"),
        ({"test": (1, 7)}, "from 1 to 6"),
        ({"val": (1.5, 2), "kind": np.float64}, "holds 1.5"),
        ({"val": (float("nan"), 2), "kind": np.float64}, "holds nan"),
        ({"test": (1, 1)}, "a row twice"),
        ({"val": ()}, "holds nothing"),
        ({"utm": CVACT_UTM[:4]}, r"shape \(4, 2\)"),
        ({"utm": CVACT_UTM[:, :1]}, "one column"),
        ({"utm": CVACT_UTM + 400_000}, "not near Canberra"),
        ({"ids": ("../up", "b", "c", "d", "e", "f")}, "'../up'"),
        ({"ids": ("a", "a", "c", "d", "e", "f")}, "'a' twice"),
    ],
)
def test_content_of_another_form_is_refused(tmp_path, changes, message):
    with pytest.raises(UnreadableError, match=message):
        read_act_data(act_mat(tmp_path / "a.mat", **changes))


def test_a_variable_that_is_missing_is_named_with_what_is_there(tmp_path):
    scipy.io.savemat(tmp_path / "a.mat", {"panoIds": np.array(["a"]), "else": 1.0})
    with pytest.raises(UnreadableError, match=r"no variable 'utm'.*'panoIds'"):
        read_act_data(tmp_path / "a.mat")


def test_a_matlab_73_file_and_other_files_are_refused(tmp_path):
    mat = act_mat(tmp_path / "a.mat").read_bytes()
    for data, message in (
        (b"MATLAB 7.3 MAT-file" + mat[19:], "MATLAB 7.3"),
        (b"\x89HDF\r\n\x1a\n" + bytes(400), "MATLAB 7.3"),
        (bytes(400), "no MATLAB 5 file"),
        (b"", "0 bytes"),
        (mat[:-40], "is cut"),
    ):
        path = put(tmp_path / "b.mat", data)
        with pytest.raises(UnreadableError, match=message):
            read_act_data(path)


def test_a_part_that_unfolds_to_too_much_is_refused_before_it_is_read(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(act_data, "MAX_INFLATED_BYTES", 100_000)
    mat = act_mat(tmp_path / "a.mat").read_bytes()
    bomb = zlib.compress(bytes(5_000_000))
    element = struct.pack("<II", act_data.COMPRESSED, len(bomb)) + bomb
    path = put(tmp_path / "b.mat", mat[:128] + element)
    with pytest.raises(UnreadableError, match="unfolds to too much"):
        read_act_data(path)


def test_the_file_in_circulation_is_told_by_its_git_name(tmp_path, monkeypatch):
    path = act_mat(tmp_path / "a.mat")
    assert "unknown version (git blob " in read_act_data(path).version
    import hashlib

    data = path.read_bytes()
    name = hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()
    monkeypatch.setitem(act_data.VERSIONS, name[:8], "the version of this test")
    assert read_act_data(path).version == "the version of this test"


def test_a_limit_takes_the_first_of_each_list(tmp_path):
    root = cvact(tmp_path / "C")
    with Pack.open(imported(root, tmp_path / "x.pack", limit=1).path) as pack:
        assert pack.name == "cvact-partial"
        assert sorted(pack.sequences.index) == [
            f"{split}/{CVACT_IDS[rows[0] - 1]}"
            for split, rows in sorted(CVACT_LISTS.items())
        ]

import shutil

import pytest
from released import CVACT_IDS, cvact, cvusa, cvusa_line, put, vermont, vigor

from dataset_tools.errors import MissingDataError, UnreadableError
from dataset_tools.originals.checking import check_release


def test_the_first_ten_missing_pictures_are_named(tmp_path):
    root = cvusa(tmp_path / "C", train=tuple(range(1, 15)), val=(15,), rows=15)
    for k in range(1, 13):
        (root / f"bingmap/19/{k:07d}.jpg").unlink()
    (report,) = check_release(root)
    assert (report.missing, report.wanted) == (12, 30)
    assert report.first_missing == tuple(
        f"bingmap/19/{k:07d}.jpg" for k in range(1, 11)
    )
    assert report.findings[0].startswith("12 of the 30 pictures")
    assert report.folders == {"bingmap/19": 3, "streetview/panos": 15}


def test_a_sample_of_pictures_shows_damage_and_sizes(tmp_path):
    root = cvusa(tmp_path / "C")
    path = root / "bingmap/19/0000003.jpg"
    put(path, path.read_bytes()[:-4])
    (report,) = check_release(root)
    assert report.sampled == {"44 x 8 px": 4, "15 x 15 px": 3, "cut": 1}
    assert any("bingmap/19/0000003.jpg (cut)" in f for f in report.findings)


def test_every_way_to_import_a_folder_is_reported_with_its_command(tmp_path):
    root = vigor(tmp_path / "V I", ("Chicago", "Seattle"))
    original, corrected = check_release(root)
    assert original.variant == "original labels in splits/"
    assert original.command == (
        f"geobench data import vigor '{root}' --labels original --cities Chicago "
        "--cities Seattle --out packs/vigor-Chicago-Seattle.pack"
    )
    assert "--labels corrected" in corrected.command
    assert corrected.command.endswith("packs/vigor-corrected-Chicago-Seattle.pack")
    cleaned = cvusa(tmp_path / "C")
    for split, k in (("train", 1), ("val", 5)):
        put(cleaned / f"splits_cleaned/{split}-19zl.csv", cvusa_line(k))
    assert [r.counts["train"] for r in check_release(cleaned)] == [3, 1]


def test_one_broken_label_set_is_a_finding_of_the_other(tmp_path):
    root = vigor(tmp_path / "V", ("Chicago",))
    put(root / "splits/Chicago/satellite_list.txt", "broken")
    (report,) = check_release(root)
    assert "corrected" in report.variant
    assert any("Line 1 of" in f for f in report.findings)


def test_a_released_folder_that_cannot_be_imported_is_one_sentence(tmp_path):
    root = cvact(tmp_path / "C")
    (root / "ACT_data.mat").unlink()
    with pytest.raises(MissingDataError, match=r"no ACT_data\.mat"):
        check_release(root)


def test_a_folder_that_is_none_of_them_is_told_so(tmp_path):
    put(tmp_path / "holiday/1.jpg", b"x")
    with pytest.raises(UnreadableError, match=r"none of the released.*\['holiday'\]"):
        check_release(tmp_path)
    put(tmp_path / "CVUSA.zip", b"x")
    with pytest.raises(UnreadableError, match=r"Unpack CVUSA\.zip first"):
        check_release(tmp_path)


def test_links_out_and_archives_are_told(tmp_path):
    root = cvact(tmp_path / "C")
    name = f"ANU_data_test/streetview/{CVACT_IDS[2]}_grdView.jpg"
    elsewhere = tmp_path / "elsewhere.jpg"
    shutil.move(root / name, elsewhere)
    (root / name).symlink_to(elsewhere)
    put(root / "ANU_data_test.tar.gz", b"x")
    (report,) = check_release(root)
    assert report.first_missing == (name,)
    assert any("links out of the folder" in f for f in report.findings)
    assert any("ANU_data_test.tar.gz" in n for n in report.notes)


def test_nothing_is_written_and_hardly_a_picture_opened(tmp_path, monkeypatch):
    from dataset_tools.originals import looking

    root = vermont(tmp_path / "V", 30)
    before = sorted(p for p in root.rglob("*"))
    opened = []
    real = looking.look
    monkeypatch.setattr(
        looking, "look", lambda p, **more: opened.append(p) or real(p, **more)
    )
    (report,) = check_release(root)
    assert report.wanted == 30 + 94
    assert len(opened) == 48
    assert sorted(p for p in root.rglob("*")) == before

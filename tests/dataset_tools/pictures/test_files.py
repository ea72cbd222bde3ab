"""Which files of a drive are taken for pictures."""

import pytest
from file_bytes import jpeg, picture, png

from dataset_tools.errors import MissingDataError
from dataset_tools.pictures.files import picture_paths
from dataset_tools.tracks.exif import read_pictures


def reasons(folder):
    outcome = read_pictures(folder, need_position=False)
    return {r.item: (r.reason, str(r.measured)) for r in outcome.rejected}


def test_a_link_out_of_the_drive_is_rejected_and_one_within_it_is_read(tmp_path):
    drive = tmp_path / "drive"
    drive.mkdir()
    (tmp_path / "private.jpg").write_bytes(jpeg(picture()))
    (drive / "a.jpg").write_bytes(jpeg(picture()))
    (drive / "b.jpg").symlink_to(drive / "a.jpg")
    (drive / "c.jpg").symlink_to(tmp_path / "private.jpg")
    (drive / "d.jpg").symlink_to(tmp_path / "nothing.jpg")
    (drive / "more").symlink_to(tmp_path)
    found = picture_paths(drive)
    assert [p.name for p in found.kept] == ["a.jpg", "b.jpg"]
    assert [(r.item, r.reason) for r in found.rejected] == [
        ("c.jpg", "link-out-of-drive"),
        ("d.jpg", "link-out-of-drive"),
    ]


def test_a_drive_that_is_itself_a_link_is_read(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.jpg").write_bytes(jpeg(picture()))
    (tmp_path / "drive").symlink_to(tmp_path / "real")
    assert len(picture_paths(tmp_path / "drive").kept) == 1


def test_a_folder_without_pictures_says_what_is_expected(tmp_path):
    (tmp_path / "readme.txt").touch()
    (tmp_path / "._a.jpg").touch()
    with pytest.raises(MissingDataError, match=r"holds no picture; expected are .*jpg"):
        picture_paths(tmp_path)


def test_an_empty_file_and_text_are_counted(tmp_path):
    (tmp_path / "a.jpg").touch()
    (tmp_path / "b.jpg").write_text("hello")
    assert reasons(tmp_path) == {
        "a.jpg": ("unreadable-picture", "The file is empty."),
        "b.jpg": ("unreadable-picture", "it is no picture of a known kind"),
    }


def test_a_file_that_may_not_be_read_is_counted_without_telling_its_folder(
    tmp_path, monkeypatch
):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    (tmp_path / "a.jpg").write_bytes(jpeg(picture()))
    monkeypatch.setattr("dataset_tools.tracks.exif_header.read_picture", refuse)
    assert reasons(tmp_path) == {"a.jpg": ("unreadable-picture", "permission denied")}


def test_a_wrong_suffix_does_not_matter(tmp_path):
    (tmp_path / "a.jpg").write_bytes(png(picture()))
    (frame,) = read_pictures(tmp_path, need_position=False).kept
    assert frame.size_px == (32, 24)
    assert frame.rewrite is None


def test_sizes_are_those_of_the_upright_picture(tmp_path):
    (tmp_path / "a.jpg").write_bytes(jpeg(picture(), orientation=6))
    (tmp_path / "b.jpg").write_bytes(jpeg(picture(16, 48)))
    first, second = read_pictures(tmp_path, need_position=False).kept
    assert (first.size_px, first.rewrite) == ((24, 32), "turned")
    assert (second.size_px, second.rewrite) == ((48, 16), None)

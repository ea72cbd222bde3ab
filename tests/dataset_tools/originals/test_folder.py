import os

import pytest
from released import put

from dataset_tools.errors import MissingDataError, UnreadableError
from dataset_tools.originals import folder as module
from dataset_tools.originals.folder import Folder, inside, read_lines


def test_a_folder_is_listed_once_however_often_it_is_asked(tmp_path, monkeypatch):
    for number in range(5):
        put(tmp_path / "a/b" / f"{number}.jpg", b"x")
    calls = []
    real = os.scandir
    monkeypatch.setattr(module.os, "scandir", lambda p: calls.append(p) or real(p))
    folder = Folder(tmp_path)
    assert sum(folder.has(f"a/b/{n}.jpg") for n in range(100)) == 5
    assert folder.has("/a/b/3.jpg")
    assert len(calls) == 1


def test_what_is_not_there_is_no_file_and_no_error(tmp_path):
    folder = Folder(tmp_path)
    assert not folder.has("no/such.jpg")
    assert folder.names("no") == frozenset()
    assert folder.folders("no") == ()


def test_what_file_managers_leave_behind_is_not_seen(tmp_path):
    for name in ("._0001.jpg", ".DS_Store", "0001.jpg"):
        put(tmp_path / name, b"x")
    assert Folder(tmp_path).names() == {"0001.jpg"}


def test_links_are_followed_inside_of_the_root_only(tmp_path):
    outside = put(tmp_path / "outside/secret.jpg", b"x")
    root = tmp_path / "root"
    put(root / "real/1.jpg", b"x")
    (root / "inner").symlink_to(root / "real")
    (root / "real/2.jpg").symlink_to(root / "real/1.jpg")
    (root / "real/3.jpg").symlink_to(outside)
    folder = Folder(root)
    assert folder.names("inner") == {"1.jpg", "2.jpg"}
    assert folder.links_out == ["inner/3.jpg"]


def test_a_folder_that_is_a_link_out_of_the_root_is_refused(tmp_path):
    put(tmp_path / "outside/1.jpg", b"x")
    root = tmp_path / "root"
    root.mkdir()
    (root / "pictures").symlink_to(tmp_path / "outside")
    with pytest.raises(UnreadableError, match="pictures is a link out of"):
        Folder(root).names("pictures")
    with pytest.raises(UnreadableError, match="is a link out of"):
        Folder(root).sub("pictures")


def test_the_root_itself_may_be_a_link(tmp_path):
    put(tmp_path / "data/1.jpg", b"x")
    (tmp_path / "link").symlink_to(tmp_path / "data")
    assert Folder(tmp_path / "link").has("1.jpg")


def test_a_folder_that_is_not_there_is_missing_data(tmp_path):
    with pytest.raises(MissingDataError, match="was unpacked into"):
        Folder(tmp_path / "none")


def test_archives_that_lie_about_are_named(tmp_path):
    for name in ("a.zip", "b.tar.gz", "c.part1", "d.z01", "e.jpg", "f.crdownload"):
        put(tmp_path / name, b"x")
    found = Folder(tmp_path).archives()
    assert found == ["a.zip", "b.tar.gz", "c.part1", "d.z01", "f.crdownload"]


@pytest.mark.parametrize(
    "data",
    [b"a b\nc\n", b"a b\r\nc", b"\xef\xbb\xbfa b\n\n\r\nc\n", b"a b\r\n\r\nc\r\n"],
)
def test_lines_are_the_same_whatever_ends_them(tmp_path, data):
    assert read_lines(put(tmp_path / "list.txt", data)) == ["a b", "c"]


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"\xff\xfe\x00", "is no text"), (b"a\n\0\0\0\0", "holds zero bytes")],
)
def test_a_list_that_is_no_text_is_refused(tmp_path, data, message):
    with pytest.raises(UnreadableError, match=message):
        read_lines(put(tmp_path / "list.txt", data))


def test_a_list_larger_than_any_released_one_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_LIST_BYTES", 10)
    with pytest.raises(UnreadableError, match="more than any released list"):
        read_lines(put(tmp_path / "list.txt", b"x" * 11))


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("bingmap\\19\\1.jpg", "bingmap/19/1.jpg"),
        ("./a//b.jpg ", "a/b.jpg"),
        (".hidden/..b", ".hidden/..b"),
    ],
)
def test_relative_paths_come_out_with_slashes(text, path):
    assert inside(text, where="a list") == path


@pytest.mark.parametrize(
    "text",
    [
        "/a",
        "\\a",
        "C:\\a",
        "c:/a",
        "a/../b",
        "..",
        "..\\a",
        "",
        " ",
        ".",
        "a\0b",
        "a\nb",
    ],
)
def test_paths_that_leave_or_are_none_are_refused(text):
    with pytest.raises(UnreadableError, match="Line 3 of list names"):
        inside(text, where="Line 3 of list")

"""Boxes that nobody can read any more, and who may say where they are."""

from importlib.metadata import EntryPoint

import numpy as np
import pytest

from dataset_tools.errors import MissingDataError, UnreadableError, UsageError
from dataset_tools.pictures import blur
from dataset_tools.pictures.blur import (
    blurred,
    finder_origin,
    found_boxes,
    load_finder,
    read_boxes,
    refuse_boxes,
)

NOISE = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
HEAD = "picture,x0,y0,x1,y1\n"


@pytest.mark.parametrize("kind", ["gaussian", "pixelate", "fill"])
def test_a_box_becomes_unreadable_and_nothing_beside_it_changes(kind):
    found = blurred(NOISE, [(10.0, 20.0, 50.0, 45.0)], kind=kind)
    inside = np.zeros((60, 80), bool)
    inside[20:45, 10:50] = True
    assert np.array_equal(found[~inside], NOISE[~inside])
    # What is left differs from pixel to pixel by next to nothing.
    assert np.abs(np.diff(found[20:45, 10:50].astype(int), axis=1)).mean() < 4
    assert np.abs(np.diff(NOISE[20:45, 10:50].astype(int), axis=1)).mean() > 70


@pytest.mark.parametrize("kind", ["gaussian", "pixelate"])
def test_bars_of_a_tenth_of_a_plate_are_gone(kind):
    plate = np.zeros((30, 100, 3), np.uint8)
    plate[:, np.arange(100) // 10 % 2 == 0] = 255
    found = blurred(plate, [(0, 0, 100, 30)], kind=kind)
    for picture, least, most in ((plate, 500, 520), (found, 0, 6)):
        bars = picture.reshape(30, 10, 10, 3).mean(axis=(0, 2, 3))
        assert least <= np.abs(np.diff(bars, n=2)[1:-1]).max() <= most


def test_fill_leaves_one_grey():
    assert (blurred(NOISE, [(0, 0, 9, 9)], kind="fill", grey=7)[:9, :9] == 7).all()


def test_parts_of_a_pixel_are_covered_and_what_lies_outside_does_not_matter():
    found = blurred(NOISE, [(-5.0, -5.0, 3.2, 2.1), (79.5, 0, 99, 99)], kind="fill")
    assert (found[:3, :4] == 128).all()
    assert (found[:, 79] == 128).all()
    assert np.array_equal(found[3:, :79], NOISE[3:, :79])
    assert np.array_equal(blurred(NOISE, [(90, 0, 99, 9)], kind="fill"), NOISE)


def test_boxes_are_read_by_picture(tmp_path):
    path = tmp_path / "boxes.csv"
    path.write_text("\ufeff" + HEAD + "s/b.jpg,1,2,30,40\ns/a.jpg,0.5,0,9,9\n", "utf-8")
    path.write_text(path.read_text() + "s/b.jpg,5,5,10,10\n")
    assert read_boxes(path) == {
        "s/a.jpg": ((0.5, 0.0, 9.0, 9.0),),
        "s/b.jpg": ((1.0, 2.0, 30.0, 40.0), (5.0, 5.0, 10.0, 10.0)),
    }


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("picture,x0,y0,x1\n", MissingDataError, "no column 'y1'"),
        ("", MissingDataError, "no column 'picture'"),
        (HEAD + "a.jpg,1,2,x,4\n", UnreadableError, "line 2: a picture and four"),
        (HEAD + "a.jpg,1,2,nan,4\n", UnreadableError, "line 2: a picture and four"),
        (HEAD + "a.jpg,1,2\n", UnreadableError, "line 2: a picture and four"),
        (HEAD + ",1,2,9,9\n", UnreadableError, "line 2: a picture and four"),
        (HEAD + "a.jpg,0.1,0.2,0.3,0.4\n", UnreadableError, "in pixels are expected"),
        (HEAD + "a.jpg,30,2,10,9\n", UnreadableError, "in pixels are expected"),
        (HEAD + "\xff\xfe", UnreadableError, "no CSV in UTF-8"),
    ],
)
def test_a_broken_list_of_boxes_is_one_sentence(tmp_path, text, error, words):
    path = tmp_path / "boxes.csv"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(error, match=words):
        read_boxes(path)


def test_a_list_that_is_not_there_is_missing_data(tmp_path):
    with pytest.raises(MissingDataError, match="There is no file"):
        read_boxes(tmp_path / "boxes.csv")


def test_boxes_that_cannot_be_meant_are_refused(tmp_path):
    sizes = {"s/a.jpg": (80, 60), "s/b.jpg": None}
    refuse_boxes(
        {"s/a.jpg": ((0, 0, 200, 9),), "s/b.jpg": ((900, 0, 999, 9),)},
        tmp_path,
        sizes=sizes,
    )
    with pytest.raises(UsageError, match=r"'a\.jpg', which is no picture of the drive"):
        refuse_boxes({"a.jpg": ((0, 0, 9, 9),)}, tmp_path, sizes=sizes)
    with pytest.raises(UsageError, match=r"outside of 's/a\.jpg', which has 80 x 60"):
        refuse_boxes({"s/a.jpg": ((0, 60, 9, 70),)}, tmp_path, sizes=sizes)


def corner(picture):
    picture[:] = 0
    return [[0, 0, 10, 10]]


@pytest.fixture
def plugins(monkeypatch):
    """Two plug-ins of this file, as an installed package would offer them."""
    points = [
        EntryPoint("corner", f"{__name__}:corner", blur.GROUP),
        EntryPoint("number", f"{__name__}:HEAD", blur.GROUP),
    ]
    monkeypatch.setattr(blur, "entry_points", lambda group: points)
    monkeypatch.setitem(
        __import__("sys").modules,
        __name__,
        __import__("types").SimpleNamespace(corner=corner, HEAD=HEAD),
    )


@pytest.mark.usefixtures("plugins")
def test_a_plug_in_finds_boxes_and_cannot_write_into_the_picture():
    finder = load_finder("corner")
    before = NOISE.copy()
    assert found_boxes(finder, NOISE, name="corner") == ((0.0, 0.0, 10.0, 10.0),)
    assert np.array_equal(NOISE, before)
    assert finder_origin("corner")["name"] == "corner"


@pytest.mark.usefixtures("plugins")
def test_a_plug_in_must_be_installed_under_its_name_and_be_a_function():
    with pytest.raises(UsageError, match=r"no installed package offers.*'corner'"):
        load_finder("corners")
    with pytest.raises(UsageError, match="'number' is a str; a function"):
        load_finder("number")


@pytest.mark.parametrize("found", [[1, 2, 3, 4], [[1, 2, 3]], [[0, 0, np.nan, 1]]])
def test_what_are_no_boxes_is_the_plug_ins_fault(found):
    with pytest.raises(UsageError, match="'odd' returned an array of shape"):
        found_boxes(lambda picture: found, NOISE, name="odd")


def test_finding_nothing_is_fine():
    assert found_boxes(lambda picture: [], NOISE, name="none") == ()

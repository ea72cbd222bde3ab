"""Whatever a list holds, a reader reads it or says in a sentence why not."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from released import act_mat, cvusa, cvusa_line, put, vigor

from dataset_tools.errors import DatasetToolsError
from dataset_tools.originals.act_data import read_act_data
from dataset_tools.originals.folder import inside, read_lines
from dataset_tools.originals.importing import survey_release
from dataset_tools.originals.vermont_json import BadSequence, read_sequence
from dataset_tools.originals.vigor_lists import read_labels, read_tiles
from dataset_tools.settings.original import CvusaSettings

few = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
cuts = st.tuples(st.integers(0, 10_000), st.integers(0, 40), st.binary(max_size=12))


def spliced(data: bytes, cut):
    """The bytes with a part of them replaced."""
    start, length, other = cut
    start %= len(data) + 1
    return data[:start] + other + data[start + length :]


def settled(error):
    """A sentence without the names of Python's own errors."""
    text = str(error)
    assert text
    assert "\n" not in text
    assert "Traceback" not in text


@few
@given(st.text(max_size=60))
def test_a_path_stays_inside_or_is_refused(tmp_path, text):
    try:
        path = inside(text, where="a list")
    except DatasetToolsError as error:
        settled(error)
        return
    assert (tmp_path / path).resolve().is_relative_to(tmp_path.resolve())


@few
@given(st.lists(st.one_of(st.text(max_size=40), st.just(cvusa_line(3))), max_size=4))
def test_cvusa_lists(tmp_path, lines):
    root = tmp_path / "CVUSA"
    if not root.is_dir():
        cvusa(root)
    put(root / "splits/train-19zl.csv", "\n".join(lines).encode("utf-8", "replace"))
    try:
        found = survey_release("cvusa", root, CvusaSettings(out=Path("x.pack")))
    except DatasetToolsError as error:
        settled(error)
        return
    assert found.counts["train"] == len(read_lines(root / "splits/train-19zl.csv"))


@few
@given(cuts)
def test_coordinates(tmp_path, cut):
    root = tmp_path / "CVUSA"
    if not root.is_dir():
        cvusa(root)
        (root / "split_locations/all.csv").rename(tmp_path / "good.csv")
    good = (tmp_path / "good.csv").read_bytes()
    put(root / "split_locations/all.csv", spliced(good, cut))
    try:
        survey_release("cvusa", root, CvusaSettings(out=Path("x.pack")))
    except DatasetToolsError as error:
        settled(error)


@few
@given(st.sampled_from(["satellite_list", "same_area_balanced_train"]), cuts)
def test_vigor_lists(tmp_path, name, cut):
    folder = tmp_path / "VIGOR/splits/Chicago"
    if not folder.is_dir():
        vigor(tmp_path / "VIGOR", ("Chicago",), labels=("original",))
    path = folder / f"{name}.txt"
    good = path.read_bytes()
    put(path, spliced(good, cut))
    try:
        tiles = read_tiles(folder / "satellite_list.txt")
        read_labels(folder / "same_area_balanced_train.txt", tiles)
    except DatasetToolsError as error:
        settled(error)
    finally:
        put(path, good)


values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["20", "img_1", "img_2", "name", "lat"]), inner
        )
    ),
    max_leaves=8,
)


@few
@given(
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(("center", "satellite_views", "street_views"), values),
    )
)
def test_vermont_files(tmp_path, content):
    path = put(tmp_path / "1.json", json.dumps(content))
    try:
        read_sequence(path, number=1, zoom=20)
    except (BadSequence, DatasetToolsError) as error:
        settled(error)


@few
@given(st.binary(max_size=200))
def test_vermont_bytes(tmp_path, data):
    with pytest.raises((BadSequence, DatasetToolsError)) as caught:
        read_sequence(put(tmp_path / "1.json", data), number=1, zoom=20)
    settled(caught.value)


@few
@given(st.lists(cuts, min_size=1, max_size=3), st.booleans())
def test_act_data(tmp_path, changes, compressed):
    path = tmp_path / f"{compressed}.mat"
    if not path.exists():
        act_mat(path, do_compression=compressed)
    data = path.read_bytes()
    for cut in changes:
        data = spliced(data, cut)
    try:
        read_act_data(put(tmp_path / "changed.mat", data))
    except DatasetToolsError as error:
        settled(error)

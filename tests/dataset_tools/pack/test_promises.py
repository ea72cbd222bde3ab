"""Each promise of docs/formats.md, broken alone: exactly its code is reported."""

import re
import shutil
from pathlib import Path

import pytest
from broken_pack import baked, change_meta, meta, reseal, shard
from made_pack import make
from promises import PROMISES

from dataset_tools.pack import write
from dataset_tools.pack.check import check_pack
from dataset_tools.pack.isolated import check_isolated
from dataset_tools.pack.preprocessing import preprocessing_sha256

FORMATS = Path(__file__).parents[3] / "docs" / "formats.md"
BY_THE_CHILD = {"crash": "error", "too-large": "error"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return make(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def path(tmp_path, whole, monkeypatch):
    """A copy of the made pack; the writer lets faults pass."""
    monkeypatch.setattr(write, "check_tables", lambda folder, leaks: [])
    return shutil.copytree(whole, tmp_path / "made.pack")


def documented():
    """Code -> severity, from the table of promises in docs/formats.md."""
    text = FORMATS.read_text().split("### What `geobench data check` reports")[1]
    found = re.findall(r"^\| `([a-z-]+)` \| (error|warning|note) \|", text, re.M)
    assert len(dict(found)) == len(found)
    return dict(found)


@pytest.mark.parametrize(
    ("code", "change"),
    [
        pytest.param(code, change, id=f"{code}: {words}")
        for code, words, change in PROMISES
    ],
)
def test_a_promise_that_is_broken_is_reported_by_its_code_alone(path, code, change):
    change(path)
    findings = check_pack(path, decode_pictures=True)
    assert {f.code for f in findings} == {code}, findings
    assert {f.severity for f in findings} == {documented()[code]}
    assert all(
        f.message.endswith((".", ">")) and "{n}" not in f.message for f in findings
    )


def test_the_page_lists_exactly_the_codes_that_can_be_reported(path):
    tested = {code for code, _, _ in PROMISES} | BY_THE_CHILD.keys()
    assert documented().keys() == tested


def test_resealing_alone_breaks_nothing(path):
    shard(lambda members: None)(path)
    reseal(path)
    assert check_pack(path, decode_pictures=True) == []


def test_a_baked_picture_of_another_size_is_named(path):
    def claim(held):
        held["preprocessing"]["ground_size"] = [9, 24]
        held["preprocessing"]["sha256"] = preprocessing_sha256(held["preprocessing"])

    baked(lambda p: change_meta(p, claim))(path)
    (finding,) = check_pack(path)
    assert (finding.code, finding.count) == ("picture-size", 7)


def test_the_check_in_a_child_finds_the_same(path):
    assert check_isolated(path) == []
    meta(licences=[])(path)
    assert check_isolated(path) == check_pack(path)


def test_a_reader_that_crashes_is_a_finding(path):
    words = ("-c", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    (finding,) = check_isolated(path, child=words)
    assert (finding.code, finding.severity) == ("crash", "error")
    assert "exit code -11" in finding.message


def test_a_pack_that_wants_all_memory_is_a_finding(path):
    hungry = (
        "-c",
        "import sys; from dataset_tools.pack import isolated as i; "
        "i.check_pack = lambda *a, **k: bytearray(64 * 2**30); "
        "sys.exit(i.main(sys.argv[1:]))",
    )
    (finding,) = check_isolated(path, child=hungry)
    assert (finding.code, finding.severity) == ("too-large", "error")

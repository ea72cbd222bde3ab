"""The audit on the CVUSA layout: a test tile that is a training tile by pixels."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from geobench.cli.main import cli

SHARED = Path(__file__).parents[3] / "shared" / "layouts"
LAYOUTS = Path(os.environ.get("GEOBENCH_LAYOUTS", SHARED))

pytestmark = pytest.mark.skipif(
    not LAYOUTS.is_dir(), reason="no layouts of original releases at GEOBENCH_LAYOUTS"
)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    out = tmp_path_factory.mktemp("cvusa") / "cvusa.pack"
    words = ["data", "import", "cvusa", str(LAYOUTS / "cvusa"), "--out", str(out)]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output
    words = ["data", "audit", str(out), "--scheme", "published", "--json"]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 1, done.output
    return json.loads(done.stdout)


def test_the_one_leak_of_the_published_split_is_found_and_no_other(report):
    (leak,) = report["findings"]
    assert (leak["kind"], leak["items"]) == ("same-pixels", "tiles")
    assert (leak["a"]["name"], leak["b"]["name"]) == ("train", "val")
    assert [(p["a"], p["b"]) for p in leak["worst"]] == [("0000007", "0000013")]


def test_doubles_within_training_are_told_even_if_their_bytes_differ(report):
    told = {
        one["items"]: {(p["a"], p["b"]) for p in one["worst"]}
        for one in report["doubles"]
    }
    # Pair 9 is pair 3; panorama 11 has the pixels of 4 and a comment besides.
    assert told == {
        "frames": {("0000003", "0000009"), ("0000004", "0000011")},
        "tiles": {("0000003", "0000009")},
    }

"""Every command of docs/pictures.md, run as printed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dataset_tools.pack.check import check_pack
from dataset_tools.pack.read import Pack

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The folder in which all blocks of the page were run, one after the other."""
    folder = tmp_path_factory.mktemp("page")
    start = f'geobench() {{ "{sys.executable}" -m geobench.cli.main "$@"; }}\nset -e\n'
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    for kind, text in BLOCK.findall((ROOT / "docs" / "pictures.md").read_text()):
        words = [sys.executable, "-c"] if kind == "python" else ["bash", "-c"]
        done = subprocess.run(
            [*words, text if kind == "python" else start + text],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (text, done.stderr)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "size", "hfov", "stored"),
    [
        ("crops", (74, 128), 90.0, {"changed"}),
        ("north", (64, 256), 360.0, {"own-bytes"}),
        ("cubes", (100, 512), 360.0, {"changed"}),
        ("masked", (64, 256), 360.0, {"changed"}),
        ("blurred", (64, 256), 360.0, {"own-bytes", "changed"}),
        ("camera", (64, 96), 90.0, {"own-bytes"}),
        ("small", (32, 128), 360.0, {"changed"}),
    ],
)
def test_the_pack_of_a_command_is_what_the_page_says(page, name, size, hfov, stored):
    path = page / f"{name}.pack"
    assert not [f for f in check_pack(path) if f.severity == "error"]
    with Pack.open(path) as pack:
        assert pack.picture("frame", pack.frames.index[0]).shape[:2] == size
        assert pack.frames["hfov_deg"].iloc[0] == hfov
        told = pack.meta["made_by"]["rules"]["pictures"]["stored"]
    assert set(told) == stored

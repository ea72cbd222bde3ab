"""The commands of docs/build-your-own.md, run as printed from top to bottom."""

import re
import shlex
import sys
from pathlib import Path

import pytest
import rasterio
from click.testing import CliRunner

from geobench.cli.main import cli

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "build-your-own.md").read_text("utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = [
    line.removeprefix("geobench ")
    for block in BLOCKS
    for line in block.replace("\\\n", " ").splitlines()
]


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """Command -> what it printed, in a fresh folder."""
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("page"))
        for command in COMMANDS:
            result = CliRunner().invoke(cli, shlex.split(command))
            assert result.exit_code == 0, (command, result.output, result.exception)
            found[command] = result.stdout
        yield found


def test_the_page_ends_with_a_sound_pack_a_map_and_a_number(said):
    assert len(said) == len(COMMANDS) == 10
    text = "\n".join(said.values())
    assert "no finding(s)" in text
    assert "Nothing leaks." in text
    assert "recall@1" in text
    assert Path("mytown.pack/map.png").stat().st_size > 10_000
    assert Path("mytown.gpkg").stat().st_size > 10_000


def test_the_printed_stages_are_what_the_command_prints(said):
    (told,) = (v for k, v in said.items() if k.startswith("data sequences"))
    (printed,) = re.findall(r"^```\n(stage.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert printed.split() == told.split()


FAULTS = ("write", "atomic", "faults")
"""Modules of `pack` that speak of kills, full disks and second writers."""
MISTAKES = (
    {"drive": "away"},
    {"imagery": "lost.tif"},
    {"tile_m": 30},
    {"split_scheme": "area"},
    {"m_per_px": 0.5},
    {},
)
"""What is done wrong; the last is the name of a pack that is there."""


@pytest.fixture(scope="module")
def complaints(tmp_path_factory):
    """Everything that builds with the usual mistakes say."""
    sys.path.insert(0, str(ROOT / "tests" / "dataset_tools"))
    from drive_made import write_drive, write_ortho

    folder = tmp_path_factory.mktemp("mistakes")
    write_drive(folder / "drive", count=20)
    write_drive(folder / "away", count=20, north_m=5000.0)
    write_ortho(folder / "ortho.tif", px=2.0)
    with rasterio.open(folder / "ortho.tif") as source:
        profile = {**source.profile, "crs": None}
        with rasterio.open(folder / "lost.tif", "w", **profile) as target:
            target.write(source.read())
    said = []
    for changes in MISTAKES:
        given = {"drive": "drive", "imagery": "ortho.tif", "out": "a.pack"}
        given |= {"m_per_px": 2, "licence": "CC0-1.0"} | changes
        for name in ("drive", "imagery", "out"):
            given[name] = folder / given[name]
        words = ["data", "build"]
        for name, value in given.items():
            words += ["--" + name.replace("_", "-"), str(value)]
        result = CliRunner().invoke(cli, words)
        said.append(f"{result.output} {result.exception}")
    return "\n".join(said)


def test_what_the_page_says_about_messages_is_what_commands_say(complaints):
    table = PAGE[PAGE.index("| it says | do |") :]
    phrases = re.findall(
        r"^\| `([^`]+)` \|", table[: table.index("\n\n")], re.MULTILINE
    )
    assert len(phrases) >= 8
    # tests/faults brings those about.
    writing = [ROOT / "dataset_tools" / "pack" / f"{n}.py" for n in FAULTS]
    known = complaints + "".join(path.read_text() for path in writing)
    for phrase in phrases:
        assert phrase in known, phrase

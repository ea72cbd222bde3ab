"""The commands of docs/build-your-own.md, run as printed from top to bottom."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from geobench.cli.main import cli

PAGE = (Path(__file__).parents[2] / "docs" / "build-your-own.md").read_text("utf-8")
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

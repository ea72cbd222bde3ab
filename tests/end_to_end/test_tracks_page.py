"""Every command of docs/tracks.md, run as printed."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from geobench.cli.main import cli

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "tracks.md").read_text()
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)
BLOCKS = BLOCK.findall(PAGE)
COMMANDS = [
    line.removeprefix("geobench ")
    for kind, text in BLOCKS
    if kind == "sh"
    for line in text.replace("\\\n", " ").splitlines()
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    for kind, text in BLOCKS:
        if kind == "python":
            words = [sys.executable, "-c", text]
            environment = {"PYTHONPATH": str(ROOT), "PATH": ""}
            subprocess.run(words, cwd=folder, env=environment, check=True)
    return folder


def said(folder, monkeypatch, command):
    monkeypatch.chdir(folder)
    result = CliRunner().invoke(cli, shlex.split(command), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page_gives_sequences(folder, monkeypatch, command):
    told = said(folder, monkeypatch, command)
    count = int(re.search(r"^(\d+) sequences", told, re.MULTILINE)[1])
    assert count == (18 if "--drive" not in command else 15), told


def test_the_page_s_clock_is_what_is_said(folder, monkeypatch):
    told = said(folder, monkeypatch, COMMANDS[-1])
    words = "camera clock +14400.00 s, estimated by time-zone from 50 pictures"
    assert words in told
    assert f"`{words}`" in PAGE


def test_every_reason_and_default_of_cleaning_is_on_the_page():
    from dataset_tools.build_settings import DriveSettings
    from dataset_tools.settings.track import CleaningSettings
    from dataset_tools.tracks.rows import Reason

    table = PAGE[PAGE.index("## Cleaning") :]
    for reason in Reason:
        assert reason is Reason.KEPT or f"`{reason.label}`" in table, reason
    settings = DriveSettings()
    for name in CleaningSettings.model_fields:
        option, value = f"--{name.replace('_', '-')}", getattr(settings, name)
        shown = f"{value:g}" if isinstance(value, float) else value
        text = option if value is False else f"{option} {shown}"
        assert f"`{text}`" in table.replace("\n", " "), text


def test_every_field_of_a_column_mapping_is_on_the_page():
    from dataset_tools.tracks.fields import ALIASES

    listed = re.search(r"fields are `([^`]*)`", PAGE)[1].split()
    assert listed == list(ALIASES)

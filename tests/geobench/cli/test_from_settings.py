"""Options that are made from settings say what the settings say."""

from pathlib import Path
from typing import Literal

import click
import pytest
from click.testing import CliRunner
from pydantic import Field

from dataset_tools.settings.base import Settings, folder_field
from geobench.cli.from_settings import SettingsCommand, options_of, parsed


class ShopSettings(Settings):
    door: Path | None = folder_field()
    """Where one
    enters `here`."""
    width_m: float = Field(2.5, gt=0)
    """Width, metres."""


class TownSettings(ShopSettings):
    names: tuple[str, ...] = ()
    """Names; repeatable."""
    kind: Literal["old", "new"] = "old"
    """What kind."""
    loud: bool = False
    """Ring bells."""
    count: int
    """How many."""


@click.command(cls=SettingsCommand)
@options_of(TownSettings)
def command(**given):
    click.echo(repr(parsed(TownSettings, given)))


def run(*words):
    return CliRunner().invoke(command, words)


def test_help_repeats_docstrings_defaults_and_sections():
    text = " ".join(run("--help").output.split())
    assert "Where one enters here." in text
    assert "--width-m FLOAT Width, metres. [default: 2.5]" in text
    assert text.index("Shop:") < text.index("Town:") < text.index("Options:")
    assert "--count INTEGER How many. [required]" in text


def test_values_reach_the_settings_with_their_types():
    output = run("--count", "3", "--names", "a", "--names", "b", "--loud").output
    assert "names=('a', 'b')" in output
    assert "loud=True, count=3" in output


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--count", "1", "--width-m", "-1"], 2, "--width-m -1.0: Input should be"),
        (["--count", "1", "--kind", "odd"], 2, "not one of 'old', 'new'"),
        (["--count", "1", "--door", "nowhere"], 3, "does not exist"),
        ([], 2, "Missing option '--count'"),
    ],
)
def test_a_wrong_value_is_one_sentence_that_names_the_option(words, code, says):
    found = run(*words)
    assert found.exit_code == code
    assert says in found.output

"""Every command of docs/original-datasets.md, on tiny releases made here."""

import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner

from geobench.cli.main import cli

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "original-datasets.md"
COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
    for line in block.splitlines()
]


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    """Data set to a tiny released folder of it."""
    patch = pytest.MonkeyPatch()
    patch.syspath_prepend(str(TESTS / "dataset_tools" / "originals"))
    released = import_module("released")
    folder = tmp_path_factory.mktemp("roots")
    made = {
        name: getattr(released, name)(folder / name)
        for name in ("cvusa", "cvact", "vigor", "vermont")
    }
    for split, k in (("train", 1), ("val", 5)):
        path = made["cvusa"] / f"splits_cleaned/{split}-19zl.csv"
        released.put(path, released.cvusa_line(k))
    yield made
    patch.undo()


def test_the_page_says_commands_that_work_in_its_order(roots, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert len(COMMANDS) > 10
    for command in COMMANDS:
        name = next((n for n in roots if f" {n} " in command), "cvusa")
        words = shlex.split(command.replace("$ROOT", str(roots[name])))
        if "import" in words:
            words += ["--workers", "1"]
        assert words[0] == "geobench"
        result = CliRunner().invoke(cli, words[1:], catch_exceptions=False)
        # A check of a tiny release has findings: it has not the published counts.
        expected = 1 if "check" in words else 0
        assert result.exit_code == expected, (command, result.output)


def test_the_page_names_every_task_on_released_data_sets():
    from geobench.tasks import all_tasks

    text = PAGE.read_text()
    tasks = {t.id for t in all_tasks()}
    named = {t for t in tasks if t.removesuffix("-corrected") in text}
    assert named == tasks
    assert all(f"`{t.scheme}`" in text for t in all_tasks())

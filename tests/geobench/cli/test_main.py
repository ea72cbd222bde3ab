import errno
import subprocess
import sys

import pytest
from click.testing import CliRunner

from geobench.cli.main import DATA, TOP, cli, main


def _run(*words):
    return subprocess.run(
        [sys.executable, "-m", "geobench.cli.main", *words],
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_lists_every_command_and_an_example():
    text = CliRunner().invoke(cli, ["--help"]).output
    assert all(name in text for name in TOP)
    assert "Example:" in text


def test_each_command_has_help_with_an_example():
    for words in [[n] for n in TOP] + [["data", n] for n in DATA]:
        result = CliRunner().invoke(cli, [*words, "--help"])
        assert result.exit_code == 0, (words, result.output)
        assert "xample" in result.output, words


def test_help_does_not_import_torch_or_pandas():
    code = (
        "import sys; from geobench.cli.main import cli; "
        "from click.testing import CliRunner; CliRunner().invoke(cli, ['--help']); "
        "sys.exit(sum(m in sys.modules for m in ('torch', 'pandas', 'rasterio')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_wrong_usage_exits_with_2_and_one_sentence():
    done = _run("no-such-command")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_missing_data_exits_with_3_and_no_traceback(tmp_path):
    done = _run("data", "check", str(tmp_path / "nothing.pack"))
    assert done.returncode == 3
    assert "Traceback" not in done.stderr


def test_an_error_of_the_system_is_one_sentence_with_the_path(monkeypatch, capsys):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device", "card.md")

    monkeypatch.setattr(cli, "main", full)
    with pytest.raises(SystemExit) as end:
        main(["data", "card", "a.pack"])
    assert end.value.code == 3
    said = capsys.readouterr().err
    assert said.startswith("Error: card.md: No space left on device. ")
    assert said.count("\n") == 1


def test_a_bug_keeps_its_traceback(monkeypatch):
    def bug(*_, **__):
        raise OSError("no error number")

    monkeypatch.setattr(cli, "main", bug)
    with pytest.raises(OSError, match="no error number"):
        main(["data", "card", "a.pack"])

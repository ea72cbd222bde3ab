"""`data check`, `data import` and `data request` on released folders."""

import json
import re
import shlex
import sys
from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner

from geobench.cli.main import cli, main

MADE = Path(__file__).parents[2] / "dataset_tools" / "originals"


@pytest.fixture
def released(monkeypatch):
    """The module that makes tiny released folders."""
    monkeypatch.syspath_prepend(str(MADE))
    return import_module("released")


@pytest.fixture
def run(capsys):
    """Runs a command; gives (exit code, stdout, stderr)."""

    def call(*words):
        with pytest.raises(SystemExit) as caught:
            main([str(w) for w in words])
        out = capsys.readouterr()
        return caught.value.code, out.out, out.err

    return call


def test_a_folder_as_released_is_checked_with_0(run, released, tmp_path, monkeypatch):
    root = released.cvusa(tmp_path / "CVUSA")
    monkeypatch.setitem(
        import_module("dataset_tools.originals.cvusa").KNOWN, (3, 1), "original"
    )
    code, out, _ = run("data", "check", root)
    assert code == 0
    assert "cvusa, original lists in splits/" in out
    assert "missing   0 of 8" in out
    assert "finding" not in out


def test_missing_pictures_are_findings_and_listed(run, released, tmp_path):
    root = released.cvusa(tmp_path / "CVUSA")
    (root / "bingmap/19/0000003.jpg").unlink()
    code, out, _ = run("data", "check", root)
    assert code == 1
    assert (
        "missing   1 of 8 named by the lists\n          bingmap/19/0000003.jpg" in out
    )
    code, out, _ = run("data", "check", root, "--json")
    (report,) = json.loads(out)["releases"]
    assert code == 1
    assert report["first_missing"] == ["bingmap/19/0000003.jpg"]


def test_a_folder_that_is_none_is_refused_with_3_and_one_line(run, tmp_path):
    (tmp_path / "photos").mkdir()
    code, out, err = run("data", "check", tmp_path)
    assert (code, out) == (3, "")
    assert err.startswith("Error: ")
    assert "holds ['photos']" in err
    assert err.count("\n") == 1
    assert run("data", "check", tmp_path / "none")[0] == 3


def test_the_command_that_check_prints_imports_the_folder(
    run, released, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    root = released.vigor(tmp_path / "my VIGOR", ("Seattle",))
    _, out, _ = run("data", "check", root)
    commands = re.findall(r"^import +(geobench .*)$", out, re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        code, out, _ = run(*shlex.split(command)[1:], "--workers", "1")
        assert code == 0
        assert "panoramas    panoramas         4        4  none" in out
    assert sorted(p.name for p in Path("packs").glob("*.pack")) == [
        "vigor-Seattle.pack",
        "vigor-corrected-Seattle.pack",
    ]


@pytest.mark.parametrize("name", ["cvusa", "cvact", "vermont"])
def test_each_data_set_is_imported_and_checked(run, released, tmp_path, name):
    root = getattr(released, name)(tmp_path / "root")
    out = tmp_path / f"{name}.pack"
    words = ("data", "import", name, root, "--out", out, "--workers", "1", "--json")
    code, text, _ = run(*words)
    report = json.loads(text)
    assert code == 0
    assert (
        report["counts"]["sequences"] == {"cvusa": 4, "cvact": 8, "vermont": 10}[name]
    )
    assert all(
        s["given"] == s["kept"] + sum(s["rejected"].values()) for s in report["stages"]
    )
    # 1: published splits share ground by design; 0 where they happen not to.
    assert run("data", "check", out)[0] in (0, 1)
    assert run("data", "card", out)[0] == 0
    assert "research only" in (out / "card.md").read_text()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("cvusa", "{root}", "--out", "{there}"), 2, "--overwrite"),
        (("cvusa", "{tmp}/none", "--out", "{new}"), 3, "does not exist"),
        (("cvact", "{root}", "--out", "{new}"), 3, "does not look like cvact"),
        (("cvusa", "{root}", "--out", "{new}", "--limit", "0"), 2, "--limit '?0'?"),
        (("cvusa", "{root}", "--out", "{new}", "--lists", "clean"), 2, "cleaned"),
        (("cvusa", "{root}", "--out", "{new}", "--lists", "original"), 3, "not the"),
    ],
)
def test_wrong_words_and_folders_have_their_codes(
    run, released, tmp_path, words, code, message
):
    places = {
        "root": released.cvusa(tmp_path / "CVUSA"),
        "there": tmp_path / "there.pack",
        "new": tmp_path / "new.pack",
        "tmp": tmp_path,
    }
    released.put(places["there"] / "pack.json", "{}")
    found = run("data", "import", *(w.format(**places) for w in words))
    assert found[0] == code
    assert re.search(message, found[2])
    assert "Traceback" not in found[2]
    assert not places["new"].exists()


def test_request_says_who_grants_access(run):
    for name in ("cvusa", "cvact", "vigor", "vermont"):
        code, out, _ = run("data", "request", name)
        assert code == 0
        assert "granted by" in out
        assert "A letter to begin with" in out
        assert json.loads(run("data", "request", name, "--json")[1])["letter"]
    code, out, _ = run("data", "request", "--list")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == [
        "cvusa",
        "cvact",
        "vigor",
        "vermont",
    ]
    assert len(json.loads(run("data", "request", "--list", "--json")[1])) == 4


def test_request_of_nothing_and_of_an_unknown_name_are_usage_errors(run):
    assert run("data", "request")[0] == 2
    code, _, err = run("data", "request", "vermon")
    assert code == 2
    assert "'vermont'" in err


@pytest.mark.parametrize("name", ["cvusa", "cvact", "vigor", "vermont"])
def test_help_has_an_example_and_no_empty_line_for_the_folder(name):
    result = CliRunner().invoke(cli, ["data", "import", name, "--help"])
    assert result.exit_code == 0
    assert f"geobench data import {name}" in result.output
    assert "--limit" in result.output
    assert not re.search(r"^ +ROOT *$", result.output, re.MULTILINE)


def test_no_command_loads_torch(released, tmp_path):
    root = released.cvusa(tmp_path / "CVUSA")
    import subprocess

    code = (
        "import sys; from geobench.cli.main import cli;"
        f"cli.main(['data', 'check', {str(root)!r}], standalone_mode=False);"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)

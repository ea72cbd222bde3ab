import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from geobench.cli.audit import command

HERE = Path(__file__).parents[2] / "dataset_tools"
sys.path[:0] = [str(HERE / "audit"), str(HERE / "pack")]


@pytest.fixture(scope="module")
def packs(tmp_path_factory):
    from leaky_pack import write

    folder = tmp_path_factory.mktemp("packs")
    alike = {"t/test/2": ("t/train/4", {"comment": b"copy"})}
    return write(folder / "clean.pack"), write(folder / "leaky.pack", alike=alike)


def run(*words):
    return CliRunner().invoke(command, list(map(str, words)))


def test_a_clean_pack_exits_with_0_and_says_what_was_compared(packs):
    done = run(packs[0])
    assert done.exit_code == 0, done.output
    assert done.output == (
        "area: train and test: 6 and 6 frames, 6 and 6 tiles compared.\n"
        "Nothing leaks.\n"
    )


def test_a_leak_exits_with_1_and_names_the_pair(packs, tmp_path):
    done = run(packs[1], "--out", tmp_path / "out")
    assert done.exit_code == 1
    assert (
        "  LEAK same-pixels: 1 of 6 tiles of test and 1 of 6 of train have the pixels "
        "of one of the other.\n       t/train/4 | t/test/2\n" in done.output
    )
    assert (tmp_path / "out" / "area-train-test-tiles-same-pixels.png").is_file()
    written = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert written["findings"][0]["kind"] == "same-pixels"


def test_json_holds_every_finding_with_its_worst_pairs(packs):
    done = run(packs[1], "--json")
    assert done.exit_code == 1
    (finding,) = json.loads(done.stdout)["findings"]
    assert finding["b"] == {"name": "test", "concerned": 1, "of": 6}
    assert finding["worst"] == [{"a": "t/train/4", "b": "t/test/2", "value": None}]


def test_two_packs_are_compared_with_each_other(packs):
    done = run(*packs, "--tables-only")
    assert done.exit_code == 1
    assert "clean and leaky: 12 and 12 frames" in done.output
    assert "LEAK shared: 12 of 12 frames of leaky stand in both." in done.output


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["gone.pack"], 3, "does not exist"),
        (["{0}", "--scheme", "aera"], 3, "Did you mean 'area'?"),
        (["{0}", "--place-m", "-1"], 2, "--place-m"),
        ([], 2, "Missing argument"),
    ],
)
def test_wrong_usage_is_one_sentence(packs, words, code, said, capsys):
    from geobench.cli.main import main

    with pytest.raises(SystemExit) as end:
        main(["data", "audit", *(w.format(packs[0]) for w in words)])
    assert end.value.code == code
    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err

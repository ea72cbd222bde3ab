"""`geobench data sequences`: each rule on a track of eighteen fixes, and bad usage."""

import json

import pytest
from click.testing import CliRunner

from geobench.cli.main import cli, main


@pytest.fixture
def track(tmp_path):
    """Eighteen fixes 8 m and a second apart, due north."""
    lines = ["session,lat,lon,time"]
    lines += [
        f"d,{44 + i * 8 / 111_122:.8f},-72.5,{1_600_000_000 + i}" for i in range(18)
    ]
    path = tmp_path / "track.csv"
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize(
    ("words", "count", "least", "most"),
    [
        ([], 4, 7, 7),
        (["--no-overlap"], 2, 7, 7),
        (["--min-frames", "5", "--max-frames", "9"], 5, 6, 7),
        (["--sequence-rule", "time", "--window-s", "6"], 4, 7, 7),
        (["--sequence-rule", "count", "--frames-per-sequence", "9"], 4, 9, 9),
        (["--sequence-rule", "count", "--no-overlap", "--min-frames", "2"], 3, 4, 7),
        (["--sequence-rule", "radius", "--min-frames", "4"], 6, 4, 7),
        (["--sequence-rule", "radius", "--join-passes", "--stride", "4"], 3, 7, 7),
    ],
)
def test_each_rule_prints_how_many_frames_its_sequences_have(
    track, words, count, least, most
):
    words = ["data", "sequences", "--track", str(track), *words, "--json"]
    done = CliRunner().invoke(cli, words, catch_exceptions=False)
    summary = json.loads(done.stdout)
    assert summary["sequences"] == count
    assert summary["frames"] == {"least": least, "most": most}
    stage = summary["stages"]["sequences"]
    assert stage["in"] == stage["kept"] + sum(stage["rejected"].values()) == 18


def test_the_text_and_the_geojson_say_how_long_sequences_are(track, tmp_path):
    out = tmp_path / "s.geojson"
    words = ["data", "sequences", "--track", str(track), "--out", str(out)]
    options = ["--sequence-rule", "radius", "--min-frames", "4"]
    done = CliRunner().invoke(cli, [*words, *options], catch_exceptions=False)
    assert "6 sequences of 4 to 7 frames, median length 48.0 m" in done.stdout
    features = json.loads(out.read_text())["features"]
    assert [f["properties"]["frames"] for f in features][:2] == [4, 7]
    none = CliRunner().invoke(cli, [*words, "--spacing-m", "90"])
    assert none.stdout.splitlines()[-1] == "0 sequences"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--join-passes"], "Give --sequence-rule radius, or leave --join-passes away"),
        (["--min-frames", "8"], "min_length=8; 1 to 7 expected"),
        (["--sequence-rule", "speed"], "is not one of 'distance', 'time'"),
        (["--window-s", "0"], "--window-s 0.0"),
    ],
)
def test_rules_that_contradict_themselves_exit_with_2(track, capsys, words, told):
    with pytest.raises(SystemExit) as stopped:
        main(["data", "sequences", "--track", str(track), *words])
    assert stopped.value.code == 2
    assert told in capsys.readouterr().err

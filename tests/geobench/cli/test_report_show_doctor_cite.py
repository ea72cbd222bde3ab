import json

from click.testing import CliRunner

from geobench.cli import cite, doctor, report, show
from geobench.errors import DataError


def test_report_refuses_a_folder_without_results(tmp_path):
    done = CliRunner().invoke(report.command, [str(tmp_path)])
    assert isinstance(done.exception, DataError)
    assert done.exception.exit_code == 3


def test_show_models_lists_every_model_with_its_card():
    done = CliRunner().invoke(show.command, ["models", "--json"])
    assert done.exit_code == 0, done.output
    rows = json.loads(done.output)
    names = [row["name"] for row in rows]
    assert names == sorted(names)
    assert all({"title", "max_frames", "licence"} <= set(row) for row in rows)


def test_show_models_is_readable_too():
    done = CliRunner().invoke(show.command, ["models"])
    assert done.exit_code == 0, done.output


def test_cite_prints_bibtex_for_the_toolkit():
    done = CliRunner().invoke(cite.command, [])
    assert done.output.startswith("@software{")


def test_cite_refuses_an_unknown_model_with_a_sentence():
    done = CliRunner().invoke(cite.command, ["no-such-model"])
    assert "No model is called 'no-such-model'" in str(done.exception)


def test_doctor_reports_each_check_and_a_known_distance():
    done = CliRunner().invoke(doctor.command, ["--json"])
    found = {row["check"]: row for row in json.loads(done.output)["checks"]}
    assert found["geodesy"]["ok"]
    assert found["python"]["ok"]
    assert done.exit_code == (0 if all(r["ok"] for r in found.values()) else 1)


def test_every_command_shows_an_example():
    for command in (report.command, show.command, doctor.command, cite.command):
        done = CliRunner().invoke(command, ["--help"])
        assert "Example: geobench" in done.output

import csv
import io

import pytest
from click.testing import CliRunner

from geobench.cli.table import KINDS as CLI_KINDS
from geobench.cli.table import command
from geobench.errors import ConfigError, SchemaError
from geobench.published import read_published
from geobench.results import TaskResult, write_result
from geobench.table import KINDS, make_table, summary, write_tables
from geobench.table_formats import (
    Cell,
    Column,
    Table,
    to_csv,
    to_latex,
    to_markdown,
)


def _metric(value, low=None, high=None):
    return {"value": value, "low": low, "high": high}


def _result(name="geodtr", recall=0.637, *, task=None, **changes):
    full = {
        "id": "home",
        "version": 1,
        "protocol": "same-area",
        "label_set": "pack",
        "split": "test",
        "gallery": "tile-thinned",
        **(task or {}),
    }
    metrics = {
        "recall@1": _metric(recall, max(0.0, recall - 0.056), min(1.0, recall + 0.053)),
        "error_m_median": _metric(12.34, 8.0, 20.0),
    }
    content = {
        "task": full,
        "pack": {"name": full["id"], "content_sha256": "aa"},
        "model": {
            "name": name,
            "variant": {},
            "revision": "01234567",
            "checkpoint_sha256": "0123456789",
            "parameters": 5,
        },
        "metrics": metrics,
        "strata": {"urban": {"queries": 100, "metrics": metrics}},
        "counts": {
            "queries": 300,
            "references": 310,
            "excluded": {"own positive not in the gallery": 7},
            "tied_queries": 2,
        },
        "interval": {"unit": "cell", "cell_m": 500.0, "units": 12},
        "cost": {"embed_s": 2.0, "retrieve_s": 0.5, "peak_memory_bytes": 2**20},
        "created": "2026-01-01T00:00:00Z",
        **changes,
    }
    return TaskResult(**content)


def _table(results, kind="same-area"):
    return make_table([r.to_json() for r in results], kind)


def test_a_cell_shows_per_cent_and_interval():
    text = to_markdown(_table([_result()]))
    assert "63.7 [58.1, 69.0]" in text
    assert "12.3 [8.0, 20.0]" in text


def test_markdown_columns_are_aligned():
    lines = to_markdown(_table([_result(), _result("a-much-longer-name")])).splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == 4
    assert len({len(line) for line in table}) == 1


def test_floors_stand_at_the_bottom_whatever_they_score():
    results = [_result("random_embedding", 0.99), _result("linear_probe", 0.9)]
    table = _table([*results, _result("safa", 0.1), _result("geodtr", 0.2)])
    assert [row[0].text for row in table.rows] == [
        "geodtr",
        "safa",
        "linear_probe",
        "random_embedding",
    ]
    assert table.ruled == 2
    assert "Floors: linear_probe, random_embedding." in table.notes


def test_partial_results_stay_out_and_are_counted():
    table = _table([_result(), _result("safa", partial=True)])
    assert [row[0].text for row in table.rows] == ["geodtr"]
    assert "1 partial results are left out." in table.notes


def test_a_table_says_gallery_intervals_and_exclusions():
    notes = " ".join(_table([_result()]).notes)
    assert "home@v1" in notes
    assert "12 square cells of 500 m" in notes
    assert "7 queries, own positive not in the gallery" in notes


def test_cross_area_names_the_switches():
    task = {"id": "far", "protocol": "cross-area", "switches": ["camera", "layout"]}
    table = _table([_result(), _result(task=task)], "cross-area")
    assert len(table.rows) == 1
    assert table.rows[0][2].text == "camera, layout"


def test_sequence_length_has_a_row_per_count_and_a_column_per_choice():
    results = [
        _result(
            "seqgeo",
            0.1 * count,
            task={
                "id": f"home-{count}-{keep}",
                "protocol": "sequence-length",
                "frames": {"count": count, "keep": keep, "seed": 0},
            },
            pack={"name": "home", "content_sha256": "aa"},
        )
        for count in (1, 3, 5, 7)
        for keep in ("centre-out", "first", "random")
    ]
    table = _table(results, "sequence-length")
    assert [row[2].value for row in table.rows] == [1, 3, 5, 7]
    assert [row[3].value for row in table.rows] == pytest.approx([0.1, 0.3, 0.5, 0.7])
    assert [c.heading for c in table.columns[3:6]] == [
        "R@1 centre-out",
        "R@1 first",
        "R@1 random",
    ]


def test_csv_has_full_precision_and_the_ends_of_intervals():
    found = list(csv.DictReader(io.StringIO(to_csv(_table([_result()])))))
    assert float(found[0]["recall@1"]) == 0.637
    assert float(found[0]["recall@1_low"]) == pytest.approx(0.581)
    assert found[0]["queries"] == "300"
    assert found[0]["recall@5"] == ""


@pytest.mark.parametrize("name", ["=cmd()", "+1", "-1", "@x", " =1"])
def test_csv_never_starts_a_formula(name):
    found = list(csv.reader(io.StringIO(to_csv(_table([_result(name)])))))
    assert found[1][0] == f"'{name}"


def test_latex_and_markdown_escape_what_they_would_obey():
    table = Table(
        "t", "T", [Column("a", "a_%")], [[Cell(r"x_1 & 50% \input{y} | <b>")]]
    )
    latex, markdown = to_latex(table), to_markdown(table)
    assert r"x\_1 \& 50\% \textbackslash{}input\{y\}" in latex
    assert r"a\_\%" in latex
    assert r"\toprule" in latex
    assert r"\|" in markdown
    assert "<b>" not in markdown


def test_same_label_and_task_are_told_apart_by_revision():
    other = {**_result().model, "revision": "ffffffff"}
    table = _table([_result(), _result(model=other)])
    assert sorted(row[0].text for row in table.rows) == [
        "geodtr 01234567",
        "geodtr ffffffff",
    ]


def test_write_tables_fills_the_kinds_that_have_results(tmp_path):
    write_result(tmp_path / "results", _result())
    written = write_tables(tmp_path / "results", tmp_path / "tables")
    assert sorted({p.stem for p in written}) == ["efficiency", "same-area", "strata"]
    assert sorted({p.suffix for p in written}) == [".csv", ".md", ".tex"]


def test_the_command_prints_and_writes(tmp_path):
    write_result(tmp_path / "results", _result())
    run = CliRunner().invoke
    shown = run(command, [str(tmp_path / "results"), "--kind", "same-area"])
    assert "63.7 [58.1, 69.0]" in shown.output
    written = run(command, [str(tmp_path / "results"), "--out", str(tmp_path / "t")])
    assert (tmp_path / "t/same-area.tex").is_file()
    assert "same-area.md" in written.output
    assert tuple(KINDS) == CLI_KINDS


def test_an_unknown_kind_names_the_closest():
    with pytest.raises(ConfigError, match="same-area"):
        make_table([], "same-aera")


def test_a_summary_names_counts_and_exclusions():
    text = summary(_result().to_json())
    assert "63.7 %  [58.1, 69.0]" in text
    assert "300 queries, 310 references, 2 tied" in text
    assert "7 excluded" in text


def test_published_rows_are_read_as_fractions(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("method,polar,r_at_1,r_at_5\nSAFA,yes,89.84,\n")
    row = read_published(path)[0]
    assert row.metrics == {"recall@1": pytest.approx(0.8984)}
    assert row.attributes == {"polar": "yes"}
    path.write_text("method,r_at_1\nSAFA,189\n")
    with pytest.raises(SchemaError, match="no percentage"):
        read_published(path)

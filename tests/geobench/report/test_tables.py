import json

from made_run import write_result

from geobench.report.tables import MAX_ROWS, page_table


def _contents(tmp_path, *models, **extra):
    paths = [
        write_result(tmp_path, name, seed=i, **extra) for i, name in enumerate(models)
    ]
    return [json.loads(p.read_text()) for p in paths]


def test_a_value_stands_over_its_interval_in_percent(tmp_path):
    table = page_table(_contents(tmp_path, "geodtr"), "same-area")
    cell = table.rows[0][table.columns.index("R@1")]
    assert (cell.text, cell.interval, cell.number) == ("50.0", "[40.0, 60.0]", True)


def test_a_bracket_in_a_name_is_no_interval(tmp_path):
    table = page_table(_contents(tmp_path, "my [best] model"), "same-area")
    assert table.rows[0][0].text == "my [best] model"


def test_floors_stand_below_a_rule(tmp_path):
    table = page_table(_contents(tmp_path, "linear_probe", "geodtr"), "same-area")
    assert table.ruled == 1
    assert table.rows[1][0].text == "linear_probe"


def test_a_kind_without_results_gives_no_table(tmp_path):
    assert page_table(_contents(tmp_path, "geodtr"), "cross-area") is None


def test_a_very_long_table_is_cut_and_says_so(tmp_path):
    content = _contents(tmp_path, "geodtr")[0]
    table = page_table([content] * (MAX_ROWS + 5), "same-area")
    assert len(table.rows) == MAX_ROWS
    assert table.cut == 5

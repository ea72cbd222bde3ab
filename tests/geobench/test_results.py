import json

import pandas as pd
import pytest

from geobench.errors import DataError, SchemaError
from geobench.results import (
    TaskResult,
    read_ranks,
    read_result,
    read_results,
    result_key,
    result_path,
    validate,
    write_result,
)

FROZEN_SCHEMA_1 = """{
 "schema": 1,
 "task": {"id": "home", "version": 1, "protocol": "same-area", "label_set": "pack",
          "split": "test"},
 "pack": {"name": "home", "content_sha256": "aa"},
 "model": {"name": "geodtr", "variant": {"polar": true}, "revision": "01234567",
           "parameters": 5, "trained_on": ["home"], "checkpoint_sha256": "0123456789"},
 "metrics": {"recall@1": {"value": 0.5, "low": 0.4, "high": 0.6},
             "median_rank": {"value": 2.0, "low": null, "high": null}},
 "counts": {"queries": 10, "references": 40, "excluded": {}, "tied_queries": 0},
 "seed": 0, "partial": false,
 "cost": {"embed_s": 1.0, "retrieve_s": 0.1, "peak_memory_bytes": 0},
 "environment": {"device": "cpu", "torch": "2.4", "version": "0.1.0"},
 "created": "2026-01-01T00:00:00Z"}"""
"""As version 0.1.0 wrote it. Never edit: old results must stay readable."""


def _content(**changes):
    return {**json.loads(FROZEN_SCHEMA_1), **changes}


def _result(**changes):
    return TaskResult.from_json(_content(**changes), key="89abcdef")


def test_a_frozen_result_of_schema_1_is_readable(tmp_path):
    path = tmp_path / "89abcdef.json"
    path.write_text(FROZEN_SCHEMA_1)
    found = read_result(path)
    assert found.metrics["recall@1"]["value"] == 0.5
    assert found.key == "89abcdef"
    assert found.strata == {}


def test_a_result_reads_back_as_written_with_its_ranks(tmp_path):
    ranks = pd.DataFrame(
        {
            "query_id": ["a"],
            "rank": [3],
            "tied": [False],
            "top_ids": [["t1", "t0"]],
            "top_scores": [[0.9, 0.5]],
            "error_m": [None],
        }
    )
    made = TaskResult(**{**_result().__dict__, "ranks": ranks})
    path = write_result(tmp_path, made)
    assert path == tmp_path / "geodtr/01234567/home@v1/89abcdef.json"
    assert read_result(path) == made
    assert list(read_ranks(path)["top_ids"][0]) == ["t1", "t0"]
    assert [p for p, _ in read_results(tmp_path)] == [path]
    assert sorted(p.name for p in path.parent.iterdir()) == [
        "89abcdef.json",
        "89abcdef.ranks.parquet",
    ]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_nan_is_never_written(tmp_path, bad):
    metrics = {"median_rank": {"value": bad, "low": None, "high": None}}
    broken = TaskResult(**{**_result().__dict__, "metrics": metrics})
    with pytest.raises(SchemaError, match="median_rank"):
        write_result(tmp_path, broken)
    assert list(tmp_path.rglob("*.json")) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema": 2}, "has schema 2, this version reads schema 1"),
        ({"partial": "no"}, "no valid 'partial'"),
        ({"surprise": 1}, "unknown keys surprise"),
        ({"counts": {"queries": 1}}, "counts lacks references"),
        ({"metrics": {"recall@1": {"value": 1.2, "low": None, "high": None}}}, "1.2"),
        ({"metrics": {"recall@1": {"value": 0.2, "low": 0.3, "high": 0.4}}}, "low <="),
        ({"metrics": {"recall@1": 0.2}}, "recall@1"),
    ],
)
def test_faults_are_refused(changes, message):
    with pytest.raises(SchemaError, match=message):
        validate(_content(**changes), "x.json")


def test_a_file_that_is_no_json_is_refused_and_a_missing_one_named(tmp_path):
    path = tmp_path / "m/r/t@v1/k.json"
    path.parent.mkdir(parents=True)
    path.write_text("{")
    with pytest.raises(SchemaError, match="not JSON"):
        read_results(tmp_path)
    with pytest.raises(DataError, match="does not exist"):
        read_result(tmp_path / "none.json")
    with pytest.raises(DataError, match="no folder of results"):
        read_results(tmp_path / "none")


def test_a_strangers_name_cannot_leave_the_results_folder(tmp_path):
    model = {**_content()["model"], "name": "../../etc", "revision": ".."}
    path = result_path(tmp_path, _result(model=model))
    assert path.resolve().is_relative_to(tmp_path)


def test_the_key_follows_what_changes_the_number():
    assert result_key({"seed": 0}) != result_key({"seed": 1})
    assert len(result_key({})) == 8

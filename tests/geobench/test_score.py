import json

import numpy as np
import pytest
from click.testing import CliRunner

from geobench.cli.score import command
from geobench.errors import DataError, EmbeddingError, SchemaError
from geobench.results import validate
from geobench.score import score


@pytest.fixture
def files(tmp_path):
    """Four queries; the first three are right, the last has no true reference."""
    eye = np.eye(5, dtype=np.float32)
    np.save(tmp_path / "q.npy", eye[:4])
    np.save(tmp_path / "r.npy", eye)
    lines = [
        "query,reference,relation",
        "0,0,positive",
        "1,1,",
        "2,2,positive",
        "2,3,semi",
    ]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    coords = ["kind,id,lat,lon"]
    coords += [f"query,{i},{44 + 0.01 * i},-72" for i in range(4)]
    coords += [f"reference,{i},{44.0001 + 0.01 * i},-72" for i in range(5)]
    (tmp_path / "c.csv").write_text("\n".join(coords) + "\n")
    return tmp_path


def _score(files, **changes):
    names = {"query": "q.npy", "reference": "r.npy", "truth": "t.csv", **changes}
    paths = {k: files / v for k, v in names.items()}
    return score(
        paths.pop("query"), paths.pop("reference"), paths.pop("truth"), **paths
    )


def test_plain_files_are_scored(files):
    result = _score(files)
    assert result.metrics["recall@1"]["value"] == 1.0
    assert result.metrics["median_rank"]["value"] == 1.0
    assert result.counts["queries"] == 3
    assert result.counts["excluded"] == {"no positive in the truth": 1}
    assert result.model is None
    assert "error_m_median" not in result.metrics
    assert result.interval["unit"] == "query"


def test_coordinates_add_metres_and_cells(files):
    result = _score(files, coords="c.csv")
    assert result.metrics["error_m_median"]["value"] == pytest.approx(11.1, abs=0.1)
    assert result.metrics["recall@1_within_25m"]["value"] == 1.0
    assert result.interval["unit"] == "cell"


def test_a_byte_order_mark_and_float64_do_not_matter(files):
    text = (files / "t.csv").read_text()
    (files / "t.csv").write_text("\ufeff" + text, encoding="utf-8")
    np.save(files / "q.npy", np.load(files / "q.npy").astype(np.float64))
    assert _score(files).metrics["recall@1"]["value"] == 1.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("query,reference\n0,9\n", "line 2: reference row '9' does not exist.*0 to 4"),
        ("query,reference\nx,0\n", "query row 'x'"),
        ("query,reference\n0,-1\n", "row '-1'"),
        ("query,tile\n0,0\n", "no column 'reference'"),
        ("query,reference,relation\n0,0,maybe\n", "relation 'maybe'"),
    ],
)
def test_a_truth_that_makes_no_sense_is_refused(files, text, message):
    (files / "t.csv").write_text(text)
    with pytest.raises(SchemaError, match=message):
        _score(files)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind,id,lat,lon\nquery,0,181,0\n", "not in degrees"),
        ("kind,id,lat,lon\nquery,0,,\n", "not in degrees"),
        ("kind,id,lat,lon\nquery,0,1,1\n", "no position for 3 of 4 query rows"),
        ("kind,id,lat,lon\ntile,0,1,1\n", "kind 'tile'"),
    ],
)
def test_positions_that_make_no_sense_are_refused(files, text, message):
    (files / "c.csv").write_text(text)
    with pytest.raises(SchemaError, match=message):
        _score(files, coords="c.csv")


def test_nan_is_refused(files):
    np.save(files / "q.npy", np.full((4, 5), np.nan, np.float32))
    with pytest.raises(EmbeddingError, match="NaN"):
        _score(files)


def test_files_that_are_no_arrays_are_refused(files):
    with pytest.raises(EmbeddingError, match="no NumPy array file"):
        _score(files, query="t.csv")
    with pytest.raises(DataError, match="does not exist"):
        _score(files, query="none.npy")


def test_the_command_prints_a_valid_result(files):
    args = ["--query", "q.npy", "--reference", "r.npy", "--truth", "t.csv"]
    args = [str(files / a) if "." in a else a for a in args]
    found = CliRunner().invoke(command, [*args, "--json"])
    content = json.loads(found.output)
    validate(content, "printed")
    assert content["model"] is None
    assert content["pack"] is None
    assert "recall@1 " in CliRunner().invoke(command, args).output

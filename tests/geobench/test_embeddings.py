import json

import numpy as np
import pytest

from geobench.embeddings import (
    EmbeddingInfo,
    Embeddings,
    read_embeddings,
    write_embeddings,
)
from geobench.errors import DataError, EmbeddingError, SchemaError


def _embeddings(**changes):
    rng = np.random.default_rng(0)
    content = {
        "query": rng.standard_normal((3, 4)).astype(np.float32),
        "reference": rng.standard_normal((5, 4)).astype(np.float32),
        "query_ids": ("a", "b", "c"),
        "reference_ids": ("t0", "t1", "t2", "t3", "t4"),
        "info": EmbeddingInfo(model="safa", variant={"polar": True}, trained_on=("x",)),
    }
    return Embeddings(**{**content, **changes})


def test_a_folder_reads_back_as_written(tmp_path):
    made = _embeddings()
    found = read_embeddings(write_embeddings(tmp_path / "a.emb", made))
    assert np.array_equal(found.query, made.query)
    assert np.array_equal(found.reference, made.reference)
    assert found.reference_ids == made.reference_ids
    assert found.info == made.info
    assert [p.name for p in tmp_path.iterdir()] == ["a.emb"]


def test_writing_again_replaces_the_folder(tmp_path):
    write_embeddings(tmp_path / "a.emb", _embeddings())
    other = _embeddings(info=EmbeddingInfo(model="vigor"))
    write_embeddings(tmp_path / "a.emb", other)
    assert read_embeddings(tmp_path / "a.emb").info.model == "vigor"


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_non_finite_vector_is_refused_by_its_id(bad):
    query = np.ones((3, 4), np.float32)
    query[1, 1] = bad
    with pytest.raises(EmbeddingError, match="query vector of 'b' holds NaN"):
        _embeddings(query=query)


def test_a_non_finite_vector_on_disk_is_refused_when_read(tmp_path):
    path = write_embeddings(tmp_path / "a.emb", _embeddings())
    np.save(path / "query.npy", np.full((3, 4), np.nan, np.float32))
    with pytest.raises(EmbeddingError, match="holds NaN"):
        read_embeddings(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"query_ids": ("a", "b")}, "3 query vectors but 2 ids"),
        ({"query_ids": ("a", "b", "a")}, "'a' stands twice"),
        ({"query": np.ones((3, 5), np.float32)}, "5 dimensions, references 4"),
        ({"query": np.ones((3, 4))}, "must be float32"),
        ({"info": EmbeddingInfo(model="dsm", scorer="magic")}, "Scorer 'magic'"),
    ],
)
def test_misfits_are_refused(changes, message):
    with pytest.raises(EmbeddingError, match=message):
        _embeddings(**changes)


def test_a_missing_file_names_the_command(tmp_path):
    path = write_embeddings(tmp_path / "a.emb", _embeddings())
    (path / "reference.npy").unlink()
    with pytest.raises(DataError, match=r"no reference\.npy.*geobench embed"):
        read_embeddings(path)


def test_another_version_is_refused(tmp_path):
    path = write_embeddings(tmp_path / "a.emb", _embeddings())
    content = json.loads((path / "embedding.json").read_text())
    (path / "embedding.json").write_text(json.dumps({**content, "version": 99}))
    with pytest.raises(SchemaError, match="version"):
        read_embeddings(path)


def test_a_pickled_array_is_refused(tmp_path):
    path = write_embeddings(tmp_path / "a.emb", _embeddings())
    np.save(path / "query.npy", np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(EmbeddingError, match="not a NumPy array file"):
        read_embeddings(path)

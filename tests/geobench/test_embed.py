import numpy as np
import pytest
import torch

from geobench.data.dataset import FrameChoice
from geobench.data.prepare import PictureStore
from geobench.embed import embed, pick_device
from geobench.embeddings import read_embeddings
from geobench.errors import DataError, EmbeddingError
from geobench.tasks import Task
from geobench.training.checkpoint import (
    Identity,
    build_variant,
    load_checkpoint,
    save_checkpoint,
)


def _task(**changes):
    return Task(
        **{
            "id": "t",
            "protocol": "same-area",
            "pack": "pack",
            "split": "val",
            **changes,
        }
    )


@pytest.fixture
def model(tiny_model, tmp_path):
    variant = {"max_frames": 3}
    made = build_variant(tiny_model, variant)
    identity = Identity(
        name=tiny_model, variant=variant, trained_on=("pack",), settings={"seed": 7}
    )
    save_checkpoint(made, tmp_path / "best", identity)
    return load_checkpoint(tmp_path / "best")


def test_a_folder_holds_unit_vectors_and_where_they_come_from(
    model, make_pack, tmp_path
):
    pack = make_pack(length=3)
    out = embed(model, pack, _task(), tmp_path / "a.emb", device="cpu")
    found = read_embeddings(out)
    assert found.query.shape == (12, 16)
    assert np.allclose(np.linalg.norm(found.query, axis=1), 1, atol=1e-6)
    assert found.query_ids == tuple(pack.split_ids("area", "val", "sequence"))
    assert found.reference_ids == tuple(pack.split_ids("area", "val", "tile"))
    info = found.info
    assert (info.model, info.query, info.seed) == ("tiny", "sequence", 7)
    assert info.checkpoint_sha256 == model.identity.sha256
    assert info.pack_content_sha256 == pack.content_sha256
    assert info.trained_on == ("pack",)
    assert Task.from_json(info.task) == _task()


def test_the_batch_size_changes_no_vector(model, make_pack, tmp_path):
    pack = make_pack(length=3)
    small = embed(model, pack, _task(), tmp_path / "a.emb", batch_size=5, device="cpu")
    large = embed(model, pack, _task(), tmp_path / "b.emb", device="cpu")
    query = [read_embeddings(p).query for p in (small, large)]
    assert np.allclose(query[0], query[1], atol=1e-6)


def test_fewer_frames_give_other_query_vectors_from_the_same_store(
    model, make_pack, tmp_path
):
    pack, store = make_pack(length=3), PictureStore(model.inputs)
    found = []
    for count in (1, 3):
        task = _task(frames=FrameChoice(count=count))
        path = tmp_path / f"{count}.emb"
        embed(model, pack, task, path, store=store, device="cpu")
        found.append(read_embeddings(path))
    assert not np.array_equal(found[0].query, found[1].query)
    assert np.array_equal(found[0].reference, found[1].reference)
    assert len(pack.asked) == len(set(pack.asked))


def test_a_model_that_diverged_is_refused_by_name(model, make_pack, tmp_path):
    with torch.no_grad():
        model.satellite[4].bias.fill_(float("nan"))
    with pytest.raises(EmbeddingError, match=r"12 vectors .* 't024'"):
        embed(model, make_pack(), _task(), tmp_path / "a.emb", device="cpu")
    assert not (tmp_path / "a.emb").exists()


def test_a_zero_vector_stays_zero(model, make_pack, tmp_path):
    model.embed_satellite = lambda satellite: torch.zeros(len(satellite), 16)
    out = embed(model, make_pack(), _task(), tmp_path / "a.emb", device="cpu")
    assert not read_embeddings(out).reference.any()


def test_a_task_without_queries_or_of_another_pack_is_refused(
    model, make_pack, tmp_path
):
    with pytest.raises(DataError, match="0 queries and 0 references"):
        embed(model, make_pack(), _task(split="test"), tmp_path / "a.emb", device="cpu")
    with pytest.raises(DataError, match="asks for pack 'other'"):
        embed(model, make_pack(), _task(pack="other"), tmp_path / "a.emb", device="cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is there")
def test_a_gpu_that_is_not_there_is_named():
    with pytest.raises(DataError, match="--device cpu"):
        pick_device("cuda")
    assert pick_device("auto").type == "cpu"


def test_queries_that_no_reference_answers_are_left_out(make_pack):
    from geobench.data.queries import read_queries

    pack = make_pack()
    every = read_queries(pack, scheme="area", split="train", max_frames=1)
    own = every.tile_ids[0]
    gallery = pack.split_ids("area", "train", "tile")
    pack.splits[("area", "train", "tile-thinned")] = [t for t in gallery if t != own]
    asked = {"scheme": "area", "split": "train", "gallery": "tile-thinned"}
    some = read_queries(pack, max_frames=1, **asked)
    pairs = zip(every.sequence_ids, every.tile_ids, strict=True)
    assert some.sequence_ids == [i for i, tile in pairs if tile != own]
    assert 0 < len(some.sequence_ids) < len(every.sequence_ids)

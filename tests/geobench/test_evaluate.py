import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from geobench.cli.evaluate import command
from geobench.data.queries import FrameChoice
from geobench.embeddings import EmbeddingInfo, Embeddings, write_embeddings
from geobench.errors import EmbeddingError, MetricError
from geobench.evaluate import evaluate
from geobench.results import read_ranks, write_result
from geobench.tasks import Task

QUERIES = 30


class FakePack:
    """Queries 100 m apart on a line north; every second one is in the thin gallery."""

    name = "town"
    content_sha256 = "ab" * 32

    def __init__(self):
        lat = 44.0 + 9e-4 * np.arange(QUERIES)
        ids = [f"s{i:02d}" for i in range(QUERIES)]
        tiles = [f"t{i:02d}" for i in range(QUERIES)]
        self.sequences = pd.DataFrame(
            {
                "region": "home",
                "stratum": ["urban" if i < 12 else None for i in range(QUERIES)],
                "lat": lat,
                "lon": -72.0,
                "frame_ids": [[f"f{i:02d}"] for i in range(QUERIES)],
                "positives": [[t] for t in tiles],
                "semi_positives": [tiles[i + 1 : i + 2] for i in range(QUERIES)],
            },
            index=ids,
        )
        self.frames = pd.DataFrame(
            {"session_id": "a"}, index=[f"f{i:02d}" for i in range(QUERIES)]
        )
        # Tile centres lie 5 m or so north of their query.
        self.tiles = pd.DataFrame({"lat": lat + 4.5e-5, "lon": -72.0}, index=tiles)
        self._ids = {"sequence": ids, "tile": tiles, "tile-thinned": tiles[::2]}

    def split_ids(self, scheme, split, kind):
        assert (scheme, split) == ("area", "test")
        return self._ids[kind]


def _task(**changes):
    return Task(**{"id": "town", "protocol": "same-area", "pack": "town", **changes})


def _embeddings(pack, vectors=None, **info):
    """Perfect vectors, or the given ones for queries and references alike."""
    made = np.eye(QUERIES, dtype=np.float32) if vectors is None else vectors
    return Embeddings(
        query=made[: len(pack.sequences)],
        reference=made,
        query_ids=tuple(pack.sequences.index),
        reference_ids=tuple(pack.tiles.index),
        info=EmbeddingInfo(model="safa", checkpoint_sha256="0123456789ab", **info),
    )


def _values(result):
    return {name: cell["value"] for name, cell in result.metrics.items()}


def test_perfect_embeddings_score_one():
    pack = FakePack()
    result = evaluate(_embeddings(pack), pack, _task())
    values = _values(result)
    assert values["recall@1"] == values["map"] == values["recall@1_within_25m"] == 1.0
    assert values["median_rank"] == 1.0
    assert values["error_m_median"] == pytest.approx(5.0, abs=0.05)
    assert result.counts == {
        "queries": 30,
        "references": 30,
        "excluded": {},
        "tied_queries": 0,
    }


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_constant_embeddings_score_nothing_by_any_metric(value):
    pack = FakePack()
    same = np.full((QUERIES, 8), value, np.float32)
    result = evaluate(_embeddings(pack, same), pack, _task())
    values = _values(result)
    for name in ("recall@1", "recall@5", "recall@10", "recall@1pct", "hit_rate"):
        assert values[name] == 0.0
    assert values["recall@1_within_25m"] == 0.0
    assert values["error_m_median"] > 1000.0
    assert result.counts["tied_queries"] == 30


def test_ids_are_matched_and_not_positions():
    pack = FakePack()
    plain = _embeddings(pack)
    order = np.random.default_rng(0).permutation(QUERIES)
    mixed = Embeddings(
        query=plain.query[order],
        reference=plain.reference[::-1],
        query_ids=tuple(plain.query_ids[i] for i in order),
        reference_ids=plain.reference_ids[::-1],
        info=plain.info,
    )
    found = [evaluate(e, pack, _task()) for e in (plain, mixed)]
    assert found[0].metrics == found[1].metrics
    assert found[0].key == found[1].key


def test_only_queries_with_their_own_tile_count_in_a_thinned_gallery():
    pack = FakePack()
    result = evaluate(_embeddings(pack), pack, _task(gallery="tile-thinned"))
    assert result.counts["queries"] == 15
    assert result.counts["references"] == 15
    assert result.counts["excluded"] == {"own positive not in the gallery": 15}
    assert len(result.ranks) == 15


def test_semi_positives_are_removed_from_the_hit_rate_alone():
    pack = FakePack()
    vectors = np.eye(QUERIES, dtype=np.float32)
    neighbour = vectors + 2 * np.roll(vectors, -1, axis=0)  # the next tile wins
    made = _embeddings(pack)
    result = evaluate(
        Embeddings(**{**made.__dict__, "query": neighbour}), pack, _task()
    )
    assert _values(result)["recall@1"] == 0.0
    assert _values(result)["hit_rate"] == pytest.approx(29 / 30)


def test_strata_have_their_own_numbers():
    pack = FakePack()
    vectors = np.eye(QUERIES, dtype=np.float32)
    query = vectors.copy()
    query[12:] = np.roll(query[12:], 1, axis=0)
    made = _embeddings(pack)
    result = evaluate(Embeddings(**{**made.__dict__, "query": query}), pack, _task())
    assert result.strata["urban"]["queries"] == 12
    assert result.strata["urban"]["metrics"]["recall@1"]["value"] == 1.0
    assert result.strata["unknown"]["metrics"]["recall@1"]["value"] == 0.0


def test_the_interval_block_says_what_was_drawn():
    pack = FakePack()
    result = evaluate(_embeddings(pack), pack, _task())
    # Three kilometres of one road: ten cells need a side of 250 m.
    assert result.interval["unit"] == "cell"
    assert result.interval["cell_m"] == 250.0
    assert result.interval["draws"] == 1000


def test_without_positions_there_are_no_metres_and_sessions_are_drawn():
    pack = FakePack()
    pack.sequences["lat"] = np.nan
    pack.frames["session_id"] = ["abc"[i % 3] for i in range(QUERIES)]
    result = evaluate(_embeddings(pack), pack, _task())
    assert "error_m_median" not in result.metrics
    assert result.interval["unit"] == "session"
    assert result.ranks["error_m"].isna().all()


def test_a_missing_vector_is_refused_unless_the_run_is_partial():
    pack = FakePack()
    made = _embeddings(pack)
    some = {**made.__dict__, "query": made.query[:10], "query_ids": made.query_ids[:10]}
    with pytest.raises(EmbeddingError, match="20 of the 30 query ids"):
        evaluate(Embeddings(**some), pack, _task())
    some["info"] = EmbeddingInfo(model="safa", partial=True)
    result = evaluate(Embeddings(**some), pack, _task())
    assert result.partial
    assert result.counts["excluded"] == {"not embedded (partial run)": 20}


@pytest.mark.parametrize(
    ("info", "task", "message"),
    [
        ({"pack_content_sha256": "cd" * 32}, {}, "Embed this pack"),
        ({}, {"pack": "other"}, "asks for pack 'other'"),
        (
            {"task": _task().to_json()},
            {"frames": FrameChoice(count=1)},
            "embedded with frames None",
        ),
    ],
)
def test_vectors_made_for_something_else_are_refused(info, task, message):
    pack = FakePack()
    with pytest.raises(EmbeddingError, match=message):
        evaluate(_embeddings(pack, **info), pack, _task(**task))


def test_no_query_that_counts_is_an_error():
    pack = FakePack()
    pack.sequences["positives"] = [[] for _ in range(QUERIES)]
    with pytest.raises(MetricError, match="None of 30 queries"):
        evaluate(_embeddings(pack), pack, _task())


def test_a_published_rule_can_be_asked_for_by_name():
    pack = FakePack()
    same = np.ones((QUERIES, 4), np.float32)
    result = evaluate(
        _embeddings(pack, same), pack, _task(), metrics=["recall@1", "recall@1:strict"]
    )
    assert _values(result) == {"recall@1": 0.0, "recall@1:strict": 1.0}


def test_what_changes_the_number_changes_the_key():
    pack = FakePack()
    keys = {
        evaluate(_embeddings(pack, **info), pack, _task(**task)).key
        for info, task in (
            ({}, {}),
            ({"precision": "bf16"}, {}),
            ({"seed": 1}, {}),
            ({"variant": {"polar": True}}, {}),
            ({}, {"gallery": "tile-thinned"}),
        )
    }
    assert len(keys) == 5


def _written_pack(folder):
    """A real pack of three queries 500 m apart with one tile each."""
    from dataset_tools.imagery.tile_list import footprint
    from dataset_tools.pack.write import PackContents, write_pack
    from dataset_tools.pictures import encode_jpeg
    from dataset_tools.records import Frame, Offset, Sequence, Tile

    frames, tiles, sequences, rows = [], [], [], []
    for i in range(3):
        lat, lon = 44.0 + 0.0045 * i, -72.0
        place = {"lat": lat, "lon": lon}
        frames.append(
            Frame(frame_id=f"f{i}", session_id="a", order=i, source=f"{i}.jpg", **place)
        )
        size = {"m_per_px": 5.0, "width_px": 16, "height_px": 16}
        terms = {"source": "made here", "licence": "CC0-1.0"}
        corners = footprint(lat, lon, side_m=80.0)
        tiles.append(Tile(tile_id=f"t{i}", footprint=corners, **place, **size, **terms))
        sequences.append(
            Sequence(
                sequence_id=f"s{i}",
                region="home",
                frame_ids=(f"f{i}",),
                length_m=0.0,
                positives=(f"t{i}",),
                offsets=(Offset(tile_id=f"t{i}", east_m=0.0, north_m=0.0),),
                **place,
            )
        )
        rows += [
            ("area", "test", "sequence", f"s{i}"),
            ("area", "test", "tile", f"t{i}"),
        ]
    contents = PackContents(
        name="town",
        frames=frames,
        tiles=tiles,
        sequences=sequences,
        split_rows=rows,
        licences=[{"source": "", "licence": "CC0-1.0", "attribution": ""}],
        made_by={"command": "test", "parameters": {}, "versions": {}},
    )
    grey = encode_jpeg(np.full((16, 16, 3), 128, np.uint8))
    return write_pack(folder / "town.pack", contents, picture=lambda kind, name: grey)


def test_the_command_files_a_result_from_a_written_pack(tmp_path):
    made = Embeddings(
        query=np.eye(3, dtype=np.float32),
        reference=np.eye(3, dtype=np.float32),
        query_ids=("s0", "s1", "s2"),
        reference_ids=("t0", "t1", "t2"),
        info=EmbeddingInfo(model="safa", task=_task().to_json()),
    )
    folder = write_embeddings(tmp_path / "a.emb", made)
    args = [str(folder), str(_written_pack(tmp_path)), "--results", str(tmp_path / "r")]
    found = CliRunner().invoke(command, [*args, "--json"], catch_exceptions=False)
    content = json.loads(found.output)
    assert content["metrics"]["recall@1"]["value"] == 1.0
    assert content["metrics"]["error_m_median"]["value"] == pytest.approx(0.0, abs=1e-6)
    assert content["strata"]["unknown"]["queries"] == 3
    assert len(list((tmp_path / "r").rglob("*.json"))) == 1
    assert "Result:" in CliRunner().invoke(command, args).output


def test_a_written_result_carries_ranks_by_id(tmp_path):
    pack = FakePack()
    folder = write_embeddings(tmp_path / "a.emb", _embeddings(pack))
    path = write_result(tmp_path / "results", evaluate(folder, pack, _task()))
    ranks = read_ranks(path).set_index("query_id")
    assert ranks.loc["s07", "rank"] == 0
    assert ranks.loc["s07", "top_ids"][0] == "t07"
    content = json.loads(path.read_text())
    assert content["model"]["revision"] == "01234567"
    assert content["task"]["gallery"] == "tile"

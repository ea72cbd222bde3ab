import json
import os
import subprocess
import sys

import pytest
from made_pack import contents, frame, make, picture

from dataset_tools.errors import IntegrityError, UsageError
from dataset_tools.pack.format import content_sha256
from dataset_tools.pack.read import Pack
from dataset_tools.pack.records import frames_of, sequences_of, tiles_of
from dataset_tools.pack.write import write_pack


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def test_a_written_pack_gives_back_its_records(tmp_path):
    given = contents()
    with Pack.open(make(tmp_path), verify=True) as pack:
        assert frames_of(pack) == sorted(given.frames, key=lambda f: f.frame_id)
        assert tiles_of(pack) == sorted(given.tiles, key=lambda t: t.tile_id)
        assert sequences_of(pack) == sorted(
            given.sequences, key=lambda s: s.sequence_id
        )
        assert pack.meta["rejections"] == {"clean": {"jump": 2}, "pairing": {}}


def test_the_same_contents_in_another_order_give_the_same_bytes(tmp_path):
    first = make(tmp_path)
    given = contents()
    turned = contents(
        frames=given.frames[::-1],
        tiles=given.tiles[::-1],
        sequences=given.sequences[::-1],
        split_rows=given.split_rows[::-1],
    )
    second = write_pack(tmp_path / "again.pack", turned, picture=picture)
    assert content_sha256(first) == content_sha256(second)


def test_only_the_pack_is_left_beside_the_final_name(tmp_path):
    make(tmp_path)
    assert names(tmp_path) == ["made.pack"]
    assert not any(n.startswith(".") for n in names(tmp_path / "made.pack"))


def test_an_existing_pack_is_refused_and_then_replaced(tmp_path):
    path = make(tmp_path)
    with pytest.raises(UsageError, match="--overwrite"):
        make(tmp_path)
    write_pack(path, contents(name="new"), picture=picture, overwrite=True)
    assert Pack.open(path).name == "new"
    assert names(tmp_path) == ["made.pack"]


def test_a_folder_that_is_no_pack_is_never_replaced(tmp_path):
    (tmp_path / "made.pack").mkdir()
    (tmp_path / "made.pack" / "thesis.txt").write_text("years")
    with pytest.raises(UsageError, match="never replaced"):
        write_pack(tmp_path / "made.pack", contents(), picture=picture, overwrite=True)
    assert names(tmp_path / "made.pack") == ["thesis.txt"]


def test_a_failing_picture_leaves_nothing_behind(tmp_path):
    def broken(kind, name):
        if kind == "tile":
            raise UsageError("no picture")
        return picture(kind, name)

    with pytest.raises(UsageError, match="no picture"):
        write_pack(tmp_path / "made.pack", contents(), picture=broken)
    assert names(tmp_path) == []


def test_records_that_do_not_fit_together_are_not_written(tmp_path):
    with pytest.raises(IntegrityError, match="not written"):
        make(tmp_path, tiles=contents().tiles[1:])
    with pytest.raises(IntegrityError, match="frames that are not given"):
        make(tmp_path, frames=contents().frames[1:])
    assert names(tmp_path) == []


def test_an_id_used_twice_is_refused(tmp_path):
    with pytest.raises(UsageError, match="s0/000"):
        make(tmp_path, frames=[*contents().frames, frame(0)])


def test_a_killed_writer_leaves_no_pack_and_the_next_one_cleans_up(tmp_path):
    code = (
        "import os, signal, sys; sys.path.insert(0, sys.argv[1]); "
        "import made_pack as made\n"
        "from pathlib import Path\n"
        "from dataset_tools.pack.write import write_pack\n"
        "def kill(kind, name):\n"
        "    if kind == 'tile': os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return made.picture(kind, name)\n"
        "write_pack(Path(sys.argv[2]), made.contents(), picture=kill)\n"
    )
    here = os.path.dirname(__file__)  # noqa: PTH120
    target = tmp_path / "made.pack"
    run = subprocess.run([sys.executable, "-c", code, here, str(target)], check=False)
    assert run.returncode == -9
    assert not target.exists()
    assert [n[:16] for n in names(tmp_path)] == [".made.pack.lock", ".made.pack.work-"]
    make(tmp_path)
    assert names(tmp_path) == ["made.pack"]


def test_a_track_position_without_a_picture_has_no_place_in_a_shard(tmp_path):
    given = contents()
    frames = [*given.frames[:-1]]
    bare = frame(2, north_m=900.0, source=None)
    path = make(tmp_path, frames=[*frames, bare])
    row = Pack.open(path).frames.loc[bare.frame_id]
    assert row[["shard", "row"]].isna().all()


def test_the_tables_carry_geoparquet_metadata_and_boxes(tmp_path):
    import pyarrow.parquet as pq

    path = make(tmp_path)
    for name, kinds in (
        ("frames", ["Point"]),
        ("tiles", ["Polygon"]),
        ("sequences", ["LineString", "Point"]),
    ):
        table = pq.read_table(path / f"{name}.parquet")
        geo = json.loads(table.schema.metadata[b"geo"])
        column = geo["columns"]["geometry"]
        assert geo["version"] == "1.1.0"
        assert column["geometry_types"] == kinds
        assert column["crs"]["id"] == {"authority": "EPSG", "code": 4326}
        assert column["covering"]["bbox"]["xmin"] == ["bbox", "xmin"]
        box = table.column("bbox")[0].as_py()
        assert -72.6 < box["xmin"] <= box["xmax"] < -72.4
        assert 44.4 < box["ymin"] <= box["ymax"] < 44.6

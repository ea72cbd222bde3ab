import json
import multiprocessing
import os
import pickle
import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor

import h5py
import numpy as np
import pyarrow.parquet as pq
import pytest
from made_pack import make, picture

from dataset_tools.errors import IntegrityError, MissingDataError, UnreadableError
from dataset_tools.pack import read
from dataset_tools.pack.format import content_sha256
from dataset_tools.pack.read import Pack
from dataset_tools.pictures import decode


@pytest.fixture
def path(tmp_path):
    return make(tmp_path)


def first_picture(pack):
    return pack.picture_bytes("frame", "s0/000")


def test_pictures_come_back_byte_by_byte(path):
    with Pack.open(path) as pack:
        assert first_picture(pack) == picture("frame", "s0/000")
        assert pack.picture_bytes("tile", "t/far") == picture("tile", "t/far")
        np.testing.assert_array_equal(
            pack.picture("tile", "t/far"), decode(picture("tile", "t/far"))
        )


def test_split_ids_are_sorted_and_an_unknown_scheme_is_named(path):
    pack = Pack.open(path)
    assert pack.split_ids("area", "train", "sequence") == ["q/near", "q/one"]
    assert pack.split_ids("area", "test", "tile-open") == ["t/far", "t/grid"]
    assert pack.split_ids("area", "val", "tile") == []
    with pytest.raises(MissingDataError, match="Did you mean 'area'"):
        pack.split_ids("aera", "val", "tile")


def test_times_keep_their_nanoseconds(path):
    time = Pack.open(path).frames.loc["s0/002", "time"]
    assert time.value == 1_700_000_002_000_000_001


def test_a_pack_survives_pickling_and_closing(path):
    pack = Pack.open(path)
    first_picture(pack)
    other = pickle.loads(pickle.dumps(pack))
    pack.close()
    assert first_picture(other) == first_picture(pack)


def read_in_child(pack, queue):
    queue.put(first_picture(pack))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_pack_with_open_shards_is_read_in_another_process(path, method):
    pack = Pack.open(path)
    here = first_picture(pack)
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    child = context.Process(target=read_in_child, args=(pack, queue))
    child.start()
    assert queue.get(timeout=60) == here
    child.join()
    assert first_picture(pack) == here


def test_a_fork_is_not_stopped_by_a_lock_that_a_thread_held(path):
    pack = Pack.open(path)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=read_in_child, args=(pack, queue))
    with pack._lock:
        child.start()
    assert queue.get(timeout=20) == picture("frame", "s0/000")
    child.join()


def test_many_threads_read_more_shards_than_may_be_open(path, monkeypatch):
    monkeypatch.setattr(read, "MOST_OPEN", 1)
    wanted = [("frame", "s0/000"), ("tile", "t/far")] * 200
    with Pack.open(path) as pack, ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda key: pack.picture_bytes(*key), wanted))
        assert len(pack._shards) == 1
    assert found == [picture(*key) for key in wanted]


def test_a_closed_pack_opens_its_shards_again(path):
    pack = Pack.open(path)
    before = first_picture(pack)
    pack.close()
    assert first_picture(pack) == before


def test_what_is_no_pack_is_named(tmp_path, path):
    with pytest.raises(MissingDataError, match=r"no pack: it has no pack\.json"):
        Pack.open(tmp_path)
    with pytest.raises(MissingDataError, match="no picture of tile 'x'"):
        Pack.open(path).picture("tile", "x")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ('{"format": NaN}', "NaN"),
        ("[]", "no object"),
        ('{"format": 3}', "'format'"),
    ],
)
def test_a_wrong_pack_json_is_an_integrity_error(path, text, words):
    (path / "pack.json").write_text(text)
    with pytest.raises(IntegrityError, match=words):
        Pack.open(path)


def test_a_newer_version_is_refused(path):
    file = path / "pack.json"
    file.write_text(file.read_text().replace('"version": 1', '"version": 2'))
    with pytest.raises(IntegrityError, match="version 2"):
        Pack.open(path)


def test_verify_notices_one_flipped_bit(path):
    shard = path / "images-00000.h5"
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    with pytest.raises(IntegrityError, match="content_sha256"):
        Pack.open(path, verify=True)


def test_damaged_bytes_are_never_returned(path):
    with h5py.File(path / "images-00000.h5", "r+") as file:
        file["bytes"][20] ^= 1
    with pytest.raises(IntegrityError, match="checksum"):
        first_picture(Pack.open(path))


def test_a_truncated_shard_is_named(path):
    shard = path / "images-00000.h5"
    shard.write_bytes(shard.read_bytes()[:400])
    with pytest.raises((UnreadableError, IntegrityError), match="images-00000"):
        first_picture(Pack.open(path))


def test_a_shard_behind_foreign_bytes_is_refused(path):
    shard = path / "images-00000.h5"
    shard.write_bytes(b"#!/bin/sh\n".ljust(512, b" ") + shard.read_bytes())
    with pytest.raises(IntegrityError, match="512 foreign bytes"):
        first_picture(Pack.open(path))


def test_a_shard_that_is_a_link_or_pipe_is_refused_and_nothing_hangs(path, tmp_path):
    shard = path / "images-00000.h5"
    shard.rename(tmp_path / "elsewhere.h5")
    shard.symlink_to(tmp_path / "elsewhere.h5")
    with pytest.raises(IntegrityError, match="no plain file"):
        first_picture(Pack.open(path))
    shard.unlink()
    os.mkfifo(shard)
    with pytest.raises(IntegrityError, match="no plain file"):
        first_picture(Pack.open(path))


def test_a_table_that_is_a_link_is_refused(path, tmp_path):
    table = path / "frames.parquet"
    table.rename(tmp_path / "elsewhere.parquet")
    table.symlink_to(tmp_path / "elsewhere.parquet")
    with pytest.raises(IntegrityError, match="no plain file"):
        _ = Pack.open(path).frames


def test_a_table_changed_behind_the_hash_is_not_read(path):
    given = pq.read_table(path / "splits.parquet")
    pq.write_table(given.slice(1), path / "splits.parquet")
    with pytest.raises(IntegrityError, match="SHA-256"):
        _ = Pack.open(path).splits


@pytest.mark.parametrize("limit", ["TABLE_LIMIT_ROWS", "TABLE_LIMIT_BYTES"])
def test_a_table_that_declares_too_much_is_not_read(path, monkeypatch, limit):
    monkeypatch.setattr(read, limit, 2)
    with pytest.raises(UnreadableError, match=r"frames\.parquet"):
        _ = Pack.open(path).frames


def test_verifying_does_not_wait_at_a_pipe(path):
    os.mkfifo(path / "images-00007.h5")
    with pytest.raises(IntegrityError, match="no plain file"):
        Pack.open(path, verify=True)


def test_hashes_that_do_not_give_the_content_hash_are_refused(path):
    file = path / "pack.json"
    meta = json.loads(file.read_text())
    meta["files"]["splits.parquet"]["sha256"] = "0" * 64
    file.write_text(json.dumps(meta))
    with pytest.raises(IntegrityError, match="do not give its content_sha256"):
        Pack.open(path)


def test_a_shard_cut_while_it_is_open_is_noticed(path):
    with Pack.open(path) as pack:
        first_picture(pack)
        os.truncate(path / "images-00000.h5", 100)
        with pytest.raises(IntegrityError, match="ends before its last picture"):
            first_picture(pack)


def test_offsets_that_run_backwards_are_refused(path):
    with h5py.File(path / "images-00000.h5", "r+") as file:
        file["offset"][1] = 10**12
    with pytest.raises(IntegrityError, match="backwards"):
        first_picture(Pack.open(path))


def test_a_swapped_row_is_noticed(path):
    with h5py.File(path / "images-00000.h5", "r+") as file:
        ids = file["id"][()]
        file["id"][...] = ids[::-1]
    with pytest.raises(IntegrityError, match="row 0"):
        first_picture(Pack.open(path))


def test_random_damage_is_never_read_as_sound(path):
    shard = path / "images-00000.h5"
    whole = shard.read_bytes()
    generator = np.random.default_rng(0)
    expected = picture("frame", "s0/000")
    for _ in range(60):
        data = bytearray(whole)
        start = int(generator.integers(0, len(data)))
        data[start : start + 64] = bytes(len(data[start : start + 64]))
        shard.write_bytes(data)
        try:
            assert first_picture(Pack.open(path)) == expected
        except (IntegrityError, UnreadableError):
            continue


def test_the_checksum_is_zlibs(path):
    with h5py.File(path / "images-00000.h5", "r") as file:
        end = int(file["offset"][1])
        assert zlib.crc32(file["bytes"][:end].tobytes()) == int(file["crc32"][0])


def test_the_hash_covers_names_and_contents(path):
    before = content_sha256(path)
    (path / "card.md").write_text("not covered")
    assert content_sha256(path) == before
    (path / "images-00001.h5").rename(path / "images-00009.h5")
    assert content_sha256(path) != before


def test_reading_a_pack_needs_neither_torch_nor_geodesy():
    code = (
        "import sys; import dataset_tools.pack.read as r; "
        "heavy = {'torch', 'pyproj', 'shapely', 'rasterio', 'pydantic', 'matplotlib'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"

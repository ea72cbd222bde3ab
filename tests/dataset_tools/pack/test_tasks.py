import pickle

import h5py
import pytest
from made_pack import contents, picture
from made_pictures import MadePictures

from dataset_tools.errors import UnreadableError, UsageError
from dataset_tools.pack.shard_reader import ShardReader
from dataset_tools.pack.tasks import ShardTask, plan_shards, run_task, run_tasks


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "pack").mkdir()
    (tmp_path / "temporary").mkdir()
    return tmp_path / "pack"


def tasks(count=3):
    frames = contents().frames
    return [
        ShardTask(
            number=n,
            encoding="encoded",
            pictures=MadePictures(),
            records=tuple(frames[2 * n : 2 * n + 2]),
        )
        for n in range(count)
    ]


def files(folder):
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir())}


def test_records_are_cut_into_shards_at_the_first_that_fills_one():
    plan = plan_shards([5, 5, 1, 20, 3], size=lambda n: n, limit_bytes=10)
    assert plan == [(5, 5), (1, 20), (3,)]
    assert plan_shards([], size=lambda n: n, limit_bytes=10) == []


def test_a_task_survives_the_way_to_another_process_and_makes_one_file(folder):
    (task,) = tasks(1)
    shard = run_task(pickle.loads(pickle.dumps(task)), folder)
    assert shard.size_bytes == len(files(folder)["images-00000.h5"])
    reader = ShardReader(folder / "images-00000.h5", "encoded")
    assert reader.ids == ["s0/000", "s0/001"]
    assert reader.read(1, "s0/001") == picture("frame", "s0/001")
    assert list((folder.parent / "temporary").iterdir()) == []


def test_a_task_run_twice_leaves_the_same_bytes(folder):
    (task,) = tasks(1)
    first = run_task(task, folder)
    before = files(folder)
    assert run_task(task, folder) == first
    assert files(folder) == before


def test_a_pool_writes_what_one_process_writes(tmp_path):
    folders = [tmp_path / name / "pack" for name in ("one", "two")]
    counts = []
    for workers, folder in enumerate(folders, 1):
        folder.mkdir(parents=True)
        (folder.parent / "temporary").mkdir()
        done = run_tasks(tasks(), folder, workers=workers, tick=counts.append)
        assert sorted(s.number for s in done) == [0, 1, 2]
    assert files(folders[0]) == files(folders[1])
    assert sum(counts) == 12


def test_a_source_that_went_away_is_named(folder):
    (task,) = tasks(1)
    broken = ShardTask(
        number=0,
        encoding="encoded",
        pictures=MadePictures(gone="s0/001"),
        records=task.records,
    )
    with pytest.raises(UnreadableError, match=r"'s0/001' cannot be read: No such file"):
        run_task(broken, folder)
    assert files(folder) == {}


def test_a_baked_shard_refuses_pictures_of_two_sizes(folder):
    (task,) = tasks(1)
    mixed = ShardTask(
        number=0,
        encoding="baked",
        pictures=MadePictures(sizes={"s0/000": (4, 5), "s0/001": (4, 6)}),
        records=task.records,
    )
    with pytest.raises(UsageError, match=r"'s0/001' has 6 x 4 .* 5 x 4: .* one size"):
        run_task(mixed, folder)


def test_shards_are_contiguous_so_that_rows_can_be_read_alone(folder):
    run_task(tasks(1)[0], folder)
    with h5py.File(folder / "images-00000.h5") as file:
        assert file["bytes"].chunks is None
        assert file["bytes"].dtype == "uint8"

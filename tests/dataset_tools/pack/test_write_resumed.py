from contextlib import contextmanager

import pytest
from made_pack import contents, picture

from dataset_tools.pack.tasks import record_id
from dataset_tools.pack.write import Writing, write_pack
from dataset_tools.records import Frame


class Counted:
    """The made pack's pictures; interrupts at one of them, counts all."""

    def __init__(self, stop_at=None):
        self.stop_at, self.made = stop_at, []

    @contextmanager
    def open(self):
        yield self._make

    def _make(self, record):
        name = record_id(record)
        if name == self.stop_at:
            raise KeyboardInterrupt
        self.made.append(name)
        return picture("frame" if isinstance(record, Frame) else "tile", name)


def write(folder, pictures, **changes):
    said = []
    values = {"inputs": "drive 1", "shard_bytes": 2 * 256 * 1024, "note": said.append}
    write_pack(
        folder / "made.pack",
        contents(),
        picture=pictures,
        how=Writing(**(values | changes)),
    )
    return said


def interrupted(folder):
    with pytest.raises(KeyboardInterrupt):
        write(folder, Counted(stop_at="s900/001"))


def files(folder):
    return {p.name: p.read_bytes() for p in sorted((folder / "made.pack").iterdir())}


@pytest.fixture
def whole(tmp_path):
    (tmp_path / "whole").mkdir()
    write(tmp_path / "whole", Counted())
    return files(tmp_path / "whole")


def test_an_interrupted_run_is_continued_to_the_same_bytes(tmp_path, whole):
    interrupted(tmp_path)
    assert not (tmp_path / "made.pack").exists()
    pictures = Counted()
    said = write(tmp_path, pictures)
    assert said == [
        "Going on with an interrupted run: 2 of 5 shards are there.",
    ]
    # Two shards of two frames each were whole; the third began with s900/000.
    assert pictures.made[0] == "s900/000"
    assert len(pictures.made) == 6
    assert files(tmp_path) == whole
    assert sorted(p.name for p in tmp_path.iterdir()) == ["made.pack", "whole"]


def test_changed_inputs_throw_the_work_away(tmp_path):
    interrupted(tmp_path)
    pictures = Counted()
    said = write(tmp_path, pictures, inputs="drive 2")
    assert len(said) == 1
    assert "were others" in said[0]
    assert len(pictures.made) == 10


def test_changed_records_throw_the_work_away(tmp_path):
    interrupted(tmp_path)
    pictures, said = Counted(), []
    write_pack(
        tmp_path / "made.pack",
        contents(name="renamed"),
        picture=pictures,
        how=Writing(inputs="drive 1", note=said.append),
    )
    assert len(said) == 1
    assert len(pictures.made) == 10


def test_a_shard_damaged_since_is_made_again(tmp_path, whole):
    interrupted(tmp_path)
    (work,) = tmp_path.glob(".made.pack.work-*")
    shard = work / "pack" / "images-00001.h5"
    data = bytearray(shard.read_bytes())
    data[-1] ^= 1
    shard.write_bytes(bytes(data))
    said = write(tmp_path, Counted())
    assert said == ["Going on with an interrupted run: 1 of 5 shards are there."]
    assert files(tmp_path) == whole


def test_progress_counts_pictures_that_were_there_already(tmp_path):
    interrupted(tmp_path)
    seen = []
    write(tmp_path, Counted(), progress=lambda done, total: seen.append((done, total)))
    assert seen[0] == (5, 10)
    assert seen[-1] == (10, 10)


def test_without_a_fingerprint_nothing_is_left_to_continue(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, Counted(stop_at="s900/001"), inputs=None)
    assert list(tmp_path.iterdir()) == []

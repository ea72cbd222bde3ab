import subprocess
import sys

import pytest
from made_pack import make

from dataset_tools.errors import OutputError, UsageError
from dataset_tools.pack.atomic import new_folder, one_writer, work_folder, write_bytes
from dataset_tools.pack.read import Pack

HOLD = (
    "import sys; from pathlib import Path\n"
    "from dataset_tools.pack.atomic import one_writer\n"
    "with one_writer(Path(sys.argv[1])):\n"
    "    print('held', flush=True); sys.stdin.read()\n"
)


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def test_a_second_writer_is_refused_and_welcome_afterwards(tmp_path):
    path = tmp_path / "made.pack"
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert other.stdout.readline() == b"held\n"
    with pytest.raises(UsageError, match="Another process is writing"):
        make(tmp_path)
    other.communicate()
    make(tmp_path)
    assert names(tmp_path) == ["made.pack"]


def test_the_lock_of_a_killed_writer_holds_nobody_up(tmp_path):
    path = tmp_path / "made.pack"
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    other.stdout.readline()
    other.kill()
    other.communicate()
    assert names(tmp_path) == [".made.pack.lock"]
    make(tmp_path)
    assert names(tmp_path) == ["made.pack"]


def test_one_writer_may_be_nested_and_gives_up_the_lock_at_the_end(tmp_path):
    path = tmp_path / "made.pack"
    with one_writer(path):
        with one_writer(path):
            pass
        assert names(tmp_path) == [".made.pack.lock"]
    assert names(tmp_path) == []


def test_folders_made_for_a_pack_that_is_not_written_go_again(tmp_path):
    path = tmp_path / "packs" / "new" / "made.pack"
    with pytest.raises(UsageError, match="no"), one_writer(path):
        raise UsageError("no")
    assert names(tmp_path) == []


def test_a_pack_that_a_killed_replacement_moved_away_comes_back(tmp_path):
    path = make(tmp_path)
    path.rename(tmp_path / ".made.pack.old")
    with one_writer(path):
        assert Pack.open(path, verify=True).name == "made"
    assert names(tmp_path) == ["made.pack"]


def test_the_old_pack_goes_once_the_new_one_is_there(tmp_path):
    path = make(tmp_path)
    (tmp_path / ".made.pack.old").mkdir()
    with one_writer(path):
        pass
    assert names(tmp_path) == ["made.pack"]


def test_work_of_another_plan_is_thrown_away_with_a_word(tmp_path):
    path, said = tmp_path / "made.pack", []
    for name in ("other", "once-123"):
        (tmp_path / f".made.pack.work-{name}" / "pack").mkdir(parents=True)
    (tmp_path / ".unmade.pack.work-other").mkdir()
    with work_folder(path, plan="this", note=said.append) as work:
        assert names(tmp_path) == [".made.pack.work-this", ".unmade.pack.work-other"]
        assert names(work.root) == ["pack", "temporary"]
    assert len(said) == 1
    assert "parameters, inputs or library versions were others" in said[0]


def test_unfinished_files_go_and_finished_ones_stay(tmp_path):
    path = tmp_path / "made.pack"
    for name in ("pack/images-00000.h5", "temporary/.images-00001.h5.123"):
        file = tmp_path / ".made.pack.work-this" / name
        file.parent.mkdir(parents=True)
        file.write_bytes(b"x")
    with work_folder(path, plan="this", note=print) as work:
        assert names(work.pack) == ["images-00000.h5"]
        assert names(work.root / "temporary") == []


@pytest.mark.parametrize(
    ("error", "plan", "left"),
    [
        (OutputError("full"), "this", True),
        (KeyboardInterrupt(), "this", True),
        (UsageError("bad"), "this", False),
        (OutputError("full"), None, False),
    ],
)
def test_work_is_left_only_where_the_same_command_can_go_on(
    tmp_path, error, plan, left
):
    def fail():
        with work_folder(tmp_path / "a.pack", plan=plan, note=print) as work:
            (work.pack / "images-00000.h5").write_bytes(b"x")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert bool(names(tmp_path)) is left


def test_a_folder_appears_under_its_name_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.pack"
    with new_folder(path) as folder:
        (folder / "x").write_text("x")
        assert not path.exists()
    assert names(tmp_path) == ["a.pack"]
    assert names(path) == ["x"]


def test_a_file_is_replaced_whole_or_stays_as_it_was(tmp_path):
    path = tmp_path / "card.md"
    write_bytes(path, b"old")
    with pytest.raises(TypeError):
        write_bytes(path, "no bytes")
    assert path.read_bytes() == b"old"
    write_bytes(path, b"new")
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["card.md"]

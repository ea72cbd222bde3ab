import errno
import os
import resource
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from small_build import SHARD_MIB, beside, build, tree_hash

from dataset_tools.errors import OutputError, UnreadableError
from dataset_tools.pictures import work


def command(made, out, **how):
    """Run `geobench data build` in a process of its own."""
    words = [sys.executable, "-m", "geobench.cli.main", "data", "build"]
    words += ["--drive", made / "drive", "--imagery", made / "ortho.tif"]
    words += ["--licence", "CC0-1.0", "--m-per-px", "2", "--shard-mib", SHARD_MIB]
    words += ["--out", out]
    done = subprocess.run(
        list(map(str, words)), capture_output=True, text=True, check=False, **how
    )
    assert "Traceback" not in done.stderr
    return done


def one_sentence(text):
    lines = text.strip().splitlines()
    assert len(lines) == 1, text
    assert lines[0].startswith("Error: ")
    return lines[0]


@contextmanager
def small_disk(folder, size):
    """A file system of a few kilobytes in memory; skips where none can be had."""
    words = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(words, capture_output=True, check=False).returncode
    except OSError:
        mounted = 1
    if mounted != 0:
        pytest.skip("no file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_one_sentence_and_the_build_goes_on_later(made, whole, tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    with small_disk(folder, "96k"):
        done = command(made, folder / "a.pack")
        assert done.returncode == 3
        assert "the disk is full. Free some space" in one_sentence(done.stderr)
        left = beside(folder)
        assert len(left) == 1
        assert left[0].startswith(".a.pack.work-")
        words = ["mount", "-o", "remount,size=4m", str(folder)]
        subprocess.run(words, check=True)
        done = command(made, folder / "a.pack")
        assert "Going on with an interrupted run" in done.stdout
        assert beside(folder) == ["a.pack"]
        assert tree_hash(folder / "a.pack") == whole


def test_a_limit_on_file_size_is_one_sentence_and_leaves_no_pack(made, tmp_path):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))

    done = command(made, tmp_path / "a.pack", preexec_fn=limit)
    assert done.returncode == 3
    assert "beyond what this system allows" in one_sentence(done.stderr)
    assert "a.pack" not in beside(tmp_path)


def test_a_read_only_disk_is_one_sentence(made, tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    with small_disk(folder, "96k"):
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        for name in ("a.pack", "new/a.pack"):
            done = command(made, folder / name)
            assert done.returncode == 3
            assert "the file system is read-only" in one_sentence(done.stderr)
        assert beside(folder) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_to_is_one_sentence(made, tmp_path):
    folder = tmp_path / "closed"
    folder.mkdir()
    folder.chmod(0o555)
    done = command(made, folder / "a.pack")
    assert done.returncode == 3
    assert "you may not write there" in one_sentence(done.stderr)
    assert beside(folder) == []


class Failing:
    """A function of `os` that fails at its n-th call with an error of the system."""

    def __init__(self, monkeypatch, name, code, at):
        self.name, self.code, self.at, self.calls = name, code, at, 0
        self.real = getattr(os, name)
        monkeypatch.setattr(os, name, self)

    def __call__(self, *arguments, **named):
        # Folders that are there are asked for again, which may fail without harm.
        self.calls += not (self.name == "mkdir" and Path(arguments[0]).is_dir())
        if self.calls == self.at:
            raise OSError(self.code, os.strerror(self.code))
        return self.real(*arguments, **named)


CODES = ("ENOSPC", "EIO", "EDQUOT", "EROFS", "EACCES", "EFBIG")


@pytest.mark.parametrize("name", ["fsync", "replace", "rename", "mkdir"])
@pytest.mark.parametrize("code", CODES)
def test_a_failing_call_leaves_no_pack_and_the_next_build_is_whole(
    made, whole, tmp_path, monkeypatch, name, code
):
    at = {"fsync": 3, "replace": 2, "rename": 1, "mkdir": 2}[name]
    with monkeypatch.context() as patch:
        failing = Failing(patch, name, getattr(errno, code), at)
        with pytest.raises(OutputError, match=r"a\.pack cannot be written: .*\.$"):
            build(made, tmp_path / "a.pack")
        assert failing.calls >= at
    assert "a.pack" not in beside(tmp_path)
    assert not [n for n in beside(tmp_path) if n.endswith(".lock")]
    build(made, tmp_path / "a.pack")
    assert tree_hash(tmp_path / "a.pack") == whole
    assert beside(tmp_path) == ["a.pack"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fsync", "replace", "rename", "mkdir"])
def test_every_call_may_fail(made, whole, tmp_path, monkeypatch, say, name):
    calls = 0
    for at in range(1, 100):
        out = tmp_path / str(at) / "a.pack"
        with monkeypatch.context() as patch:
            failing = Failing(patch, name, errno.EIO, at)
            try:
                build(made, out)
            except OutputError:
                calls += 1
                # Flushing the folder after the rename may fail too: the pack is whole.
                assert not out.exists() or tree_hash(out) == whole
        if failing.calls < at:
            break
        build(made, out, overwrite=True)
        assert tree_hash(out) == whole
        assert beside(out.parent) == ["a.pack"]
    say(f"Input/output error in each of {calls} calls of {name}: all ended the same.")
    assert calls > 0


def test_a_picture_that_goes_during_the_build_is_named(made, tmp_path, monkeypatch):
    real = work.without_metadata

    def gone(data, **options):
        (drive / "s" / "0012.jpg").unlink(missing_ok=True)
        return real(data, **options)

    drive = tmp_path / "drive"
    shutil.copytree(made / "drive", drive)
    monkeypatch.setattr(work, "without_metadata", gone)
    with pytest.raises(UnreadableError, match=r"'s/0012' cannot be read: No such file"):
        build(made, tmp_path / "out" / "a.pack", drive=drive)
    assert beside(tmp_path) == ["drive"]

"""Lets these tests import their builds and the drive that other tests made."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "dataset_tools")]


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A folder with a drive of 20 pictures and an orthophoto."""
    from drive_made import write_drive, write_ortho

    folder = tmp_path_factory.mktemp("made")
    write_drive(folder / "drive", count=20)
    write_ortho(folder / "ortho.tif", px=2.0)
    return folder


@pytest.fixture(scope="session")
def undisturbed(made, tmp_path_factory):
    """(tree hash, number of writes) of a build that nothing disturbed."""
    from small_build import count_writes, tree_hash

    out = tmp_path_factory.mktemp("whole") / "a.pack"
    writes = count_writes(made, out)
    return tree_hash(out), writes


@pytest.fixture
def whole(undisturbed):
    """The tree hash of a build that nothing disturbed."""
    return undisturbed[0]


@pytest.fixture
def writes(undisturbed):
    """How many changes that build makes to its output's folder."""
    return undisturbed[1]


@pytest.fixture
def say(capsys):
    """Print a figure past pytest's capture: `make faults` is read by people."""

    def write(line):
        with capsys.disabled():
            sys.stdout.write(f"\n{line}\n")

    return write

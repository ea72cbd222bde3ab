import subprocess
import sys
from pathlib import Path

import pytest
from broken_pack import baked
from made_pack import make

CHILD = Path(__file__).with_name("fuzz_child.py")
MUTATIONS = 150


@pytest.mark.parametrize("encoding", ["encoded", "baked"])
def test_damage_never_crashes_a_reader_and_never_gives_a_wrong_record(
    tmp_path, encoding
):
    """300 mutations in all, over tables, shards and pack.json."""
    path = make(tmp_path)
    if encoding == "baked":
        baked(lambda p: None)(path)
    words = [sys.executable, str(CHILD), str(path), "0", str(MUTATIONS)]
    run = subprocess.run(words, capture_output=True, text=True, check=False)
    lines = run.stdout.splitlines()
    assert run.returncode == 0, (lines[-1:], run.stderr[-2000:])
    assert len(lines) == MUTATIONS
    assert not [line for line in lines if "WRONG" in line]
    # Most damage is noticed; the rest hits bytes that nothing is read from.
    assert sum("Error" in line for line in lines) > MUTATIONS / 2
    checked = [line.split(" ") for line in lines[::3]]
    # pack.json has words that no promise is about; all else is hashed.
    silent = [w for w in checked if w[3] == "" and w[1] != "pack.json"]
    assert silent == []

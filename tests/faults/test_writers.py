import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from small_build import beside, build, run, tree_hash

from dataset_tools.errors import DatasetToolsError
from dataset_tools.pack.read import Pack
from geobench.cli.main import main

HOLD = (
    "import sys; from pathlib import Path\n"
    "from dataset_tools.pack.atomic import one_writer\n"
    "with one_writer(Path(sys.argv[1])):\n"
    "    print('held', flush=True); sys.stdin.read()\n"
)


def words(made, out):
    given = ["data", "build", "--drive", made / "drive", "--imagery"]
    given += [made / "ortho.tif", "--licence", "CC0-1.0", "--m-per-px", 2, "--out", out]
    return list(map(str, given))


def test_a_second_build_of_the_same_pack_is_one_sentence(made, tmp_path, capsys):
    out = tmp_path / "a.pack"
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(out)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    other.stdout.readline()
    with pytest.raises(SystemExit) as end:
        main(words(made, out))
    other.communicate()
    assert end.value.code == 2
    assert capsys.readouterr().err == (
        f"Error: Another process is writing {out}. Wait until it is done, or give "
        "another output.\n"
    )
    assert beside(tmp_path) == []


@pytest.mark.slow
def test_of_two_builds_at_once_one_wins_and_the_pack_is_whole(
    made, whole, tmp_path, say
):
    outcomes = []
    for number in range(25):
        out = tmp_path / str(number) / "a.pack"
        with ThreadPoolExecutor(2) as pool:
            codes = list(pool.map(run, [made, made], [out, out]))
        assert tree_hash(out) == whole
        assert beside(out.parent) == ["a.pack"]
        outcomes.append(sorted(codes))
    assert all(codes[0] == 0 for codes in outcomes)
    say(f"25 races of two writers: {sum(c[1] != 0 for c in outcomes)} refused one.")


def test_readers_see_the_old_pack_the_new_one_or_an_error(made, tmp_path):
    out = tmp_path / "a.pack"
    hashes = {build_hash(made, out, name="a")}
    stop, read, errors = threading.Event(), [], []

    def look():
        while not stop.is_set():
            try:
                with Pack.open(out, verify=True) as pack:
                    read.append(pack.content_sha256)
            except (DatasetToolsError, FileNotFoundError) as error:
                errors.append(error)

    reader = threading.Thread(target=look)
    reader.start()
    for tile_m in (60.0, 70.0, 80.0):
        hashes.add(build_hash(made, out, overwrite=True, tile_m=tile_m))
    stop.set()
    reader.join()
    assert len(hashes) >= 3
    assert set(read) <= hashes
    assert len(errors) <= 6


def build_hash(made, out, **changes):
    build(made, out, **changes)
    return Pack.open(out).content_sha256

import time
from pathlib import Path

import pytest
from small_build import beside, moments, run, seconds, start, tree_hash

PROCESSES = Path("/proc")


def resumed(made, out, whole):
    """Finish a killed build; says in which state the kill left it."""
    state = [n for n in beside(out.parent) if ".work-" in n]
    if not out.exists():
        assert run(made, out) == 0
    elif len(beside(out.parent)) > 1:
        # Killed after the rename: the pack is whole, the next writer tidies up.
        assert tree_hash(out) == whole
        assert run(made, out, overwrite=True) == 0
    assert tree_hash(out) == whole
    assert beside(out.parent) == [out.name]
    return bool(state)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_build_killed_at_a_write_ends_with_the_same_bytes(
    made, whole, writes, tmp_path, share
):
    out = tmp_path / "a.pack"
    assert run(made, out, kill_before=round(share * writes)) == -9
    assert not out.exists()
    assert resumed(made, out, whole)


@pytest.mark.slow
def test_a_build_killed_before_any_of_its_writes_ends_with_the_same_bytes(
    made, whole, writes, tmp_path, say
):
    kept = 0
    for number in range(1, writes + 1):
        out = tmp_path / str(number) / "a.pack"
        assert run(made, out, kill_before=number) == -9
        kept += resumed(made, out, whole)
    say(
        f"Killed before each of {writes} writes: {kept} went on in the work that was "
        f"left, all {writes} ended with the same bytes."
    )


@pytest.mark.slow
@pytest.mark.parametrize(("workers", "kills"), [(1, 25), (2, 5)])
def test_builds_killed_at_random_moments_end_with_the_same_bytes(
    made, whole, tmp_path, say, workers, kills
):
    longest_s = seconds(made, tmp_path, workers=workers)
    kept = killed = 0
    for number, moment in enumerate(moments(4 * kills, longest_s, seed=workers)):
        out = tmp_path / str(number) / "a.pack"
        out.parent.mkdir()
        # A build may be done sooner than the one that was timed.
        killed += run(made, out, kill_after_s=moment, workers=workers) == -9
        kept += resumed(made, out, whole)
        if killed == kills:
            break
    say(
        f"{killed} builds of {workers} worker(s) killed within {longest_s:.2f} s: "
        f"{kept} left work, all ended with the same bytes."
    )
    assert killed == kills


@pytest.mark.slow
@pytest.mark.skipif(
    not (PROCESSES / "self" / "task").exists(), reason="needs Linux's /proc"
)
def test_workers_end_when_their_parent_is_killed(made, tmp_path):
    process = start(made, tmp_path / "a.pack", workers=2)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    workers = wait_for(
        lambda: [p for p in children.read_text().split() if is_worker(p)]
    )
    process.kill()
    process.join()
    wait_for(lambda: not any((PROCESSES / p).exists() for p in workers))


def is_worker(pid):
    return b"spawn_main" in (PROCESSES / pid / "cmdline").read_bytes()


def wait_for(look, within_s=20):
    """What `look` finds once it finds anything."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.02)
    raise TimeoutError(look)

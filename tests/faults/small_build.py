"""A build of a few shards that can be run, and killed, in a warm process.

The fork server has imported everything and has no thread, so that a build starts
within milliseconds and the moments of its kills spread over its work.
"""

import hashlib
import multiprocessing
import os
import random
import signal
import sys
import time
from functools import lru_cache

from dataset_tools.build import BuildSettings, build_pack

WRITES = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "sqlite3.connect")
"""Audit events before which a process can be killed: all that change a folder."""
SHARD_MIB = 4 / 1024
"""Some pictures of 1 kB each a shard."""


def settings(made, out, **changes):
    values = {
        "drive": made / "drive",
        "imagery": (made / "ortho.tif",),
        "licence": "CC0-1.0",
        "out": out,
        "m_per_px": 2.0,
        "shard_mib": SHARD_MIB,
    }
    return BuildSettings(**(values | changes))


def build(made, out, *, workers=1, kill_before=None, **changes):
    """Build; kill this process before its n-th change of the output's folder."""
    if kill_before is not None:
        sys.addaudithook(_Killer(str(out.parent), kill_before))
    return build_pack(settings(made, out, **changes), workers=workers)


def count_writes(made, out):
    """How many changes a build makes to its output's folder."""
    counter = _Killer(str(out.parent), -1)
    sys.addaudithook(counter)
    build(made, out)
    counter.is_on = False
    return counter.count


class _Killer:
    """An audit hook that counts changes below a folder and ends the process at one."""

    def __init__(self, folder, at):
        self.folder, self.at, self.count = folder, at, 0
        self.is_on = True

    def __call__(self, event, arguments):
        if (
            not self.is_on
            or event not in WRITES
            or not str(arguments[0]).startswith(self.folder)
        ):
            return
        if event == "open" and not _is_write(arguments):
            return
        self.count += 1
        if self.count == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


def _is_write(arguments):
    _, mode, flags = arguments
    return any(c in (mode or "") for c in "wxa+") or (flags or 0) & os.O_WRONLY


@lru_cache(maxsize=1)
def _server():
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["small_build"])
    # The server of Python 3.11 is not told sys.path, only what the environment says.
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)
    return context


def start(made, out, **how):
    """Begin a build in a warm process."""
    process = _server().Process(target=build, args=(made, out), kwargs=how)
    process.start()
    return process


def run(made, out, *, kill_after_s=None, **how):
    """Build in a warm process; returns its exit code, -9 if it was killed."""
    process = start(made, out, **how)
    if kill_after_s is not None:
        time.sleep(kill_after_s)
        process.kill()
    process.join(120)
    return process.exitcode


def seconds(made, folder, *, workers):
    """How long an undisturbed build takes in a warm process."""
    run(made, folder / "warm.pack")
    begin = time.perf_counter()
    assert run(made, folder / "timed.pack", workers=workers) == 0
    return time.perf_counter() - begin


def moments(count, longest_s, seed):
    """Seeded random moments in seconds."""
    rng = random.Random(seed)
    return [rng.uniform(0.0, longest_s) for _ in range(count)]


def tree_hash(folder):
    """A hash over names and contents of all files of a folder."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        digest.update(f"{path.relative_to(folder)}\0".encode())
        if path.is_file():
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def beside(folder):
    """What lies in a folder, hidden files too."""
    return sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []

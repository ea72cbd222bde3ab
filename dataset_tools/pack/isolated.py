"""The check of a pack in a process of its own, which a hostile pack cannot take along.

HDF5 and Parquet are read by large libraries in C and C++. What makes one of them
crash, or asks for all memory, ends the child and is a finding here. The child answers
in JSON, never in a form that could run code.
"""

import json
import os
import resource
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from tqdm import tqdm

from dataset_tools.errors import IntegrityError
from dataset_tools.pack.check import check_pack
from dataset_tools.pack.findings import Finding
from dataset_tools.pack.format import TABLES
from dataset_tools.pack.read import read_meta

MEMORY_BYTES: Final = 8 * 1024**3
"""Address space that the child may use, and for each byte of the tables:"""
MEMORY_TIMES: Final = 50
CHILD: Final = ("-m", "dataset_tools.pack.isolated")
TOO_LARGE: Final = 75
"""Exit code of a child that ran out of memory."""


def check_isolated(
    path: Path,
    *,
    decode_pictures: bool = False,
    memory_bytes: int = MEMORY_BYTES,
    child: tuple[str, ...] = CHILD,
) -> list[Finding]:
    """`check_pack` in a child process.

    Args:
        path: the pack's folder.
        decode_pictures: also decode every picture.
        memory_bytes: address space that the child may use, some for tables added.
        child: arguments of the interpreter that start the child.

    Raises:
        MissingDataError: if the folder is no pack.
    """
    with suppress(IntegrityError):  # The child says what is wrong with it.
        read_meta(path)
    memory_bytes += MEMORY_TIMES * sum(_size(path / f"{n}.parquet") for n in TABLES)
    words = [str(path), str(memory_bytes), *(["--decode"] if decode_pictures else [])]
    # The child must find the modules that this process found.
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    run = subprocess.run(
        [sys.executable, *child, *words],
        stdout=subprocess.PIPE,
        env=environment,
        check=False,
    )
    if run.returncode == 0:
        return [_finding(entry) for entry in json.loads(run.stdout)]
    if run.returncode == TOO_LARGE:
        message = (
            f"Reading {path} needs more than {memory_bytes / 1024**3:.0f} GiB of "
            "memory, far more than a sound pack of its size. Do not open it."
        )
        return [Finding(code="too-large", severity="error", message=message)]
    message = (
        f"Reading {path} ended the reader (exit code {run.returncode}): it is damaged "
        "or made to harm. Do not open it."
    )
    return [Finding(code="crash", severity="error", message=message)]


def main(words: list[str]) -> int:
    """The child: check one pack and print its findings as JSON.

    Args:
        words: the pack's folder, bytes of address space, perhaps "--decode".
    """
    limit = int(words[1])
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    decode = "--decode" in words
    try:
        # disable=None hides the bar where stderr, the parent's, is no terminal.
        with tqdm(desc="check", unit="", disable=None) as bar:

            def show(done: int, total: int) -> None:
                bar.total, bar.n = total, done
                bar.refresh()

            findings = check_pack(Path(words[0]), decode_pictures=decode, progress=show)
    except MemoryError:
        return TOO_LARGE
    sys.stdout.write(json.dumps([asdict(f) for f in findings]))
    return 0


def _finding(entry: dict[str, Any]) -> Finding:
    return Finding(**(entry | {"examples": tuple(entry["examples"])}))


def _size(path: Path) -> int:
    return path.lstat().st_size if path.exists() else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""What a pack has to know of a picture beforehand: its size, and whether it is whole.

A picture that a download or an unpacking cut short has no end: JPEG closes with FF D9,
PNG with IEND. One that has another end is decoded to be sure.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO, NamedTuple

from dataset_tools.errors import UnreadableError
from dataset_tools.pictures import DECODING_ERRORS, decode, open_bounded
from dataset_tools.pictures.metadata import upright_size

TAIL_BYTES = 64
_ENDS = {b"\xff\xd8": b"\xff\xd9", b"\x89PNG": b"IEND\xaeB`\x82"}
"""How a JPEG or PNG begins, and how it ends."""


class Look(NamedTuple):
    """A picture that can be used."""

    width_px: int
    height_px: int
    size_bytes: int
    changed_ns: int
    """Time of change of the file."""


Looked = Mapping[str, Look | str]
"""Relative path of a picture to what was found, or to why it cannot be used."""


def look(path: Path, *, whole: bool = False) -> Look | str:
    """What an existing file is, or why it cannot be used.

    Args:
        path: an existing file.
        whole: decode it, whatever its end looks like.

    Returns:
        A `Look`, or the reason of a rejection: "empty", "cut", "broken" or
        "unreadable".
    """
    try:
        with path.open("rb") as file:
            return _look(file, whole=whole)
    except OSError:
        return "unreadable"


def look_all(
    root: Path,
    paths: Iterable[str],
    *,
    whole: bool = False,
    said: Callable[[int], None] | None = None,
) -> dict[str, Look | str]:
    """`look` at many pictures.

    Args:
        root: what the paths are relative to.
        paths: relative paths of existing files.
        whole: decode them.
        said: called with how many are done.
    """
    found: dict[str, Look | str] = {}
    for path in paths:
        found[path] = look(root / path, whole=whole)
        if said is not None:
            said(len(found))
    return found


def fingerprint(looked: Looked) -> str:
    """A hash that changes when a picture that was looked at does."""
    digest = hashlib.sha256()
    for path in sorted(looked):
        found = looked[path]
        state = found if isinstance(found, str) else (found.size_bytes, found[3])
        digest.update(f"{path}\0{state}\n".encode())
    return digest.hexdigest()


def _look(file: IO[bytes], *, whole: bool) -> Look | str:
    state = os.fstat(file.fileno())
    if state.st_size == 0:
        return "empty"
    end = _end(file, state.st_size)
    fault = "cut" if end is False else "broken"
    file.seek(0)
    try:
        with open_bounded(file) as picture:  # type: ignore[arg-type]
            size = upright_size(picture)
        if whole or not end:
            file.seek(0)
            decode(file.read())
    except (UnreadableError, *DECODING_ERRORS):
        return fault
    return Look(*size, size_bytes=state.st_size, changed_ns=state.st_mtime_ns)


def _end(file: IO[bytes], length: int) -> bool | None:
    """Whether a JPEG or PNG has its end; None for what has no known one."""
    head = file.read(8)
    end = next((e for start, e in _ENDS.items() if head.startswith(start)), None)
    if end is None:
        return None
    file.seek(max(0, length - TAIL_BYTES))
    # Some writers pad files with zeros.
    return file.read().rstrip(b"\0").endswith(end)

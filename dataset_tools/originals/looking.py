"""The size of a picture and whether it is whole, without decoding it.

A picture that a download or an unpacking cut short has no end: JPEG closes with FF D9,
PNG with IEND. One that has another end is decoded to be sure.
"""

import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO

from dataset_tools.errors import UnreadableError
from dataset_tools.pictures import DECODING_ERRORS, decode, open_bounded

Size = tuple[int, int]
"""(width, height) in pixels."""

TAIL_BYTES = 64
_ENDS = {"JPEG": b"\xff\xd9", "MPO": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82"}


def look(path: Path, *, whole: bool = False) -> Size | str:
    """(width, height) of a picture, or why it cannot be used.

    Args:
        path: an existing file.
        whole: decode it, whatever its end looks like.

    Returns:
        The size, or the reason of a rejection: "empty-picture", "cut-picture",
        "broken-picture" or "unreadable-picture".
    """
    try:
        with path.open("rb") as file:
            return _look(file, whole=whole)
    except OSError:
        return "unreadable-picture"


def look_all(
    root: Path,
    paths: Iterable[str],
    *,
    whole: bool = False,
    said: Callable[[int], None] | None = None,
) -> dict[str, Size | str]:
    """`look` at many pictures.

    Args:
        root: what the paths are relative to.
        paths: relative paths of existing files.
        whole: decode them.
        said: called with how many are done.
    """
    found: dict[str, Size | str] = {}
    for path in paths:
        found[path] = look(root / path, whole=whole)
        if said is not None:
            said(len(found))
    return found


def _look(file: IO[bytes], *, whole: bool) -> Size | str:
    file.seek(0, 2)
    length = file.tell()
    if length == 0:
        return "empty-picture"
    file.seek(0)
    try:
        with open_bounded(file) as picture:  # type: ignore[arg-type]
            size, end = picture.size, _ENDS.get(picture.format or "")
    except (UnreadableError, *DECODING_ERRORS):
        return "broken-picture"
    file.seek(max(0, length - TAIL_BYTES))
    # Some writers pad files with zeros.
    tail = file.read().rstrip(b"\0")
    if not whole and end is not None and tail.endswith(end):
        return size
    file.seek(0)
    try:
        decode(file.read())
    except (UnreadableError, struct.error):
        return "broken-picture" if tail.endswith(end or b"\0") else "cut-picture"
    return size

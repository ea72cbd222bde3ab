"""Track files as bytes and text: bounded, unpacked, with one sentence if they fail."""

import codecs
import gzip
import json
import zlib
from pathlib import Path
from typing import Any, Final

from dataset_tools.errors import MissingDataError, UnreadableError

LARGEST_BYTES: Final = 1 << 30
"""A day of fixes at 20 Hz is a tenth of this; a larger file is no track, or a bomb."""
_PIECE: Final = 1 << 20
_CONTROL: Final = frozenset(range(9)) | frozenset(range(14, 32))
"""Bytes that no text holds, whatever its encoding."""


def track_bytes(path: Path, *, largest: int = LARGEST_BYTES) -> bytes:
    """The bytes of a track file, unpacked if its name ends in `.gz`.

    Args:
        path: the file.
        largest: most bytes, once unpacked.

    Raises:
        MissingDataError: if the file is not there.
        UnreadableError: if it cannot be read or unpacked, or is too large.
    """
    try:
        if path.suffix.lower() == ".gz":
            data = _unpacked(path, largest)
        else:
            with path.open("rb") as handle:
                data = handle.read(largest + 1)
    except FileNotFoundError:
        message = f"There is no track file {path}."
        raise MissingDataError(message) from None
    except (OSError, EOFError, zlib.error) as error:
        message = f"The track {path} cannot be read: {error}."
        raise UnreadableError(message) from error
    if len(data) > largest:
        message = (
            f"The track {path} holds more than {largest >> 20} MiB once unpacked; "
            "split it into drives."
        )
        raise UnreadableError(message)
    return data


def track_text(path: Path) -> str:
    """The text of a track file: UTF-8, UTF-16 with a mark, or Windows-1252.

    Raises:
        MissingDataError: if the file is not there.
        UnreadableError: if it is no text, or `track_bytes` refuses it.
    """
    data = track_bytes(path)
    try:
        return as_text(data)
    except UnicodeError as error:
        message = f"The track {path} is no text: {error}."
        raise UnreadableError(message) from error


def as_text(data: bytes) -> str:
    r"""Bytes as text, without a byte order mark.

    Raises:
        UnicodeError: if they are no text.

    >>> as_text(b"Heading (\xb0)")
    'Heading (°)'
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16")
    if not _CONTROL.isdisjoint(data):
        place = next(i for i, byte in enumerate(data) if byte in _CONTROL)
        message = f"byte {place} is 0x{data[place]:02x}"
        raise UnicodeError(message)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        # What loggers on Windows write a degree sign in.
        return data.decode("cp1252")


def load_json(path: Path) -> Any:
    """The JSON of a file, also gzipped.

    Raises:
        MissingDataError: if the file is not there.
        UnreadableError: if it is no JSON.
    """
    data = track_bytes(path)
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        message = f"The file {path} cannot be read as JSON: {error}."
        raise UnreadableError(message) from error


def _unpacked(path: Path, largest: int) -> bytes:
    pieces, total = [], 0
    with gzip.open(path, "rb") as handle:
        while total <= largest:
            piece = handle.read(_PIECE)
            if not piece:
                break
            pieces.append(piece)
            total += len(piece)
    return b"".join(pieces)

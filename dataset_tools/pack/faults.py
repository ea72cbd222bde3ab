"""What a full, read-only or broken disk says, as one sentence."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from dataset_tools.errors import DatasetToolsError, OutputError

_ADVICE: Final[dict[int, str]] = {
    errno.ENOSPC: "the disk is full. Free some space and run the same command again",
    errno.EDQUOT: "your quota is used up. Free some space and run the same command "
    "again",
    errno.EFBIG: "a file would grow beyond what this system allows. Raise the limit "
    "(ulimit -f) and run the same command again",
    errno.EROFS: "the file system is read-only. Choose a folder you may write to",
    errno.EACCES: "you may not write there. Choose a folder you may write to",
    errno.EPERM: "you may not write there. Choose a folder you may write to",
    errno.EIO: "the disk reports an input/output error. Check the disk, then run the "
    "same command again",
}


@contextmanager
def output(path: Path) -> Iterator[None]:
    """Turn what the system says while `path` is written into one sentence.

    Raises:
        OutputError: if something within raised an operating system's or SQLite error.
    """
    try:
        yield
    except DatasetToolsError:
        raise
    except (OSError, sqlite3.OperationalError) as error:
        raise OutputError(f"{path} cannot be written: {_fault(error)}.") from error


def is_passing(error: BaseException) -> bool:
    """Whether the same command may well succeed later, nothing else being changed."""
    if isinstance(error, OutputError | KeyboardInterrupt):
        return True
    # An input on a network drive that went away is no fault of the input.
    cause = error.__cause__ if isinstance(error, DatasetToolsError) else error
    return isinstance(cause, OSError) and cause.errno in _ADVICE


def _fault(error: OSError | sqlite3.OperationalError) -> str:
    if isinstance(error, OSError):
        known = _ADVICE.get(error.errno or 0)
        return known or (error.strerror or str(error)).rstrip(".")
    if "full" in str(error):
        return _ADVICE[errno.ENOSPC]
    if "readonly" in str(error):
        return _ADVICE[errno.EACCES]
    return _ADVICE[errno.EIO] if "I/O" in str(error) else str(error)

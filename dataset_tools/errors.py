"""Errors of the dataset tools, one root, each also the builtin a caller expects.

    DatasetToolsError            exit code
    ├── UsageError (ValueError)            2  a parameter makes no sense
    ├── MissingDataError (FileNotFoundError) 3  something named is not there
    ├── UnreadableError (OSError)          3  it is there and cannot be used
    ├── OutputError (OSError)              3  the output cannot be written
    └── IntegrityError (ValueError)        4  checksum, hash or schema is wrong

Bad *data items* are no exceptions: they become `records.Rejection`.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import ClassVar


class DatasetToolsError(Exception):
    """Root of every error this package raises on purpose."""

    exit_code: ClassVar[int] = 2


class UsageError(DatasetToolsError, ValueError):
    """A parameter, or a combination of them, makes no sense."""


class MissingDataError(DatasetToolsError, FileNotFoundError):
    """A file, folder, column or key that was named does not exist."""

    exit_code = 3


class UnreadableError(DatasetToolsError, OSError):
    """Data exist and cannot be used: corrupt, without CRS, of a refused kind."""

    exit_code = 3


class OutputError(DatasetToolsError, OSError):
    """What was made cannot be written: disk full, read-only, broken."""

    exit_code = 3


class IntegrityError(DatasetToolsError, ValueError):
    """Data disagree with their own checksum, hash or schema."""

    exit_code = 4


def suggest(name: str, known: Iterable[str]) -> str:
    """A sentence naming the closest known names, or all of them if few.

    >>> suggest("geodrt", ["geodtr", "seqgeo"])
    "Did you mean 'geodtr'?"
    """
    names = sorted(known)
    close = get_close_matches(name, names, n=2, cutoff=0.6)
    if close:
        return "Did you mean " + " or ".join(repr(c) for c in close) + "?"
    return "Known: " + ", ".join(names) + "." if names else "None is known."

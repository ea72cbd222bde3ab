"""Readers of released data sets, one file each: a released folder to a pack.

    survey   what a folder holds: which release, which variant, what is missing
    import   the same, as the records and pictures of a pack

Nothing is downloaded: `access` says who grants access to each set.
"""

from importlib import import_module
from typing import cast

from dataset_tools.errors import UsageError, suggest
from dataset_tools.originals.release import Reader

NAMES = ("cvusa", "cvact", "vigor", "vermont")


def reader(name: str) -> Reader:
    """The reader of a data set.

    Raises:
        UsageError: if there is none of this name.
    """
    if name not in NAMES:
        raise UsageError(f"No data set is called {name!r}. {suggest(name, NAMES)}")
    return cast("Reader", import_module(f"dataset_tools.originals.{name}"))

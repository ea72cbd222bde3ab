"""Errors of the harness, one root, each also the builtin a caller expects.

GeobenchError                 exit code
├── ConfigError (ValueError)            2  a setting makes no sense or is unknown
├── RegistryError (KeyError)            2  no model or task of that name
├── MetricError (ValueError)            2  a metric cannot be formed from its input
├── DataError (FileNotFoundError)       3  a pack, checkpoint or result is not there
├── EmbeddingError (ValueError)         4  non-finite, misshapen or unmatched vectors
└── SchemaError (ValueError)            4  a file disagrees with its schema or hash
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import ClassVar


class GeobenchError(Exception):
    """Root of every error this package raises on purpose."""

    exit_code: ClassVar[int] = 2


class ConfigError(GeobenchError, ValueError):
    """A setting makes no sense, or no setting has that name."""


class RegistryError(GeobenchError, KeyError):
    """No model, task or metric of that name is registered, or it is already."""

    def __str__(self) -> str:
        """The sentence itself: KeyError would print its repr."""
        return str(self.args[0]) if self.args else ""


class MetricError(GeobenchError, ValueError):
    """A metric cannot be formed from what it was given."""


class DataError(GeobenchError, FileNotFoundError):
    """A pack, checkpoint, embedding folder or result does not exist."""

    exit_code = 3


class EmbeddingError(GeobenchError, ValueError):
    """Embeddings are non-finite, misshapen or do not match their ids."""

    exit_code = 4


class SchemaError(GeobenchError, ValueError):
    """A file disagrees with its schema, hash or version."""

    exit_code = 4


def closest(name: str, known: Iterable[str]) -> str:
    """A sentence naming the closest known names, or all of them.

    >>> closest("geodrt", ["geodtr", "seqgeo"])
    "Did you mean 'geodtr'?"
    """
    names = sorted(known)
    close = get_close_matches(name, names, n=2, cutoff=0.6)
    if close:
        return "Did you mean " + " or ".join(repr(c) for c in close) + "?"
    return "Known: " + ", ".join(names) + "." if names else "None is known."

"""The ledger of a build: which shards of a plan are on the disk.

One SQLite file in the work folder, written by one process. A row is added after its
shard has been flushed and renamed, so a row says that the shard is whole; a shard
without a row is written again, to the same bytes.
"""

import sqlite3
from dataclasses import astuple, dataclass
from pathlib import Path
from types import TracebackType


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """One finished shard file."""

    number: int
    pictures: int
    size_bytes: int
    sha256: str
    """Of the file, 64 hexadecimal digits."""


class Ledger:
    """The finished shards of one plan; opened, written and closed by one process."""

    def __init__(self, path: Path) -> None:
        # Autocommit: each row is one transaction, flushed before `record` returns.
        self._base = sqlite3.connect(path, isolation_level=None)
        self._base.execute(
            "CREATE TABLE IF NOT EXISTS shards (number INTEGER PRIMARY KEY, "
            "pictures INTEGER NOT NULL, size_bytes INTEGER NOT NULL, "
            "sha256 TEXT NOT NULL)"
        )

    def shards(self) -> dict[int, Shard]:
        """Number -> finished shard."""
        rows = self._base.execute(
            "SELECT number, pictures, size_bytes, sha256 FROM shards ORDER BY number"
        )
        return {
            n: Shard(number=n, pictures=p, size_bytes=s, sha256=h)
            for n, p, s, h in rows
        }

    def record(self, shard: Shard) -> None:
        """Note that a shard is on the disk."""
        self._base.execute("REPLACE INTO shards VALUES (?, ?, ?, ?)", astuple(shard))

    def close(self) -> None:
        """Close the file."""
        self._base.close()

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

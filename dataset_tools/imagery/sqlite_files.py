"""SQLite files from strangers: opened to be read, with limits on what they may ask."""

import sqlite3
from pathlib import Path

from dataset_tools.errors import UnreadableError

SIGNATURE = b"SQLite format 3\x00"
SQLITE_ERRORS = (sqlite3.Error, OverflowError, UnicodeDecodeError)
"""What a damaged file raises; its own words need not be UTF-8."""
MAX_STEPS = 2_000_000_000
"""Steps of SQLite's machine for one query, half a minute: a view can be endless."""


def is_sqlite(path: Path) -> bool:
    """Whether a file begins as SQLite's do."""
    with path.open("rb") as file:
        return file.read(len(SIGNATURE)) == SIGNATURE


def open_sqlite(path: Path, *, max_value_bytes: int) -> sqlite3.Connection:
    """A connection that reads and changes nothing, not even beside the file.

    Args:
        path: the file.
        max_value_bytes: a longer text or blob is an error when it is read.

    Raises:
        UnreadableError: if it is no SQLite file, or a writer has not closed it.
    """
    if not is_sqlite(path):
        raise UnreadableError(
            f"{path} is no SQLite file, as {path.suffix} files are. Fetch it again."
        )
    log = path.with_name(f"{path.name}-wal")
    if log.is_file() and log.stat().st_size:
        raise UnreadableError(
            f"{path} is being written, or was not closed: {log.name} lies beside it. "
            "Close the program that wrote it, or open and close it with sqlite3."
        )
    # Immutable: no lock and no journal is written, so read-only disks will do.
    address = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
    connection = sqlite3.connect(address, uri=True, check_same_thread=False)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, max_value_bytes)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    try:
        for pragma in ("trusted_schema = OFF", "query_only = ON"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("PRAGMA cell_size_check = ON")
    except SQLITE_ERRORS as error:
        connection.close()
        raise UnreadableError(f"{path} is damaged: {error}. Fetch it again.") from error
    steps = [0]

    def count() -> bool:
        steps[0] += 1
        return steps[0] > MAX_STEPS // 100_000

    def begin(statement: str) -> None:
        del statement
        steps[0] = 0

    connection.set_progress_handler(count, 100_000)
    connection.set_trace_callback(begin)
    return connection

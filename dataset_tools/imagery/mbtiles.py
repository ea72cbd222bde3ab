"""MBTiles: map tiles in one SQLite file, rows counted from the south (TMS)."""

from pathlib import Path
from typing import Any

from dataset_tools.errors import UnreadableError
from dataset_tools.imagery.chunks import ChunkCache
from dataset_tools.imagery.pyramid import MAX_ZOOM, TilePyramid
from dataset_tools.imagery.source import About
from dataset_tools.imagery.sqlite_files import SQLITE_ERRORS, open_sqlite

MAX_TILE_BYTES = 16_000_000
PICTURES = ("png", "jpg", "jpeg", "webp", "")


def open_mbtiles(
    path: Path, about: About, *, cache: ChunkCache | None = None
) -> TilePyramid:
    """The tiles of an MBTiles file; its attribution where none is stated.

    Raises:
        UnreadableError: if it is no such file, holds no pictures, or is broken.
    """
    store = MBTilesStore(path)
    try:
        about = store.completed(about)
        return TilePyramid(store, about, name=path.name, cache=cache or ChunkCache())
    except UnreadableError:
        store.close()
        raise


class MBTilesStore:
    """The tiles of an open MBTiles file."""

    def __init__(self, path: Path) -> None:
        """Open the file to be read.

        Raises:
            UnreadableError: if it is no SQLite file or lacks the table of tiles.
        """
        self._file = path.name
        self._database = open_sqlite(path, max_value_bytes=MAX_TILE_BYTES)
        try:
            self._metadata = self._read_metadata()
            self._zooms = self._read_zooms()
            kind = str(self._metadata.get("format", "")).lower()
            if kind not in PICTURES:
                raise UnreadableError(
                    f"{path} holds tiles of format {kind!r}; pictures (png, jpg or "
                    "webp) are expected, not vectors."
                )
            if not self._zooms:
                raise UnreadableError(f"{path} holds no tiles.")
        except UnreadableError:
            self.close()
            raise

    @property
    def zooms(self) -> list[int]:
        """Zooms that have tiles, rising."""
        return self._zooms

    def span(self, zoom: int) -> tuple[list[int], tuple[int, int]]:
        """Columns of a zoom that have tiles, sorted; its first and its last row."""
        columns = self._ask(
            "SELECT DISTINCT tile_column FROM tiles WHERE zoom_level = ? "
            "ORDER BY tile_column",
            zoom,
        )
        ((low, high),) = self._ask(
            "SELECT min(tile_row), max(tile_row) FROM tiles WHERE zoom_level = ?", zoom
        )
        top = (1 << zoom) - 1
        inside = [c for (c,) in columns if isinstance(c, int) and 0 <= c <= top]
        if not inside or not all(isinstance(v, int) for v in (low, high)):
            raise UnreadableError(
                f"{self._file} has columns or rows that zoom {zoom} has not."
            )
        return inside, (max(top - high, 0), min(top - low, top))

    def first(self, zoom: int) -> tuple[int, int]:
        """Column and row of the first tile of a zoom."""
        columns, (first, _) = self.span(zoom)
        found = self._ask(
            "SELECT tile_row FROM tiles WHERE zoom_level = ? AND tile_column = ? "
            "ORDER BY tile_row LIMIT 1",
            zoom,
            columns[0],
        )
        row = found[0][0] if found else None
        return columns[0], (1 << zoom) - 1 - row if isinstance(row, int) else first

    def name(self, zoom: int, x: int, y: int) -> str:
        """Zoom, column and row as the file has them."""
        return f"{self._file} {zoom}/{x}/{(1 << zoom) - 1 - y}"

    def read(self, zoom: int, x: int, y: int) -> bytes | None:
        """An encoded picture, or None where there is no such tile."""
        found = self._ask(
            "SELECT tile_data FROM tiles WHERE zoom_level = ? AND tile_column = ? "
            "AND tile_row = ? LIMIT 1",
            zoom,
            x,
            (1 << zoom) - 1 - y,
        )
        data = found[0][0] if found else None
        if data is None or isinstance(data, bytes):
            return data
        raise UnreadableError(f"tile {self.name(zoom, x, y)} is no picture")

    def is_solid(self, zoom: int, x: int, y: int) -> bool | None:
        """Unknown until it is read: a file may mix PNG and JPEG."""
        del zoom, x, y
        return None

    def completed(self, about: About) -> About:
        """The stated terms, the file's own attribution where none is stated."""
        return About(
            licence=about.licence,
            attribution=about.attribution or str(self._metadata.get("attribution", "")),
            captured=about.captured,
            season=about.season,
        )

    def described(self) -> dict[str, Any]:
        """That rows count from the south."""
        return {"layout": "MBTiles"}

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _read_metadata(self) -> dict[str, Any]:
        try:
            return dict(self._ask("SELECT name, value FROM metadata LIMIT 1000"))
        except UnreadableError:
            return {}  # tiles without a description are still tiles

    def _read_zooms(self) -> list[int]:
        found = self._ask("SELECT DISTINCT zoom_level FROM tiles ORDER BY zoom_level")
        return [z for (z,) in found if isinstance(z, int) and 0 <= z <= MAX_ZOOM]

    def _ask(self, query: str, *values: int) -> list[tuple[Any, ...]]:
        try:
            return self._database.execute(query, values).fetchall()
        except SQLITE_ERRORS as error:
            raise UnreadableError(
                f"{self._file} cannot be read as MBTiles: {error}."
            ) from error

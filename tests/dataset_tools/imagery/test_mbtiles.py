import hashlib
import io
import sqlite3

import numpy as np
import pytest
from PIL import Image

from dataset_tools.errors import UnreadableError, UsageError
from dataset_tools.imagery import mbtiles, sqlite_files
from dataset_tools.records import Rejection

ZOOM, LAT, LON = 18, 44.5, -72.6
X, Y = 78_206, 94_812
"""The tile of zoom 18 that holds the place."""
SIZE = {"side_m": 120.0, "size_px": 200}


def encoded(pixels, kind="PNG"):
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, kind)
    return target.getvalue()


def picture(column, row):
    pixels = np.full((256, 256, 3), 90, np.uint8)
    pixels[..., 0] = (column * 256 + np.arange(256))[None] / 4
    pixels[..., 1] = (row * 256 + np.arange(256))[:, None] / 4
    return encoded(pixels)


@pytest.fixture
def write(tmp_path):
    """An MBTiles file of 3 x 3 tiles around the place, and the same as a folder."""

    def go(*, metadata=(("format", "png"),), change=lambda database: None):
        path = tmp_path / "a.mbtiles"
        database = sqlite3.connect(path)
        database.executescript(
            "CREATE TABLE metadata (name TEXT, value TEXT);"
            "CREATE TABLE tiles (zoom_level INTEGER, tile_column INTEGER, "
            "tile_row INTEGER, tile_data BLOB);"
            "CREATE UNIQUE INDEX i ON tiles (zoom_level, tile_column, tile_row);"
        )
        database.executemany("INSERT INTO metadata VALUES (?, ?)", metadata)
        for column in range(3):
            for row in range(3):
                x, y = X - 1 + column, Y - 1 + row
                data = picture(column, row)
                place = (ZOOM, x, 2**ZOOM - 1 - y, data)
                database.execute("INSERT INTO tiles VALUES (?, ?, ?, ?)", place)
                file = tmp_path / "xyz" / str(ZOOM) / str(x) / f"{y}.png"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(data)
        change(database)
        database.commit()
        database.close()
        return path

    return go


def test_rows_from_the_south_give_what_a_folder_gives(write, opened, tmp_path):
    imagery, folder = opened(write()), opened(tmp_path / "xyz")
    assert imagery.crop(LAT, LON, **SIZE).shape == (200, 200, 3)
    assert np.array_equal(imagery.crop(LAT, LON, **SIZE), folder.crop(LAT, LON, **SIZE))
    assert imagery.bounds == folder.bounds
    assert imagery.m_per_px_at(LAT, LON) == folder.m_per_px_at(LAT, LON)
    assert isinstance(imagery.crop(LAT, LON + 1, **SIZE), Rejection)


def test_the_file_and_its_folder_stay_as_they_are(write, opened):
    path = write()
    path.chmod(0o444)
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    opened(path).crop(LAT, LON, **SIZE)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before
    assert sorted(p.name for p in path.parent.iterdir()) == ["a.mbtiles", "xyz"]


def test_the_attribution_of_the_file_is_kept(write, opened):
    metadata = (("format", "png"), ("attribution", "The Survey"))
    assert opened(write(metadata=metadata)).about.attribution == "The Survey"


def test_tiles_may_be_a_view_over_stored_pictures(write, opened, tmp_path):
    def deduplicated(database):
        database.executescript(
            "CREATE TABLE images AS SELECT rowid AS tile_id, tile_data FROM tiles;"
            "CREATE TABLE map AS SELECT zoom_level, tile_column, tile_row, "
            "rowid AS tile_id FROM tiles; DROP TABLE tiles;"
            "CREATE VIEW tiles AS SELECT zoom_level, tile_column, tile_row, tile_data "
            "FROM map JOIN images USING (tile_id);"
        )

    imagery = opened(write(change=deduplicated))
    folder = opened(tmp_path / "xyz")
    assert imagery.crop(LAT, LON, **SIZE).shape == (200, 200, 3)
    assert np.array_equal(imagery.crop(LAT, LON, **SIZE), folder.crop(LAT, LON, **SIZE))


def sql(text):
    return lambda database: database.executescript(text)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"metadata": (("format", "pbf"),)}, "not vectors"),
        ({"change": sql("DELETE FROM tiles")}, "holds no tiles"),
        ({"change": sql("DROP TABLE tiles")}, "no such table: tiles"),
        ({"change": sql("UPDATE tiles SET zoom_level = 99")}, "holds no tiles"),
        ({"change": sql("UPDATE tiles SET tile_data = 'text'")}, "is no picture"),
        ({"change": sql("UPDATE tiles SET tile_data = x'00'")}, "cannot be decoded"),
        (
            {"change": sql("UPDATE tiles SET tile_column = tile_column + 999999")},
            "columns or rows that zoom 18 has not",
        ),
    ],
)
def test_a_file_without_usable_tiles_is_one_clear_sentence(
    write, opened, options, match
):
    with pytest.raises(UnreadableError, match=match):
        opened(write(**options))


def test_a_file_that_is_no_database_is_told(tmp_path, opened):
    path = tmp_path / "a.mbtiles"
    for data in (b"", b"PK\x03\x04 something else"):
        path.write_bytes(data)
        with pytest.raises(UnreadableError, match="is no SQLite file"):
            opened(path)
    path.write_bytes(b"SQLite format 3\x00" + bytes(5000))
    with pytest.raises(UnreadableError, match="cannot be read as MBTiles"):
        opened(path)


def test_a_file_that_is_being_written_is_told(write, opened):
    path = write()
    path.with_name("a.mbtiles-wal").write_bytes(b"pages")
    with pytest.raises(UnreadableError, match="was not closed"):
        opened(path)


def test_a_huge_blob_is_a_rejection(write, opened, monkeypatch):
    def grown(database):
        database.execute(
            "UPDATE tiles SET tile_data = zeroblob(300000) WHERE tile_column = ?", (X,)
        )

    monkeypatch.setattr(mbtiles, "MAX_TILE_BYTES", 200_000)
    imagery = opened(write(change=grown))
    crop = imagery.crop(LAT, LON, **SIZE)
    assert crop.reason == "imagery-unreadable"
    assert "too big" in crop.measured


def test_an_endless_view_is_stopped(write, opened, monkeypatch):
    endless = (
        "DROP TABLE tiles; CREATE VIEW tiles AS WITH RECURSIVE n(i) AS "
        "(SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i % 20 AS zoom_level, "
        "1 AS tile_column, 1 AS tile_row, x'00' AS tile_data FROM n;"
    )
    monkeypatch.setattr(sqlite_files, "MAX_STEPS", 2_000_000)
    with pytest.raises(UnreadableError, match="interrupted"):
        opened(write(change=sql(endless)))


def test_nothing_can_be_stated_of_its_pixels(write, opened):
    with pytest.raises(UsageError, match="is a MBTiles file, for which 'layout'"):
        opened(write(), layout="{z}/{x}/{y}")

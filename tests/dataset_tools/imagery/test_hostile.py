"""Damaged and hostile input: pictures, a Rejection, or one sentence; never another."""

import contextlib
import json
import sqlite3

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataset_tools.errors import DatasetToolsError
from dataset_tools.imagery import About, open_imagery
from dataset_tools.imagery.index import read_index
from dataset_tools.imagery.sources import read_sources
from dataset_tools.records import Rejection

MIDDLE = (690_100.0, 4_929_925.0)
ABOUT = About(licence="CC0-1.0")
BLOCKS = {"tiled": True, "blockxsize": 128, "blockysize": 128}
STORED = {
    "deflate.tif": BLOCKS | {"compress": "deflate"},
    "jpeg.tif": BLOCKS | {"compress": "jpeg", "photometric": "ycbcr"},
    "strips.tif": {"nodata": 0},
}


def damaged(data, rng):
    """The bytes cut short, a few changed, the header changed, or a hole in them."""
    data = bytearray(data)
    kind = rng.integers(4)
    if kind == 0:
        return bytes(data[: rng.integers(1, len(data))])
    if kind == 3:
        start = rng.integers(len(data))
        data[start : start + 512] = bytes(min(512, len(data) - start))
        return bytes(data)
    end = len(data) if kind == 1 else min(2000, len(data))
    for at in rng.integers(0, end, 20):
        data[at] = rng.integers(256)
    return bytes(data)


@pytest.mark.parametrize("name", STORED)
def test_a_damaged_raster_gives_a_picture_a_rejection_or_a_sentence(
    write_raster, place, tmp_path, name
):
    rng = np.random.default_rng(len(name))
    pixels = rng.integers(0, 256, (300, 400, 3), dtype=np.uint8)
    whole = write_raster(pixels, name=name, **STORED[name]).read_bytes()
    ends = {"picture": 0, "rejection": 0, "sentence": 0}
    for _ in range(30):
        path = tmp_path / "damaged.tif"
        path.write_bytes(damaged(whole, rng))
        try:
            imagery = open_imagery(path, ABOUT)
        except DatasetToolsError:
            ends["sentence"] += 1
            continue
        imagery.covers(*place(*MIDDLE), side_m=60.0, size_px=60)
        crop = imagery.crop(*place(*MIDDLE), side_m=140.0, size_px=70)
        if isinstance(crop, Rejection):
            ends["rejection"] += 1
        else:
            assert crop.shape == (70, 70, 3)
            ends["picture"] += 1
        imagery.close()
    assert min(ends.values()) > 0


def test_a_damaged_mbtiles_file_gives_a_rejection_or_a_sentence(tmp_path):
    path = tmp_path / "whole.mbtiles"
    database = sqlite3.connect(path)
    database.executescript(
        "CREATE TABLE metadata (name TEXT, value TEXT);"
        "CREATE TABLE tiles (zoom_level, tile_column, tile_row, tile_data);"
        "INSERT INTO tiles VALUES (2, 1, 1, zeroblob(3000)), (2, 1, 2, NULL);"
    )
    database.commit()
    database.close()
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    for _ in range(40):
        path.write_bytes(damaged(whole, rng))
        with pytest.raises(DatasetToolsError):
            open_imagery(path, ABOUT).crop(0.0, 0.0, side_m=50.0, size_px=5)


KEYS = [
    *("features", "geometry", "properties", "type", "coordinates", "file", "crs"),
    *("name", "sources", "path", "licence", "captured", "tiles"),
]
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(KEYS) | st.text(max_size=8),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


def read_index_of(path):
    read_index(path, ABOUT)


def opened_and_closed(path):
    open_imagery(path, ABOUT).close()


@given(content=anything)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_json_is_an_index_a_list_or_one_sentence(content, tmp_path):
    text = json.dumps(content)
    for name in ("i.geojson", "i.json", "s.yaml"):
        path = tmp_path / name
        path.write_text(text)
        for read in (read_sources, read_index_of, opened_and_closed):
            with contextlib.suppress(DatasetToolsError):
                read(path)


@given(data=st.binary(max_size=300), header=st.sampled_from([b"", b"file,footprint\n"]))
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_bytes_are_a_table_or_one_sentence(data, header, tmp_path):
    for name in ("t.csv", "t.json", "t.gpkg", "t.mbtiles", "t.tif", "t.yaml"):
        path = tmp_path / name
        path.write_bytes(header + data)
        for read in (read_sources, opened_and_closed):
            with contextlib.suppress(DatasetToolsError):
                read(path)

import json

import numpy as np
import pytest
from PIL import Image

from dataset_tools.errors import UnreadableError
from dataset_tools.geodesy import destination, distance_m
from dataset_tools.records import Rejection

LAT, LON = 52.5, 13.4


@pytest.fixture
def pictures(tmp_path):
    """Three pictures of 64 x 64 px in a folder."""
    rng = np.random.default_rng(0)
    arrays = {}
    for name in ("a.png", "b.png", "far/c.png"):
        arrays[name] = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(arrays[name]).save(tmp_path / name)
    return arrays


def entries():
    places = {
        "a.png": (LAT, LON),
        "b.png": (LAT + 0.01, LON),
        "far/c.png": (LAT, LON + 1),
    }
    return [{"file": f, "lat": a, "lon": o} for f, (a, o) in places.items()]


def write(path, content):
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize("kind", ["common-side", "own-side", "csv"])
def test_every_form_of_the_list_gives_the_pictures_as_they_are(
    tmp_path, pictures, opened, kind
):
    rows = [e | {"side_m": 128} for e in entries()]
    if kind == "common-side":
        path = write(tmp_path / "t.json", {"cell_m": 128, "tiles": entries()})
    elif kind == "own-side":
        path = write(tmp_path / "t.json", rows)
    else:
        path = tmp_path / "t.csv"
        lines = [f"{r['file']},{r['lat']},{r['lon']},{r['side_m']}" for r in rows]
        path.write_text("\ufefffile,latitude,lng,side_m\n" + "\n".join(lines))
    imagery = opened(path)
    assert [t.tile_id for t in imagery.tiles] == ["a.png", "b.png", "far/c.png"]
    for tile in imagery.tiles:
        assert tile.m_per_px == 2.0
        crop = imagery.crop(tile.lat, tile.lon, side_m=128.0, size_px=64)
        assert np.array_equal(crop, pictures[tile.tile_id])
    assert imagery.m_per_px_at(LAT, LON) == 2.0


def test_the_footprint_is_in_metres_and_not_in_degrees(tmp_path, pictures, opened):
    imagery = opened(write(tmp_path / "t.json", {"side_m": 128, "tiles": entries()}))
    (w, n), (e, _), (_, s), _ = imagery.tiles[0].footprint
    assert distance_m(n, w, n, e) == pytest.approx(128.0, abs=0.01)
    assert distance_m(n, w, s, w) == pytest.approx(128.0, abs=0.01)
    west, south, east, north = imagery.bounds
    assert (west, south) == pytest.approx((w, s))
    assert east > LON + 1
    assert north > LAT + 0.01


def test_another_place_inside_a_picture_is_cut_out_of_it(tmp_path, pictures, opened):
    imagery = opened(write(tmp_path / "t.json", {"side_m": 128, "tiles": entries()}))
    lat, lon = (float(v) for v in destination(LAT, LON, 90.0, 20.0))
    crop = imagery.crop(lat, lon, side_m=64.0, size_px=32)
    assert np.abs(crop.astype(int) - pictures["a.png"][16:48, 26:58]).max() <= 1
    over = imagery.crop(lat, lon, side_m=128.0, size_px=64)
    assert isinstance(over, Rejection)
    assert over.measured == pytest.approx(108 / 128, abs=0.02)
    assert imagery.covers(0.0, 0.0, side_m=10.0, size_px=5).measured == 0.0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"lat": 181}, "bad-position"),
        ({"lon": "east"}, "bad-position"),
        ({"lat": float("nan")}, "bad-position"),
        ({"side_m": None}, "no-side"),
        ({"side_m": -3}, "bad-side"),
        ({"file": "none.png"}, "file-missing"),
        ({"file": "../a.png"}, "file-outside-folder"),
        ({"file": "/etc/passwd"}, "file-outside-folder"),
        ({"file": 7}, "no-file-name"),
        ({"file": "t.json"}, "picture-unreadable"),
        ({"file": "wide.png"}, "picture-not-square"),
        ({"file": "b.png"}, "listed-twice"),
    ],
)
def test_a_bad_entry_is_counted_with_its_reason(
    tmp_path, pictures, opened, change, reason
):
    Image.new("RGB", (10, 20)).save(tmp_path / "wide.png")
    rows = [e | {"side_m": 128} for e in entries()]
    rows.append(rows[0] | change)
    if reason == "listed-twice":
        rows[0]["lat"] = LAT
    imagery = opened(write(tmp_path / "t.json", rows))
    assert [r.reason for r in imagery.rejected] == [reason]
    assert len(imagery.tiles) + len(imagery.rejected) == 4


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("{", "cannot be read as a tile list"),
        ("3", "is no tile list"),
        ('{"tiles": [{"file": "a.png", "lat": 1, "lon": 2}]}', "no-side.*side_m"),
    ],
)
def test_a_list_that_is_none_is_one_clear_sentence(
    tmp_path, pictures, opened, text, match
):
    path = tmp_path / "t.json"
    path.write_text(text)
    with pytest.raises(UnreadableError, match=match):
        opened(path)


def test_a_picture_that_breaks_later_is_a_rejection(tmp_path, pictures, opened):
    imagery = opened(write(tmp_path / "t.json", {"side_m": 128, "tiles": entries()}))
    (tmp_path / "a.png").write_bytes(b"gone")
    crop = imagery.crop(LAT, LON, side_m=128.0, size_px=64)
    assert crop.reason == "imagery-unreadable"
    assert str(tmp_path) not in crop.measured


def test_entries_keep_their_own_date_and_terms(tmp_path, pictures, opened):
    rows = [e | {"side_m": 128} for e in entries()]
    rows[0] |= {"captured": "2023-04-15", "season": "leaf-off"}
    rows[1] |= {"licence": "ODbL-1.0", "attribution": "The East", "captured": None}
    rows[2] |= {"captured": "spring"}
    imagery = opened(write(tmp_path / "t.json", rows), captured="2020-01-01")
    first, second = imagery.tiles
    assert (first.captured, first.season) == ("2023-04-15", "leaf-off")
    assert (second.captured, second.licence) == ("2020-01-01", "ODbL-1.0")
    assert [r.reason for r in imagery.rejected] == ["bad-date"]
    assert [(a.licence, a.attribution) for _, a in imagery.rights] == [
        ("CC0-1.0", ""),
        ("ODbL-1.0", "The East"),
    ]


def test_a_link_out_of_the_folder_is_not_followed(
    tmp_path, pictures, opened, tmp_path_factory
):
    outside = tmp_path_factory.mktemp("outside") / "o.png"
    (tmp_path / "a.png").rename(outside)
    (tmp_path / "a.png").symlink_to(outside)
    rows = [e | {"side_m": 128} for e in entries()]
    imagery = opened(write(tmp_path / "t.json", rows))
    assert [r.reason for r in imagery.rejected] == ["file-outside-folder"]

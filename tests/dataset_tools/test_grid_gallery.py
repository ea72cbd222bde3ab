import json

import pytest
from plain_street import HOME, Plain, drive
from pyproj import Geod

from dataset_tools.errors import UsageError
from dataset_tools.geodesy import offset_m
from dataset_tools.grid_gallery import GridExtent
from dataset_tools.imagery.source import About
from dataset_tools.imagery.tile_list import TileList
from dataset_tools.pairing import PairingRule, pair

RULE = PairingRule(layout="grid", frames_may_leave=True)
GEOD = Geod(ellps="WGS84")


def away(a, b):
    return GEOD.inv(a.lon, a.lat, b.lon, b.lat)[2]


def test_the_positive_is_the_tile_with_the_nearest_centre():
    sequences, frames = drive(30)
    found = pair(sequences, frames, Plain(), RULE)
    tiles = {t.tile_id: t for t in found.tiles}
    assert len(found.sequences) == 30
    for sequence in found.sequences:
        (own,) = sequence.positives
        nearest = min(found.tiles, key=lambda t: away(t, sequence))
        assert own == nearest.tile_id
        assert away(tiles[own], sequence) <= 20.0 * 2**0.5 + 0.05


def test_with_half_overlap_four_tiles_show_each_place():
    sequences, frames = drive(30)
    found = pair(sequences, frames, Plain(), RULE)
    for sequence in found.sequences:
        shown = [
            t.tile_id
            for t in found.tiles
            if max(
                abs(float(v))
                for v in offset_m(t.lat, t.lon, sequence.lat, sequence.lon)
            )
            <= 40.0
        ]
        assert {*sequence.positives, *sequence.semi_positives} == set(shown)
        assert len(sequence.semi_positives) in (3, 5)
        assert [o.tile_id for o in sequence.offsets] == sorted(shown)


def test_the_gallery_is_the_whole_grid_and_most_tiles_have_no_query():
    sequences, frames = drive(30)
    near = pair(sequences, frames, Plain(), RULE, grid=GridExtent(reach_m=60.0))
    wide = pair(sequences, frames, Plain(), RULE, grid=GridExtent(reach_m=300.0))
    used = {p for s in wide.sequences for p in s.positives}
    assert len(wide.tiles) > 3 * len(near.tiles) > 3 * len(used)
    assert {t.tile_id for t in near.tiles} <= {t.tile_id for t in wide.tiles}
    assert [s.positives for s in near.sequences] == [
        s.positives for s in wide.sequences
    ]


def test_a_second_drive_finds_the_same_tiles():
    sequences, frames = drive(30)
    extent = GridExtent(reach_m=100.0)
    first = pair(sequences[:20], frames, Plain(), RULE, grid=extent)
    second = pair(sequences[10:], frames, Plain(), RULE, grid=extent)
    one, other = ({t.tile_id: t for t in f.tiles} for f in (first, second))
    shared = one.keys() & other.keys()
    assert len(shared) > 30
    assert all(one[i] == other[i] for i in shared)


def test_an_area_of_polygons_is_the_gallery(tmp_path):
    corners = [(-200, -100), (150, -100), (150, 100), (-200, 100), (-200, -100)]
    lat, lon = HOME.to_degrees([c[0] for c in corners], [c[1] for c in corners])
    ring = [[float(x), float(y)] for x, y in zip(lon, lat, strict=True)]
    area = tmp_path / "area.geojson"
    geometry = {"type": "Polygon", "coordinates": [ring]}
    feature = {"type": "Feature", "properties": {}, "geometry": geometry}
    area.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    sequences, frames = drive(30)
    found = pair(sequences, frames, Plain(), RULE, grid=GridExtent(areas=area))
    assert len(found.tiles) == pytest.approx(350 * 200 / 1600, abs=8)
    assert 0 < len(found.sequences) < 30
    assert {r.reason for r in found.rejected} == {"outside-grid-area"}
    assert len(found.sequences) + len(found.rejected) == 30


def test_cells_that_imagery_does_not_cover_are_counted():
    sequences, frames = drive(30)
    found = pair(sequences, frames, Plain(from_east_m=100.0), RULE)
    whole = pair(sequences, frames, Plain(), RULE)
    assert len(found.tiles) + len(found.left_out) == len(whole.tiles)
    assert {(r.stage, r.reason) for r in found.left_out} == {
        ("grid", "imagery-does-not-cover")
    }
    assert len(found.sequences) + len(found.rejected) == 30
    assert {r.reason for r in found.rejected} == {"imagery-does-not-cover"}


def test_frames_must_lie_inside_unless_they_may_leave():
    sequences, frames = drive(30)
    strict = PairingRule(layout="grid")
    found = pair(sequences, frames, Plain(), strict)
    assert {r.reason for r in found.rejected} == {"frame-outside-tile"}
    assert 0 < len(found.sequences) < 30


def test_a_grid_that_cannot_hold_its_queries_is_refused():
    with pytest.raises(UsageError, match="half its spacing"):
        PairingRule(layout="grid", overlap=0.0)
    with pytest.raises(UsageError, match="do not move"):
        PairingRule(layout="grid", jitter_m=5.0)
    PairingRule(layout="grid", overlap=0.05)


def test_a_list_of_tiles_has_no_grid(tmp_path):
    sequences, frames = drive(3)
    about = About(licence="CC0-1.0")
    imagery = TileList(tmp_path / "t.json", about, tiles=(), rejected=())
    with pytest.raises(UsageError, match="Use centred tiles"):
        pair(sequences, frames, imagery, RULE)

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from plain_street import HOME, Plain, drive

from dataset_tools.errors import UsageError
from dataset_tools.geodesy import distance_m, offset_m
from dataset_tools.imagery.source import About
from dataset_tools.imagery.tile_list import TileList, footprint
from dataset_tools.pairing import PairingRule, pair, thin
from dataset_tools.records import Tile


def test_every_sequence_gets_its_own_tile_around_its_query():
    sequences, frames = drive()
    found = pair(sequences, frames, Plain(), PairingRule())
    tiles = {t.tile_id: t for t in found.tiles}
    assert len(tiles) == len(found.sequences) == 20
    for sequence in found.sequences:
        (own,) = sequence.positives
        tile = tiles[own]
        assert distance_m(tile.lat, tile.lon, sequence.lat, sequence.lon) < 1e-6
        assert (tile.width_px, tile.m_per_px, tile.licence) == (160, 0.5, "CC0-1.0")
        (w, n), (e, _), _, _ = tile.footprint
        assert distance_m(n, w, n, e) == pytest.approx(80.0, abs=0.01)
    assert found.rejected == []


def test_semi_positives_are_the_other_tiles_that_show_the_query():
    sequences, frames = drive()
    found = pair(sequences, frames, Plain(), PairingRule(jitter_m=5.0))
    tiles = {t.tile_id: t for t in found.tiles}
    for sequence in found.sequences:
        expected = set()
        for tile in found.tiles:
            east, north = offset_m(tile.lat, tile.lon, sequence.lat, sequence.lon)
            if (
                max(abs(east), abs(north)) <= 40
                and tile.tile_id not in sequence.positives
            ):
                expected.add(tile.tile_id)
        assert set(sequence.semi_positives) == expected
        labelled = {*sequence.positives, *sequence.semi_positives}
        assert {o.tile_id for o in sequence.offsets} == labelled
        for offset in sequence.offsets:
            tile = tiles[offset.tile_id]
            there = HOME.to_metres(tile.lat, tile.lon)
            here = HOME.to_metres(sequence.lat, sequence.lon)
            assert offset.east_m == pytest.approx(float(there[0] - here[0]), abs=0.01)
            assert offset.north_m == pytest.approx(float(there[1] - here[1]), abs=0.01)


def test_a_limit_keeps_far_semi_positives_out():
    sequences, frames = drive()
    found = pair(sequences, frames, Plain(), PairingRule(semi_max_m=25.0))
    for sequence in found.sequences:
        assert 1 <= len(sequence.semi_positives) <= 2


@pytest.mark.parametrize("shape", ["square", "disc"])
def test_random_offsets_fill_their_shape_evenly(shape):
    sequences, frames = drive(600, length=1)
    rule = PairingRule(jitter_m=10.0, jitter_shape=shape, seed=4)
    found = pair(sequences, frames, Plain(), rule)
    own = [
        next(o for o in s.offsets if o.tile_id in s.positives) for s in found.sequences
    ]
    moves = np.array([(o.east_m, o.north_m) for o in own])
    away = np.hypot(*moves.T)
    assert np.abs(moves).max() <= 10.0 + 1e-6
    assert np.abs(moves.mean(axis=0)).max() < 0.9
    if shape == "disc":
        assert away.max() <= 10.0 + 1e-6
        assert np.mean(away < 5.0) == pytest.approx(0.25, abs=0.06)
    else:
        assert away.max() > 10.0
        assert np.mean(np.abs(moves) < 5.0) == pytest.approx(0.5, abs=0.06)


def test_a_random_offset_depends_on_id_and_seed_alone():
    sequences, frames = drive()
    rule = PairingRule(jitter_m=5.0)
    whole = {t.tile_id: t for t in pair(sequences, frames, Plain(), rule).tiles}
    part = pair(sequences[7:3:-1], frames, Plain(), rule).tiles
    assert all(whole[t.tile_id] == t for t in part)
    other = pair(sequences, frames, Plain(), replace(rule, seed=1)).tiles
    assert all(whole[t.tile_id].lat != t.lat for t in other)


def test_a_frame_outside_the_tile_rejects_the_sequence_with_numbers():
    sequences, frames = drive(3, length=11)
    found = pair(sequences, frames, Plain(), PairingRule(margin_m=2.0))
    assert found.sequences == found.tiles == []
    assert {r.reason for r in found.rejected} == {"frame-outside-tile"}
    assert found.rejected[0].measured == pytest.approx(5 * 8.05, abs=0.01)
    assert found.rejected[0].limit == 38.0


def test_imagery_that_does_not_cover_rejects_the_sequence():
    sequences, frames = drive()
    found = pair(sequences, frames, Plain(from_east_m=200.0), PairingRule())
    assert 0 < len(found.rejected) < 20
    assert len(found.sequences) + len(found.rejected) == 20
    assert {r.item for r in found.rejected}.isdisjoint(
        s.sequence_id for s in found.sequences
    )
    assert {(r.stage, r.reason) for r in found.rejected} == {
        ("pairing", "imagery-does-not-cover")
    }
    # No label names a tile that does not exist.
    named = {o.tile_id for s in found.sequences for o in s.offsets}
    assert named == {t.tile_id for t in found.tiles}


def test_a_query_of_one_frame_is_paired_like_any_other():
    sequences, frames = drive(5, length=1, stride=1)
    for centre in ("middle-frame", "path-midpoint"):
        found = pair(sequences, frames, Plain(), PairingRule(centre=centre))
        assert len(found.sequences) == 5


def test_the_path_midpoint_is_half_way_along_the_frames():
    sequences, frames = drive(1, length=4)
    found = pair(sequences, frames, Plain(), PairingRule(centre="path-midpoint"))
    east, _ = HOME.to_metres(found.tiles[0].lat, found.tiles[0].lon)
    assert float(east) == pytest.approx(1.5 * 8.05, abs=0.01)


def test_coarse_imagery_is_warned_of():
    sequences, frames = drive(2)
    coarse = pair(sequences, frames, Plain(gsd=4.96), PairingRule())
    assert coarse.native_m_per_px == 4.96
    assert "4.96 m per pixel here, coarser than the tiles' 0.50 m" in coarse.warnings[0]
    assert pair(sequences, frames, Plain(), PairingRule()).warnings == ()


def test_a_rule_that_cannot_hold_its_query_is_refused():
    with pytest.raises(UsageError, match="must fit into half the side"):
        PairingRule(side_m=20.0, jitter_m=9.0, margin_m=2.0)


def test_a_frame_that_is_not_given_is_named():
    sequences, frames = drive(2)
    del frames["f0003"]
    with pytest.raises(UsageError, match="'f0003'"):
        pair(sequences, frames, Plain(), PairingRule())


def test_no_sequence_gives_no_tile():
    assert pair([], {}, Plain(), PairingRule()).tiles == []


def test_thinned_centres_keep_their_distance_and_leave_no_room():
    sequences, frames = drive(80)
    found = pair(sequences, frames, Plain(), PairingRule(jitter_m=5.0))
    kept = thin(found.tiles, found.sequences, min_distance_m=70.0)
    tiles = {t.tile_id: t for t in found.tiles}
    for a, b in combinations(kept, 2):
        assert distance_m(tiles[a].lat, tiles[a].lon, tiles[b].lat, tiles[b].lon) >= 70
    for tile in found.tiles:
        near = [
            distance_m(tile.lat, tile.lon, tiles[k].lat, tiles[k].lon) for k in kept
        ]
        assert min(near) < 70
    assert kept == thin(found.tiles[::-1], found.sequences[::-1], min_distance_m=70.0)
    assert thin(found.tiles, found.sequences, min_distance_m=0.0) == sorted(tiles)


def listed(*places, side_m=100.0):
    tiles = []
    for i, (east, north) in enumerate(places):
        lat, lon = (float(v) for v in HOME.to_degrees(east, north))
        tiles.append(
            Tile(
                tile_id=f"l{i}",
                lat=lat,
                lon=lon,
                footprint=footprint(lat, lon, side_m=side_m),
                m_per_px=0.5,
                width_px=200,
                height_px=200,
            )
        )
    return tiles


def test_listed_pictures_are_positives_as_they_are(tmp_path):
    sequences, frames = drive(4)
    tiles = listed((20.0, 10.0), (30.0, 0.0), (5000.0, 0.0))
    about = About(licence="CC0-1.0")
    imagery = TileList(tmp_path / "t.json", about, tiles=tuple(tiles), rejected=())
    found = pair(sequences, frames, imagery, PairingRule())
    by_id = {s.sequence_id: s for s in found.sequences}
    assert by_id["q0000"].positives == ("l1",)  # 24.15 m east: 5.85 against 10.8
    assert by_id["q0000"].semi_positives == ("l0",)
    assert [t.tile_id for t in found.tiles] == ["l0", "l1", "l2"]
    assert {r.reason for r in found.rejected} <= {
        "frame-outside-tile",
        "no-listed-tile",
    }
    assert len(found.sequences) + len(found.rejected) == 4


def test_a_query_far_from_every_listed_picture_says_how_far(tmp_path):
    sequences, frames = drive(1)
    about = About(licence="CC0-1.0")
    tiles = tuple(listed((400.0, 0.0)))
    imagery = TileList(tmp_path / "t.json", about, tiles=tiles, rejected=())
    (rejection,) = pair(sequences, frames, imagery, PairingRule()).rejected
    assert rejection.reason == "no-listed-tile"
    assert rejection.measured == pytest.approx(400 - 24.15, abs=0.1)


def headed(sequences, frames, heading):
    return {i: replace(f, heading_deg=heading) for i, f in frames.items()}


@pytest.mark.parametrize(
    ("along", "east", "north"), [("heading", 0.0, 15.0), ("course", 15.0, 0.0)]
)
def test_a_centre_ahead_lies_where_the_camera_looks_or_the_path_goes(
    along, east, north
):
    sequences, frames = drive(4)
    rule = PairingRule(ahead_m=15.0, ahead_along=along, frames_may_leave=True)
    found = pair(sequences, headed(sequences, frames, 0.0), Plain(), rule)
    for sequence in found.sequences:
        own = next(o for o in sequence.offsets if o.tile_id in sequence.positives)
        assert own.east_m == pytest.approx(east, abs=1e-3)
        assert own.north_m == pytest.approx(north, abs=1e-3)


def test_without_a_heading_or_a_course_nothing_is_ahead():
    sequences, frames = drive(4)
    found = pair(sequences, frames, Plain(), PairingRule(ahead_m=10.0))
    assert {r.reason for r in found.rejected} == {"no-heading"}
    singles, frames = drive(4, length=1)
    rule = PairingRule(ahead_m=10.0, ahead_along="course")
    found = pair(singles, frames, Plain(), rule)
    assert {r.reason for r in found.rejected} == {"no-course"}
    assert len(found.rejected) == 4


def test_frames_that_may_leave_do_not_reject_their_sequence():
    sequences, frames = drive(3, length=11)
    found = pair(sequences, frames, Plain(), PairingRule(frames_may_leave=True))
    assert len(found.sequences) == 3


def test_a_shift_ahead_that_leaves_no_room_is_refused():
    with pytest.raises(UsageError, match="must fit into half the side"):
        PairingRule(side_m=80.0, ahead_m=35.0, jitter_m=4.0)

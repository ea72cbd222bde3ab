import json
from itertools import combinations, product

import numpy as np
import pytest
import shapely

from dataset_tools.errors import MissingDataError, UnreadableError, UsageError
from dataset_tools.geodesy import LocalFrame, distance_m
from dataset_tools.imagery.tile_list import footprint
from dataset_tools.records import Frame, Sequence, Tile
from dataset_tools.splits import by_area, by_polygons, single_split

HOME = LocalFrame(44.5, -72.6)
SIDE_M = 80.0


def degrees(east, north):
    lat, lon = HOME.to_degrees(east, north)
    return float(lat), float(lon)


def make_tile(tile_id, east, north):
    lat, lon = degrees(east, north)
    return Tile(
        tile_id=tile_id,
        lat=lat,
        lon=lon,
        footprint=footprint(lat, lon, side_m=SIDE_M),
        m_per_px=0.5,
        width_px=160,
        height_px=160,
    )


def street(count, *, step_m=24.0, north=0.0, name="a"):
    """Sequences of three frames along an eastward street, neighbours sharing one."""
    frames, sequences, tiles = {}, [], []
    for i in range(2 * count + 1):
        lat, lon = degrees(i * step_m / 2, north)
        frame = Frame(
            frame_id=f"{name}{i:04}", session_id=name, order=i, lat=lat, lon=lon
        )
        frames[frame.frame_id] = frame
    ids = sorted(frames)
    for k in range(count):
        middle = frames[ids[2 * k + 1]]
        tiles.append(
            make_tile(f"t-{name}{k:04}", (2 * k + 1) * step_m / 2 + 3, north + 2)
        )
        sequences.append(
            Sequence(
                sequence_id=f"s-{name}{k:04}",
                region="r",
                frame_ids=tuple(ids[2 * k : 2 * k + 3]),
                lat=middle.lat,
                lon=middle.lon,
                length_m=step_m,
                positives=(tiles[-1].tile_id,),
            )
        )
    return sequences, frames, tiles


def town(blocks=6, spacing_m=400.0):
    sequences, frames, tiles = [], {}, []
    for row in range(blocks):
        s, f, t = street(100, north=row * spacing_m, name=f"row{row}-")
        sequences += s
        frames |= f
        tiles += t
    for i, j in product(range(24), range(20)):
        tiles.append(make_tile(f"grid{i:02}{j:02}", 100.0 * i, 100.0 * j + 50))
    return sequences, frames, tiles


def polygon(split, west, south, east, north):
    corners = [
        (west, south),
        (east, south),
        (east, north),
        (west, north),
        (west, south),
    ]
    ring = [degrees(*c)[::-1] for c in corners]
    geometry = {"type": "Polygon", "coordinates": [ring]}
    return {"type": "Feature", "properties": {"split": split}, "geometry": geometry}


def write(path, *features):
    path.write_text(
        json.dumps({"type": "FeatureCollection", "features": list(features)})
    )
    return path


def ids(outcome, split, kind):
    return [r[3] for r in outcome.rows if r[1:3] == (split, kind)]


def check_guarantees(outcome, data, *, buffer_m):
    """No shared frame, no overlapping tiles, every two splits a buffer apart."""
    sequences = {s.sequence_id: s for s in data[0]}
    frames, tiles = data[1], {t.tile_id: t for t in data[2]}
    kept = [s for s in ("train", "val", "test") if ids(outcome, s, "sequence")]
    found = [r[3] for r in outcome.rows if r[2] == "sequence"]
    assert sorted(found) == sorted(sequences)
    dropped = ids(outcome, "dropped", "sequence")
    assert sorted(r.item for r in outcome.rejected) == sorted(dropped)
    used, ground, places = {}, {}, {}
    for split in kept:
        mine = [sequences[i] for i in ids(outcome, split, "sequence")]
        used[split] = {f for s in mine for f in s.frame_ids}
        shown = [tiles[i] for i in ids(outcome, split, "tile-open")]
        assert set(ids(outcome, split, "tile")) == {
            p for s in mine for p in s.positives
        }
        assert set(ids(outcome, split, "tile")) <= {t.tile_id for t in shown}
        assert set(ids(outcome, split, "tile-thinned")) <= set(
            ids(outcome, split, "tile")
        )
        flat = [
            shapely.Polygon(
                np.column_stack(HOME.to_metres(*np.array(t.footprint).T[::-1]))
            )
            for t in shown
        ]
        points = [
            shapely.Point(*HOME.to_metres(frames[f].lat, frames[f].lon))
            for f in sorted(used[split])
        ]
        places[split] = shapely.union_all([*flat, *points])
        ground[split] = shapely.union_all(flat)
    for one, other in combinations(kept, 2):
        assert not used[one] & used[other]
        assert ground[one].intersection(ground[other]).area == 0
        # 1 mm for the plane of the test, which lies around another point.
        assert places[one].distance(places[other]) >= buffer_m - 1e-3


@pytest.mark.parametrize("buffer_m", [0.0, 30.0, 200.0])
@pytest.mark.parametrize("gap_m", [0.0, 50.0, 300.0])
def test_polygons_that_touch_or_not_keep_splits_a_buffer_apart(
    tmp_path, buffer_m, gap_m
):
    data = town(3)
    areas = write(
        tmp_path / "areas.geojson",
        polygon("train", -500, -500, 1000, 3000),
        polygon("val", 1000 + gap_m, -500, 1700, 3000),
        polygon("test", 1700 + gap_m, -500, 5000, 3000),
    )
    outcome = by_polygons(*data, areas, buffer_m=buffer_m, tile_side_m=SIDE_M)
    check_guarantees(outcome, data, buffer_m=buffer_m)
    assert ids(outcome, "train", "sequence")
    assert ids(outcome, "test", "sequence")


@pytest.mark.parametrize("seed", range(6))
def test_grown_areas_keep_the_guarantees_for_any_seed(seed):
    data = town()
    outcome = by_area(*data, cell_m=400.0, buffer_m=100.0, seed=seed)
    check_guarantees(outcome, data, buffer_m=100.0)
    kept = {s: len(ids(outcome, s, "sequence")) for s in ("train", "val", "test")}
    assert all(kept.values())
    assert kept["train"] > kept["test"] > 0


def test_without_a_buffer_areas_hold_about_the_wanted_shares():
    data = town()
    outcome = by_area(*data, cell_m=200.0, buffer_m=0.0, seed=1)
    share = len(ids(outcome, "test", "sequence")) / len(data[0])
    assert 0.12 < share < 0.25


def test_the_same_seed_gives_the_same_rows_in_any_order():
    sequences, frames, tiles = town(3)
    settings = {"cell_m": 200.0, "buffer_m": 50.0, "seed": 3}
    first = by_area(sequences, frames, tiles, **settings)
    assert by_area(sequences[::-1], frames, tiles[::-1], **settings) == first
    assert first.rows == sorted(first.rows)


def test_both_directions_of_a_road_fall_on_one_side(tmp_path):
    there, back = street(60, name="there"), street(60, north=4.0, name="back")
    data = (there[0] + back[0], there[1] | back[1], there[2] + back[2])
    outcome = by_area(*data, cell_m=300.0, buffer_m=60.0, seed=0)
    for k in range(60):
        splits = {
            r[1] for r in outcome.rows if r[3] in (f"s-there{k:04}", f"s-back{k:04}")
        }
        assert len(splits - {"dropped"}) <= 1
    check_guarantees(outcome, data, buffer_m=60.0)


def test_every_dropped_sequence_says_why(tmp_path):
    data = street(100)
    areas = write(
        tmp_path / "areas.geojson",
        polygon("train", -500, -500, 1000, 500),
        polygon("test", 1000, -500, 2000, 500),
    )
    outcome = by_polygons(*data, areas, buffer_m=200.0, tile_side_m=SIDE_M)
    reasons = {r.reason for r in outcome.rejected}
    assert reasons == {"in-buffer", "across-border", "outside-areas"}
    test = [s for s in data[0] if s.sequence_id in ids(outcome, "test", "sequence")]
    # The test area gives way to nobody: its first query is one half tile inside.
    assert min(HOME.to_metres(s.lat, s.lon)[0] for s in test) < 1070


def test_a_thinned_gallery_keeps_its_centres_apart():
    data = street(40)
    outcome = single_split(*data, split="val")
    tiles = {t.tile_id: t for t in data[2]}
    thinned = [tiles[i] for i in ids(outcome, "val", "tile-thinned")]
    assert 10 < len(thinned) < 40
    for a, b in combinations(thinned, 2):
        assert distance_m(a.lat, a.lon, b.lat, b.lon) >= 70.0


def test_one_split_takes_everything_and_other_tiles_only_in_the_open_gallery():
    sequences, frames, tiles = street(5)
    extra = make_tile("grid", 500, 500)
    outcome = single_split(sequences, frames, [*tiles, extra])
    assert len(ids(outcome, "test", "sequence")) == 5
    assert "grid" not in ids(outcome, "test", "tile")
    assert "grid" in ids(outcome, "test", "tile-open")
    assert outcome.rejected == []


def test_a_drive_too_small_for_its_cells_is_refused():
    with pytest.raises(UsageError, match="No sequence is left for '"):
        by_area(*street(5), cell_m=5000.0, buffer_m=0.0, seed=0)


@pytest.mark.parametrize(
    "shares", [{"train": 0.5}, {"tset": 1.0}, {"train": -1, "test": 2}]
)
def test_shares_that_make_no_sense_are_refused(shares):
    with pytest.raises(UsageError, match=r"add up to 1|Did you mean 'test'"):
        by_area(*street(5), cell_m=100.0, buffer_m=0.0, seed=0, shares=shares)


def test_overlapping_areas_are_refused(tmp_path):
    areas = write(
        tmp_path / "a.geojson",
        polygon("train", 0, 0, 100, 100),
        polygon("test", 50, 0, 200, 100),
    )
    with pytest.raises(UsageError, match="test and train overlap by 5000 m2"):
        by_polygons(*street(3), areas, buffer_m=0.0, tile_side_m=SIDE_M)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("{", "cannot be read as GeoJSON"),
        ('{"features": []}', "holds no features"),
        ('{"features": [{"properties": {"split": "exam"}}]}', "expected train, val or"),
        ('{"features": [{"properties": {"split": "val"}}]}', "geometry of feature 0"),
    ],
)
def test_broken_areas_are_one_clear_sentence(tmp_path, text, match):
    path = tmp_path / "a.geojson"
    path.write_text(text)
    with pytest.raises(UnreadableError, match=match):
        by_polygons(*street(3), path, buffer_m=0.0, tile_side_m=SIDE_M)


def test_missing_areas_are_named(tmp_path):
    with pytest.raises(MissingDataError, match=r"no file of areas .*none\.geojson"):
        by_polygons(
            *street(3), tmp_path / "none.geojson", buffer_m=0.0, tile_side_m=80.0
        )


def test_a_frame_that_is_not_given_is_named():
    sequences, frames, tiles = street(3)
    del frames["a0002"]
    with pytest.raises(UsageError, match="'a0002'"):
        single_split(sequences, frames, tiles)


def test_a_query_of_one_frame_is_split_like_any_other():
    _, frames, tiles = street(3)
    single = [
        Sequence(
            sequence_id="one",
            region="r",
            frame_ids=("a0001",),
            lat=frames["a0001"].lat,
            lon=frames["a0001"].lon,
            length_m=0.0,
            positives=(tiles[0].tile_id,),
        )
    ]
    assert ids(single_split(single, frames, tiles), "test", "sequence") == ["one"]

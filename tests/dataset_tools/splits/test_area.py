import json
from itertools import combinations

import pytest
from made_town import (
    HOME,
    SIDE_M,
    check_guarantees,
    degrees,
    ids,
    make_tile,
    street,
    town,
)

from dataset_tools.errors import MissingDataError, UnreadableError, UsageError
from dataset_tools.geodesy import distance_m
from dataset_tools.records import Sequence
from dataset_tools.splits import by_area, by_polygons, single_split


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
    assert "no sequence to validate on" in outcome.warnings[0]
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

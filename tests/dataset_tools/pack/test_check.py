import json
import math
from dataclasses import replace

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from made_pack import contents, make, picture, tile

from dataset_tools.errors import MissingDataError
from dataset_tools.geodesy import offset_m
from dataset_tools.pack import write
from dataset_tools.pack.card import write_card
from dataset_tools.pack.check import check_pack, exit_code
from dataset_tools.pack.read import Pack
from dataset_tools.pack.records import contents_of
from dataset_tools.records import UNPLACED, Offset
from geobench.cli.check import command


def codes(path):
    return [f.code for f in check_pack(path)]


@pytest.fixture
def unguarded(monkeypatch):
    """Packs with faults that `write_pack` would refuse."""
    monkeypatch.setattr(write, "check_tables", lambda folder, leaks: [])


def test_a_good_pack_has_no_finding(tmp_path):
    path = make(tmp_path)
    assert check_pack(path, decode_pictures=True) == []


def test_what_is_no_pack_is_missing_data(tmp_path):
    with pytest.raises(MissingDataError, match=r"pack\.json"):
        check_pack(tmp_path)


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("frame_ids", ("s0/000", "nowhere"), "missing-frame"),
        ("positives", ("nowhere",), "missing-tile"),
        ("semi_positives", ("nowhere",), "missing-tile"),
        ("lat", 91.0, "position"),
        ("offsets", (Offset(tile_id="t/near", east_m=9.0, north_m=0.0),), "offset"),
    ],
)
def test_a_broken_sequence_is_an_error(tmp_path, unguarded, field, value, code):
    given = contents()
    broken = replace(given.sequences[0], **{field: value})
    if field == "frame_ids":
        # The writer itself needs the frames of a line, so the table is changed.
        path = make(tmp_path)
        table = pq.read_table(path / "sequences.parquet")
        lists = [[*ids, "nowhere"] for ids in table["frame_ids"].to_pylist()]
        at = table.schema.get_field_index("frame_ids")
        table = table.set_column(at, "frame_ids", [lists])
        pq.write_table(table, path / "sequences.parquet")
    else:
        path = make(tmp_path, sequences=[broken, *given.sequences[1:]])
    assert code in codes(path)
    assert exit_code(check_pack(path)) == 4


def test_split_rows_must_name_what_is_there(tmp_path, unguarded):
    rows = [
        *contents().split_rows,
        ("area", "val", "sequence", "ghost"),
        ("area", "val", "tile", "ghost"),
        ("area", "holdout", "tile", "t/grid"),
        ("area", "val", "sequence", "q/far"),
    ]
    found = set(codes(make(tmp_path, split_rows=rows)))
    assert found >= {
        "split-missing-sequence",
        "split-missing-tile",
        "split-name",
        "two-splits",
    }


def test_a_gallery_without_the_right_answer_is_an_error(tmp_path, unguarded):
    rows = [r for r in contents().split_rows if r[2:] != ("tile-open", "t/far")]
    assert codes(make(tmp_path, split_rows=rows)) == ["gallery"]


def test_a_frame_in_two_splits_is_a_warning(tmp_path):
    rows = [r for r in contents().split_rows if r[3] != "q/one"]
    rows += [
        ("area", "val", "sequence", "q/one"),
        ("area", "val", "tile", "t/near"),
    ]
    findings = check_pack(make(tmp_path, split_rows=rows))
    assert [f.code for f in findings] == ["overlapping-tiles", "shared-frame"]
    assert exit_code(findings) == 1


def test_frames_shared_with_dropped_sequences_are_no_leak(tmp_path):
    rows = [r for r in contents().split_rows if r[3] != "q/one"]
    rows.append(("area", "dropped", "sequence", "q/one"))
    assert codes(make(tmp_path, split_rows=rows)) == []


def test_tiles_that_share_ground_across_splits_are_named(tmp_path):
    tiles = [*contents().tiles, tile("t/spy", 90, 3), tile("t/beside", 16, 83)]
    rows = [
        *contents().split_rows,
        ("area", "test", "tile-open", "t/spy"),
        ("area", "test", "tile-open", "t/beside"),
    ]
    (finding,) = check_pack(make(tmp_path, tiles=tiles, split_rows=rows))
    assert finding.code == "overlapping-tiles"
    assert finding.count == 1
    assert "t/spy" in finding.examples[0]


def test_a_damaged_picture_and_the_hash_are_both_named(tmp_path):
    import h5py

    path = make(tmp_path)
    with h5py.File(path / "images-00001.h5", "r+") as file:
        file["bytes"][30] ^= 1
    findings = check_pack(path)
    assert [f.code for f in findings] == ["hash", "picture"]
    assert "t/far" in findings[1].message


def test_a_missing_column_and_a_missing_table_are_errors(tmp_path):
    import pyarrow.parquet as pq

    path = make(tmp_path)
    table = pq.read_table(path / "frames.parquet").drop_columns("heading_deg")
    pq.write_table(table, path / "frames.parquet")
    (path / "splits.parquet").unlink()
    found = {f.code: f for f in check_pack(path)}
    assert "no column 'heading_deg'" in found["schema"].message
    assert found["missing-file"].examples == ("splits.parquet",)


def test_an_absolute_path_in_the_record_is_a_warning(tmp_path):
    made_by = {"command": "x", "parameters": {"drive": "/home/me/drive"}}
    assert codes(make(tmp_path, made_by=made_by)) == ["absolute-path"]


def test_the_command_prints_json_and_exits_with_the_worst(tmp_path):
    path = make(tmp_path)
    good = CliRunner().invoke(command, [str(path), "--json"])
    assert good.exit_code == 0
    assert json.loads(good.output)["findings"] == []
    (path / "images-00000.h5").unlink()
    bad = CliRunner().invoke(command, [str(path)])
    assert bad.exit_code == 4
    assert "images-00000.h5" in bad.output
    assert picture("frame", "s0/000")


def test_a_pack_of_unknown_positions_is_sound_and_says_so(tmp_path):
    given = contents()
    nan = float("nan")
    unplaced = {"lat": nan, "lon": nan}
    path = make(
        tmp_path,
        frames=[replace(f, **unplaced) for f in given.frames],
        tiles=[
            replace(t, **unplaced, m_per_px=nan, footprint=UNPLACED)
            for t in given.tiles
        ],
        sequences=[replace(s, **unplaced, offsets=()) for s in given.sequences],
    )
    findings = check_pack(path, decode_pictures=True)
    assert {f.code for f in findings} == {"no-position"}
    assert exit_code(findings) == 0
    for name in ("frames", "tiles", "sequences"):
        table = pq.read_table(path / f"{name}.parquet")
        assert table["lat"].null_count == table["geometry"].null_count == len(table)
    assert "no frame and no tile of known position" in write_card(path).read_text()
    with Pack.open(path) as pack:
        again = contents_of(pack, made_by={})
    assert len(again.tiles) == 3
    assert all(math.isnan(v) for t in again.tiles for c in t.footprint for v in c)


def test_half_a_position_is_an_error(tmp_path, unguarded):
    given = contents()
    half = replace(given.sequences[0], lat=float("nan"))
    assert "position" in codes(make(tmp_path, sequences=[half, *given.sequences[1:]]))


def test_an_offset_may_be_measured_on_a_grid_a_degree_off_but_no_farther(
    tmp_path, unguarded
):
    """300 m at 1 degree are 5.2 m apart, at 3 degrees 15.7 m; 6.5 m are allowed."""
    given = contents()
    near = given.sequences[0]
    place = {t.tile_id: t for t in given.tiles}["t/grid"]
    east, north = map(float, offset_m(near.lat, near.lon, place.lat, place.lon))
    length = math.hypot(east, north)

    def turned(degrees):
        angle = math.atan2(east, north) + math.radians(degrees)
        return Offset(
            tile_id="t/grid",
            east_m=length * math.sin(angle),
            north_m=length * math.cos(angle),
        )

    for number, (degrees, wrong) in enumerate([(1.0, False), (3.0, True)]):
        changed = replace(
            near, offsets=(*near.offsets, turned(degrees)), semi_positives=("t/grid",)
        )
        folder = tmp_path / str(number)
        path = make(folder, sequences=[changed, *given.sequences[1:]])
        assert ("offset" in codes(path)) is wrong

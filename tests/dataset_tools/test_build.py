import json
import math
from dataclasses import asdict

import pytest
from click.testing import CliRunner
from drive_made import LAT, LON, START, write_drive, write_ortho, write_picture
from PIL import Image
from pydantic import ValidationError

from dataset_tools.build import BuildSettings, build_pack
from dataset_tools.build_views import pairing_rule
from dataset_tools.errors import MissingDataError, UnreadableError, UsageError
from dataset_tools.geodesy import LocalFrame
from dataset_tools.pack.check import check_pack
from dataset_tools.pack.read import Pack
from dataset_tools.pictures import decode
from geobench.cli.build import command

PLACE = LocalFrame(LAT, LON)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    write_drive(folder / "drive", count=20)
    write_ortho(folder / "ortho.tif", px=2.0)
    return folder


def settings(made, out, **changes):
    values = {
        "drive": made / "drive",
        "imagery": (made / "ortho.tif",),
        "licence": "CC0-1.0",
        "out": out / "a.pack",
        "m_per_px": 2.0,
    }
    return BuildSettings(**(values | changes))


def polygon(split, west, east):
    corners = [(west, -300), (east, -300), (east, 300), (west, 300), (west, -300)]
    lat, lon = PLACE.to_degrees([c[0] for c in corners], [c[1] for c in corners])
    ring = [[float(x), float(y)] for x, y in zip(lon, lat, strict=True)]
    return {
        "type": "Feature",
        "properties": {"split": split, "stratum": split},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }


def write_polygons(path, *features):
    content = {"type": "FeatureCollection", "features": list(features)}
    path.write_text(json.dumps(content))
    return path


def test_a_drive_and_an_orthophoto_become_a_sound_pack(made, tmp_path):
    report = build_pack(settings(made, tmp_path))
    assert check_pack(report.path, decode_pictures=True) == []
    with Pack.open(report.path) as pack:
        assert len(pack.sequences) == 5
        assert pack.picture("tile", pack.tiles.index[0]).shape == (40, 40, 3)
        assert pack.tiles["captured"].iloc[0].isoformat() == "2023-05-31"
        assert pack.split_ids("area", "test", "sequence") == list(pack.sequences.index)
        assert pack.meta["made_by"]["rules"]["pairing"]["centre"] == "middle-frame"


def test_every_stage_adds_up_and_the_pack_says_the_same(made, tmp_path):
    report = build_pack(settings(made, tmp_path))
    for stage in report.stages:
        assert stage.given == stage.kept + sum(stage.rejected.values())
    meta = Pack.open(report.path).meta
    assert meta["rejections"] == {s.stage: s.rejected for s in report.stages}
    by_name = {s.stage: s for s in report.stages}
    assert by_name["pictures"].given == 20
    assert by_name["sequences"].kept == meta["counts"]["frames"]


@pytest.mark.parametrize(
    ("changes", "private", "told"),
    [
        ({}, False, 0),
        ({"private": True}, True, 0),
        ({"licence": "For our use, no redistribution"}, True, 1),
    ],
)
def test_a_pack_that_may_not_be_passed_on_is_marked(
    made, tmp_path, changes, private, told
):
    report = build_pack(settings(made, tmp_path, **changes))
    assert bool(Pack.open(report.path).meta.get("private")) is private
    assert sum("marked as private" in w for w in report.warnings) == told


def test_the_same_input_gives_the_same_bytes(made, tmp_path):
    (tmp_path / "b").mkdir()
    first = build_pack(settings(made, tmp_path, jitter_m=5.0)).path
    second = build_pack(settings(made, tmp_path / "b", jitter_m=5.0)).path
    for path in sorted(first.iterdir()):
        assert path.read_bytes() == (second / path.name).read_bytes(), path.name


def test_pixels_pass_through_and_metadata_do_not(made, tmp_path):
    report = build_pack(settings(made, tmp_path))
    source = (made / "drive" / "s" / "0000.jpg").read_bytes()
    with Pack.open(report.path) as pack:
        stored = pack.picture_bytes("frame", "s/0000")
    assert b"Exif" in source
    assert b"Eve" in source
    assert b"Exif" not in stored
    assert b"Eve" not in stored
    # The compressed data behind the last header is the same, not encoded again.
    assert stored[stored.index(b"\xff\xda") :] == source[source.index(b"\xff\xda") :]
    assert (decode(stored) == decode(source)).all()


def test_bad_pictures_are_counted_and_the_others_kept(made, tmp_path):
    drive = write_drive(tmp_path / "drive", count=12)
    (drive / "s" / "0100.jpg").write_bytes(b"not a picture")
    write_picture(drive / "s" / "0101.jpg", second=101)
    write_picture(drive / "s" / "0102.jpg", lat=0.0, lon=0.0, second=102)
    report = build_pack(settings(made, tmp_path, drive=drive))
    rejected = {k: v for s in report.stages for k, v in s.rejected.items()}
    assert rejected["unreadable-picture"] == 1
    assert rejected["no-gps"] == 1
    assert sum(s.rejected.get("null-island", 0) for s in report.stages) == 1
    assert report.counts["sequences"] == 2


def test_a_drive_without_imagery_below_it_says_so_and_leaves_nothing(made, tmp_path):
    drive = write_drive(tmp_path / "drive", count=10, north_m=5000.0)
    with pytest.raises(UnreadableError, match="imagery-does-not-cover"):
        build_pack(settings(made, tmp_path, drive=drive))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["drive"]


def test_imagery_elsewhere_says_how_far_and_what_to_look_at(made, tmp_path):
    words = settings(made, tmp_path)
    far = write_ortho(tmp_path / "far.tif", west_m=50_000, east_m=50_200)
    with pytest.raises(
        UnreadableError, match=r"49\.\d km away at 44\.5.*--imagery-crs"
    ):
        build_pack(words.model_copy(update={"imagery": (far,)}))


def test_a_list_with_latitude_and_longitude_swapped_is_told(made, tmp_path):
    Image.new("RGB", (40, 40)).save(tmp_path / "a.png")
    entry = {"file": "a.png", "lat": LON, "lon": LAT, "side_m": 80}
    (tmp_path / "tiles.json").write_text(json.dumps([entry]))
    given = settings(made, tmp_path, imagery=(tmp_path / "tiles.json",))
    with pytest.raises(UnreadableError, match="look swapped"):
        build_pack(given)


def test_a_drive_without_any_position_says_so(made, tmp_path):
    write_picture(tmp_path / "drive" / "a.jpg")
    with pytest.raises(UnreadableError, match="pictures kept 0 of 1"):
        build_pack(settings(made, tmp_path, drive=tmp_path / "drive"))


def test_an_existing_pack_is_refused_before_any_work(made, tmp_path):
    build_pack(settings(made, tmp_path))
    with pytest.raises(UsageError, match="--overwrite"):
        build_pack(settings(made, tmp_path, drive=tmp_path / "gone"))
    build_pack(settings(made, tmp_path, overwrite=True, name="second"))
    assert Pack.open(tmp_path / "a.pack").name == "second"


def test_what_is_missing_is_named(made, tmp_path):
    with pytest.raises(UsageError, match="--drive"):
        build_pack(settings(made, tmp_path, drive=None))
    with pytest.raises(MissingDataError, match=r"gone\.tif"):
        build_pack(settings(made, tmp_path, imagery=(tmp_path / "gone.tif",)))
    with pytest.raises(UsageError, match="--areas"):
        build_pack(settings(made, tmp_path, split_scheme="polygons"))


def test_settings_refuse_unknown_keys_and_impossible_values(made, tmp_path):
    for change in (
        {"tile_metres": 80},
        {"tile_m": 0},
        {"imagery": ()},
        {"licence": ""},
    ):
        with pytest.raises(ValidationError):
            settings(made, tmp_path, **change)


def test_areas_split_with_a_buffer_and_strata_are_noted(made, tmp_path):
    drive = write_drive(tmp_path / "drive", count=50)
    areas = write_polygons(
        tmp_path / "areas.geojson",
        polygon("train", -200, 160),
        polygon("test", 160, 700),
    )
    report = build_pack(
        settings(
            made,
            tmp_path,
            drive=drive,
            areas=areas,
            strata=areas,
            split_scheme="polygons",
            buffer_m=40.0,
        )
    )
    assert check_pack(report.path) == []
    pack = Pack.open(report.path)
    names = {
        s: pack.split_ids("area", s, "sequence") for s in ("train", "test", "dropped")
    }
    assert all(names.values())
    assert sum(map(len, names.values())) == len(pack.sequences)
    assert set(pack.sequences["stratum"]) == {"train", "test"}
    thinned = pack.split_ids("area", "train", "tile-thinned")
    assert 0 < len(thinned) < len(pack.split_ids("area", "train", "tile"))


def test_distractors_fill_the_open_galleries_alone(made, tmp_path):
    report = build_pack(settings(made, tmp_path, distractors_per_tile=4))
    pack = Pack.open(report.path)
    closed = set(pack.split_ids("area", "test", "tile"))
    thinned = set(pack.split_ids("area", "test", "tile-thinned"))
    opened = set(pack.split_ids("area", "test", "tile-open"))
    assert len(opened - closed) == 4 * len(thinned)
    assert closed < opened
    both = set(pack.split_ids("area", "test", "tile-thinned-open"))
    assert both == thinned | (opened - closed)
    assert check_pack(report.path) == []


def test_pictures_without_a_position_are_placed_on_a_track(made, tmp_path):
    lines = ["time,lat,lon"]
    for i in range(10):
        write_picture(tmp_path / "drive" / f"{i}.jpg", second=i)
        lat, lon = PLACE.to_degrees(8.0 * i, 0.0)
        time = START.timestamp() + i
        lines.append(f"{time:.0f},{float(lat):.8f},{float(lon):.8f}")
    (tmp_path / "t.csv").write_text("\n".join(lines))
    report = build_pack(
        settings(made, tmp_path, drive=tmp_path / "drive", track=tmp_path / "t.csv")
    )
    frames = Pack.open(report.path).frames
    assert frames.loc["3", "lat"] == pytest.approx(LAT, abs=1e-6)
    assert [s.stage for s in report.stages][:4] == [
        "pictures",
        "track",
        "clean-track",
        "match",
    ]


def test_resampling_keeps_pictures_at_the_asked_spacing(made, tmp_path):
    dense = write_drive(tmp_path / "drive", count=60, step_m=2.5)
    report = build_pack(settings(made, tmp_path, drive=dense, resample_m=7.5))
    assert report.counts["sequences"] == 5
    assert check_pack(report.path) == []


def test_a_second_source_fills_what_the_first_does_not_cover(made, tmp_path):
    small = write_ortho(tmp_path / "small.tif", east_m=130, px=2.0)
    report = build_pack(settings(made, tmp_path, imagery=(small, made / "ortho.tif")))
    assert set(Pack.open(report.path).tiles["source"]) == {"small.tif", "ortho.tif"}


def test_imagery_coarser_than_the_tiles_is_warned_about(made, tmp_path):
    report = build_pack(settings(made, tmp_path, m_per_px=0.5))
    assert any("2.00 m per pixel" in text for text in report.warnings)


def test_pictures_of_a_tile_list_join_the_open_gallery(made, tmp_path):
    entries = []
    for i in range(3):
        lat, lon = PLACE.to_degrees(1000.0 + 100 * i, 0.0)
        (tmp_path / "list").mkdir(exist_ok=True)
        Image.new("RGB", (40, 40), (60 * i, 9, 9)).save(
            tmp_path / "list" / f"far{i}.png"
        )
        entries.append({"file": f"far{i}.png", "lat": float(lat), "lon": float(lon)})
    listing = tmp_path / "list" / "tiles.json"
    listing.write_text(json.dumps({"side_m": 80, "tiles": entries}))
    report = build_pack(settings(made, tmp_path, gallery=(listing,)))
    pack = Pack.open(report.path)
    extra = set(pack.split_ids("area", "test", "tile-open")) - set(
        pack.split_ids("area", "test", "tile")
    )
    assert len(extra) == 3
    colours = {tuple(map(int, pack.picture("tile", i)[0, 0])) for i in extra}
    assert len(colours) == 3
    assert check_pack(report.path) == []


def test_the_command_prints_a_table_or_json(made, tmp_path):
    words = [
        *("--drive", str(made / "drive"), "--imagery", str(made / "ortho.tif")),
        *("--licence", "CC0-1.0", "--m-per-px", "2", "--out"),
    ]
    text = CliRunner().invoke(command, [*words, str(tmp_path / "a.pack")])
    assert text.exit_code == 0, text.output
    assert "stride-remainder" in text.output
    assert "5 sequences" in text.output
    result = CliRunner().invoke(command, [*words, str(tmp_path / "b.pack"), "--json"])
    summary = json.loads(result.stdout)
    assert summary["counts"]["sequences"] == 5
    wrong = CliRunner().invoke(
        command, [*words, str(tmp_path / "c.pack"), "--tile-m", "0"]
    )
    assert wrong.exit_code == 2
    assert "--tile-m" in wrong.output


def test_a_grid_gallery_makes_a_sound_pack(made, tmp_path):
    given = settings(
        made, tmp_path, tile_layout="grid", frames_may_leave=True, grid_reach_m=100.0
    )
    report = build_pack(given)
    assert check_pack(report.path, decode_pictures=True) == []
    stages = {s.stage: s for s in report.stages}
    assert stages["grid"].kept == report.counts["tiles"] > 20
    with Pack.open(report.path) as pack:
        closed = pack.split_ids("area", "test", "tile")
        assert len(closed) < len(pack.split_ids("area", "test", "tile-open"))
        assert set(pack.split_ids("area", "test", "tile-open")) == set(pack.tiles.index)
        rule = pack.meta["made_by"]["rules"]["pairing"]
        assert (rule["layout"], rule["overlap"]) == ("grid", 0.5)


def test_a_grid_has_its_own_distractors(made, tmp_path):
    given = settings(
        made,
        tmp_path,
        tile_layout="grid",
        frames_may_leave=True,
        distractors_per_tile=2,
    )
    with pytest.raises(UsageError, match="--grid-reach-m"):
        build_pack(given)


def test_no_imagery_is_asked_for(tmp_path, made):
    words = ["--drive", str(made / "drive"), "--licence", "CC0-1.0", "--out", "x.pack"]
    wrong = CliRunner().invoke(command, words)
    assert wrong.exit_code == 2
    assert "Give imagery: --imagery PATH, or --imagery-sources FILE." in wrong.output


def test_every_part_of_the_pairing_rule_can_be_set(made, tmp_path):
    given = settings(
        made,
        tmp_path,
        centre="path-midpoint",
        ahead_m=3.0,
        ahead_along="course",
        jitter_m=2.0,
        jitter_shape="disc",
        grid_overlap=0.25,
        margin_m=1.0,
        frames_may_leave=True,
        semi_max_m=20.0,
        seed=5,
    )
    with Pack.open(build_pack(given).path) as pack:
        rule = pack.meta["made_by"]["rules"]["pairing"]
        assert rule == asdict(pairing_rule(given))
        assert rule["ahead_along"] == "course"
        away = [
            math.hypot(o["east_m"], o["north_m"])
            for s in pack.sequences.itertuples()
            for o in s.offsets
            if o["tile_id"] in s.positives
        ]
    # The middle of a straight path is its middle frame: 3 m ahead and 2 m of jitter.
    assert all(1.0 <= value <= 5.01 for value in away)


def test_a_build_of_several_sources_keeps_terms_and_dates_of_each(made, tmp_path):
    write_ortho(tmp_path / "west.tif", px=2.0, east_m=70)
    write_ortho(tmp_path / "east.tif", px=2.0, west_m=-10)
    (tmp_path / "sources.yaml").write_text(
        "sources:\n"
        "  - {path: west.tif, licence: CC0-1.0, captured: 2021-04-20, season: spring}\n"
        "  - {path: east.tif, licence: ODbL-1.0, attribution: The East}\n"
    )
    given = settings(
        made,
        tmp_path,
        imagery=(),
        imagery_sources=tmp_path / "sources.yaml",
        licence="CC-BY-4.0",
        attribution="Me",
    )
    report = build_pack(given)
    assert check_pack(report.path, decode_pictures=True) == []
    with Pack.open(report.path) as pack:
        terms = [(r["source"], r["licence"]) for r in pack.meta["licences"]]
        assert terms == [
            ("west.tif", "CC0-1.0"),
            ("east.tif", "ODbL-1.0"),
            ("drive", "CC-BY-4.0"),
        ]
        tiles = pack.tiles
        west = tiles[tiles["source"] == "west.tif"]
        east = tiles[tiles["source"] == "east.tif"]
        assert len(west) + len(east) == len(tiles)
        assert min(len(west), len(east)) > 0
        assert {d.isoformat() for d in west["captured"]} == {"2021-04-20"}
        assert set(west["season"]) == {"spring"}
        assert {d.isoformat() for d in east["captured"]} == {"2023-05-31"}
        assert set(east["licence"]) == {"ODbL-1.0"}
        kinds = [r["kind"] for r in pack.meta["made_by"]["rules"]["imagery"]]
        assert kinds == ["raster", "raster"]


def test_broken_files_of_imagery_are_a_stage_of_the_report(made, tmp_path):
    (tmp_path / "ortho").mkdir()
    write_ortho(tmp_path / "ortho" / "a.tif", px=2.0)
    (tmp_path / "ortho" / "b.tif").write_bytes(b"II*\x00 cut short")
    report = build_pack(settings(made, tmp_path, imagery=(tmp_path / "ortho",)))
    stage = next(s for s in report.stages if s.stage == "imagery")
    assert (stage.given, stage.kept) == (2, 1)
    assert stage.rejected == {"imagery-unreadable": 1}


def test_imagery_that_breaks_where_nothing_shows_it_is_one_sentence(made, tmp_path):
    path = write_ortho(tmp_path / "ortho.tif", px=2.0, compress="deflate")
    data = bytearray(path.read_bytes())
    data[4000:-4000] = bytes(len(data) - 8000)  # as long as before
    path.write_bytes(bytes(data))
    with pytest.raises(UnreadableError, match=r"cannot be cut now: imagery-unreadable"):
        build_pack(settings(made, tmp_path, imagery=(path,)))
    assert not (tmp_path / "a.pack").exists()

"""A drive and a track put together: by name, by distance, by time; whose word goes."""

import json
from dataclasses import fields, replace
from itertools import pairwise

import numpy as np
import pytest
from click.testing import CliRunner
from drive_made import LAT, LON, START, write_drive, write_ortho, write_picture

from dataset_tools.build import build_pack
from dataset_tools.build_settings import BuildSettings, DriveSettings
from dataset_tools.build_tracks import cleaning_limits, read_drive, reading_rules
from dataset_tools.errors import UsageError
from dataset_tools.geodesy import LocalFrame, offset_m
from dataset_tools.pack.read import Pack
from dataset_tools.settings.track import CleaningSettings, TrackSettings
from dataset_tools.stages import Stages
from dataset_tools.tracks.limits import CleaningLimits
from dataset_tools.tracks.precision import precision_warning
from dataset_tools.tracks.rules import PLAIN
from geobench.cli.main import main
from geobench.cli.sequences import command

PLACE = LocalFrame(LAT, LON)


def read(stages=None, **given):
    return read_drive(DriveSettings(**given), Stages() if stages is None else stages)


def east_m(frame):
    return float(offset_m(LAT, LON, frame.lat, frame.lon)[0])


def rows(count=30, *, step_m=8.0, header="time,lat,lon", cells="{t:.0f},{lat},{lon}"):
    lines = [header]
    for i in range(count):
        lat, lon = PLACE.to_degrees(step_m * i, 0.0)
        values = {"t": START.timestamp() + i, "i": i, "m": step_m * i}
        place = {"lat": f"{float(lat):.8f}", "lon": f"{float(lon):.8f}"}
        lines.append(cells.format(**values, **place))
    return "\n".join(lines)


def test_every_limit_of_cleaning_is_a_parameter_with_its_default():
    limits = cleaning_limits(DriveSettings())
    same = replace(limits, earliest=None)
    assert same == CleaningLimits()
    names = {f.name for f in fields(CleaningLimits)} - {"latest"}
    assert names <= set(CleaningSettings.model_fields)
    assert cleaning_limits(DriveSettings(zigzag_m=7.0)).zigzag_m == 7.0


def test_every_rule_of_reading_is_a_parameter_with_its_default():
    rules = reading_rules(DriveSettings())
    assert rules == PLAIN
    renamed = {"crs": "track_crs", "date": "track_date"}
    renamed["repair_swapped"] = "repair_coordinates"
    known = {*TrackSettings.model_fields, *CleaningSettings.model_fields}
    assert {renamed.get(f.name, f.name) for f in fields(rules)} <= known


@pytest.mark.parametrize("earliest", ["noon", "2019", ""])
def test_a_limit_that_is_no_time_is_refused(earliest):
    with pytest.raises(UsageError, match="--earliest"):
        cleaning_limits(DriveSettings(earliest=earliest))


def test_a_sidecar_places_the_pictures_that_it_names(tmp_path):
    for i in range(4):
        write_picture(tmp_path / "drive" / "s" / f"{i}.jpg", second=i)
    (tmp_path / "log.csv").write_text(
        "file,lat,lon,heading\ns/0.jpg,44.5,-72.6,10\n2.jpg,44.6,-72.6,20\n9.jpg,1,1,\n"
    )
    stages = Stages()
    frames = read(stages, drive=tmp_path / "drive", track=tmp_path / "log.csv")
    assert [(f.frame_id, f.lat, f.heading_deg) for f in frames] == [
        ("s/0", 44.5, 10.0),
        ("s/2", 44.6, 20.0),
    ]
    told = {r.stage: r.rejected for r in stages.reports}
    assert told["names"] == {"no-such-picture": 1}
    assert told["match"] == {"not-in-log": 2}


def test_a_videolog_places_pictures_by_their_millimetres(tmp_path):
    session = "20190616.084458"
    for i in range(5):
        write_picture(tmp_path / "ROW" / session / f"{1000 * (3 + 8 * i):012d}.jpg")
    log = rows(
        6, header="session,distance_m,lat,lon", cells=session + ",{m},{lat},{lon}"
    )
    (tmp_path / "log.csv").write_text(log)
    frames = read(drive=tmp_path / "ROW", track=tmp_path / "log.csv")
    assert [east_m(f) for f in frames] == pytest.approx([3, 11, 19, 27, 35], abs=1e-3)


def test_a_centre_line_places_pictures_without_any_log(tmp_path):
    for i in range(3):
        write_picture(tmp_path / "ROW" / "s" / f"{8000 * i:012d}.jpg")
    ends = [PLACE.to_degrees(e, 0.0) for e in (0.0, 100.0)]
    line = {
        "type": "LineString",
        "coordinates": [[float(b), float(a)] for a, b in ends],
    }
    (tmp_path / "route.geojson").write_text(json.dumps(line))
    given = {"drive": tmp_path / "ROW", "route": tmp_path / "route.geojson"}
    frames = read(**given, match_gap_m=150.0)
    assert [east_m(f) for f in frames] == pytest.approx([0.0, 8.0, 16.0], abs=1e-3)
    (tmp_path / "log.csv").write_text("picture,chainage_m\n000000000000,30\n")
    stages = Stages()
    given["track"] = tmp_path / "log.csv"
    frames = read(stages, **given, match_gap_m=150.0)
    assert [round(east_m(f)) for f in frames] == [30, 8, 16]


def test_stops_and_repeats_of_a_track_place_pictures_too(tmp_path):
    # It creeps away: who leaves at full speed never stood.
    places = [0.0] * 30 + [2.0 * k for k in range(10)]
    lines = ["time,lat,lon"]
    for i, metres in enumerate(places):
        lat, lon = PLACE.to_degrees(metres, 0.0)
        lines.append(f"{START.timestamp() + i:.0f},{float(lat):.8f},{float(lon):.8f}")
    (tmp_path / "t.csv").write_text("\n".join(lines))
    for second in (2, 15, 33):
        write_picture(tmp_path / "drive" / f"{second}.jpg", second=second)
    frames = read(drive=tmp_path / "drive", track=tmp_path / "t.csv")
    assert [round(east_m(f)) for f in frames] == [0, 0, 6]


def late_drive(folder, *, late_s, count=30):
    """Pictures with positions and a camera's clock alone, and some without position."""
    for i in range(count):
        lat, lon = PLACE.to_degrees(8.0 * i, 0.0)
        place = {"lat": float(lat), "lon": float(lon)} if i % 3 else {}
        write_picture(folder / f"{i:02d}.jpg", second=i - late_s, **place)
    return folder


def test_a_clock_is_estimated_used_told_and_kept_in_the_pack(tmp_path):
    from PIL import Image

    drive = late_drive(tmp_path / "drive", late_s=0)
    for path in sorted(drive.glob("*.jpg")):
        # The receiver's clock away, the camera's an hour ahead.
        with Image.open(path) as picture:
            exif = picture.getexif()
            gps, tags = exif.get_ifd(0x8825), exif.get_ifd(0x8769)
            for tag in (7, 29):
                gps.pop(tag, None)
            tags[0x9003] = tags[0x9003].replace(" 12:", " 13:")
            picture.save(path, exif=exif)
    (tmp_path / "t.csv").write_text(rows())
    write_ortho(tmp_path / "ortho.tif", px=2.0)
    words = ["--drive", str(drive), "--track", str(tmp_path / "t.csv")]
    said = CliRunner().invoke(command, words).output
    assert "camera clock -3600.00 s, estimated by positions from 20 pictures" in said
    told = json.loads(CliRunner().invoke(command, [*words, "--json"]).stdout)
    assert told["clocks"]["."]["offset_s"] == pytest.approx(-3600.0, abs=0.1)
    assert told["stages"]["match"]["rejected"] == {}
    report = build_pack(
        BuildSettings(
            drive=drive,
            track=tmp_path / "t.csv",
            imagery=(tmp_path / "ortho.tif",),
            licence="CC0-1.0",
            m_per_px=2.0,
            out=tmp_path / "a.pack",
        )
    )
    measured = Pack.open(report.path).meta["made_by"]["measured"]
    assert measured["clocks"]["."]["method"] == "positions"
    given = CliRunner().invoke(command, [*words, "--clock-offset-s", "-3600"]).output
    assert "camera clock -3600.00 s, as given" in given


def test_swapped_coordinates_are_rejected_or_repaired_and_told(tmp_path):
    text = rows(30, cells="{t:.0f},{lat},{lon}").splitlines()
    time, lat, lon = text[10].split(",")
    text[10] = f"{time},{lon},{lat}"
    (tmp_path / "t.csv").write_text("\n".join(text))
    words = ["--track", str(tmp_path / "t.csv"), "--json"]
    told = json.loads(CliRunner().invoke(command, words).stdout)
    assert told["stages"]["clean"]["rejected"] == {"swapped-lat-lon": 1}
    words.append("--repair-coordinates")
    told = json.loads(CliRunner().invoke(command, words).stdout)
    assert told["stages"]["clean"]["rejected"] == {}
    assert told["warnings"] == ["1 frames have coordinates that were put right."]


def test_columns_and_zones_are_options(tmp_path):
    text = "Breite;Laenge;Zeit\n44,5;-72,6;01.06.2024 14:00:00\n"
    (tmp_path / "t.csv").write_text(text)
    (frame,) = read(
        track=tmp_path / "t.csv",
        columns=("lat=Breite", "lon=Laenge", "time=Zeit"),
        time_format="%d.%m.%Y %H:%M:%S",
        time_zone="Europe/Berlin",
    )
    assert (frame.lat, frame.lon) == (44.5, -72.6)
    assert frame.time == round(START.timestamp() * 1e9)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--columns", "lat"], "FIELD=COLUMN"),
        (["--time-zone", "Moon"], "Europe/Paris"),
        (["--track-crs", "EPSG:1"], "EPSG:1"),
        (["--max-hdop", "-1"], "--max-hdop"),
        (["--track-date", "yesterday"], "2019-06-16"),
    ],
)
def test_options_that_mean_nothing_are_one_sentence_and_exit_2(
    tmp_path, words, told, capsys
):
    (tmp_path / "t.csv").write_text(rows(3))
    words = ["data", "sequences", "--track", str(tmp_path / "t.csv"), *words]
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert told in said
    assert "Traceback" not in said


def test_a_folder_of_tracks_is_one_drive(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.csv").write_text(rows(3))
    frames = read(track=tmp_path)
    assert {f.session_id for f in frames} == {"a", "b"}


def test_coordinates_of_single_precision_are_warned_of(tmp_path):
    from dataset_tools.records import Fix

    east = np.arange(40) * 8.0
    lat, lon = PLACE.to_degrees(east, east)
    double = [Fix(lat=float(a), lon=float(b)) for a, b in zip(lat, lon, strict=True)]
    single = [
        Fix(lat=float(np.float32(f.lat)), lon=float(np.float32(f.lon))) for f in double
    ]
    rounded = [Fix(lat=round(f.lat, 3), lon=round(f.lon, 3)) for f in double]
    assert precision_warning(double) is None
    assert precision_warning(rounded) is None
    assert "0.61 m apart" in str(precision_warning(single))
    assert precision_warning(single[:5]) is None


def test_write_drive_is_still_read_by_its_own_positions(tmp_path):
    frames = read(drive=write_drive(tmp_path, count=5))
    assert [round(east_m(f)) for f in frames] == [0, 8, 16, 24, 32]
    assert all(f.gps_timed for f in frames)


def test_a_session_that_mixes_two_clocks_is_brought_to_one(tmp_path):
    from PIL import Image

    drive = write_drive(tmp_path, count=8, session="s")
    for path in sorted(drive.rglob("*.jpg")):
        with Image.open(path) as picture:
            exif = picture.getexif()
            gps, tags = exif.get_ifd(0x8825), exif.get_ifd(0x8769)
            tags[0x9003] = tags[0x9003].replace(" 12:", " 14:")
            if path.stem in ("0003", "0005"):
                del gps[7], gps[29]
            picture.save(path, exif=exif)
    stages = Stages()
    frames = read(stages, drive=drive)
    assert [f.frame_id[-1] for f in frames] == list("01234567")
    assert [f.order for f in frames] == list(range(8))
    assert {b.time - a.time for a, b in pairwise(frames)} == {10**9}
    assert stages.clocks["s"].offset_s == -7200.0

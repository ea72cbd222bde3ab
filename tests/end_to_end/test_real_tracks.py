"""Logs and pictures that nobody in this project made: what is right and wrong in them.

Counts are those of the files' own notes (PROVENANCE.md) unless a comment says why not.
"""

import csv
import gzip
import json
import os
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from dataset_tools.build_settings import DriveSettings
from dataset_tools.build_tracks import read_drive
from dataset_tools.geodesy import distance_m
from dataset_tools.stages import Stages
from dataset_tools.tracks.clean import clean
from dataset_tools.tracks.exif import read_pictures
from dataset_tools.tracks.fixes import frames_from_fixes
from dataset_tools.tracks.formats import read_track
from dataset_tools.tracks.rules import ReadingRules
from geobench.cli.sequences import command

SHARED = Path(__file__).parents[3] / "shared" / "realdata"
REALDATA = Path(os.environ.get("GEOBENCH_REALDATA", SHARED))
LOGS = REALDATA / "gps_logs_small"
PANORAMAX = REALDATA / "panoramax_exif_sequences"
STREETS = REALDATA / "mapillary_kartaview_global_streetscapes"
OMAHA = REALDATA / "drives_omaha_des_moines" / "nds_data.csv.gz"

pytestmark = pytest.mark.skipif(
    not LOGS.is_dir(),
    reason="no real input: set GEOBENCH_REALDATA as docs/real-data.md says",
)


def steps_m(fixes):
    lat, lon = (np.array([getattr(f, name) for f in fixes]) for name in ("lat", "lon"))
    return distance_m(lat[:-1], lon[:-1], lat[1:], lon[1:])


def pauses_s(fixes):
    return np.diff([f.time for f in fixes]) / 1e9


def moment(fix):
    return datetime.fromtimestamp(fix.time / 1e9, UTC).strftime("%F %T")


def cleaned(fixes):
    return clean(frames_from_fixes(fixes))


def test_a_bus_ride_in_gpx():
    fixes = read_track(LOGS / "304_to_UL_bus_limerick.gpx").kept
    assert len(fixes) == 2144
    assert steps_m(fixes).sum() == pytest.approx(14_200, abs=50)
    assert pauses_s(fixes).max() == 138.0
    assert (min(f.lat for f in fixes), max(f.lon for f in fixes)) == pytest.approx(
        (52.6241, -8.5707), abs=1e-4
    )


def test_a_drive_as_wkt_and_its_down_sampled_twin():
    fine = read_track(LOGS / "barefoot_munich_x0001-001.json").kept
    coarse = read_track(LOGS / "barefoot_munich_x0001-015.json").kept
    assert (len(fine), len(coarse)) == (1194, 80)
    assert moment(fine[0]) == "2014-09-10 04:54:07"  # 06:54:07+0200
    assert set(pauses_s(coarse)) == {15.0}
    at = {f.time: (f.lat, f.lon) for f in fine}
    assert all(at[f.time] == (f.lat, f.lon) for f in coarse)


def test_the_glitch_of_the_drive_is_a_receiver_that_froze_and_caught_up():
    fixes = read_track(LOGS / "barefoot_munich_x0001-001.json").kept
    steps = steps_m(fixes)
    glitch = int(np.argmax(steps))
    # On the ellipsoid; the note's 467 m are on a sphere.
    assert steps[glitch] == pytest.approx(470.4, abs=0.1)
    assert steps[glitch - 12 : glitch].max() == 0.0
    rejected = {r.item: r for r in cleaned(fixes).rejected}
    last = rejected[f"barefoot_munich_x0001-001/{glitch:06d}"]
    assert (last.reason, last.measured) == ("frozen-fix", pytest.approx(470.4, abs=0.1))


def test_a_receiver_in_a_vehicle_in_nmea():
    outcome = read_track(LOGS / "nmea" / "gpsd_bt451_moving.log")
    # 116 RMC, 10 of them void; one more moment has a GGA alone.
    assert len(outcome.kept) == 116 - 10 + 1
    assert outcome.reasons() == {"void": 10}
    assert steps_m(outcome.kept).sum() == pytest.approx(2_900, abs=50)
    assert min(f.lat for f in outcome.kept) >= 55.774


@pytest.mark.parametrize(
    ("name", "kept", "rejected"),
    [
        ("BADHDR", 2, {}),
        ("badeof", 1, {}),
        ("mixed", 2, {}),
        ("nmea4", 1, {}),
        ("nmeabadck", 1, {"checksum": 2}),
        ("nmeabadck2", 1, {}),
        ("nmeastartup", 0, {"void": 1}),
    ],
)
def test_captures_with_what_goes_wrong(name, kept, rejected):
    outcome = read_track(LOGS / "nmea" / f"pygpsdata-{name}.log")
    assert (len(outcome.kept), outcome.reasons()) == (kept, rejected)


@pytest.mark.parametrize(
    ("name", "kept", "rejected", "began"),
    [
        ("hero7", 308, {}, "2019-01-03 16:33:34"),
        # 11 payloads of 10 or 11 positions each and a last one of 6, as GPS9 has them.
        ("hero11", 110, {}, "2022-09-20 13:29:36"),
        ("hero5", 18, {}, "2017-04-17 17:31:03"),
        ("Fusion", 19, {}, "2018-03-23 17:25:37"),
        ("hero6", 0, {"no-fix": 17}, None),
    ],
)
def test_telemetry_of_five_cameras(name, kept, rejected, began):
    outcome = read_track(LOGS / "gopro_gpmf" / f"{name}.raw")
    assert (len(outcome.kept), outcome.reasons()) == (kept, rejected)
    if began is not None:
        assert moment(outcome.kept[0]) == began
        assert np.all(np.diff([f.time for f in outcome.kept]) > 0)


def test_a_fix_of_a_large_dilution_is_left_to_cleaning():
    fusion = read_track(LOGS / "gopro_gpmf" / "Fusion.raw").kept
    assert fusion[0].hdop == pytest.approx(6.7, abs=0.05)
    assert cleaned(fusion).reasons() == {"hdop": 19}
    hero7 = read_track(LOGS / "gopro_gpmf" / "hero7.raw").kept
    assert (hero7[0].lat, hero7[0].lon) == pytest.approx((42.3426, -8.7526), abs=1e-4)


def test_pictures_of_a_drive_in_rennes():
    frames = read_pictures(PANORAMAX / "drive_rennes").kept
    assert [f.frame_id for f in frames] == ["e1", "e2", "e3", "e4", "e5"]
    assert steps_m(frames) == pytest.approx([2.9, 3.0, 3.1, 2.7], abs=0.06)
    assert set(pauses_s(frames)) == {2.0}
    assert moment(frames[0]) == "2022-10-19 07:56:34"
    # The camera was an hour ahead although France was two.
    assert {(f.camera_time - f.time) / 1e9 for f in frames} == {3600.0}
    assert {f.hdop for f in frames} == {1.12}


def test_a_panorama_whose_camera_is_twelve_seconds_behind():
    (frame,) = read_pictures(PANORAMAX / "pano360_hautil").kept
    assert frame.projection == "equirectangular"
    assert frame.heading_deg == pytest.approx(349.06, abs=0.01)
    assert (frame.camera_time - frame.time) / 1e9 == 2 * 3600 - 12
    assert (frame.lat, frame.lon) == pytest.approx((49.00689, 1.91919), abs=1e-5)


def test_each_defect_of_pictures_is_rejected_for_its_reason():
    outcome = read_pictures(PANORAMAX / "defects")
    assert {r.item: r.reason for r in outcome.rejected} == {
        "e1_without_exif.jpg": "no-gps",
        "e2_without_coord.jpg": "no-gps",
        "invalid_exif.jpg": "bad-gps-number",
        "invalid_pic.jpg": "unreadable-picture",
        # The drone itself calls its GPS invalid, in EXIF and in XMP.
        "xpcomment.jpg": "no-fix",
    }
    frames = {f.frame_id: f for f in outcome.kept}
    assert sorted(frames) == ["crop", "d1", "e1_artist", "focal_zero"]
    assert frames["focal_zero"].hfov_deg is None
    # 322 s between the fix and the picture; one picture proves no old fix.
    assert (frames["d1"].camera_time - frames["d1"].time) // 10**9 == 322
    kept = read_pictures(PANORAMAX / "defects", need_position=False).kept
    without_date = next(f for f in kept if f.frame_id == "xpcomment")
    assert moment(without_date) == "2024-04-04 11:30:06"


def test_cameras_of_one_folder_are_sessions():
    sessions = {f.session_id for f in read_pictures(PANORAMAX / "defects").kept}
    assert sessions == {
        *("google-pixel-3", "google-pixel-6a", "oneplus-a5000", "sony-fdr-x1000v")
    }


@pytest.mark.parametrize(
    ("name", "hours"), [("panoramax.csv", 0), ("panoramax_exif.csv", 3)]
)
def test_a_sidecar_overrides_pictures_by_name(name, hours):
    settings = DriveSettings(
        drive=PANORAMAX / "drive_rennes", track=PANORAMAX / "defects" / name
    )
    stages = Stages()
    frames = {f.frame_id: f for f in read_drive(settings, stages)}
    assert (frames["e1"].lat, frames["e1"].lon) == (50.5151, 3.265)
    assert moment(frames["e1"]) == f"2018-01-{22 - (hours > 2)} " + (
        "02:52:09" if hours == 0 else "23:52:09"
    )
    assert frames["e2"].lat == pytest.approx(48.15507, abs=1e-5)
    # A heading that the log leaves out stays the picture's own.
    assert frames["e1"].heading_deg == pytest.approx(271.14)
    assert frames["e3"].heading_deg == (15.0 if hours == 0 else pytest.approx(273.88))
    assert {r.stage: r.kept for r in stages.reports}["names"] == 2


@pytest.fixture(scope="module")
def streets():
    rules = ReadingRules(columns={"time": "datetime_local", "picture": "uuid"})
    return read_track(STREETS / "02_metadata_common_attributes.csv", rules).kept


def test_a_shuffled_table_of_29_sequences_is_put_in_order(streets):
    assert len(streets) == 2319
    counts = Counter(f.session_id for f in streets)
    assert len(counts) == 29
    assert counts["aE5o7bTMH0UtscOYxhVwID"] == 660
    assert counts["9073001"] == 427
    by_order = sorted(streets, key=lambda f: (f.session_id, f.order))
    long = [f for f in by_order if f.session_id == "aE5o7bTMH0UtscOYxhVwID"]
    assert steps_m(long).sum() == pytest.approx(2_050, abs=10)
    assert np.median(steps_m(long)) == pytest.approx(3.2, abs=0.05)
    assert np.median(pauses_s(long)) == pytest.approx(0.47, abs=0.01)
    assert all(f.heading_deg is not None for f in streets)


def test_the_gap_of_the_walk_and_the_frames_that_stand_still(streets):
    walk = sorted(
        (f for f in streets if f.session_id == "9073001"), key=lambda f: f.order
    )
    assert steps_m(walk).max() == pytest.approx(97.0, abs=1.0)
    assert pauses_s(walk).max() == 76.0
    reasons = cleaned(streets).reasons()
    assert set(reasons) == {"stationary", "duplicate", "frozen-fix"}
    assert "out-of-order" not in reasons


def test_pictures_without_exif_are_placed_by_the_names_in_the_table():
    settings = DriveSettings(
        drive=STREETS / "images",
        track=STREETS / "02_metadata_common_attributes.csv",
        columns=("time=datetime_local", "picture=uuid"),
    )
    stages = Stages()
    frames = read_drive(settings, stages)
    assert len(frames) == 13
    names = {r.stage: r for r in stages.reports}["names"]
    assert (names.kept, names.rejected) == (13, {"no-such-picture": 2319 - 13})
    assert sum(48.76 < f.lat < 48.78 for f in frames) == 12
    assert sum(1.2 < f.lat < 1.5 for f in frames) == 1


def test_drives_of_omaha_state_their_own_doubts():
    plain = read_track(OMAHA)
    assert (len(plain.kept), plain.rejected) == (17_664, [])
    assert len({f.session_id for f in plain.kept}) == 26
    only_3d = read_track(OMAHA, ReadingRules(min_fix="3d"))
    assert only_3d.reasons() == {"fix-kind": 1}
    with gzip.open(OMAHA, "rt") as handle:
        rows = list(csv.DictReader(handle))
    stated = [float(r["gps_heading"]) for r in rows]
    assert min(stated) < -1000 < 3000 < max(stated)
    raw = np.array([float(r["gps_heading_raw"]) for r in rows])
    read = np.array([f.heading_deg for f in plain.kept])
    assert np.abs((read - raw + 180.0) % 360.0 - 180.0).max() < 1e-9


@pytest.mark.parametrize(
    ("track", "counts"),
    [
        (OMAHA, {"stationary": 2208, "hdop": 32, "frozen-fix": 10, "duplicate": 4}),
        (
            REALDATA / "panoramax_lege_cap_ferret" / "full_lines.geojson",
            {"duplicate": 48},
        ),
    ],
)
def test_cleaning_says_of_real_drives_what_the_page_says(track, counts):
    said = CliRunner().invoke(command, ["--track", str(track), "--json"]).stdout
    assert json.loads(said)["stages"]["clean"]["rejected"] == counts


def test_a_clock_is_estimated_on_a_real_drive():
    """Positions of a real drive as pictures, their clock an hour and 12 s late."""
    from dataclasses import replace

    from dataset_tools.tracks.clock import estimate_offsets

    track = [f for f in read_track(OMAHA).kept if f.session_id == "15"]
    pictures = [
        replace(f, time=f.time - 3612 * 10**9, frame_id=f"p{f.order}")
        for f in frames_from_fixes(track)[50::9]
    ]
    other = [f for f in track if f.order % 9 != 5]
    clock = estimate_offsets(pictures, other)["15"]
    assert clock.method == "positions"
    assert clock.offset_s == pytest.approx(3612.0, abs=0.3)
    assert clock.residuals["distance median m"] < 1.0

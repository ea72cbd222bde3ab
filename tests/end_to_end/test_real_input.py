"""The commands of docs/real-data.md, on input that nobody in this project made."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from geobench.cli.main import cli

SHARED = Path(__file__).parents[3] / "shared" / "realdata"
REALDATA = Path(os.environ.get("GEOBENCH_REALDATA", SHARED))

pytestmark = pytest.mark.skipif(
    not REALDATA.is_dir(),
    reason="no real input: set GEOBENCH_REALDATA as docs/real-data.md says",
)

OMAHA = REALDATA / "drives_omaha_des_moines" / "nds_data.csv.gz"
LINES = REALDATA / "panoramax_lege_cap_ferret" / "full_lines.geojson"
LUND = REALDATA / "opensfm_lund_walk"
BERLIN = REALDATA / "berlin_ground_and_aerial"


def run(*words):
    result = CliRunner().invoke(cli, [str(w) for w in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def sequences(*words):
    return json.loads(run("data", "sequences", *words, "--json"))


def adds_up(stage):
    return stage["in"] == stage["kept"] + sum(stage["rejected"].values())


@pytest.mark.parametrize(
    ("track", "positions", "cleaned", "as_recorded", "at_8_m"),
    [(OMAHA, 17_664, 15_410, 238, 14_266), (LINES, 21_675, 21_627, 1_153, 9_815)],
)
def test_real_drives_become_the_sequences_that_the_page_counts(
    track, positions, cleaned, as_recorded, at_8_m
):
    raw = sequences("--track", track)
    resampled = sequences("--track", track, "--resample-m", "8.05")
    assert raw["stages"]["track"]["in"] == positions
    assert raw["stages"]["clean"]["kept"] == cleaned
    assert all(adds_up(raw["stages"][s]) for s in ("track", "clean", "sequences"))
    assert (raw["sequences"], resampled["sequences"]) == (as_recorded, at_8_m)
    assert resampled["median_length_m"] == pytest.approx(48.3, abs=0.5)


@pytest.mark.parametrize(
    ("track", "rule"), [(OMAHA, "time"), (OMAHA, "count"), (LINES, "radius")]
)
def test_every_rule_accounts_for_every_frame_of_a_real_drive(track, rule):
    words = ["--track", track, "--resample-m", "8.05", "--sequence-rule", rule]
    found = sequences(*words)
    assert adds_up(found["stages"]["sequences"])
    assert found["sequences"] > 500


def test_joined_passes_of_a_real_drive_hold_7_to_28_frames():
    words = ["--track", LINES, "--resample-m", "8.05"]
    joined = sequences(*words, "--sequence-rule", "radius", "--join-passes")
    # Roads that were driven twice: some circles hold more than one pass can.
    assert joined["frames"]["least"] == 7
    assert 14 <= joined["frames"]["most"] <= 28


def test_every_rejection_of_a_real_drive_is_explained(tmp_path):
    out = tmp_path / "drives.geojson"
    stages = sequences("--track", OMAHA, "--out", out)["stages"]
    lines = out.with_suffix(".rejections.csv").read_text().splitlines()[1:]
    assert len(lines) == sum(sum(s["rejected"].values()) for s in stages.values())
    assert all(len(line.split(",")) >= 5 for line in lines)


def test_the_lund_walk_keeps_its_order_and_loses_two_frozen_repeats():
    from dataset_tools.tracks.clean import clean
    from dataset_tools.tracks.exif import read_pictures

    outcome = clean(read_pictures(LUND).kept)
    names = [f.frame_id for f in outcome.kept]
    assert names == sorted(names)
    assert len(names) == 15
    assert [r.item[-2:] for r in outcome.rejected] == ["28", "29"]
    assert {r.reason for r in outcome.rejected} == {"frozen-fix"}


@pytest.fixture(scope="module")
def berlin(tmp_path_factory):
    out = tmp_path_factory.mktemp("berlin") / "berlin.pack"
    tiles = BERLIN / "aerial_tiles"
    words = ["--drive", BERLIN / "ground_opensfm"]
    words += ["--imagery", BERLIN / "berlin_mosaic_5m.jpg", "--imagery-crs"]
    words += ["EPSG:25833", "--gallery", tiles / "tiles.json", "--gallery"]
    words += [tiles / "train" / "train.json", "--gallery-side-m", 128]
    words += ["--licence", "dl-de/by-2-0", "--attribution", "(c) GeoBasis-DE/LGB"]
    words += ["--frames-per-sequence", 1, "--stride", 1, "--tile-m", 128, "--out", out]
    return out, run("data", "build", *words)


def test_berlin_builds_with_all_108_tiles_and_warns_about_resolution(berlin):
    from dataset_tools.pack.read import Pack

    path, said = berlin
    assert "4.96 m per pixel" in said
    with Pack.open(path, verify=True) as pack:
        assert len(pack.frames) == 3
        assert len(pack.tiles) == 111
    assert json.loads(run("data", "check", path, "--json"))["findings"] == []


def test_berlin_is_evaluated_with_distances_that_pyproj_gives(berlin, tmp_path):
    import pandas as pd
    from pyproj import Geod

    from dataset_tools.pack.read import Pack

    path, _ = berlin
    run("train", "colour_histogram", path, "--run", tmp_path / "run", "--quiet")
    checkpoint = tmp_path / "run" / "checkpoints" / "last"
    emb = tmp_path / "b.emb"
    run("embed", checkpoint, path, "--out", emb, "--gallery", "tile-open", "--json")
    run("evaluate", emb, path, "--results", tmp_path / "results")
    ranks = pd.read_parquet(next((tmp_path / "results").rglob("*.ranks.parquet")))
    assert len(ranks) == 3
    with Pack.open(path) as pack:
        for row in ranks.itertuples():
            query = pack.sequences.loc[row.query_id]
            tile = pack.tiles.loc[row.top_ids[0]]
            metres = Geod(ellps="WGS84").inv(query.lon, query.lat, tile.lon, tile.lat)[
                2
            ]
            assert np.isclose(row.error_m, metres, atol=1e-6)

"""The raw drive on disk: its layout, tags and repeatability."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner
from PIL import Image

from dataset_tools.errors import UsageError
from dataset_tools.synthetic import preset_settings, synthesize
from dataset_tools.synthetic.settings import Area

EXIF, GPS = 0x8769, 0x8825


def very_small(seed=3, **changes):
    """One region of 420 x 420 m with two areas of 200 x 90 m."""
    settings = preset_settings("tiny", seed=seed)
    areas = tuple(
        Area(split=s, west=110.0, south=b, east=310.0, north=b + 90.0)
        for s, b in (("train", 110.0), ("test", 220.0))
    )
    region = replace(
        settings.regions[0], width_m=420.0, height_m=420.0, areas=areas, **changes
    )
    return replace(settings, regions=(region,))


def digests(folder):
    return {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


@pytest.fixture(scope="module")
def drive(tmp_path_factory):
    out = tmp_path_factory.mktemp("worlds")
    return synthesize(out, very_small()).regions[0]


def test_the_layout_is_that_of_a_raw_drive(drive):
    names = {p.name for p in drive.folder.iterdir()}
    assert names == {
        "ground-panorama",
        "ground-front",
        "tracks",
        "imagery",
        "strata.geojson",
        "areas.geojson",
        "README.txt",
    }
    fronts = list((drive.folder / "ground-front").rglob("*.jpg"))
    panoramas = list((drive.folder / "ground-panorama").rglob("*.jpg"))
    assert (len(fronts), len(panoramas)) == (drive.fronts, drive.panoramas)
    assert len(list((drive.folder / "tracks").glob("*.gpx"))) == drive.sessions
    assert not list(drive.folder.parent.glob(".*"))


def test_the_same_seed_gives_the_same_bytes_for_any_number_of_workers(drive, tmp_path):
    again = synthesize(tmp_path, very_small(), workers=2).regions[0]
    assert digests(again.folder) == digests(drive.folder)


def test_a_panorama_says_north_and_lies_where_the_track_says(drive):
    path = min((drive.folder / "ground-panorama").rglob("*.jpg"))
    with Image.open(path) as picture:
        tags = picture.getexif().get_ifd(GPS)
        assert picture.size == (256, 64)
        assert b'ProjectionType="equirectangular"' in picture.info["xmp"]
    assert float(tags[17]) == 0.0
    track = (drive.folder / "tracks" / f"{path.parent.name}.gpx").read_text()
    degrees = [float(v) for v in tags[2]]
    lat = degrees[0] + degrees[1] / 60 + degrees[2] / 3600
    first = float(track.split('lat="')[1].split('"')[0])
    assert lat == pytest.approx(first, abs=1e-7)


def test_a_front_picture_carries_time_heading_and_field_of_view(drive):
    path = min((drive.folder / "ground-front").rglob("*.jpg"))
    with Image.open(path) as picture:
        exif = picture.getexif()
        details, tags = exif.get_ifd(EXIF), exif.get_ifd(GPS)
    assert details[0xA405] == 18
    assert details[0x9003].startswith("2022:")
    assert details[0x9011] == "+00:00"
    assert 0 <= float(tags[17]) < 360


def test_the_orthophoto_has_its_crs_date_and_extent(drive):
    with rasterio.open(drive.folder / "imagery" / "ortho.tif") as ortho:
        assert ortho.crs.to_epsg() == 32618
        assert ortho.tags()["TIFFTAG_DATETIME"] == "2024:06:18 15:30:00"
        assert (ortho.width, ortho.height, ortho.res) == (840, 840, (0.5, 0.5))
        assert np.std(ortho.read()) > 10


def test_polygons_name_strata_and_splits_in_vermont(drive):
    for name, key, wanted in (
        ("strata", "stratum", {"urban", "suburban", "rural"}),
        ("areas", "split", {"train", "test"}),
    ):
        features = json.loads((drive.folder / f"{name}.geojson").read_text())[
            "features"
        ]
        assert {f["properties"][key] for f in features} <= wanted
        lon, lat = features[0]["geometry"]["coordinates"][0][0]
        assert -73.5 < lon < -71.4
        assert 42.7 < lat < 45.1


def test_a_finished_region_is_kept_and_another_one_is_refused(drive):
    out = drive.folder.parent
    before = (drive.folder / "README.txt").stat().st_mtime_ns
    assert synthesize(out, very_small()).regions[0].reused
    assert (drive.folder / "README.txt").stat().st_mtime_ns == before
    with pytest.raises(UsageError, match="remove it"):
        synthesize(out, very_small(seed=4))


def test_zero_workers_are_refused(tmp_path):
    with pytest.raises(UsageError, match="got 0"):
        synthesize(tmp_path, very_small(), workers=0)


def test_the_command_reports_what_it_wrote(tmp_path, monkeypatch):
    from geobench.cli import synthesize as module

    monkeypatch.setattr(
        "dataset_tools.synthetic.preset_settings", lambda name, seed: very_small(seed)
    )
    arguments = ["--out", str(tmp_path), "--workers", "1", "--seed", "3", "--json"]
    result = CliRunner().invoke(module.command, arguments)
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["seed"] == 3
    assert report["regions"][0]["fronts"] > 0

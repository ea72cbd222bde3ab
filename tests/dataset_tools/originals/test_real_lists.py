"""Real lists: counts as published, offsets as geodesy says."""

import gzip
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from dataset_tools.geodesy import offset_m
from dataset_tools.originals import vigor_lists
from dataset_tools.originals.importing import survey_release
from dataset_tools.originals.release import panorama
from dataset_tools.settings.original import CvusaSettings

SHARED = Path(__file__).parents[4] / "shared" / "realdata"
LISTS = Path(os.environ.get("GEOBENCH_REALDATA", SHARED)) / "benchmark_metadata"

pytestmark = pytest.mark.skipif(
    not LISTS.is_dir(),
    reason="no real lists: set GEOBENCH_REALDATA as docs/real-data.md says",
)


def unpacked(name, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(LISTS / f"{name}.gz") as source, target.open("wb") as copy:
        shutil.copyfileobj(source, copy)
    return target


@pytest.fixture(scope="module")
def chicago(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chicago")
    tiles = vigor_lists.read_tiles(
        unpacked("vigor_chicago_satellite_list.txt", folder / "tiles.txt")
    )
    name = "vigor_chicago_same_area_balanced_test__corrected.txt"
    labels = vigor_lists.read_labels(unpacked(name, folder / "labels.txt"), tiles)
    return tiles, labels


def test_cleaned_cvusa_lists_load_and_are_recognised(tmp_path):
    for split in ("train", "val"):
        name = f"{split}-19zl.csv"
        unpacked(f"cvusa_cleaned_{name}", tmp_path / "splits" / name)
    settings = CvusaSettings(out=tmp_path / "x.pack")
    found = survey_release("cvusa", tmp_path, settings)
    assert found.counts == {"train": 34_769, "val": 8_841}
    assert found.variant == "cleaned lists in splits/"
    assert found.pack_name == "cvusa-cleaned"
    assert len(found.missing) == found.wanted == 2 * 43_610
    # Only the missing all.csv is not as released: the pairs are the published ones.
    assert [f for f in found.findings if "all.csv" not in f] == []


def test_one_pair_less_is_no_longer_the_cleaned_list(tmp_path):
    for split in ("train", "val"):
        name = f"{split}-19zl.csv"
        path = unpacked(f"cvusa_cleaned_{name}", tmp_path / "splits" / name)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[1:], lines[0].replace("0001227", "0000018")]))
    found = survey_release("cvusa", tmp_path, CvusaSettings(out=tmp_path / "x.pack"))
    assert "not the same pairs" in found.findings[0]


def test_chicago_lists_load_with_the_published_counts(chicago):
    tiles, labels = chicago
    assert (len(tiles.names), len(labels)) == (22_308, 12_739)
    # Cells are 36.48 m wide, so the positive is within half of that of the panorama.
    delta = labels.delta_px * vigor_lists.M_PER_PX["Chicago"]
    assert np.abs(delta[:, 0]).max() < 36.48 / 2 + 0.5
    assert np.abs(delta).max() < 36.48 + 0.5


def test_every_corrected_delta_is_the_rounded_difference_on_the_grid(chicago):
    tiles, labels = chicago
    expected = vigor_lists.corrected_deltas(labels, tiles, "Chicago")
    assert np.count_nonzero(expected != labels.delta_px) == 0
    assert labels.delta_px.size == 8 * 12_739


def test_labels_tell_the_pixel_that_they_were_made_with(chicago):
    tiles, labels = chicago
    measured = vigor_lists.measured_m_per_px(labels, tiles, "Chicago")
    assert measured == pytest.approx(0.111262, rel=1e-4)


def test_label_offsets_differ_from_the_geodesic_by_the_convergence(chicago):
    tiles, labels = chicago
    lat, lon = (np.repeat(v, 4) for v in (labels.lat, labels.lon))
    at = labels.tile.ravel()
    east, north = offset_m(lat, lon, tiles.lat[at], tiles.lon[at])
    told = labels.delta_px.reshape(-1, 2) * vigor_lists.M_PER_PX["Chicago"]
    away = np.hypot(north - told[:, 0], east - told[:, 1]).reshape(-1, 4)
    # 0.44 degrees over at most 26 m and 52 m, and half a pixel twice.
    assert away[:, 0].max() == pytest.approx(0.265, abs=0.005)
    assert away[:, 0].mean() == pytest.approx(0.113, abs=0.005)
    assert away[:, 1:].max() == pytest.approx(0.467, abs=0.005)
    # The other axis order or sign would be metres off.
    swapped = np.hypot(north - told[:, 1], east - told[:, 0]).reshape(-1, 4)
    assert np.median(swapped[:, 0]) > 5.0


def test_the_positive_is_the_nearest_of_the_four_corners(chicago):
    tiles, labels = chicago
    north, east = vigor_lists.offsets_m(labels, tiles, "Chicago")
    away = np.hypot(north, east)
    assert (away[:, 0] <= away.min(axis=1)).mean() > 0.9997
    rows, columns = (np.ptp(v[labels.tile], axis=1) for v in (tiles.lat, tiles.lon))
    assert np.ptp(rows) < 1e-9
    assert np.ptp(columns) < 1e-9


def test_the_orientation_map_of_cvusa_agrees_with_heading_and_field_of_view():
    """Yaw from -180 to 180 degrees over 1,232 columns, north between the middle two."""
    from scipy.io import loadmat

    yaw = np.degrees(loadmat(LISTS / "oricnn_yaw_pitch_grd_CVUSA.mat")["orient_mat"])
    row = yaw[100, :, 0]
    frame = panorama("a", (40.0, -100.0), session="s", order=1, source="a.jpg")
    assert row[615:617].mean() == pytest.approx(frame.heading_deg, abs=1e-6)
    assert np.ptp(row) == pytest.approx(frame.hfov_deg, abs=1e-6)
    # Clockwise: east is a quarter of the width to the right of north.
    assert row[616 + 308] == pytest.approx(90.0, abs=0.3)

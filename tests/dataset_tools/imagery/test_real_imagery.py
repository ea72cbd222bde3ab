"""Imagery that nobody in this project made: does a tile show what lies at its place?"""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import shapely

from dataset_tools.geodesy import destination, offset_m
from dataset_tools.imagery import About, Reading, open_imagery
from dataset_tools.imagery.tile_list import open_tile_list
from dataset_tools.records import Rejection

SHARED = Path(__file__).parents[4] / "shared" / "realdata"
REALDATA = Path(os.environ.get("GEOBENCH_REALDATA", SHARED))

pytestmark = pytest.mark.skipif(
    not REALDATA.is_dir(),
    reason="no real input: set GEOBENCH_REALDATA as docs/real-data.md says",
)

NAIP = REALDATA / "usgs_naip_small"
KAMPALA = REALDATA / "oam_kampala_tiles"
DULUTH = REALDATA / "duluth_brighton_ortho_dsm"
BERLIN = REALDATA / "berlin_ground_and_aerial"
ABOUT = About(licence="see PROVENANCE.md")


@pytest.fixture
def read():
    """Open a source of this folder, closed after the test."""
    readers = []

    def go(path, **told):
        readers.append(open_imagery(path, ABOUT, Reading(**told)))
        return readers[-1]

    yield go
    for reader in readers:
        reader.close()


def grey(picture):
    return picture.astype(float).mean(axis=2)


def best_shift(picture, imagery, at, *, side_m, reach_m, step_m):
    """(east_m, north_m) at which imagery looks most like a picture of a place."""
    steps = np.arange(-reach_m, reach_m + step_m / 2, step_m)
    scores = {}
    for east in steps:
        for north in steps:
            bearing = np.degrees(np.arctan2(east, north))
            place = destination(*at, bearing, np.hypot(east, north))
            other = imagery.crop(
                *map(float, place), side_m=side_m, size_px=picture.shape[0]
            )
            if not isinstance(other, Rejection):
                pair = grey(picture).ravel(), grey(other).ravel()
                scores[float(east), float(north)] = np.corrcoef(*pair)[0, 1]
    return max(scores, key=scores.get)


def test_naip_of_two_zones_shows_the_same_ground_at_their_seam(read):
    west = read(NAIP / "m_3607824_se_17_1_20160620_subset.tif")
    east = read(NAIP / "m_3607717_sw_18_1_20160620_subset.tif")
    assert west.m_per_px_at(36.622, -78.0) == pytest.approx(1.0, abs=1e-3)
    for lat in (36.6212, 36.622):
        here = west.crop(lat, -78.0, side_m=18.0, size_px=18)
        shift = best_shift(
            here, east, (lat, -78.0), side_m=18.0, reach_m=3.0, step_m=1.0
        )
        assert shift == (0.0, 0.0)


@pytest.fixture
def quads(tmp_path):
    """The two quarter quads on both sides of the seam, in a folder of their own."""
    for file in sorted(NAIP.glob("m_3607*")):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def test_a_crop_across_the_seam_of_two_zones_is_joined_and_dated(read, quads):
    imagery = read(quads)
    size = {"side_m": 120.0, "size_px": 120}
    part = imagery.part_at(36.622, -78.0, **size)
    assert len(part.source.split("; ")) == 2
    assert part.captured == "2016-06-20"
    crop = imagery.crop(36.622, -78.0, **size)
    # Across the join, columns differ no more than columns do elsewhere in the picture.
    steps = np.abs(np.diff(grey(crop), axis=1)).mean(axis=0)
    assert steps[40:80].max() < 2.0 * np.percentile(steps, 95)


def test_dates_are_those_in_the_names_of_naip(read):
    dates = {p.name: read(p).captured for p in sorted(NAIP.glob("m_*.tif"))}
    assert sorted(dates.values()) == ["2016-06-20"] * 2 + ["2020-04-15", "2020-09-02"]
    assert read(NAIP / "NAIP-VA-b1.tiff").captured is None


@pytest.mark.parametrize(
    ("name", "lat", "lon"),
    [
        ("m_3211605_ne_11_060_20200415.tif", 32.9717, -116.3817),
        ("m_4208701_ne_16_060_20200902.tif", 42.947, -87.8995),
    ],
)
def test_infrared_that_is_tagged_as_alpha_hides_nothing(read, name, lat, lon):
    imagery = read(NAIP / name)
    assert "used as none" in imagery.described()[0]["note"]
    assert imagery.m_per_px_at(lat, lon) == pytest.approx(0.6, abs=2e-3)
    crop = imagery.crop(lat, lon, side_m=60.0, size_px=100)
    assert crop.shape == (100, 100, 3)
    assert crop.std() > 5


def test_a_true_alpha_of_the_same_survey_is_kept(read):
    stem = "hro_201404_13SED190110_201404_0x1500m_CL_1"
    plain, masked = read(NAIP / f"{stem}.tif"), read(NAIP / f"{stem}_alpha.tif")
    west, south, east, north = plain.bounds
    at = ((south + north) / 2, (west + east) / 2)
    size = {"side_m": 30.0, "size_px": 200}
    assert plain.crop(*at, **size).shape == (200, 200, 3)
    shares = [plain.view(*at, **size).share(), masked.view(*at, **size).share()]
    assert shares[0] == 1.0
    whole = {"side_m": 90.0, "size_px": 200}
    seen = [i.view(*at, **whole).seen().mean() for i in (plain, masked)]
    # 10,044 of its 88,856 pixels are masked.
    assert 1 - seen[1] / seen[0] == pytest.approx(0.113, abs=0.01)


def test_a_band_a_file_makes_one_picture_with_nodata(read):
    paths = tuple(NAIP / f"NAIP-VA-b{i}.tiff" for i in (1, 2, 3, 4))
    imagery = read(paths, bands=(1, 2, 3))
    west, south, east, north = imagery.bounds
    assert (west, south) == pytest.approx((-78.94084, 37.99459), abs=1e-5)
    assert (east, north) == pytest.approx((-78.93392, 37.99931), abs=1e-5)
    at = ((south + north) / 2, (west + east) / 2)
    crop = imagery.crop(*at, side_m=120.0, size_px=120)
    for i in range(3):
        alone = read(paths[i]).crop(*at, side_m=120.0, size_px=120)
        assert np.array_equal(crop[..., i], alone[..., 0])
    infrared = read(paths, bands=(4, 1, 2)).crop(*at, side_m=120.0, size_px=120)
    assert np.array_equal(infrared[..., 1], crop[..., 0])


def test_two_zooms_of_a_folder_show_the_same_ground(read, tmp_path):
    zooms = {}
    for zoom in (19, 20):
        (tmp_path / str(zoom)).mkdir()
        for file in sorted(KAMPALA.glob(f"*-{zoom}.png")):
            (tmp_path / str(zoom) / file.name).write_bytes(file.read_bytes())
        # Black pixels of this imagery are transparent, here and there one.
        zooms[zoom] = read(
            tmp_path / str(zoom), layout="OAM-{x}-{y}-{z}", min_covered=0.95
        )
    assert zooms[19].m_per_px_at(0.35, 32.59) == pytest.approx(0.2986, abs=1e-3)
    assert zooms[20].m_per_px_at(0.35, 32.59) == pytest.approx(0.1493, abs=1e-3)
    at = (0.351217, 32.594719)
    here = zooms[19].crop(*at, side_m=60.0, size_px=100)
    shift = best_shift(here, zooms[20], at, side_m=60.0, reach_m=2.0, step_m=0.5)
    assert shift == (0.0, 0.0)


def test_speckles_without_data_reject_a_tile_unless_fewer_may_be_seen(read):
    at, size = (0.351217, 32.594719), {"side_m": 60.0, "size_px": 100}
    strict = read(KAMPALA, layout="OAM-{x}-{y}-{z}").crop(*at, **size)
    assert strict.measured == pytest.approx(0.998, abs=2e-3)
    lax = read(KAMPALA, layout="OAM-{x}-{y}-{z}", min_covered=0.99)
    assert lax.crop(*at, **size).shape == (100, 100, 3)
    hole = lax.crop(0.349, 32.593, **size)
    assert hole.measured < 0.9


def outlines():
    features = json.loads((KAMPALA / "labels.geojson").read_text())["features"]
    shapes = [shapely.from_geojson(json.dumps(f["geometry"])) for f in features]
    points = [
        shapely.get_coordinates(shapely.segmentize(s.exterior, 2e-6)) for s in shapes
    ]
    return np.concatenate(points)


def test_mapped_buildings_lie_on_the_edges_in_the_tile(read):
    """Outlines that people drew on this imagery, moved by metres, fit it worse."""
    imagery = read(KAMPALA, layout="OAM-{x}-{y}-{z}", min_covered=0.95)
    at = (0.351217, 32.594719)
    picture = grey(imagery.crop(*at, side_m=76.0, size_px=250))
    edges = np.hypot(*np.gradient(picture))
    lon, lat = outlines().T
    east, north = offset_m(*at, lat, lon)
    scores = {}
    for east_m in range(-4, 5):
        for north_m in range(-4, 5):
            columns = ((east + east_m) / 76.0 + 0.5) * 250
            rows = (0.5 - (north + north_m) / 76.0) * 250
            inside = (np.minimum(columns, rows) >= 0) & (
                np.maximum(columns, rows) < 250
            )
            at_px = rows[inside].astype(int), columns[inside].astype(int)
            scores[east_m, north_m] = edges[at_px].mean()
    best = max(scores, key=scores.get)
    assert best == (0, 0)
    others = [v for k, v in scores.items() if k != best]
    assert scores[best] > 1.2 * max(others)


def test_an_orthophoto_and_a_surface_model_have_their_own_holes(read):
    photo, surface = read(DULUTH / "odm_orthophoto.tif"), read(DULUTH / "dsm.tif")
    assert photo.described()[0]["alpha"] == 4
    assert surface.described()[0]["nodata"] == [-9999]
    at = (46.842774, -91.993826)  # where the drone's picture says it was taken
    size = {"side_m": 30.0, "size_px": 60}
    assert photo.crop(*at, **size).shape == (60, 60, 3)
    assert surface.crop(*at, **size).measured == pytest.approx(0.874, abs=0.01)
    low, high = surface.described()[0]["black_and_white"]
    assert 156.9 <= low < high <= 164.9
    size = {"side_m": 110.0, "size_px": 220}
    west, south, east, north = surface.bounds
    middle = ((south + north) / 2, (west + east) / 2)
    seen = surface.view(*middle, **size).seen()
    # 65.5 % of its 92.0 x 87.5 m are valid.
    assert seen.mean() * 110.0**2 == pytest.approx(0.655 * 92.0 * 87.5, rel=0.05)


def test_listed_tiles_fit_the_mosaic_that_was_given_its_place_by_them(read):
    mosaic = read(BERLIN / "berlin_mosaic_5m.jpg", crs="EPSG:25833")
    tiles = open_tile_list(
        BERLIN / "aerial_tiles" / "train" / "train.json", ABOUT, side_m=128.0
    )
    shifts = []
    for tile in tiles.tiles[::12]:
        at = (tile.lat, tile.lon)
        picture = tiles.crop(*at, side_m=128.0, size_px=26)
        shifts.append(
            best_shift(picture, mosaic, at, side_m=128.0, reach_m=15.0, step_m=5.0)
        )
    # The world file was fitted with an error of up to 3.5 m; a pixel has 5 m.
    assert np.abs(np.array(shifts)).max() <= 5.0
    assert np.abs(np.median(shifts, axis=0)).max() == 0.0

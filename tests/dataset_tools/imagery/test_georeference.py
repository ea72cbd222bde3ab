"""Where a pixel of a tile lies, against pyproj's geodesics and nothing of ours."""

import numpy as np
import pytest
from pyproj import Geod, Transformer
from rasterio.transform import from_origin

from dataset_tools.imagery.tile_list import footprint

GEOD = Geod(ellps="WGS84")
PLACES = [
    (0.0, 0.0),
    (44.5, -72.6),
    (-33.9, 151.2),
    (69.6, 18.95),
    (-54.8, -68.3),
    (-17.8, 179.9998),
    (65.8, -179.9999),
    (78.2, 15.6),
]
CORNERS = {"NW": (-1, 1), "NE": (1, 1), "SE": (1, -1), "SW": (-1, -1)}


def utm(lat, lon):
    zone = int((lon + 180) // 6) % 60 + 1
    return f"EPSG:{(32600 if lat >= 0 else 32700) + zone}"


@pytest.mark.parametrize(("lat", "lon"), PLACES)
@pytest.mark.parametrize("side_m", [40.0, 80.0, 2000.0])
def test_a_footprint_is_right_to_a_millimetre(lat, lon, side_m):
    corners = footprint(lat, lon, side_m=side_m)
    for (x, y), (east, north) in zip(corners, CORNERS.values(), strict=True):
        assert -180.0 <= x <= 180.0
        azimuth, _, away = GEOD.inv(lon, lat, x, y)
        assert away == pytest.approx(side_m / np.sqrt(2), abs=1e-3)
        wanted = np.degrees(np.arctan2(east, north))
        turned = (azimuth - wanted + 180.0) % 360.0 - 180.0
        assert np.radians(turned) * away == pytest.approx(0.0, abs=1e-3)


@pytest.mark.parametrize(("lat", "lon"), PLACES)
@pytest.mark.parametrize("corner", CORNERS)
def test_a_mark_shows_in_the_pixel_where_the_geodesic_ends(
    write_raster, opened, lat, lon, corner
):
    crs = utm(lat, lon)
    to_utm = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    x, y = to_utm.transform(lon, lat)
    left, top, res = round(x) - 80.0, round(y) + 80.0, 0.25
    pixels = np.zeros((640, 640, 3), np.uint8)
    # A mark of 1 m around a point 25 m east or west and north or south of the middle.
    east, north = (25.0 * sign for sign in CORNERS[corner])
    azimuth = np.degrees(np.arctan2(east, north))
    mark_lon, mark_lat, _ = GEOD.fwd(lon, lat, azimuth, np.hypot(east, north))
    mark_x, mark_y = to_utm.transform(mark_lon, mark_lat)
    column, row = (mark_x - left) / res, (top - mark_y) / res
    pixels[round(row) - 2 : round(row) + 2, round(column) - 2 : round(column) + 2] = 255
    path = write_raster(pixels, crs=crs, transform=from_origin(left, top, res, res))
    crop = opened(path).crop(lat, lon, side_m=80.0, size_px=320)[..., 0].astype(float)
    rows, columns = np.indices(crop.shape)
    found = [float((v * crop).sum() / crop.sum()) for v in (columns, rows)]
    # A pixel is 25 cm; the mark's own place is rounded to half a raster pixel.
    off = [round(column) - column, round(row) - row]
    assert found[0] == pytest.approx((40.0 + east) / 0.25 - 0.5 + off[0], abs=0.12)
    assert found[1] == pytest.approx((40.0 - north) / 0.25 - 0.5 + off[1], abs=0.12)


@pytest.mark.parametrize(("lat", "lon"), [(69.6, 18.95), (65.0, -10.5), (-70.0, 2.0)])
def test_north_is_true_north_and_not_the_grid_s(write_raster, opened, lat, lon):
    crs = "EPSG:3031" if lat < -60 else "EPSG:3413"  # polar: the grid turns with lon
    to_grid = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    x, y = to_grid.transform(lon, lat)
    left, top, res = x - 100.0, y + 100.0, 0.25
    pixels = np.zeros((800, 800, 3), np.uint8)
    for away in np.arange(0.0, 60.0, 0.2):
        line_lon, line_lat, _ = GEOD.fwd(lon, lat, 0.0, away)
        line_x, line_y = to_grid.transform(line_lon, line_lat)
        pixels[int((top - line_y) / res), int((line_x - left) / res)] = 255
    path = write_raster(pixels, crs=crs, transform=from_origin(left, top, res, res))
    crop = opened(path).crop(lat, lon, side_m=80.0, size_px=320)[..., 0]
    rows, columns = np.nonzero(crop > 40)
    assert rows.max() <= 161
    assert np.abs(columns - 159.5).max() <= 2.5
    assert len(np.unique(rows)) > 150

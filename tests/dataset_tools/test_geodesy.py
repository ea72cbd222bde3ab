"""Metres against pyproj, the poles and the antimeridian."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from dataset_tools import geodesy

LATITUDES = st.floats(-89.0, 89.0)
LONGITUDES = st.floats(-180.0, 180.0)


def test_distance_agrees_with_pyproj():
    expected = Geod(ellps="WGS84").inv(-72.5, 44.5, -72.4, 44.6)[2]
    assert float(geodesy.distance_m(44.5, -72.5, 44.6, -72.4)) == expected


def test_one_degree_of_latitude_in_vermont_has_its_textbook_length():
    assert float(geodesy.distance_m(44.0, -72.5, 45.0, -72.5)) == pytest.approx(
        111_122, abs=15
    )


def test_bearings_of_the_four_winds():
    found = geodesy.bearing_deg(0.0, 0.0, [1.0, 0.0, -1.0, 0.0], [0.0, 1.0, 0.0, -1.0])
    assert found.tolist() == [0.0, 90.0, 180.0, 270.0]


@settings(max_examples=50, deadline=None)
@given(LATITUDES, LONGITUDES, st.floats(0, 359.9), st.floats(0.01, 5_000.0))
def test_a_destination_is_as_far_as_was_asked(lat, lon, bearing, metres):
    lat_b, lon_b = geodesy.destination(lat, lon, bearing, metres)
    assert float(geodesy.distance_m(lat, lon, lat_b, lon_b)) == pytest.approx(
        metres, abs=1e-6
    )


@settings(max_examples=50, deadline=None)
@given(LATITUDES, LONGITUDES, LATITUDES, LONGITUDES)
def test_a_bearing_lies_in_0_to_360(lat_a, lon_a, lat_b, lon_b):
    assert 0.0 <= float(geodesy.bearing_deg(lat_a, lon_a, lat_b, lon_b)) < 360.0


def test_the_antimeridian_is_no_wall():
    east, north = geodesy.offset_m(10.0, 179.9999, 10.0, -179.9999)
    assert float(east) == pytest.approx(21.93, abs=0.01)
    assert float(north) == pytest.approx(0.0, abs=1e-3)


def test_a_local_frame_returns_to_where_it_began():
    frame = geodesy.LocalFrame(44.5, -72.5)
    lat, lon = frame.to_degrees(*frame.to_metres([44.51, 44.49], [-72.49, -72.52]))
    np.testing.assert_allclose(lat, [44.51, 44.49], atol=1e-9)
    np.testing.assert_allclose(lon, [-72.49, -72.52], atol=1e-9)


def test_chords_are_exact_enough_for_a_tile():
    a, b = geodesy.ecef_m([44.5, 44.5009], [-72.5, -72.5])
    arc = float(geodesy.distance_m(44.5, -72.5, 44.5009, -72.5))
    assert float(np.linalg.norm(a - b)) == pytest.approx(arc, abs=1e-4)


@pytest.mark.parametrize("lat", [-89.0, -35.3, 0.0, 44.5, 80.0])
@pytest.mark.parametrize("metres", [0.5, 8.0, 1_000.0, 2_000.0])
def test_chords_are_geodesics_over_the_length_of_a_step(lat, metres):
    bearing = np.arange(0.0, 360.0, 7.0)
    lat_b, lon_b = geodesy.destination(lat, 179.999, bearing, metres)
    a = geodesy.ecef_columns(np.full(lat_b.shape, lat), np.full(lat_b.shape, 179.999))
    b = geodesy.ecef_columns(lat_b, lon_b)
    np.testing.assert_allclose(geodesy.chord_m(a, b), metres, atol=1e-5)
    turn = (geodesy.chord_bearing_deg(a, b) - bearing + 180.0) % 360.0 - 180.0
    # A nanometre of rounding over half a metre is 1e-7 degrees.
    np.testing.assert_allclose(turn, 0.0, atol=1e-6)

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from dataset_tools.errors import MissingDataError, UnreadableError, UsageError
from dataset_tools.geodesy import destination
from dataset_tools.tile_grid import TileGrid, cell_name

GEOD = Geod(ellps="WGS84")
GRID = TileGrid(40.0)
PLACES = [
    (44.5, -72.6),
    (-33.9, 151.2),
    (0.0, 0.0),
    (0.0001, 180.0),
    (-70.0, -179.9999),
]

positions = st.tuples(st.floats(-84.0, 84.0), st.floats(-180.0, 180.0))


def metres(a, b):
    return GEOD.inv(a[1], a[0], b[1], b[0])[2]


def centre(cell):
    lat, lon = GRID.centres(cell.reshape(1, 2))
    return float(lat[0]), float(lon[0])


@given(positions)
@settings(max_examples=60, deadline=None)
def test_no_position_is_farther_from_a_centre_than_half_a_step_each_way(at):
    (cell,) = GRID.nearest(*(np.array([v]) for v in at))
    lat, lon = centre(cell)
    azimuth, _, away = GEOD.inv(lon, lat, at[1], at[0])
    east, north = np.sin(np.radians(azimuth)) * away, np.cos(np.radians(azimuth)) * away
    assert max(abs(east), abs(north)) <= 20.01


@given(positions)
@settings(max_examples=40, deadline=None)
def test_the_nearest_cell_is_the_nearest_of_all_that_are_near(at):
    lat, lon = (np.array([v]) for v in at)
    (best,) = GRID.nearest(lat, lon)
    around = GRID.near(lat, lon, reach_m=90.0)
    away = [metres(centre(cell), at) for cell in around]
    assert min(away) == pytest.approx(metres(centre(best), at), abs=1e-6)


@pytest.mark.parametrize("at", PLACES)
def test_near_finds_each_cell_within_reach_and_no_other(at):
    found = GRID.near(np.array([at[0]]), np.array([at[1]]), reach_m=100.0)
    assert all(metres(centre(cell), at) <= 100.0 for cell in found)
    # Centres 40 m apart: a disc of 100 m holds about pi * 100^2 / 40^2 of them.
    assert len(found) == pytest.approx(19.6, abs=4)
    assert len({cell_name(cell) for cell in found}) == len(found)
    spread = np.random.default_rng(0).uniform(-70.0, 70.0, (200, 2))
    lat, lon = destination(
        np.full(200, at[0]),
        np.full(200, at[1]),
        np.degrees(np.arctan2(*spread.T)),
        np.hypot(*spread.T),
    )
    names = {cell_name(cell) for cell in found}
    near = [
        cell_name(cell)
        for cell, a, o in zip(GRID.nearest(lat, lon), lat, lon, strict=True)
        if metres(centre(cell), at) <= 100.0 and metres((a, o), at) < 99.0
    ]
    assert set(near) <= names


@pytest.mark.parametrize("at", PLACES)
def test_neighbours_are_a_step_apart_and_never_more(at):
    (cell,) = GRID.nearest(np.array([at[0]]), np.array([at[1]]))
    north, east = (centre(cell + np.array(step)) for step in ((1, 0), (0, 1)))
    assert metres(centre(cell), east) == pytest.approx(40.0, rel=0.012)
    assert metres(centre(cell), east) <= 40.0 + 1e-6
    steps = GEOD.inv(0.0, centre(cell)[0], 0.0, north[0])[2]
    assert steps == pytest.approx(40.0, abs=1e-6)


def test_columns_lie_above_each_other_within_a_band():
    cells = np.array([[138_022 + i, -160_123] for i in range(5)])
    lon = GRID.centres(cells)[1]
    assert np.ptp(lon) == 0.0


def test_the_numbers_do_not_depend_on_what_else_is_asked():
    lat, lon = np.array([44.5, 44.51, -33.0]), np.array([-72.6, -72.7, 20.0])
    together = GRID.near(lat, lon, reach_m=150.0)
    alone = [
        tuple(cell)
        for a, o in zip(lat, lon, strict=True)
        for cell in GRID.near(np.array([a]), np.array([o]), reach_m=150.0)
    ]
    assert [tuple(cell) for cell in together] == sorted(set(alone))


def square(path, west, south, east, north):
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    feature = {
        "type": "Feature",
        "properties": {},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    return path


@pytest.mark.parametrize("at", [(44.5, -72.6), (-33.9, 151.2), (0.0, 179.998)])
def test_an_area_holds_each_centre_inside_it_and_no_other(tmp_path, at):
    box = (at[1], at[0], at[1] + 0.01, at[0] + 0.005)
    inside = GRID.inside(square(tmp_path / "a.geojson", *box))
    wide = metres(at, (at[0], at[1] + 0.01)) * metres(at, (at[0] + 0.005, at[1]))
    assert len(inside) == pytest.approx(wide / 1600.0, rel=0.1)
    lat, lon = GRID.centres(inside)
    east = (lon - box[0]) % 360.0
    assert (east <= 0.01).all()
    assert ((lat >= box[1]) & (lat <= box[3])).all()
    all_near = GRID.near(
        np.array([at[0] + 0.0025]), np.array([at[1] + 0.005]), reach_m=150.0
    )
    assert {tuple(c) for c in all_near} <= {tuple(c) for c in inside}


def test_what_cannot_be_a_grid_is_said_in_one_sentence(tmp_path):
    with pytest.raises(UsageError, match="reaches to 85 degrees"):
        GRID.nearest(np.array([88.0]), np.array([0.0]))
    with pytest.raises(UsageError, match=r"more than 5,000,000 tiles"):
        GRID.inside(square(tmp_path / "a.geojson", 0.0, 40.0, 2.0, 42.0))
    with pytest.raises(UnreadableError, match="no longitude and latitude"):
        GRID.inside(
            square(tmp_path / "a.geojson", 500_000, 4_000_000, 500_100, 4e6 + 9)
        )
    with pytest.raises(MissingDataError, match=r"none\.geojson"):
        GRID.inside(tmp_path / "none.geojson")


def test_no_position_has_no_cells():
    none = np.zeros(0)
    assert GRID.near(none, none, reach_m=10.0).shape == (0, 2)
    assert GRID.nearest(none, none).shape == (0, 2)

import numpy as np
import pytest
import shapely
from pyproj import Geod

from dataset_tools.imagery.tile_list import footprint
from dataset_tools.pack.records import _corners
from dataset_tools.pack.tables import sequences_table, tiles_table
from dataset_tools.records import Frame, Sequence, Tile

GEOD = Geod(ellps="WGS84")


def tile(name, lat, lon):
    return Tile(
        tile_id=name,
        lat=lat,
        lon=lon,
        footprint=footprint(lat, lon, side_m=80.0),
        m_per_px=0.5,
        width_px=160,
        height_px=160,
    )


@pytest.mark.parametrize("lon", [179.9998, -179.9998, 180.0, -180.0, -72.6, 0.0])
@pytest.mark.parametrize("lat", [-54.8, 0.0, 65.0])
def test_a_footprint_is_one_square_wherever_it_lies(lat, lon):
    table = tiles_table([tile("a", lat, lon)], {})
    shape = shapely.from_wkb(table["geometry"][0].as_py())
    area, around = GEOD.geometry_area_perimeter(shape)
    assert area == pytest.approx(6400.0, rel=1e-4)
    assert around == pytest.approx(320.0, rel=1e-4)
    box = table["bbox"][0].as_py()
    assert box["xmax"] - box["xmin"] < 0.01
    assert box["xmin"] <= lon <= box["xmax"]
    # Read again, corners are where they were.
    again = np.array(_corners(table["geometry"][0].as_py()))
    before = np.array(footprint(lat, lon, side_m=80.0))
    turns = (again - before)[:, 0] / 360.0
    assert np.abs(turns - np.round(turns)).max() < 1e-12
    assert np.abs(again[:, 0]).max() <= 180.0


def test_a_line_over_the_antimeridian_does_not_go_around_the_earth():
    frames = {
        f"f{i}": Frame(frame_id=f"f{i}", session_id="s", order=i, lat=-17.8, lon=lon)
        for i, lon in enumerate((179.9999, -179.9999))
    }
    one = Sequence(
        sequence_id="q",
        region="r",
        frame_ids=("f0", "f1"),
        lat=-17.8,
        lon=-179.9999,
        length_m=21.2,
    )
    table = sequences_table([one], frames)
    line = shapely.from_wkb(table["geometry"][0].as_py())
    assert GEOD.geometry_length(line) == pytest.approx(21.2, abs=0.1)
    assert line.length < 0.001

from dataclasses import replace

import numpy as np
import pytest
from made_pack import ORIGIN, contents, frame, make, sequence, tile
from matplotlib.figure import Figure

from dataset_tools.pack.bake import bake
from dataset_tools.pack.card.map import _panels, draw_map
from dataset_tools.pack.card.sheet import draw_sheet
from dataset_tools.pack.card.views import TileView, draw_tile, tile_view
from dataset_tools.pack.read import Pack
from dataset_tools.settings.bake import BakeSettings

SIZE = (100, 200)


@pytest.fixture
def view():
    return TileView(pixels=np.zeros((*SIZE, 3), np.uint8), side_m=80.0, place=ORIGIN)


def test_north_is_up_and_east_is_right(view):
    metres = np.array([[0, 0], [40, 0], [0, 40], [-40, -40]])
    expected = [[100, 50], [200, 50], [100, 0], [0, 100]]
    np.testing.assert_allclose(view.of_metres(metres), expected)


def test_positions_are_measured_from_the_centre(view):
    lat, lon = ORIGIN.to_degrees([10.0], [-5.0])
    np.testing.assert_allclose(view.metres(lat, lon), [[10.0, -5.0]], atol=1e-6)


def drawn(path, view, name="q/near"):
    """The axes after drawing a sequence's tile."""
    axes = Figure().add_subplot()
    with Pack.open(path) as pack:
        row = pack.sequences.loc[name]
        draw_tile(axes, view, row, pack.frames.loc[list(row["frame_ids"])])
    return axes


def wedge(axes):
    """Corners of the first filled shape, pixels."""
    return axes.patches[0].get_xy()


@pytest.mark.parametrize(
    ("heading", "side"), [(0, "up"), (90, "right"), (180, "down"), (270, "left")]
)
def test_a_wedge_opens_where_the_camera_looks(tmp_path, view, heading, side):
    near = [frame(i, heading_deg=float(heading), hfov_deg=60.0) for i in range(4)]
    path = make(tmp_path, frames=[*near, *contents().frames[4:]])
    corners = wedge(drawn(path, view))
    apex, middle = corners[0], corners.mean(axis=0)
    dx, dy = middle - apex
    found = (
        ("right" if dx > 0 else "left")
        if abs(dx) > abs(dy)
        else ("down" if dy > 0 else "up")
    )
    assert found == side


def test_the_angle_of_a_wedge_is_the_field_of_view(tmp_path, view):
    square = TileView(pixels=view.pixels[:, :100], side_m=80.0, place=ORIGIN)
    near = [frame(i, heading_deg=30.0, hfov_deg=50.0) for i in range(4)]
    path = make(tmp_path, frames=[*near, *contents().frames[4:]])
    corners = wedge(drawn(path, square))
    first, last = corners[1] - corners[0], corners[-3] - corners[0]
    angle = np.degrees(np.arccos(first @ last / np.hypot(*first) / np.hypot(*last)))
    assert angle == pytest.approx(50.0, abs=2.0)


def test_a_panorama_is_a_circle_and_an_unknown_heading_draws_nothing(tmp_path, view):
    near = [frame(i, projection="equirectangular") for i in range(4)]
    path = make(tmp_path, frames=[*near, *contents().frames[4:]])
    corners = wedge(drawn(path, view))
    assert np.ptp(corners[:, 0]) == pytest.approx(2 * 25.0 * 200 / 80, rel=0.01)
    blind = [frame(i, heading_deg=None) for i in range(4)]
    other = make(tmp_path / "o", frames=[*blind, *contents().frames[4:]])
    assert list(drawn(other, view).patches) == []


def test_a_cropped_tile_has_the_side_it_was_cropped_to(tmp_path):
    settings = BakeSettings(ground_size=(8, 8), satellite_size=(8, 8), tile_m=40.0)
    path = bake(make(tmp_path), tmp_path / "b.pack", settings)
    with Pack.open(path) as pack:
        assert tile_view(pack, "t/near").side_m == 40.0


def test_regions_far_apart_get_a_panel_each_and_neighbours_one_map(tmp_path):
    """Two streets 900 m apart, then 9 km."""
    given = contents()
    for north_m, panels in ((900.0, 1), (9000.0, 2)):
        frames = [frame(i, north_m=north_m) for i in range(3)]
        place = tile("t/far", 8, north_m)
        other = sequence("q/far", frames, place, region="s")
        path = make(
            tmp_path / str(panels),
            frames=[*given.frames[:4], *frames],
            tiles=[given.tiles[0], place],
            sequences=[other, given.sequences[0], given.sequences[2]],
            split_rows=[],
        )
        with Pack.open(path) as pack:
            found = _panels(pack)
            assert draw_map(pack).startswith(b"\x89PNG")
        assert len(found) == panels
    assert [p.name for p in found] == ["r", "s"]
    assert [list(p.tiles.index) for p in found] == [["t/near"], ["t/far"]]


def test_sequences_without_pictures_or_positives_make_a_sheet_too(tmp_path):
    given = contents()
    bare = [replace(s, positives=(), offsets=()) for s in given.sequences]
    rows = [r for r in given.split_rows if r[2] == "sequence"]
    first = make(tmp_path / "a", sequences=bare, split_rows=rows)
    frames = [replace(f, source=None) for f in given.frames]
    second = make(tmp_path / "b", frames=frames)
    for path in (first, second):
        with Pack.open(path) as pack:
            assert draw_sheet(pack).startswith(b"\x89PNG")

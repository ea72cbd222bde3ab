"""What the two views show of one world, and what they must not share."""

from dataclasses import replace

import numpy as np
import pytest

from dataset_tools.synthetic.appearance import colour_table
from dataset_tools.synthetic.ground_view import GroundView, Pose
from dataset_tools.synthetic.network import Network, Zones
from dataset_tools.synthetic.satellite_view import SatelliteView
from dataset_tools.synthetic.settings import RegionSettings
from dataset_tools.synthetic.world import BUILDING, GRASS, Objects, World, build_world

REGION = RegionSettings(name="x", index=3, width_m=200.0, height_m=200.0, areas=())


def lone_tower(east, north):
    """A meadow with one 20 m tower of 12 x 12 m around a position."""
    thing = np.ones((400, 400), np.int32)
    left, top = int((east - 6) * 2), int((200 - north - 6) * 2)
    window = slice(top, top + 24), slice(left, left + 24)
    thing[window] = 2
    height = np.zeros((400, 400), np.uint8)
    height[window] = 80
    objects = Objects(
        class_id=np.array([GRASS, GRASS, BUILDING], np.uint8),
        box=np.array([[0] * 6, [0] * 6, [east, north, 1, 0, 6, 6]], np.float32),
        height_m=np.array([0, 0, 20], np.float32),
    )
    zones = Zones(np.zeros((1, 2)), np.zeros(1, int))
    return World(thing, height, objects, Network(np.zeros((0, 2)), [], [], zones))


def pose(azimuth_deg=0.0, seed=1):
    return Pose(
        east=100.0, north=100.0, azimuth_deg=azimuth_deg, session=0, seed=(seed,)
    )


@pytest.mark.parametrize(
    ("east", "north", "column"),
    [(100.0, 130.0, 128), (130.0, 100.0, 192), (70.0, 100.0, 64)],
)
def test_a_tower_stands_in_the_panorama_where_its_bearing_says(east, north, column):
    world = lone_tower(east, north)
    view = GroundView(world, REGION, seed=0)
    # The sky is hit nowhere; the tower is the only thing above the horizon.
    rays = view.panorama
    azimuth = rays.azimuth
    ray = np.stack([np.sin(azimuth), np.cos(azimuth)], axis=1).astype(np.float32)
    _, top, hit = view._march(rays, ray, pose())
    columns = np.nonzero((hit & (top > 1)).any(axis=1))[0]
    assert abs((columns.min() + columns.max() + 1) / 2 - column) <= 1
    # A 20 m tower whose face is 24 m away reaches arctan(17.8 / 24) = 36.6 degrees.
    row = (hit & (top > 1))[column].nonzero()[0].max()
    assert (row + 0.5) / 64 * 80 - 40 == pytest.approx(36.6, abs=2)


def test_turning_the_camera_rolls_the_panorama():
    view = GroundView(lone_tower(100.0, 130.0), REGION, seed=0)
    rays = view.panorama
    tops = []
    for turn in (0.0, 90.0):
        azimuth = rays.azimuth + np.radians(turn)
        ray = np.stack([np.sin(azimuth), np.cos(azimuth)], axis=1).astype(np.float32)
        tops.append(view._march(rays, ray, pose())[1] > 1)
    assert (np.roll(tops[0], -64, axis=0) == tops[1]).mean() > 0.99


def test_a_ground_picture_is_the_same_twice_and_differs_with_its_seed():
    view = GroundView(lone_tower(100.0, 130.0), REGION, seed=0)
    first, again = (view.render(view.front, pose()) for _ in range(2))
    other = view.render(view.front, pose(seed=2))
    assert first.shape == (64, 96, 3)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_orthophoto_shows_the_tower_and_its_shadow_away_from_the_sun():
    world = lone_tower(100.0, 100.0)
    view = SatelliteView(world, REGION, seed=0)
    shadow = view._shadow(0, 400)
    # The sun is in the south-west, so the shadow lies to the north-east.
    assert shadow[180, 220]
    assert not shadow[220, 180]
    assert view.render(0, 400).shape == (400, 400, 3)


def test_strips_of_the_orthophoto_join_without_a_seam():
    region = replace(REGION, imagery=replace(REGION.imagery, m_per_px=0.6))
    view = SatelliteView(build_world(region, seed=2), region, seed=2)
    rows = view.size[0]
    parts = np.concatenate([view.render(0, 100), view.render(100, rows)])
    assert np.array_equal(parts, view.render(0, rows))


def test_an_objects_colour_in_one_view_says_nothing_of_it_in_the_other():
    count = 4000
    objects = Objects(
        class_id=np.full(count, BUILDING, np.uint8),
        box=np.zeros((count, 6), np.float32),
        height_m=np.zeros(count, np.float32),
    )
    tables = [
        colour_table(objects, view=v, season="summer", style="clapboard", seed=(0, 1))
        for v in ("ground", "satellite")
    ]
    for channel in range(3):
        correlation = np.corrcoef(tables[0][:, channel], tables[1][:, channel])[0, 1]
        assert abs(correlation) < 0.06


def test_the_satellite_switch_leaves_the_ground_view_as_it_is():
    world = lone_tower(100.0, 130.0)
    other = replace(REGION, imagery=replace(REGION.imagery, season="autumn"))
    views = [GroundView(world, region, seed=0) for region in (REGION, other)]
    pictures = [view.render(view.front, pose()) for view in views]
    assert np.array_equal(*pictures)

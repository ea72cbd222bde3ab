"""The world's rasters and the plan of the drive."""

from itertools import pairwise

import numpy as np
import pytest

from dataset_tools.errors import UsageError
from dataset_tools.synthetic.drive import plan_drive
from dataset_tools.synthetic.settings import PRESETS, preset_settings
from dataset_tools.synthetic.world import (
    ASPHALT,
    BUILDING,
    CLASSES,
    MARKING,
    build_world,
    region_network,
)

HOME, _, CROSS, *_ = preset_settings("tiny", seed=5).regions


@pytest.fixture(scope="module")
def world():
    return build_world(CROSS, seed=5)


@pytest.fixture(scope="module")
def shots():
    return plan_drive(HOME, region_network(HOME, seed=5), seed=5)


def test_the_same_seed_gives_the_same_world_and_another_seed_another(world):
    again, other = build_world(CROSS, seed=5), build_world(CROSS, seed=6)
    assert np.array_equal(world.object_id, again.object_id)
    assert np.array_equal(world.height, again.height)
    assert not np.array_equal(world.object_id, other.object_id)


def test_every_class_occurs_and_only_things_have_a_height(world):
    present = np.unique(world.class_id)
    assert len(present) == len(CLASSES)
    assert world.height[world.class_id < BUILDING].max() == 0
    assert world.height[world.class_id >= BUILDING].min() > 0


def test_the_car_keeps_to_the_asphalt_and_off_the_centre_line(world):
    shots = plan_drive(CROSS, region_network(CROSS, seed=5), seed=5)
    rows = [int((CROSS.height_m - s.north) * 2) for s in shots]
    columns = [int(s.east * 2) for s in shots]
    kinds = world.class_id[rows, columns]
    assert np.isin(kinds, (ASPHALT, MARKING)).mean() > 0.98
    assert (kinds == MARKING).mean() < 0.15


def test_no_car_leaves_the_areas_which_lie_200_m_apart(shots):
    for shot in shots:
        assert any(
            a.west - 8 <= shot.east <= a.east + 8
            and a.south - 8 <= shot.north <= a.north + 8
            for a in HOME.areas
        )
    for left, right in zip(HOME.areas, HOME.areas[1:], strict=False):
        assert right.west - left.east >= 200 + 2 * 8


def test_pictures_are_eight_metres_apart_and_each_third_has_a_panorama(shots):
    first = [s for s in shots if s.session == 0][:200]
    steps = np.hypot(
        np.diff([s.east for s in first]), np.diff([s.north for s in first])
    )
    assert np.median(steps) == pytest.approx(8.05, abs=0.1)
    share = np.mean([s.panorama for s in shots])
    assert share == pytest.approx(1 / 3, abs=0.04)


def test_a_drive_has_stops_a_repeat_a_lost_fix_gaps_and_a_second_pass(shots):
    pairs = list(pairwise(shots))
    same = [(a, b) for a, b in pairs if a.session == b.session]
    assert any(s.lost_fix for s in shots)
    assert any(s.repeats is not None for s in shots)
    assert any((a.east, a.north) == (b.east, b.north) for a, b in same)
    assert any(b.time_ns - a.time_ns >= 120_000_000_000 for a, b in same)
    azimuth = np.array([s.azimuth_deg for s in shots])
    place = np.array([(s.east, s.north) for s in shots])
    near = np.hypot(*(place[:, None] - place[None]).transpose(2, 0, 1)) < 9
    turned = np.abs((azimuth[:, None] - azimuth[None]) % 360 - 180) < 20
    assert (near & turned).any(axis=1).sum() > 20


def test_gps_is_wrong_by_about_a_metre_and_headings_by_at_most_five_degrees(shots):
    error = np.hypot(
        [s.gps_east - s.east for s in shots], [s.gps_north - s.north for s in shots]
    )
    assert 0.6 < np.sqrt(np.mean(error**2)) < 1.5
    assert max(abs(s.heading_error_deg) for s in shots) <= 5
    assert np.std([s.panorama_error_deg for s in shots]) > 1


def test_time_runs_forward_in_each_session(shots):
    for a, b in pairwise(shots):
        if a.session == b.session:
            assert b.time_ns > a.time_ns
            assert b.number == a.number + 1


def test_cross_regions_differ_from_home_by_the_switch_they_name():
    home, *cross = preset_settings("small").regions
    for region in cross:
        (switch,) = region.switches
        for name in ("appearance", "layout", "camera", "imagery"):
            differs = getattr(region, name) != getattr(home, name)
            assert differs == (name == switch)


def test_an_unknown_preset_is_refused_with_the_closest_name():
    with pytest.raises(UsageError, match=r"'smal'.*'small'"):
        preset_settings("smal")
    with pytest.raises(UsageError, match="-1"):
        preset_settings(PRESETS[0], seed=-1)

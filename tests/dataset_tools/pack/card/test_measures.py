from dataclasses import replace

import numpy as np
import pytest
from made_pack import contents, frame, make, tile

from dataset_tools.pack.card.facts import binned, card_facts, nice_edges
from dataset_tools.pack.card.measures import measure
from dataset_tools.pack.read import Pack


@pytest.fixture
def measures(tmp_path):
    with Pack.open(make(tmp_path)) as pack:
        return measure(pack)


def test_spacing_and_speed_are_those_of_steps_within_a_session(measures):
    """4 frames and 3 frames, 8 m and 1 s apart: 3 and 2 steps."""
    np.testing.assert_allclose(measures.spacing_m, [8.0] * 5, atol=1e-3)
    np.testing.assert_allclose(measures.speed_mps, [8.0] * 5, atol=1e-3)


def test_frames_without_time_have_spacing_and_no_speed(tmp_path):
    frames = [replace(f, time=None) for f in contents().frames]
    with Pack.open(make(tmp_path, frames=frames)) as pack:
        found = measure(pack)
    assert len(found.spacing_m) == 5
    assert len(found.speed_mps) == 0


def test_overlap_is_the_share_of_a_tile_that_one_other_covers(tmp_path):
    """80 m tiles whose centres are 20 m apart share three quarters."""
    tiles = [*contents().tiles, tile("t/next", 320, 900)]
    with Pack.open(make(tmp_path, tiles=tiles)) as pack:
        overlap = measure(pack).overlap
    np.testing.assert_allclose(sorted(overlap), [0, 0, 0.75, 0.75], atol=1e-4)


def test_offsets_are_lengths_to_positives(measures):
    expected = [0.0, np.hypot(8, 3), np.hypot(8, 3)]
    np.testing.assert_allclose(sorted(measures.offset_m), expected, atol=1e-3)


def test_histograms_have_round_edges_and_one_bar_for_outliers():
    values = np.r_[np.full(90, 8.0), np.linspace(7.0, 9.0, 10), 900.0]
    counted = binned(values)
    assert sum(counted.values()) == len(values)
    assert counted["over 9"] == 1
    assert all(len(name.split()[0]) < 6 for name in counted)
    assert binned(np.array([])) == {}
    assert binned(np.array([3.0, 3.0])) == {"3": 2}


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
def test_edges_cover_the_values_at_any_scale(scale):
    values = scale * np.random.default_rng(0).uniform(-1, 1, 1000)
    edges = nice_edges(values)
    assert edges[0] <= values.min()
    assert edges[-1] >= np.percentile(values, 99)
    assert 4 <= len(edges) <= 12


def test_an_unknown_heading_is_counted_as_unknown(tmp_path):
    frames = [frame(0, heading_deg=None), frame(1, heading_deg=350.0), frame(2)]
    path = make(tmp_path, frames=[*frames, frame(3), *contents().frames[4:]])
    with Pack.open(path) as pack:
        headings = card_facts(pack)["histograms"]["Frame heading"]
    assert (headings["unknown"], headings["N"], headings["E"]) == (1, 1, 5)

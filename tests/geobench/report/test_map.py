from dataclasses import replace

import numpy as np
import pytest
from made_run import MadePack, write_result

from geobench.report.map import _round_down, draw_map
from geobench.report.sources import load_entries, load_ranks


def _map(tmp_path, recall=0.5):
    write_result(tmp_path, recall=recall)
    (entry,) = load_entries(tmp_path)
    return draw_map(MadePack(), entry, load_ranks(entry))


def test_every_query_is_drawn_once(tmp_path):
    area = _map(tmp_path)
    assert len(area.spots) == 24
    assert sum(area.counts.values()) == 24
    assert area.counts["hit"] == 12


def test_hits_are_drawn_last_so_that_they_lie_on_top(tmp_path):
    kinds = [s.kind for s in _map(tmp_path).spots]
    assert kinds[-12:] == ["hit"] * 12


def test_north_is_up_and_metres_are_metres(tmp_path):
    spots = {s.text.split(":")[0]: s for s in _map(tmp_path, recall=1.0).spots}
    south, north = spots["s000"], spots["s001"]  # 0.0009 degrees of latitude apart
    assert south.y - north.y == pytest.approx(100.0, abs=0.5)
    assert south.x == pytest.approx(north.x, abs=0.2)


def test_all_queries_lie_inside_the_drawing(tmp_path):
    area = _map(tmp_path)
    left, top, width, height = map(float, area.view_box.split())
    assert all(left < s.x < left + width for s in area.spots)
    assert all(top < s.y < top + height for s in area.spots)


def test_tiles_are_squares_of_their_side_and_distractors_are_apart(tmp_path):
    area = _map(tmp_path)
    assert area.true_tiles.count("h80v80h-80z") == 24
    assert area.tiles.count("h80v80h-80z") == 60


def test_unknown_errors_are_left_out_of_the_text(tmp_path):
    write_result(tmp_path)
    (entry,) = load_entries(tmp_path)
    ranks = replace(load_ranks(entry), error_m=np.full(24, np.nan))
    assert "away" not in draw_map(MadePack(), entry, ranks).spots[0].text


@pytest.mark.parametrize(
    ("length", "bar"), [(0.4, 1), (9, 5), (250, 200), (1000, 1000)]
)
def test_the_scale_bar_is_a_round_number(length, bar):
    assert _round_down(length) == bar

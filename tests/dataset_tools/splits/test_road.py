import numpy as np
import pytest
from made_town import check_guarantees, driven, ids, street, together

from dataset_tools.errors import UsageError
from dataset_tools.splits import RoadRule, SplitRule, by_road
from dataset_tools.splits.road import roads_of
from dataset_tools.splits.world import World


def line(name, a, b, *, step_m=8.0):
    """A drive straight from one place to another, metres."""
    (x, y), (u, v) = a, b
    count = int(np.hypot(u - x, v - y) / step_m) + 1
    share = np.linspace(0.0, 1.0, count)
    return driven(name, [(x + t * (u - x), y + t * (v - y)) for t in share])


def roads(data, **rule):
    """Names of the drives that each road holds frames of, roads sorted."""
    world = World.of(*data, tile_side_m=80.0)
    on = roads_of(world, RoadRule(**rule))
    held = {}
    for name, road in on.items():
        held.setdefault(road, set()).add(name.rstrip("0123456789"))
    return sorted(map(sorted, held.values()))


def test_both_directions_of_a_road_and_a_later_pass_are_one_road():
    data = together(
        line("out", (0, 0), (400, 0)),
        line("back", (400, 5), (0, 5)),
        line("later", (100, -4), (300, -4)),
    )
    assert roads(data) == [["back", "later", "out"]]


def test_a_crossing_joins_no_roads():
    data = together(
        line("east", (-200, 0), (200, 0)), line("north", (0, -200), (0, 200))
    )
    assert roads(data) == [["east"], ["north"]]


def test_a_road_beside_is_another_road_unless_it_lies_within_the_width():
    data = together(line("here", (0, 0), (300, 0)), line("there", (0, 30), (300, 30)))
    assert roads(data) == [["here"], ["there"]]
    assert roads(data, width_m=35.0) == [["here", "there"]]


def test_a_drive_that_turns_off_goes_on_along_another_road():
    corner = [(8.0 * k, 0.0) for k in range(26)]
    corner += [(200.0, 8.0 * k) for k in range(1, 26)]
    data = together(
        driven("turns", corner),
        line("east", (0, 4), (400, 4)),
        line("north", (204, 0), (204, 200)),
    )
    assert roads(data) == [["east", "turns"], ["north", "turns"]]


def test_a_wide_bend_parts_no_road():
    angle = np.linspace(0.0, np.pi / 2, 40)
    bend = [(200 * np.sin(a), 200 - 200 * np.cos(a)) for a in angle]
    assert roads(driven("bend", bend)) == [["bend"]]


def test_frames_without_a_direction_join_the_road_they_lie_on():
    alone = driven("alone", [(100.0, 6.0), (5000.0, 0.0), (9000.0, 0.0)])
    data = together(line("road", (0, 0), (400, 0)), alone)
    # The query's own frame lies 5 km off; the third one, where no query lies, goes
    # with it.
    assert roads(data) == [["alone"], ["alone", "road"]]


def test_all_passes_of_a_road_are_in_one_split():
    parts = []
    for k in range(6):
        north = 250.0 * k
        parts.append(line(f"out{k}-", (0, north), (600, north)))
        parts.append(line(f"back{k}-", (600, north + 5), (0, north + 5)))
    data = together(*parts, line("across", (300, -50), (300, 1300)))
    outcome = by_road(*data, SplitRule(buffer_m=60.0))
    world = World.of(*data, tile_side_m=80.0)
    on = roads_of(world, RoadRule())
    splits_on = {}
    for split in ("train", "val", "test"):
        mine = set(ids(outcome, split, "sequence"))
        assert mine
        for s in data[0]:
            if s.sequence_id in mine:
                for frame in s.frame_ids:
                    splits_on.setdefault(on[frame], set()).add(split)
    assert all(len(found) == 1 for found in splits_on.values())
    assert len(set(on.values())) == 7
    check_guarantees(outcome, data, buffer_m=60.0)


def test_a_sequence_that_turns_into_a_road_of_another_split_is_dropped():
    corner = [(8.0 * k, 0.0) for k in range(51)]
    corner += [(400.0, 8.0 * k) for k in range(1, 51)]
    far = line("far", (0, 3000), (400, 3000))
    data = together(driven("turns", corner), far)
    outcome = by_road(*data, SplitRule(buffer_m=0.0))
    assert "across-roads" in {r.reason for r in outcome.rejected}
    across = next(r for r in outcome.rejected if r.reason == "across-roads")
    assert across.limit == "one split"
    check_guarantees(outcome, data, buffer_m=0.0)


def test_without_a_buffer_tiles_of_two_splits_still_do_not_overlap():
    data = together(
        *(street(40, north=300.0 * k, name=f"road{k}-") for k in range(4)),
        line("across", (200, -100), (200, 1000)),
    )
    outcome = by_road(*data, SplitRule(buffer_m=0.0, seed=1))
    check_guarantees(outcome, data, buffer_m=0.0)


def test_the_order_of_the_input_does_not_matter():
    sequences, frames, tiles = together(
        *(street(20, north=400.0 * k, name=f"road{k}-") for k in range(5))
    )
    rule = SplitRule(buffer_m=50.0)
    first = by_road(sequences, frames, tiles, rule)
    shuffled = dict(reversed(frames.items()))
    assert by_road(sequences[::-1], shuffled, tiles[::-1], rule) == first


def test_one_road_cannot_be_held_out():
    with pytest.raises(UsageError, match="lie on 1 road"):
        by_road(*street(20), SplitRule(buffer_m=0.0))


@pytest.mark.parametrize("rule", [{"width_m": 0.0}, {"turn_deg": 100.0}])
def test_roads_of_no_width_or_any_turn_are_refused(rule):
    with pytest.raises(UsageError, match="up to 90 degrees"):
        RoadRule(**rule)

"""The buffer, held against every pair of items by brute force."""

from itertools import product

import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from made_town import ids, make_tile, street, together

from dataset_tools.splits.apart import Distance, Wanted, settle
from dataset_tools.splits.world import World

places = st.tuples(st.integers(0, 1500), st.integers(0, 1500))


def scattered(points):
    """A sequence of three frames at each point."""
    return together(
        *(
            street(1, east=float(x), north=float(y), name=f"p{k:02}-")
            for k, (x, y) in enumerate(points)
        )
    )


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(places, st.sampled_from("tve")), min_size=2, max_size=25),
    st.lists(places, max_size=8),
    st.sampled_from([0.0, 40.0, 300.0]),
)
def test_what_is_kept_is_apart_and_what_is_dropped_was_not(items, spare, buffer_m):
    sequences, frames, tiles = scattered([p for p, _ in items])
    tiles = [*tiles, *(make_tile(f"x{k}", *p) for k, p in enumerate(spare))]
    world = World.of(sequences, frames, tiles, tile_side_m=80.0)
    names = {"t": "train", "v": "val", "e": "test"}
    wanted = Wanted(split=[names[letter] for _, letter in items])
    outcome = settle(
        world, wanted, Distance(buffer_m=buffer_m), scheme="s", thin_m=70.0
    )
    shape_of = {
        s.sequence_id: shape
        for s, shape in zip(world.sequences, world.shapes, strict=True)
    }
    wish = {
        s.sequence_id: w for s, w in zip(world.sequences, wanted.split, strict=True)
    }
    held = {s: ids(outcome, s, "sequence") for s in ("test", "val", "train")}
    assert held["test"] == sorted(i for i, w in wish.items() if w == "test")
    for one, other in (("test", "val"), ("test", "train"), ("val", "train")):
        for a, b in product(held[one], held[other]):
            apart = shape_of[a].distance(shape_of[b])
            assert apart >= buffer_m
            assert apart > 0
    before = {"val": ["test"], "train": ["test", "val"]}
    for rejection in outcome.rejected:
        near = min(
            shape_of[rejection.item].distance(shape_of[i])
            for split in before[wish[rejection.item]]
            for i in held[split]
        )
        assert near <= buffer_m * (1 + 1e-6) + 1e-5
        assert abs(near - rejection.measured) <= 0.01
    open_ = {s: set(ids(outcome, s, "tile-open")) for s in held}
    for one, other in (("test", "val"), ("test", "train"), ("val", "train")):
        ground = [
            shapely.union_all([world.tile_shapes[i] for i in open_[s]])
            for s in (one, other)
        ]
        if not ground[0].is_empty and not ground[1].is_empty:
            assert ground[0].distance(ground[1]) >= buffer_m


def test_what_may_meet_is_never_dropped():
    data = scattered([(0, 0), (1, 1), (2, 2)])
    world = World.of(*data, tile_side_m=80.0)
    wanted = Wanted(split=["train", "val", "test"])
    meet = Distance(buffer_m=0.0, meet=True)
    assert settle(world, wanted, meet, scheme="s", thin_m=0.0).rejected == []
    apart = settle(world, wanted, Distance(buffer_m=0.0), scheme="s", thin_m=0.0)
    assert [(r.item, r.measured) for r in apart.rejected] == [
        ("s-p00-0000", 0.0),
        ("s-p01-0000", 0.0),
    ]


def test_an_off_road_tile_joins_the_first_split_that_it_may_stand_beside():
    sequences, frames, tiles = scattered([(0, 0), (3000, 0), (6000, 0)])
    spare = [
        make_tile("near-train", 150, 0),
        make_tile("near-val", 3150, 0),
        make_tile("far", 9000, 0),
        make_tile("between", 1500, 0),
    ]
    world = World.of(sequences, frames, [*tiles, *spare], tile_side_m=80.0)
    wanted = Wanted(split=["train", "val", "test"])
    outcome = settle(world, wanted, Distance(buffer_m=300.0), scheme="s", thin_m=0.0)
    open_ = {
        s: set(ids(outcome, s, "tile-open")) & {t.tile_id for t in spare}
        for s in ("train", "val", "test")
    }
    assert open_ == {
        "train": {"near-train"},
        "val": {"near-val"},
        "test": {"far", "between"},
    }

import itertools
from functools import partial

import pytest
from plain_street import Plain, drive

from dataset_tools.distractors import add_distractors, grid_tiles, take_covered
from dataset_tools.pairing import label, pair
from dataset_tools.placement import PairingRule
from dataset_tools.splits import SplitOutcome, single_split

RULE = PairingRule(jitter_m=5.0)


def paired(count=60, imagery=None):
    sequences, frames = drive(count)
    found = pair(sequences, frames, imagery or Plain(), RULE)
    return found, partial(single_split, found.sequences, frames)


def ids(found, kind):
    return [i for _, split, k, i in found.rows if (split, k) == ("test", kind)]


@pytest.mark.parametrize(
    "rule",
    [
        RULE,
        PairingRule(
            ahead_m=25.0, ahead_along="course", jitter_m=5.0, frames_may_leave=True
        ),
        PairingRule(centre="path-midpoint"),
    ],
    ids=["jitter", "ahead", "path"],
)
def test_off_road_tiles_show_no_query(rule):
    sequences, frames = drive(60)
    found = pair(sequences, frames, Plain(), rule)
    assert len(found.sequences) == 60
    grid = grid_tiles(found.tiles, Plain(), spacing_m=30.0, rule=rule)
    assert len(grid) > 250
    labelled = label(found.sequences, [*found.tiles, *grid])
    assert [s.semi_positives for s in labelled] == [
        s.semi_positives for s in found.sequences
    ]


def test_the_choice_is_seeded_and_counts_what_imagery_does_not_cover():
    found, _ = paired(5)
    where = Plain(from_east_m=0.0)
    grid = grid_tiles(found.tiles, where, spacing_m=60.0, rule=RULE)
    assert grid == grid_tiles(found.tiles[::-1], where, spacing_m=60.0, rule=RULE)
    options = {"count": 50, "rule": RULE}
    first = take_covered(grid, where, seed=1, **options)
    assert first.kept != take_covered(grid, where, seed=2, **options).kept
    names = [t.tile_id for t in first.kept]
    assert len(names) == 50
    assert names == sorted(set(names))
    assert set(first.reasons()) == {"imagery-does-not-cover"}
    assert grid_tiles([], where, spacing_m=60.0, rule=RULE) == []


@pytest.mark.parametrize("per_tile", [0, 10])
def test_open_galleries_hold_ten_for_each_thinned_tile(per_tile):
    found, split = paired()
    added = add_distractors(
        found.tiles, Plain(), split, per_tile=per_tile, rule=RULE, seed=0
    )
    thinned = ids(added.split, "tile-thinned")
    extra = {t.tile_id for t in added.outcome.kept}
    assert len(extra) == per_tile * len(thinned)
    assert set(ids(added.split, "tile-thinned-open")) == extra | set(thinned)
    closed = set(ids(added.split, "tile"))
    assert set(ids(added.split, "tile-open")) == extra | closed
    assert added.warnings == ()


def test_too_little_land_is_told_and_the_widest_grid_that_gives_enough_is_taken():
    found, split = paired()
    few = partial(add_distractors, found.tiles, rule=RULE, seed=0)
    sparse = few(Plain(), split, per_tile=1).outcome.kept
    dense = few(Plain(), split, per_tile=40).outcome.kept
    apart = [sorted({round(t.lat, 7) for t in tiles}) for tiles in (sparse, dense)]
    steps = [min(b - a for a, b in itertools.pairwise(v)) for v in apart]
    assert steps[0] > steps[1]
    poor = few(Plain(from_east_m=1e6), split, per_tile=1)
    assert poor.outcome.kept == []
    assert "Only 0 of" in poor.warnings[0]


def test_each_scheme_gets_its_number_and_shares_what_lies_in_both_lands():
    found, split = paired()

    def west(name):
        return not name.startswith("grid") or float(name[14:]) < -72.6

    def two(tiles):
        rows = split(list(tiles)).rows
        other = [("road", *row[1:]) for row in rows if west(row[3])]
        return SplitOutcome(rows=sorted([*rows, *other]))

    added = add_distractors(
        found.tiles, Plain(), two, per_tile=2, rule=RULE, seed=0
    ).split
    for scheme in ("area", "road"):
        kinds = {
            kind: {r[3] for r in added.rows if r[:3] == (scheme, "test", kind)}
            for kind in ("tile", "tile-thinned", "tile-open")
        }
        off_road = kinds["tile-open"] - kinds["tile"]
        assert len(off_road) == 2 * len(kinds["tile-thinned"])
        if scheme == "road":
            assert all(west(i) for i in off_road)
    every = {r[3] for r in added.rows if r[3].startswith("grid")}
    assert len(every) < 4 * len(kinds["tile-thinned"])

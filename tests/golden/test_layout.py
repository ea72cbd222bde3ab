"""Layout simulation against the released codes: start columns and turned tiles."""

import json

import pytest
import torch

from geobench.data.transforms import turn_batch

TURNS = {"right": 1, "back": 2, "left": 3}
WIDTH = 671


@pytest.fixture(scope="module")
def wanted(golden):
    return json.loads((golden / "layoutsim.json").read_text())


def columns(width=WIDTH):
    """A picture whose values are the numbers of its columns."""
    return torch.arange(float(width)).expand(1, 1, 3, 2, width)


def turned(rule, *, turn=0, flip=False, tile=None):
    """A pair, flipped and turned by a rule; a polar pair without a tile."""
    batch = {
        "ground": columns(),
        "satellite": columns()[0] if tile is None else tile.expand(1, 3, 4, 4),
        "heading_deg": torch.zeros(1, 1),
        "projection": ["equirectangular"],
        "polar": tile is None,
    }
    out = turn_batch(
        batch,
        flip=torch.tensor([flip]),
        turn=torch.tensor([turn]),
        steps=4,
        columns=rule,
    )
    return out["satellite"][0, 0], out["ground"][0, 0, 0]


@pytest.mark.parametrize("rule", ["geodtr", "geodtr_plus"])
@pytest.mark.parametrize("name", sorted(TURNS))
def test_quarter_turns_start_at_the_released_column_in_both_views(wanted, rule, name):
    prefix = f"{rule.replace('_', '')}:{name}: first source column"
    starts = next(v for k, v in wanted.items() if k.startswith(prefix))
    views = turned(rule, turn=TURNS[name])
    assert [int(view[0, 0]) for view in views] == starts
    for view in views:
        assert torch.equal(view[0], (torch.arange(WIDTH) + starts[0]) % WIDTH)


@pytest.mark.parametrize("rule", ["geodtr", "geodtr_plus"])
@pytest.mark.parametrize("name", sorted(TURNS))
def test_square_tiles_turn_as_released(wanted, rule, name):
    key = f"{rule.replace('_', '')}:{name}: rot90 of 4x4 arange"
    tile = torch.arange(16.0).view(4, 4)
    found, _ = turned(rule, turn=TURNS[name], tile=tile)
    assert found.tolist() == wanted[key]


@pytest.mark.parametrize("rule", ["geodtr", "geodtr_plus"])
def test_flips_reverse_the_columns_of_both_views(wanted, rule):
    tile = torch.arange(16.0).view(4, 4)
    found, ground = turned(rule, flip=True, tile=tile)
    assert found.tolist() == wanted["hflip 4x4"]
    assert int(ground[0, 0]) == wanted["hflip ground first col"]

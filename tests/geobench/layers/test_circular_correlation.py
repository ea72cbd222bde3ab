import pytest
import torch
from torch.nn.functional import normalize

from geobench.layers.circular_correlation import best_turns


def unit(maps):
    return normalize(maps.flatten(1), dim=1).view_as(maps)


@pytest.fixture
def satellite():
    return torch.randn(3, 2, 2, 7, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("width", [7, 4, 1])
def test_it_equals_turning_cutting_and_scaling_one_by_one(satellite, width):
    draw = torch.Generator().manual_seed(1)
    ground = unit(torch.randn(2, 2, 2, width, generator=draw))
    distance, turn = best_turns(satellite, ground)
    for q in range(2):
        for r in range(3):
            cuts = [satellite[r].roll(-k, -1)[..., :width] for k in range(7)]
            products = [(cut * ground[q]).sum() for cut in cuts]
            best = int(torch.stack(products).argmax())
            wanted = 2 - 2 * products[best] / cuts[best].norm()
            assert int(turn[q, r]) == best
            assert distance[q, r].item() == pytest.approx(wanted.item(), abs=1e-5)


def test_a_piece_of_a_tile_is_found_where_it_was_cut_across_the_seam(satellite):
    # Columns of one length, so that the greatest correlation is the right one.
    loud = 100 * satellite / satellite.norm(dim=(1, 2), keepdim=True)
    ground = unit(loud.roll(-5, -1)[..., :4])
    distance, turn = best_turns(loud, ground)
    assert turn.diagonal().tolist() == [5, 5, 5]
    assert distance.diagonal().tolist() == pytest.approx([0.0] * 3, abs=1e-5)


def test_an_empty_tile_is_at_distance_two_and_not_nan():
    ground = unit(torch.ones(1, 2, 2, 3))
    distance, _ = best_turns(torch.zeros(1, 2, 2, 7), ground)
    assert distance.item() == pytest.approx(2.0)

import math

import pytest
import torch
from torch.nn.functional import normalize

from geobench.errors import ConfigError
from geobench.losses import (
    counterfactual,
    info_nce,
    iou_ratio,
    offset_regression,
    overlap_iou,
    soft_margin_triplet,
    soft_margin_triplet_far,
    soft_margin_triplet_hardest,
)


@pytest.fixture
def rows():
    generator = torch.Generator().manual_seed(3)
    draw = torch.randn(2, 6, 5, generator=generator, dtype=torch.float64)
    return normalize(draw, dim=2)


def by_hand(satellite, ground, alpha):
    """The definition, pair by pair."""
    total, count = 0.0, len(satellite)
    for i in range(count):
        for j in range(count):
            if i == j:
                continue
            gap = satellite[i] @ ground[j] - satellite[i] @ ground[i]
            total += math.log1p(math.exp(2 * alpha * gap))
            gap = satellite[j] @ ground[i] - satellite[i] @ ground[i]
            total += math.log1p(math.exp(2 * alpha * gap))
    return total / (2 * count * (count - 1))


def test_triplet_loss_is_the_mean_over_all_pairs_counted_by_hand(rows):
    satellite, ground = rows
    loss = soft_margin_triplet(satellite, ground, alpha=3.0)
    assert loss.item() == pytest.approx(by_hand(satellite, ground, 3.0), abs=1e-12)


def test_keeping_the_diagonal_adds_only_a_constant(rows):
    satellite, ground = rows
    gap = soft_margin_triplet(
        satellite, ground, keep_diagonal=True
    ) - soft_margin_triplet(satellite, ground)
    assert gap.item() == pytest.approx(math.log(2) / 5, abs=1e-12)


def test_one_collapsed_embedding_costs_ln_2():
    same = torch.ones(4, 9) / 3
    assert soft_margin_triplet(same, same).item() == pytest.approx(math.log(2))


def test_a_batch_of_one_has_no_loss_and_no_nan():
    row = torch.ones(1, 4, requires_grad=True)
    loss = soft_margin_triplet(row / 2, torch.ones(1, 4) / 2)
    loss.backward()
    assert loss.item() == 0.0
    assert row.grad.abs().max() == 0.0


def test_all_pairs_far_apart_give_the_plain_loss(rows):
    satellite, ground = rows
    far = torch.arange(6)[:, None] * torch.tensor([[100.0, 0.0]])
    expected = soft_margin_triplet(satellite, ground)
    loss = soft_margin_triplet_far(satellite, ground, position_m=far)
    assert loss.item() == pytest.approx(expected.item())
    near = soft_margin_triplet_far(satellite, ground, position_m=far * 0)
    assert near.item() == 0.0


def test_zeroed_near_pairs_add_ln_2_each_and_no_gradient(rows):
    satellite, ground = rows
    place = torch.arange(6)[:, None] * torch.tensor([[100.0, 0.0]])
    place[1] = place[0] + 3.0  # one near pair, seen from both ends
    left_out = soft_margin_triplet_far(satellite, ground, position_m=place)
    zeroed = soft_margin_triplet_far(satellite, ground, position_m=place, near="zeroed")
    # 28 ordered pairs are far, and two are near in each of the two directions.
    assert zeroed.item() == pytest.approx(left_out.item() + 4 * math.log(2) / 56)
    kept = soft_margin_triplet_far(
        satellite, ground, position_m=place, near="zeroed", keep_diagonal=True
    )
    assert kept.item() == pytest.approx(zeroed.item() + 12 * math.log(2) / 56)
    slopes = [
        torch.autograd.grad(
            soft_margin_triplet_far(x, ground, position_m=place, near=near), x
        )[0]
        for near in ("left-out", "zeroed")
        for x in [satellite.clone().requires_grad_()]
    ]
    assert torch.allclose(*slopes)


def test_hard_mining_waits_until_there_are_more_far_pairs_than_it_keeps(rows):
    satellite, ground = rows
    place = torch.zeros(6, 2)
    place[0, 0] = 100.0  # 10 of 30 ordered pairs are far

    def loss(hard_ratio):
        return soft_margin_triplet_far(
            satellite, ground, position_m=place, near="zeroed", hard_ratio=hard_ratio
        ).item()

    assert loss(0.5) == loss(1.0)  # 15 are not fewer than 10
    assert loss(0.3) != loss(1.0)  # 9 are


def test_exactly_the_least_distance_is_far_at_utm_coordinates(rows):
    satellite, ground = (x[:2] for x in rows)
    here = torch.tensor([[692_000.25, 6_091_000.5]], dtype=torch.float64)
    place = torch.cat([here, here + torch.tensor([[15.0, 20.0]])])
    loss = soft_margin_triplet_far(satellite, ground, position_m=place)
    assert loss.item() == pytest.approx(soft_margin_triplet(satellite, ground).item())
    place[1, 0] -= 0.01
    assert soft_margin_triplet_far(satellite, ground, position_m=place).item() == 0.0


def test_near_pairs_can_only_be_left_out_or_zeroed(rows):
    with pytest.raises(ConfigError, match="'left-out' or 'zeroed'"):
        soft_margin_triplet_far(*rows, position_m=torch.zeros(6, 2), near="kept")


def test_hardest_of_all_entries_is_the_mean_over_all_of_them(rows):
    satellite, ground = rows
    full = soft_margin_triplet(satellite, ground, keep_diagonal=True) * 30 / 36
    assert soft_margin_triplet_hardest(
        satellite, ground, per_anchor=6
    ).item() == pytest.approx(full.item())


def test_counterfactual_loss_is_ln_2_for_a_perfect_fake(rows):
    assert counterfactual(rows[0], rows[0]).item() == pytest.approx(math.log(2))
    assert counterfactual(rows[0], -rows[0]).item() < 1e-8


def test_info_nce_does_not_depend_on_the_length_of_rows(rows):
    satellite, ground = rows
    loss = info_nce(satellite, ground)
    assert info_nce(satellite * 7, ground * 0.1).item() == pytest.approx(loss.item())


def test_overlap_of_equal_squares_is_one_a_third_and_none():
    offsets = torch.tensor([[0.0, 0.0], [40.0, 0.0], [80.0, 3.0], [200.0, 200.0]])
    iou = overlap_iou(offsets, side=80.0)
    assert iou.tolist() == pytest.approx([1.0, 1 / 3, 0.0, 0.0])


def test_iou_loss_vanishes_when_similarities_stand_like_overlaps():
    ground = torch.tensor([[1.0, 0.0]])
    semi = torch.tensor([[1 / 3, (8 / 9) ** 0.5]])
    offsets = torch.zeros(1, 2), torch.tensor([[0.0, 40.0]])
    loss = iou_ratio(ground, semi, ground=ground, offsets=offsets, side=80.0)
    assert loss.item() == pytest.approx(0.0, abs=1e-12)


def test_iou_loss_stays_finite_where_a_similarity_is_zero():
    ground = torch.tensor([[1.0, 0.0]])
    across = torch.tensor([[0.0, 1.0]], requires_grad=True)
    offsets = torch.zeros(1, 2), torch.zeros(1, 2)
    loss = iou_ratio(across, across, ground=ground, offsets=offsets, side=80.0)
    loss.backward()
    assert loss.isfinite()
    assert across.grad.isfinite().all()


def test_offset_loss_takes_predictions_in_half_tiles():
    offset = torch.tensor([[20.0, -40.0]])
    assert offset_regression(offset / 40, offset, side=80.0).item() == 0.0
    assert offset_regression(offset * 0, offset, side=80.0).item() == pytest.approx(
        1.25 / 100
    )

"""Losses against values and gradients of the released codes."""

import json
from functools import partial

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from geobench import losses


@pytest.fixture(scope="module")
def values(golden):
    return json.loads((golden / "loss_values.json").read_text())


@pytest.fixture(scope="module")
def rows(golden):
    with np.load(golden / "loss_inputs.npz") as file:
        return {k: torch.from_numpy(file[k].astype(np.float64)) for k in file.files}


def value_of(values, start):
    return next(v for k, v in values.items() if k.startswith(start))


def test_soft_margin_triplet_equals_the_released_codes(values, rows):
    sat, grd = rows["sat"], rows["grd"]
    plain = losses.soft_margin_triplet(sat, grd).item()
    kept = losses.soft_margin_triplet(sat, grd, keep_diagonal=True).item()
    for start in ("geodtr_softMarginTripletLoss(sat,grd,w=10)", "cde_soft_margin_trip"):
        assert plain == pytest.approx(value_of(values, start), abs=1e-8)
    for start in ("seqgeo_softMarginTripletLoss", "l2ltr", "vigor_compute_loss(sat"):
        assert kept == pytest.approx(value_of(values, start), abs=1e-8)


@pytest.mark.parametrize(
    ("start", "ratio"),
    [
        ("geodtr_softMarginTripletLoss(sat,grd,w=10,topk=0.25)", 0.25),
        ("cde_soft_margin_triplet_loss(sat,grd,10,topk=0.1)", 0.1),
        ("cde_soft_margin_triplet_loss(sat,grd,10,topk=0.05)", 0.05),
    ],
)
def test_in_batch_mining_equals_the_released_codes(values, rows, start, ratio):
    loss = losses.soft_margin_triplet(rows["sat"], rows["grd"], hard_ratio=ratio)
    assert loss.item() == pytest.approx(value_of(values, start), abs=1e-8)


def test_mining_per_anchor_equals_vigor(values, rows):
    loss = losses.soft_margin_triplet_hardest(rows["sat"], rows["grd"], per_anchor=3)
    wanted = value_of(values, "vigor_compute_loss(sat,grd,batch_hard_count=3)")
    assert loss.item() == pytest.approx(wanted, abs=1e-8)


def test_far_negatives_give_the_value_without_the_masked_pairs(rows):
    loss = losses.soft_margin_triplet_far(
        rows["sat"], rows["grd"], position_m=rows["utm"]
    )
    assert loss.item() == pytest.approx(0.2475140, abs=1e-7)


def test_iou_and_offset_losses_equal_vigor(values, rows):
    pos, semi = rows["delta_pos"], rows["delta_semi"]
    ratios = losses.overlap_iou(semi) / losses.overlap_iou(pos)
    wanted = value_of(values, "vigor_distance_score_IOU")
    assert ratios.tolist() == pytest.approx(wanted, abs=1e-7)
    loss = losses.iou_ratio(
        rows["sat"], rows["semi"], ground=rows["grd"], offsets=(pos, semi)
    )
    wanted = value_of(values, "vigor_compute_loss_continuous")[3]
    assert loss.item() == pytest.approx(wanted, abs=1e-8)
    offset = losses.offset_regression(rows["delta_reg"], pos)
    wanted = value_of(values, "vigor_loss_delta")
    assert offset.item() == pytest.approx(wanted, abs=1e-8)


def stretched(sat, grd):
    """Rows of other lengths, for losses that normalise; and the losses' scale."""
    lengths = torch.linspace(0.5, 3, 8, dtype=torch.float32).double()[:, None]
    return sat * lengths, grd * lengths


def transgeo(grd, sat):
    return losses.soft_margin_triplet(normalize(sat, dim=1), normalize(grd, dim=1))


def sample4geo(grd, sat):
    scale = torch.tensor(1 / 0.07, dtype=torch.float32).double()
    return losses.info_nce(sat, grd, scale=scale)


def near_zeroed(position_m, **options):
    def loss(sat, grd):
        return losses.soft_margin_triplet_far(
            sat, grd, position_m=position_m, near="zeroed", **options
        )

    return loss


def case(name, rows):
    """(loss, first argument, second argument) of a released code's loss."""
    sat, grd, utm = rows["sat"], rows["grd"], rows["utm"]
    triplet = losses.soft_margin_triplet
    return {
        "geodtr_softMarginTripletLoss(sat,grd,w=10)": (triplet, sat, grd),
        "geodtr_softMarginTripletLoss(sat,grd,w=10,topk=0.25)": (
            partial(triplet, hard_ratio=0.25),
            sat,
            grd,
        ),
        "geodtr_CFLoss": (losses.counterfactual, sat, rows["satcf"]),
        "geodtrplus_softMarginTripletLossACT(sat,grd,utm": (near_zeroed(utm), sat, grd),
        "geodtrplus_softMarginTripletLossACT(...,topk=0.25)": (
            near_zeroed(utm, hard_ratio=0.25),
            sat,
            grd,
        ),
        "seqgeo_softMarginTripletLoss": (
            partial(triplet, keep_diagonal=True),
            sat,
            grd,
        ),
        "seqgeo_soft_margin_triplet_loss": (triplet, sat, grd),
        "transgeo": (transgeo, *stretched(grd, sat)),
        "sample4geo": (sample4geo, *stretched(grd, sat)),
        "l2ltr": (lambda g, s: triplet(s, g, keep_diagonal=True), grd, sat),
        "safa_cvact": (near_zeroed(utm, keep_diagonal=True), sat, grd),
        "cde_compute_cvact_loss": (near_zeroed(utm), sat, grd),
    }[name]


TOLERANCE = {"sample4geo": 3e-8}
"""Absolute, 1e-8 for the others: part of that reference was computed in float32."""
WITH_GRADIENT = [
    "geodtr_softMarginTripletLoss(sat,grd,w=10)",
    "geodtr_softMarginTripletLoss(sat,grd,w=10,topk=0.25)",
    "geodtr_CFLoss",
    "geodtrplus_softMarginTripletLossACT(sat,grd,utm",
    "geodtrplus_softMarginTripletLossACT(...,topk=0.25)",
    "seqgeo_softMarginTripletLoss",
    "seqgeo_soft_margin_triplet_loss",
    "transgeo",
    "sample4geo",
    "l2ltr",
]


@pytest.mark.parametrize("name", [*WITH_GRADIENT, "safa_cvact", "cde_compute_cvact"])
def test_values_equal_the_released_codes(values, rows, name):
    name = "cde_compute_cvact_loss" if name.startswith("cde") else name
    loss, first, second = case(name, rows)
    wanted = value_of(values, name)
    tolerance = TOLERANCE.get(name, 1e-8)
    assert loss(first, second).item() == pytest.approx(wanted, abs=tolerance)


@pytest.mark.parametrize("name", WITH_GRADIENT)
def test_gradients_equal_the_released_codes(golden, rows, name):
    loss, first, second = case(name, rows)
    first, second = (x.detach().clone().requires_grad_() for x in (first, second))
    loss(first, second).backward()
    with np.load(golden / "loss_grads.npz") as file:
        keys = [k for k in file.files if k.startswith(name)]
        wanted = {k.rsplit(".", 1)[1]: file[k] for k in sorted(keys, reverse=True)}
    assert len(wanted) == 2
    tolerance = TOLERANCE.get(name, 1e-8)
    assert np.abs(first.grad.numpy() - wanted["grad0"]).max() < tolerance
    assert np.abs(second.grad.numpy() - wanted["grad1"]).max() < tolerance


def test_sample4geo_learns_its_temperature(rows):
    def value(log_scale):
        return losses.info_nce(rows["sat"], rows["grd"], scale=log_scale.exp())

    log_scale = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    value(log_scale).backward()
    step = 1e-6
    slope = (value(log_scale + step) - value(log_scale - step)) / (2 * step)
    assert log_scale.grad.item() == pytest.approx(slope.item(), rel=1e-6)

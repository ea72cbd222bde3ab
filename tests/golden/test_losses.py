"""Losses against values and gradients of the released codes."""

import json

import numpy as np
import pytest
import torch

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


def test_counterfactual_equals_geodtr(values, rows):
    loss = losses.counterfactual(rows["sat"], rows["satcf"])
    assert loss.item() == pytest.approx(value_of(values, "geodtr_CFLoss"), abs=1e-8)


def test_info_nce_equals_sample4geo(values, rows):
    stretch = torch.linspace(0.5, 3, 8, dtype=torch.float32).double()[:, None]
    scale = torch.tensor(1 / 0.07, dtype=torch.float32).double()
    loss = losses.info_nce(rows["sat"] * stretch, rows["grd"] * stretch, scale=scale)
    assert loss.item() == pytest.approx(value_of(values, "sample4geo"), abs=2e-8)


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


CASES = {
    "geodtr_softMarginTripletLoss(sat,grd,w=10)": losses.soft_margin_triplet,
    "seqgeo_softMarginTripletLoss": lambda a, b: losses.soft_margin_triplet(
        a, b, keep_diagonal=True
    ),
    "geodtr_CFLoss": losses.counterfactual,
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_gradients_equal_the_released_codes(golden, rows, name):
    second = "satcf" if "CF" in name else "grd"
    a = rows["sat"].clone().requires_grad_()
    b = rows[second].clone().requires_grad_()
    CASES[name](a, b).backward()
    with np.load(golden / "loss_grads.npz") as file:
        keys = [k for k in file.files if k.startswith(name)]
        wanted = {k.rsplit(".", 1)[1]: file[k] for k in sorted(keys, reverse=True)}
    assert np.abs(a.grad.numpy() - wanted["grad0"]).max() < 1e-8
    assert np.abs(b.grad.numpy() - wanted["grad1"]).max() < 1e-8

"""Parameters and operations against those counted in the released networks."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from geobench.registry import build_model

PARAMETERS = [
    ("geodtr", {"polar": True}, 48_508_608),
    ("geodtr", {"polar": False}, 47_515_808),
    ("geodtr", {"heads": 8, "layers": 8}, 58_163_616),
    ("geodtr_plus", {"polar": True}, 30_192_336),
    ("geodtr_plus", {"polar": False}, 30_047_696),
    ("geodtr_plus", {"dataset": "vigor"}, 35_526_928),
    ("geodtr_plus", {"backbone": "resnet34"}, 51_050_000),
    ("geodtr_plus", {"backbone": "resnet34", "polar": False}, 50_629_200),
    ("geodtr_plus", {"backbone": "resnet34", "dataset": "vigor"}, 55_920_336),
    ("l2ltr", {}, 195_909_248),
    ("safa", {"polar": True}, 30_749_568),
    ("safa", {"polar": False}, 30_616_832),
    ("safa", {"release": "tensorflow"}, 29_533_696),
    ("safa", {"release": "tensorflow", "polar": False}, 29_515_072),
    ("sample4geo", {}, 87_566_465),
    ("seqgeo", {"backbone": "vgg16"}, 772_079_232),
    ("seqgeo", {"backbone": "resnet18"}, 41_268_352),
    ("seqgeo", {"backbone": "resnet50"}, 198_137_984),
    ("transgeo", {}, 44_922_784),
    ("transgeo", {"stage": 2}, 44_978_080),
    ("transgeo", {"dataset": "vigor"}, 45_183_136),
    ("transgeo", {"dataset": "vigor", "stage": 2}, 22_668_368 + 22_601_168),
    ("vigor", {"offset_weight": 1.0}, 29_832_976 + 4_195_842),
]
GFLOPS = [
    ("geodtr", {"polar": True}, (48.2, 48.2)),
    ("geodtr_plus", {"polar": True}, (12.6, 12.6)),
    ("l2ltr", {}, (56.8, 56.8)),
    ("sample4geo", {}, (61.0, 90.2)),
    ("sample4geo", {"dataset": "vigor"}, (180.5, 90.2)),
    ("seqgeo", {"backbone": "resnet18"}, (30.2 + 0.26, 4.74)),
    ("seqgeo", {"backbone": "vgg16"}, (None, 40.33)),
    ("transgeo", {}, (12.86, 12.34)),
    ("transgeo", {"dataset": "vigor"}, (46.4, 20.3)),
    ("transgeo", {"stage": 2}, (12.86, 12.42)),
]
SUMS = [
    ("geodtr", {"polar": False}, 85.59),
    ("geodtr_plus", {"polar": False}, 23.5),
    ("geodtr_plus", {"dataset": "vigor"}, 52.5),
    ("geodtr_plus", {"backbone": "resnet34"}, 101.5),
    ("geodtr_plus", {"backbone": "resnet34", "polar": False}, 90.0),
    ("geodtr_plus", {"backbone": "resnet34", "dataset": "vigor"}, 185.9),
    ("safa", {"polar": True}, 97.77),
    ("safa", {"polar": False}, 88.98),
    ("safa", {"release": "tensorflow"}, 84.5),
    ("safa", {"release": "tensorflow", "polar": False}, 82.3),
    ("vigor", {}, 187.9),
]


@pytest.mark.parametrize(("name", "variant", "count"), PARAMETERS)
def test_parameter_counts_are_the_published_ones(name, variant, count):
    with torch.device("meta"):
        model = build_model(name, **variant)
    assert sum(p.numel() for p in model.parameters()) == count


@pytest.mark.parametrize(("name", "variant", "views"), GFLOPS)
def test_operations_of_each_view_are_the_published_ones(name, variant, views):
    for found, wanted in zip(gflops(name, variant), views, strict=True):
        if wanted is not None:
            assert found == pytest.approx(wanted, rel=0.004)


@pytest.mark.parametrize(("name", "variant", "both"), SUMS)
def test_operations_of_both_views_are_the_published_ones(name, variant, both):
    assert sum(gflops(name, variant)) == pytest.approx(both, rel=0.004)


def gflops(name, variant):
    """10^9 operations of ground picture or sequence and of tile, nothing computed."""
    with torch.device("meta"):
        model = build_model(name, **variant).eval()
        frames, inputs = model.max_frames, model.inputs
        ground = torch.empty(1, frames, 3, *inputs.ground_size)
        tile = torch.empty(1, 3, *inputs.satellite_size)
        mask = torch.ones(1, frames, dtype=torch.bool)
        maps = {}
        if getattr(model, "stage", 1) == 2:
            maps["attention"] = torch.empty(1, 1, 16, 16)
        found = []
        for view in (
            lambda: _ground(model, ground, mask),
            lambda: model.embed_satellite(tile, **maps),
        ):
            with FlopCounterMode(display=False) as counter:
                view()
            found.append(counter.get_total_flops() / 1e9)
    return found


def _ground(model, ground, mask):
    if model.max_frames == 1:
        # Choosing the middle frame needs values, which meta tensors do not have.
        return _first_frame(model)(ground[:, 0])
    vectors = model.ground_cnn(ground[0])
    return model.mixer(vectors[None], mask)


def _first_frame(model):
    for name in ("describe_ground", "query_net", "model_grd", "ground", "model"):
        if hasattr(model, name):
            return getattr(model, name)
    raise AssertionError(type(model))

"""Networks against the outputs of the released codes on generated weights."""

import numpy as np
import pytest
import torch

from geobench.layers.spatial_attention import aggregate, unit_rows
from geobench.registry import build_model

TOLERANCE = 1e-5


def parameters_of(network):
    return [(k, tuple(v.shape)) for k, v in network.state_dict().items()]


def relative_error(ours, theirs):
    return ((ours - theirs).abs().max() / theirs.abs().max()).item()


def fake_maps(seed, shape):
    draw = np.random.RandomState(seed).uniform(-1, 1, tuple(shape))
    return torch.from_numpy(draw.astype(np.float32))


@pytest.mark.parametrize(
    ("name", "polar", "case"),
    [
        ("geodtr", True, "geodtr_polar"),
        ("geodtr", False, "geodtr_nonpolar"),
        ("safa", True, "safa_vgg_polar"),
        ("safa", False, "safa_vgg_nonpolar"),
    ],
)
def test_parameters_have_the_published_names_shapes_and_order(
    reference, name, polar, case
):
    with torch.device("meta"):
        model = build_model(name, polar=polar)
    assert parameters_of(model) == reference(case).parameters()


@pytest.mark.parametrize("backbone", ["resnet18", "resnet50", "vgg16"])
def test_seqgeo_has_the_published_names_shapes_and_order(reference, backbone):
    case = reference(f"seqgeo_{backbone.replace('resnet', 'res')}")
    with torch.device("meta"):
        model = build_model("seqgeo", backbone=backbone)
    assert parameters_of(model.ground_cnn) == case.parameters("GFE:")
    assert parameters_of(model.satellite_cnn) == case.parameters("SFE:")
    assert parameters_of(model.mixer) == case.parameters("trans:")


@torch.no_grad()
def test_geodtr_equals_the_published_network(reference):
    case = reference("geodtr_polar")
    model = case.fill(build_model("geodtr"))
    views = {
        "sat": model.describe_satellite(case.image("sat")),
        "grd": model.describe_ground(case.image("grd")),
    }
    for seed, (view, (features, maps)) in enumerate(views.items(), start=1):
        fake = aggregate(features, fake_maps(seed, maps.shape))
        ours = {
            f"{view}_feat_mean": features.mean(2),
            f"{view}_mask": maps,
            f"{view}_global": unit_rows(aggregate(features, maps)),
            f"cf_{view}_global": unit_rows(fake),
        }
        for key, value in ours.items():
            assert relative_error(value, case.output(key)) < TOLERANCE, key


@torch.no_grad()
def test_safa_equals_the_published_port(reference):
    case = reference("safa_vgg_polar")
    model = case.fill(build_model("safa"))
    mask = torch.ones(2, 1, dtype=torch.bool)
    ours = {
        "sat_global": model.embed_satellite(case.image("sat")),
        "grd_global": model.embed_ground(case.image("grd")[:, None], mask),
    }
    for key, value in ours.items():
        assert relative_error(value, case.output(key)) < TOLERANCE, key


@torch.no_grad()
def test_seqgeo_equals_the_published_network(reference):
    case = reference("seqgeo_res18")
    model = build_model("seqgeo", backbone="resnet18")
    released = build_model("seqgeo", backbone="resnet18", sequential_dropout="released")
    for part, prefix in (("ground_cnn", "GFE"), ("satellite_cnn", "SFE")):
        case.fill(getattr(model, part), f"{prefix}:")
    case.fill(model.mixer, "trans:")
    case.fill(released.mixer, "trans:")
    frames = model.ground_cnn(case.image("street").flatten(0, 1)).unflatten(0, (2, 7))
    everything = torch.ones(2, 7, dtype=torch.bool)
    some = everything.clone()
    some[:, [1, 4]] = False
    ours = {
        "frame_feat": frames,
        "sat_unit": model.embed_satellite(case.image("sat")),
        "grd_unit": unit_rows(model.mixer(frames, everything)),
        "grd_unit_dropbool": unit_rows(model.mixer(frames, some)),
        "grd_unit_dropfloat": unit_rows(released.mixer(frames, some)),
    }
    for key, value in ours.items():
        assert relative_error(value, case.output(key)) < TOLERANCE, key


@pytest.mark.parametrize(
    ("name", "case", "count"),
    [
        ("geodtr", {"polar": True}, 48_508_608),
        ("geodtr", {"polar": False}, 47_515_808),
        ("geodtr", {"heads": 8, "layers": 8}, 58_163_616),
        ("safa", {"polar": True}, 30_749_568),
        ("safa", {"polar": False}, 30_616_832),
        ("seqgeo", {"backbone": "vgg16"}, 772_079_232),
        ("seqgeo", {"backbone": "resnet18"}, 41_268_352),
        ("seqgeo", {"backbone": "resnet50"}, 198_137_984),
        ("vigor", {"offset_weight": 1.0}, 29_832_976 + 4_195_842),
    ],
)
def test_parameter_counts_are_the_published_ones(name, case, count):
    with torch.device("meta"):
        model = build_model(name, **case)
    assert sum(p.numel() for p in model.parameters()) == count

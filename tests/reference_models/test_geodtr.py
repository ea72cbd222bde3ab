import pytest
import torch

from geobench.errors import ConfigError
from geobench.registry import build_model
from reference_models.geodtr import LayoutExtractor

SMALL = {
    "backbone": "small",
    "ground_size": (32, 64),
    "satellite_size": (32, 64),
    "feed_forward": 32,
}


def extractor(layers=1):
    torch.manual_seed(0)
    return LayoutExtractor(8, 2, shape=(layers, 2, 16), dropout=0.0).eval()


def test_maps_stay_between_minus_one_and_one():
    maps = extractor()(torch.randn(3, 5, 8) * 100)
    assert maps.shape == (3, 8, 2)
    assert maps.abs().max() <= 1.0


def test_without_a_transformer_only_four_weights_remain():
    assert [name for name, _ in extractor(layers=0).named_parameters()] == [
        "w1",
        "b1",
        "w2",
        "b2",
    ]


@torch.no_grad()
def test_which_channel_is_strongest_matters_only_with_the_transformer():
    features = torch.rand(1, 5, 8)
    swapped = features.flip(1)
    for layers, differs in ((0, False), (1, True)):
        layout = extractor(layers)
        if layers:
            layout.tr_module.pos_encoder.linear.normal_()
        gap = (layout(features) - layout(swapped)).abs().max()
        assert (gap > 1e-6) == differs


def test_the_counterfactual_term_can_be_left_out():
    batch = {
        "ground": torch.randn(2, 1, 3, 32, 64),
        "frame_mask": torch.ones(2, 1, dtype=torch.bool),
        "satellite": torch.randn(2, 3, 32, 64),
    }
    with_it = build_model("geodtr", **SMALL).loss(batch)
    without = build_model("geodtr", counterfactual=False, **SMALL).loss(batch)
    assert set(with_it) == {"triplet", "counterfactual", "total"}
    assert set(without) == {"triplet", "total"}


def test_heads_that_do_not_fit_are_refused_with_the_reason():
    with pytest.raises(ConfigError, match="3 heads do not divide the token width 16"):
        build_model("geodtr", heads=3, **SMALL)


@pytest.mark.parametrize("backbone", ["resnet18", "convnext_tiny", "vgg16"])
def test_other_trunks_fit_any_size(backbone):
    with torch.device("meta"):
        model = build_model("geodtr", **SMALL | {"backbone": backbone})
        ground, maps = model.describe_ground(torch.empty(1, 3, 32, 64))
    assert ground.shape[2] == maps.shape[1] == 2 * 4

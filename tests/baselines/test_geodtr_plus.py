import pytest
import torch

from baselines.geodtr_plus import LayoutExtractor
from geobench.errors import ConfigError
from geobench.registry import build_model

SMALL = {
    "backbone": "small",
    "ground_size": (32, 64),
    "satellite_size": (32, 64),
    "feed_forward": 32,
}


def extractor(*, bottleneck):
    torch.manual_seed(0)
    layout = LayoutExtractor(
        (6, 5), 3, shape=(1, 2, 8), dropout=0.0, bottleneck=bottleneck
    )
    for weight in layout.parameters():
        torch.nn.init.normal_(weight, std=0.5)
    return layout.eval()


@torch.no_grad()
def test_maps_are_the_definition_written_out():
    layout, features = extractor(bottleneck=True), torch.randn(2, 6, 5)
    tokens = layout.transformer_encoder(features.transpose(1, 2) + layout.pe.pe)
    flat = tokens @ layout.pointwise.weight.T + layout.pointwise.bias
    wanted = torch.empty(2, 5, 3)
    for k in range(3):
        hidden = flat[:, :, k] @ layout.w1[k] + layout.b1[0, k]
        wanted[:, :, k] = hidden @ layout.w2[k] + layout.b2[0, k]
    assert torch.allclose(layout(features), wanted.sigmoid(), atol=1e-6)


@torch.no_grad()
def test_the_bottleneck_can_be_left_out_but_its_weights_stay():
    plain, features = extractor(bottleneck=False), torch.randn(2, 6, 5)
    tokens = plain.transformer_encoder(plain.pe(features.transpose(1, 2)))
    wanted = plain.pointwise(tokens).sigmoid()
    assert torch.allclose(plain(features), wanted)
    both = [list(extractor(bottleneck=b).state_dict()) for b in (True, False)]
    assert both[0] == both[1]


def test_random_maps_are_positive_as_its_own_are():
    model = build_model("geodtr_plus", **SMALL)
    features = torch.eye(1000)[None]  # cell by cell, so that rows are the maps
    drawn = model._fake(features, torch.empty(1, 1000, 8))
    assert 0.0 <= drawn.min() < 0.01 * drawn.max()


@pytest.mark.parametrize(
    ("variant", "ground", "satellite", "polar"),
    [
        ({}, (122, 671), (122, 671), True),
        ({"polar": False}, (122, 671), (256, 256), False),
        ({"dataset": "vigor"}, (320, 640), (320, 320), False),
    ],
)
def test_sizes_are_those_of_the_release(variant, ground, satellite, polar):
    with torch.device("meta"):
        inputs = build_model("geodtr_plus", backbone="small", **variant).inputs
    assert inputs.ground_size == ground
    assert inputs.satellite_size == satellite
    assert inputs.polar == polar


def test_heads_that_do_not_fit_are_refused_with_the_reason():
    with pytest.raises(ConfigError, match="5 heads do not divide the 96 channels"):
        build_model("geodtr_plus", heads=5, **SMALL)

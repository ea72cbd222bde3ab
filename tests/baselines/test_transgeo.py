import pytest
import torch

from geobench.errors import ConfigError
from geobench.registry import build_model

SMALL = {"backbone": "small", "ground_size": (32, 64)}


def small(stage, side):
    torch.manual_seed(0)
    return build_model(
        "transgeo", stage=stage, satellite_size=(side, side), **SMALL
    ).eval()


@torch.no_grad()
def test_the_second_stage_looks_at_64_percent_of_its_patches():
    model = small(2, 80)  # 5 x 5 patches, of which the 16 from number 9 on stay
    tile = torch.randn(1, 3, 80, 80)
    attention = torch.arange(25.0).view(1, 1, 5, 5)
    whole = model.embed_satellite(tile, attention=attention)
    for patch, is_seen in ((8, False), (9, True)):
        row, column = 16 * (patch // 5), 16 * (patch % 5)
        changed = tile.clone()
        changed[:, :, row : row + 16, column : column + 16] = 5.0
        rows = model.embed_satellite(changed, attention=attention)
        assert torch.equal(rows, whole) != is_seen


@torch.no_grad()
def test_only_the_first_channel_of_a_map_counts():
    model, tile = small(2, 80), torch.randn(2, 3, 80, 80)
    attention = torch.rand(2, 3, 4, 4)
    one = model.embed_satellite(tile, attention=attention[:, :1])
    assert torch.equal(model.embed_satellite(tile, attention=attention), one)


@torch.no_grad()
def test_the_first_stage_makes_the_maps_of_the_second():
    first, second = small(1, 64), small(2, 80)
    maps = first.attention_maps(torch.randn(2, 3, 64, 64))
    assert maps.shape == (2, 1, 4, 4)
    assert maps.amax((1, 2, 3)).tolist() == [1.0, 1.0]
    steps = maps * 255
    assert torch.allclose(steps, steps.round(), atol=1e-3)
    rows = second.embed_satellite(torch.randn(2, 3, 80, 80), attention=maps)
    assert rows.isfinite().all()


def test_maps_in_the_wrong_stage_are_refused():
    tile, maps = torch.zeros(1, 3, 80, 80), torch.ones(1, 1, 4, 4)
    with pytest.raises(ConfigError, match="needs attention maps"):
        small(2, 80).embed_satellite(tile)
    with pytest.raises(ConfigError, match="stage=2 to use them"):
        small(1, 80).embed_satellite(tile, attention=maps)
    with pytest.raises(ConfigError, match="stage=1"):
        small(2, 80).attention_maps(tile)


@pytest.mark.parametrize(
    ("variant", "ground", "side"),
    [
        ({}, (112, 616), 256),
        ({"stage": 2}, (112, 616), 320),
        ({"fov_deg": 90}, (112, 154), 256),
        ({"fov_deg": 70.0, "dataset": "cvact"}, (112, 119), 256),
        ({"dataset": "vigor"}, (320, 640), 320),
        ({"dataset": "vigor", "stage": 2}, (320, 640), 400),
    ],
)
def test_sizes_are_those_of_the_release(variant, ground, side):
    with torch.device("meta"):
        inputs = build_model("transgeo", backbone="small", **variant).inputs
    assert inputs.ground_size == ground
    assert inputs.satellite_size == (side, side)


@pytest.mark.parametrize(
    ("variant", "words"),
    [
        ({"stage": 3}, "stages 1 and 2"),
        ({"fov_deg": 0}, r"\(0, 360\]"),
        ({"dataset": "cvus"}, "'cvusa'"),
        ({"backbone": "deit"}, "deit_small"),
    ],
)
def test_impossible_variants_are_refused_with_a_way_out(variant, words):
    with pytest.raises(ConfigError, match=words):
        build_model("transgeo", **variant)

import pytest
import torch
from torch.nn.functional import normalize

from geobench.errors import ConfigError
from geobench.registry import build_model

SMALL = {
    "backbone": "small",
    "ground_size": (32, 64),
    "satellite_size": (32, 64),
    "heads": 2,
    "polar": True,
}


def small(name, **variant):
    torch.manual_seed(0)
    return build_model(name, **SMALL | variant)


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    draw = torch.randn(11, 3, 32, 64, generator=generator)
    return {
        "ground": draw[:3, None],
        "frame_mask": torch.ones(3, 1, dtype=torch.bool),
        "satellite": draw[3:6],
        "semi_satellite": draw[6:9],
        "offset_m": torch.tensor([[3.0, 4.0], [0.0, -5.0], [1.0, 1.0]]),
        "semi_offset_m": torch.tensor([[30.0, 4.0], [0.0, -25.0], [9.0, 1.0]]),
    }


@torch.no_grad()
def test_a_sequence_is_the_mean_of_its_frames():
    model = small("safa", query="sequence").eval()
    frames = torch.randn(2, 7, 3, 32, 64)
    mask = torch.ones(2, 7, dtype=torch.bool)
    mask[0, 2:] = False
    rows = [
        model.embed_ground(frames[:1, k : k + 1], mask[:1, :1]).squeeze(0)
        for k in range(2)
    ]
    wanted = normalize(rows[0] + rows[1], dim=0)
    got = model.embed_ground(frames, mask)[0]
    assert torch.allclose(got, wanted, atol=1e-5)


@torch.no_grad()
def test_a_centre_query_sees_the_middle_frame_alone():
    model = small("safa").eval()
    frames = torch.randn(1, 7, 3, 32, 64)
    seven = model.embed_ground(frames, torch.ones(1, 7, dtype=torch.bool))
    one = model.embed_ground(frames[:, 3:4], torch.ones(1, 1, dtype=torch.bool))
    assert torch.allclose(seven, one, atol=1e-6)
    assert model.max_frames == 1


def test_vigor_has_its_three_terms_and_each_can_be_left_out(batch):
    assert set(small("vigor").loss(batch)) == {"triplet", "offset", "iou", "total"}
    first = small("vigor", iou_weight=0.0, offset_weight=0.0).loss(batch)
    assert set(first) == {"triplet", "total"}
    assert first["total"].item() == pytest.approx(first["triplet"].item())


def test_a_sequence_without_semi_positive_is_left_out_of_that_term(batch):
    batch["semi_offset_m"][1] = torch.nan
    batch["semi_satellite"][1] = 0.0
    losses = small("vigor").loss(batch)
    assert losses["total"].isfinite()
    batch["semi_offset_m"][:] = torch.nan
    assert small("vigor").loss(batch)["iou"].item() == 0.0


def test_offsets_are_predicted_in_metres(batch):
    model = small("vigor", tile_m=80.0).eval()
    with torch.no_grad():
        model.offset_head[-1].weight.zero_()
        model.offset_head[-1].bias.copy_(torch.tensor([0.5, -0.25]))
        offset = model.predict_offset_m(
            batch["satellite"], batch["ground"], frame_mask=batch["frame_mask"]
        )
    assert offset[0].tolist() == pytest.approx([20.0, -10.0])


def test_vigor_needs_the_side_of_a_tile():
    with pytest.raises(ConfigError, match="tile_m is None"):
        small("vigor", tile_m=None)


def test_a_misspelt_backbone_names_the_closest():
    with pytest.raises(ConfigError, match="resnet18"):
        small("safa", backbone="resnet81")


@torch.no_grad()
def test_tensorflows_release_averages_channels_and_orders_by_head():
    model = small("safa", release="tensorflow").eval()
    image = torch.randn(2, 3, 32, 64)
    features, maps = model.describe_satellite(image)
    attention = model.spatial_aware_sat
    strength = features.mean(1)
    wanted = torch.empty_like(maps)
    for k in range(2):
        hidden = strength @ attention.w1[..., k] + attention.b1[0, :, k]
        wanted[..., k] = hidden @ attention.w2[..., k] + attention.b2[0, :, k]
    assert torch.allclose(maps, wanted, atol=1e-6)
    rows = torch.cat([(features * maps[:, None, :, k]).sum(2) for k in range(2)], 1)
    assert torch.allclose(model.embed_satellite(image), normalize(rows, dim=1))


@pytest.mark.parametrize(
    ("release", "ground", "tile"),
    [("port", (7, 41), (16, 16)), ("tensorflow", (4, 20), (8, 8))],
)
def test_the_last_feature_map_has_the_released_size(release, ground, tile):
    with torch.device("meta"):
        model = build_model("safa", release=release, polar=False)
        sizes = [
            trunk(torch.empty(1, 3, *size)).shape[2:]
            for trunk, size in (
                (model.backbone_grd, model.inputs.ground_size),
                (model.backbone_sat, model.inputs.satellite_size),
            )
        ]
    assert sizes == [ground, tile]


def test_tensorflows_input_is_pixels_less_vggs_means():
    with torch.device("meta"):
        inputs = build_model("safa", release="tensorflow").inputs
    white = [(1.0 - m) / s for m, s in zip(inputs.mean, inputs.std, strict=True)]
    assert white == pytest.approx([255 - 123.6, 255 - 116.779, 255 - 103.939])


def test_an_unknown_release_names_the_known():
    with pytest.raises(ConfigError, match="'tensorflow'"):
        small("safa", release="tensorflw")

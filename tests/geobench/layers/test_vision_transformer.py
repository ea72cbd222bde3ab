import pytest
import torch
from timm.models.deit import VisionTransformerDistilled

from geobench.layers.vision_transformer import (
    DistilledTransformer,
    strongest_patches,
)

SHAPE = (2, 3, 48)


@pytest.fixture
def network():
    torch.manual_seed(0)
    network = DistilledTransformer((40, 64), shape=SHAPE, outputs=10).eval()
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=0.1)
    return network


@pytest.fixture
def image():
    return torch.randn(2, 3, 40, 64, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_it_equals_timms_with_the_same_weights(network, image):
    blocks, heads, width = SHAPE
    timms = VisionTransformerDistilled(
        img_size=(40, 64),
        embed_dim=width,
        depth=blocks,
        num_heads=heads,
        num_classes=10,
    ).eval()
    assert list(timms.state_dict()) == list(network.state_dict())
    timms.load_state_dict(network.state_dict())
    assert torch.allclose(network(image), timms(image), atol=1e-5)


@torch.no_grad()
def test_keeping_every_patch_changes_nothing_and_dropping_some_does(network, image):
    every = torch.arange(8).flip(0).expand(2, 8)
    assert torch.allclose(network(image, every), network(image), atol=1e-5)
    assert (network(image, every[:, :5]) - network(image)).abs().max() > 1e-3


@torch.no_grad()
def test_a_patch_that_is_left_out_does_not_matter(network, image):
    kept = torch.tensor([[0, 1, 2], [0, 1, 2]])
    changed = image.clone()
    changed[:, :, :, 48:] = 7.0  # the fourth patch
    assert torch.equal(network(image, kept), network(changed, kept))


@torch.no_grad()
def test_last_attention_is_a_share_of_what_two_tokens_pay_in_each_head(network, image):
    paid = network.last_attention(image)
    assert paid.shape == (2, 1, 2, 4)
    # Two tokens times three heads pay 1 each; what they pay to each other is left out.
    assert (paid.sum((1, 2, 3)) < 6).all()
    assert (paid.sum((1, 2, 3)) > 3).all()


def test_the_strongest_patches_are_counted_in_ascending_order():
    attention = torch.tensor([[[[0.1, 0.9], [0.5, 0.3]]]])
    assert strongest_patches(attention, (2, 2), 3).tolist() == [[3, 2, 1]]


def test_a_coarse_map_is_spread_bilinearly_with_half_pixel_centres():
    attention = torch.tensor([[[[1.0, 0.0, 0.35]]]])
    # Centres at 0, 0.625, 1.375 and 2: 1, 0.375, 0.13 and 0.35. With corners aligned
    # the second would be 0.333 and change places with the last.
    assert strongest_patches(attention, (1, 4), 3).tolist() == [[3, 1, 0]]

"""L2LTR's unusual parts, each against the plain definition."""

import pytest
import torch
from torch.nn.functional import conv2d, layer_norm

from baselines.l2ltr import Encoder, HybridTrunk, StandardConv, Unit
from geobench.errors import ConfigError
from geobench.registry import build_model

SHAPE = {"layers": 3, "heads": 2, "width": 8, "hidden": 16}


@torch.no_grad()
def test_filters_have_mean_zero_and_variance_one():
    torch.manual_seed(0)
    conv = StandardConv(4, 6, 3, padding=1, bias=False)
    image = torch.randn(1, 4, 5, 5)
    filters = conv.weight.reshape(6, -1).double()
    filters = filters - filters.mean(1, keepdim=True)
    filters /= (filters.square().mean(1, keepdim=True) + 1e-5).sqrt()
    wanted = conv2d(image, filters.float().view_as(conv.weight), padding=1)
    assert torch.allclose(conv(image), wanted, atol=1e-5)


@torch.no_grad()
def test_keys_come_from_what_the_layer_before_was_given():
    torch.manual_seed(0)
    encoder = Encoder(SHAPE).eval()
    for weight in encoder.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    tokens = torch.randn(2, 5, 8)
    given = [tokens]
    for number, layer in enumerate(encoder.layer):
        before = given[max(number - 1, 0)]
        given.append(_layer(layer, given[-1], before))
    wanted = _norm(encoder.encoder_norm, given[-1])
    assert torch.allclose(encoder(tokens), wanted, atol=1e-5)


def _norm(norm, tokens):
    return layer_norm(tokens, (8,), norm.weight, norm.bias, eps=1e-6)


def _layer(layer, tokens, before):
    """One layer, head by head."""
    attn, here = layer.attn, _norm(layer.attention_norm_1, tokens)
    query, value = attn.query(here), attn.value(here)
    key = attn.key(_norm(layer.attention_norm_2, before))
    heads = []
    for part in (slice(0, 4), slice(4, 8)):
        weight = (query[..., part] @ key[..., part].transpose(1, 2) / 2.0).softmax(-1)
        heads.append(weight @ value[..., part])
    tokens = tokens + attn.out(torch.cat(heads, 2))
    hidden = layer.ffn.fc1(_norm(layer.ffn_norm, tokens))
    hidden = hidden * (1 + torch.erf(hidden / 2**0.5)) / 2
    return tokens + layer.ffn.fc2(hidden)


def test_only_the_first_unit_of_a_stage_projects_and_halves():
    trunk = HybridTrunk(32, (2, 2, 2))
    projects = [unit.projects for block in trunk.body for unit in block]
    assert projects == [True, False] * 3
    first = trunk.body.block2.unit1
    assert isinstance(first, Unit)
    assert first.conv2.stride == first.downsample.stride == (2, 2)
    assert first.conv1.stride == (1, 1)
    assert first.gn_proj.num_groups == first.gn_proj.num_channels == 256
    with torch.no_grad():
        assert trunk(torch.randn(1, 3, 32, 64)).shape == (1, 512, 2, 4)


def test_a_model_without_branches_is_refused():
    with pytest.raises(ConfigError, match="branches is empty"):
        build_model("l2ltr", backbone="small", branches=())
    with pytest.raises(ConfigError, match="'ground'"):
        build_model("l2ltr", backbone="small", branches=("grund",))

import pytest
import torch

from geobench.errors import ConfigError
from geobench.registry import build_model

SMALL = {
    "backbone": "small",
    "ground_size": (32, 64),
    "satellite_size": (32, 64),
    "polar": True,
    "width": 32,
    "layers": 1,
    "heads": 2,
    "feed_forward": 32,
}


@pytest.fixture
def frames():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(3, 7, 3, 32, 64, generator=generator)


def seqgeo(**variant):
    torch.manual_seed(0)
    return build_model("seqgeo", **SMALL | variant)


def keep(*frames):
    mask = torch.zeros(3, 7, dtype=torch.bool)
    mask[:, list(frames)] = True
    return mask


@torch.no_grad()
def test_fewer_frames_give_another_vector(frames):
    model = seqgeo().eval()
    seven = model.embed_ground(frames, keep(*range(7)))
    one = model.embed_ground(frames, keep(3))
    assert (seven - one).abs().max() > 1e-3


@torch.no_grad()
def test_a_frame_keeps_its_place_in_the_sequence(frames):
    model = seqgeo().eval()
    third = model.embed_ground(frames, keep(3))
    moved = torch.zeros_like(frames)
    moved[:, 0] = frames[:, 3]
    first = model.embed_ground(moved, keep(0))
    assert (third - first).abs().max() > 1e-4


@torch.no_grad()
def test_a_short_tensor_equals_a_long_one_with_the_rest_masked(frames):
    model = seqgeo().eval()
    short = model.embed_ground(frames[:, :3], keep(0, 1, 2)[:, :3])
    long = model.embed_ground(frames, keep(0, 1, 2))
    assert torch.allclose(short, long, atol=1e-5)


def test_too_many_frames_are_refused(frames):
    with pytest.raises(ConfigError, match="7 frames"):
        seqgeo(max_frames=5).embed_ground(frames, keep(0))


@torch.no_grad()
def test_a_dropped_frame_leaks_only_as_released(frames):
    mask = keep(0, 2, 3)
    changed = frames.clone()
    changed[:, 1] = 3.0
    for kind, leaks in (("masked", False), ("released", True)):
        model = seqgeo(sequential_dropout=kind).eval()
        gap = model.embed_ground(frames, mask) - model.embed_ground(changed, mask)
        assert (gap.abs().max() > 1e-5) == leaks


def test_sequential_dropout_leaves_each_sequence_a_frame():
    model = seqgeo().train()
    mask = keep(4)
    mask[1] = True
    torch.manual_seed(1)
    kept = torch.stack([model._drop(mask) for _ in range(200)])
    assert kept.any(2).all()
    assert torch.equal(kept[:, 0], mask[0].expand(200, 7))
    assert set(kept[:, 1].sum(1).tolist()) >= {1, 2, 3, 4, 5, 6, 7}


def test_sequential_dropout_can_be_left_out():
    mask = keep(*range(7))
    dropped = [seqgeo(sequential_dropout="none")._drop(mask) for _ in range(20)]
    assert all(torch.equal(kept, mask) for kept in dropped)


def test_without_tfam_blocks_the_frames_are_averaged(frames):
    rows = seqgeo(layers=0).eval().embed_ground(frames, keep(1, 2))
    assert rows.isfinite().all()


def test_a_misspelt_choice_names_the_closest():
    with pytest.raises(ConfigError, match="'masked'"):
        seqgeo(sequential_dropout="maskd")
    with pytest.raises(ConfigError, match="resnet18"):
        seqgeo(backbone="resnet19")

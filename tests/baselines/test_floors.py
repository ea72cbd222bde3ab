import pytest
import torch

from baselines import linear_probe
from geobench.errors import ConfigError
from geobench.registry import build_model

INPUTS = {"ground_size": (16, 64), "satellite_size": (16, 64), "polar": True}


def one_frame(images):
    return images[:, None], torch.ones(len(images), 1, dtype=torch.bool)


def pairs(count, *, seed, shared):
    """Tiles of coloured patches, and ground pictures that share them or do not."""
    generator = torch.Generator().manual_seed(seed)
    patches = torch.rand(2, count, 3, 2, 8, generator=generator)
    tiles, other = patches.repeat_interleave(8, 3).repeat_interleave(8, 4)
    ground, mask = one_frame(1.0 - tiles if shared else other)
    return {
        "ground": ground * 2 - 1,
        "frame_mask": mask,
        "satellite": tiles * 2 - 1,
        "tile_id": [f"{seed}-{k:03d}" for k in range(count)],
    }


def recall(model, batch):
    ground = model.embed_ground(batch["ground"], batch["frame_mask"])
    similarity = ground @ model.embed_satellite(batch["satellite"]).T
    hit = similarity.argmax(1) == torch.arange(len(similarity))
    return hit.float().mean().item()


def test_random_vectors_change_with_the_seed_and_not_between_calls():
    images, mask = one_frame(torch.rand(2, 3, 16, 64))
    one, again, other = (
        build_model("random_embedding", seed=s).embed_ground(images, mask)
        for s in (0, 0, 1)
    )
    assert torch.equal(one, again)
    assert not torch.allclose(one, other)
    assert (one @ one.T)[0, 1].abs() < 0.9


def test_the_same_picture_has_unrelated_vectors_in_both_views():
    model = build_model("random_embedding")
    images, mask = one_frame(torch.rand(1, 3, 16, 64))
    cosine = model.embed_ground(images, mask) @ model.embed_satellite(images[:, 0]).T
    assert cosine.abs().item() < 0.6


def test_histograms_of_one_picture_agree_in_both_views():
    model = build_model("colour_histogram", **INPUTS)
    images, mask = one_frame(torch.rand(3, 3, 16, 64) * 2 - 1)
    cosine = model.embed_ground(images, mask) @ model.embed_satellite(images[:, 0]).T
    assert torch.allclose(cosine.diagonal(), torch.ones(3), atol=1e-5)


def test_the_empty_part_of_a_canvas_has_no_colour():
    model = build_model("colour_histogram", north_canvas=True, **INPUTS)
    whole = torch.full((1, 3, 16, 64), 0.9)
    half = whole.clone()
    half[..., 32:] = 0.0
    rows = [model.embed_ground(*one_frame(image)) for image in (whole, half)]
    assert torch.equal(*rows)


def test_a_probe_finds_shared_colours_and_only_those():
    for shared in (True, False):
        probe = build_model("linear_probe", **INPUTS)
        train = (pairs(60, seed=s, shared=shared) for s in range(3))
        log = probe.fit_closed_form(train, iter([pairs(40, seed=8, shared=shared)]))
        score = recall(probe, pairs(40, seed=9, shared=shared))
        assert (score > 0.9) if shared else (score < 0.2)
        assert (log["val_recall_at_1"] > 0.9) == shared


def test_a_probe_solves_the_ridge_equations():
    batch = pairs(30, seed=1, shared=True)
    gathered = linear_probe._gather(iter([batch]))
    (strength, fitted), *_ = linear_probe._solutions(gathered, kind=0, grid=(2, 8))
    x, y = (
        linear_probe._flat(cells[0], (2, 8)).double()
        for cells in (gathered.ground, gathered.satellite)
    )
    x = (x - x.mean(0)) / x.std(0, correction=0)
    y = (y - y.mean(0)) / y.std(0, correction=0)
    gram = x.T @ x + strength * len(x) * torch.eye(x.shape[1])
    assert torch.allclose(gram @ fitted.weight, x.T @ y, atol=1e-6)


def test_an_unfitted_probe_says_so():
    probe = build_model("linear_probe", **INPUTS)
    with pytest.raises(ConfigError, match="was not fitted"):
        probe.embed_satellite(torch.zeros(1, 3, 16, 64))


def test_an_empty_split_is_refused():
    probe = build_model("linear_probe", **INPUTS)
    with pytest.raises(ConfigError, match="empty split"):
        probe.fit_closed_form(iter([]), iter([]))


def test_a_probe_pads_its_vectors_to_one_length():
    probe = build_model("linear_probe", **INPUTS)
    batch = pairs(20, seed=1, shared=True)
    probe.fit_closed_form(iter([batch]), iter([batch]))
    assert probe.embed_satellite(batch["satellite"]).shape == (
        20,
        linear_probe.FEATURES,
    )

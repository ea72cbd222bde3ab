"""What the harness relies on, for every registered model."""

import inspect
from contextlib import nullcontext

import pytest
import torch
from safetensors.torch import load, save

from geobench.data.sampling import Share
from geobench.model import InputSpec, ModelCard
from geobench.registry import build_model, model_factory, model_names
from geobench.training.parallel import Team
from geobench.training.step import backward

NAMES = model_names()
SIZE = 4


def fresh(name, seed=0):
    """A model for stamp-sized pictures, on the small backbone where it takes one."""
    inputs = {"ground_size": [32, 128], "satellite_size": [32, 128], "polar": True}
    if "backbone" in inspect.signature(model_factory(name)).parameters:
        inputs["backbone"] = "small"
    torch.manual_seed(seed)
    return build_model(name, tile_m=80.0, **inputs)


def make_batch(model, seed=0):
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=generator)

    mask = torch.ones(SIZE, model.max_frames, dtype=torch.bool)
    if model.max_frames > 2:
        mask[0, 1:3] = mask[1, -1] = False
    return {
        "ground": draw(SIZE, model.max_frames, 3, *model.inputs.ground_size),
        "frame_mask": mask,
        "satellite": draw(SIZE, 3, *model.inputs.satellite_size),
        "semi_satellite": draw(SIZE, 3, *model.inputs.satellite_size),
        "offset_m": draw(SIZE, 2) * 5,
        "semi_offset_m": draw(SIZE, 2) * 20,
        "position_m": draw(SIZE, 2) * 500,
        "tile_id": [f"{seed}-{k}" for k in range(SIZE)],
    }


def ready(name):
    """A model in evaluation mode, fitted where that takes no gradients."""
    model = fresh(name).eval()
    if model.card.training == "closed-form":
        batches = [make_batch(model, seed) for seed in range(2)]
        model.fit_closed_form(iter(batches), iter(batches[:1]))
    return model


@torch.no_grad()
def embed(model, batch):
    ground = model.embed_ground(batch["ground"], batch["frame_mask"])
    return ground, model.embed_satellite(batch["satellite"])


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


@pytest.fixture
def trained_name(name):
    if fresh(name).card.training != "gradient":
        pytest.skip(f"{name} is not trained by gradients")
    return name


def test_it_says_what_it_is_and_what_it_wants(name):
    model = fresh(name)
    assert isinstance(model.card, ModelCard)
    assert isinstance(model.inputs, InputSpec)
    assert model.inputs.ground_size == (32, 128)
    assert model.inputs.polar
    assert model.card.training in ("gradient", "closed-form", "none")
    assert model.max_frames >= 1


def test_both_views_give_finite_vectors_of_one_length(name):
    model = ready(name)
    for rows in embed(model, make_batch(model, 5)):
        assert rows.shape == (SIZE, model.embedding_dim)
        assert rows.isfinite().all()
        assert (rows.norm(dim=1) > 0).all()


def test_different_pictures_get_different_vectors(name):
    model = ready(name)
    for rows in embed(model, make_batch(model, 5)):
        assert (rows[0] - rows[1]).abs().max() > 1e-6


def test_a_frame_that_is_not_there_does_not_matter(name):
    model = ready(name)
    batch = make_batch(model, 5)
    before, _ = embed(model, batch)
    missing = ~batch["frame_mask"]
    batch["ground"][missing] = 9.0
    after, _ = embed(model, batch)
    assert torch.allclose(before, after, atol=1e-6)


def test_a_vector_does_not_depend_on_its_batch(name):
    model = ready(name)
    batch = make_batch(model, 5)
    together = embed(model, batch)
    alone = embed(
        model, {k: v[1:2] for k, v in batch.items() if isinstance(v, torch.Tensor)}
    )
    for all_rows, row in zip(together, alone, strict=True):
        assert torch.allclose(all_rows[1:2], row, atol=1e-5)


def test_evaluation_is_deterministic(name):
    model = ready(name)
    batch = make_batch(model, 5)
    for first, second in zip(embed(model, batch), embed(model, batch), strict=True):
        assert torch.equal(first, second)


def test_the_same_seed_gives_the_same_weights(name):
    one, two = fresh(name, 1).state_dict(), fresh(name, 1).state_dict()
    assert list(one) == list(two)
    assert all(torch.equal(one[k], two[k]) for k in one)


def test_weights_come_back_from_a_file(name):
    model = ready(name)
    stored = save({k: v.contiguous() for k, v in model.state_dict().items()})
    again = fresh(name, seed=7).eval()
    again.load_state_dict(load(stored), strict=True)
    batch = make_batch(model, 5)
    for ours, theirs in zip(embed(model, batch), embed(again, batch), strict=True):
        assert torch.equal(ours, theirs)


def test_the_loss_has_a_finite_total_and_a_gradient_for_every_weight(trained_name):
    model = fresh(trained_name).train()
    losses = model.loss(make_batch(model))
    assert all(term.ndim == 0 and term.isfinite() for term in losses.values())
    losses["total"].backward()
    for key, weight in model.named_parameters():
        assert weight.grad is not None, key
        assert weight.grad.isfinite().all(), key


def test_every_weight_is_in_one_optimizer_group(trained_name):
    model = fresh(trained_name)
    grouped = [id(p) for group in model.parameter_groups() for p in group["params"]]
    assert sorted(grouped) == sorted(id(p) for p in model.parameters())


def test_a_few_steps_lower_the_loss(trained_name):
    model = fresh(trained_name).train()
    optimizer = torch.optim.AdamW(model.parameter_groups(), lr=1e-3)
    batch = make_batch(model)
    batch["frame_mask"][:] = True
    values = []
    for _ in range(12):
        optimizer.zero_grad()
        total = model.loss(batch)["total"]
        total.backward()
        optimizer.step()
        values.append(total.item())
    assert min(values[-4:]) < values[0]


def without_chance(model):
    """The model with dropout off and batch statistics that stay as they are."""
    model.train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        elif isinstance(module, torch.nn.MultiheadAttention):
            module.dropout = 0.0
        elif isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.eval()
    return model


def gradients(model, batch, *, chunk):
    model.zero_grad()
    terms = backward(
        model,
        batch,
        share=Share.whole(SIZE),
        members=Team(),
        chunk=chunk,
        precision=nullcontext,
    )
    return terms["total"].item(), {n: p.grad for n, p in model.named_parameters()}


@pytest.mark.parametrize("chunk", [1, 3])
def test_chunks_give_the_whole_batchs_gradient(trained_name, chunk, monkeypatch):
    model = without_chance(fresh(trained_name))
    batch = model.augment(make_batch(model))
    # Random maps are the same in one piece and in chunks.
    monkeypatch.setattr(torch.Tensor, "uniform_", lambda self, a, b: self.fill_(0.3))
    whole, wanted = gradients(model, batch, chunk=None)
    total, found = gradients(model, batch, chunk=chunk)
    assert total == pytest.approx(whole, rel=1e-5)
    assert wanted.keys() == found.keys()
    # Some weights have no influence, such as a bias of attention's keys: their gradient
    # is rounding noise of the others'.
    least = 1e-4 * max(value.abs().max() for value in wanted.values())
    for key, value in wanted.items():
        scale = value.abs().max().clamp_min(least)
        assert ((found[key] - value).abs().max() / scale).item() < 2e-3, key


def test_an_unknown_argument_is_refused_by_name(name):
    with pytest.raises(ValueError, match="grund_size"):
        build_model(name, grund_size=(32, 128))

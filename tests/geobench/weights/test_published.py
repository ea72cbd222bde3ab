"""Small networks stand in for the authors': their weights under the authors' names."""

import hashlib

import pytest
import torch
from safetensors.torch import save_file
from torch.nn.functional import conv2d

from geobench.errors import ConfigError, DataError, RegistryError, SchemaError
from geobench.model import PublishedTensor
from geobench.registry import build_model
from geobench.weights import load_published
from geobench.weights.published import _converted, _shape, importable

SIZE = {"ground_size": (32, 64), "satellite_size": (32, 64)}
SMALL = {"backbone": "small", **SIZE}
GEODTR = {**SMALL, "feed_forward": 32}
SEQGEO = {**SMALL, "polar": True, "width": 32, "layers": 1, "heads": 2}
PARTS = {"GFE": "ground_cnn", "SFE": "satellite_cnn", "trans": "mixer"}


def fresh(name, **variant):
    torch.manual_seed(3)
    return build_model(name, **variant).eval()


@pytest.fixture
def geodtr():
    return fresh("geodtr", **GEODTR)


@pytest.fixture
def images():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, 7, 3, 32, 64, generator=generator)


@torch.no_grad()
def rows(model, images):
    mask = torch.ones(2, 7, dtype=torch.bool)
    mask[:, [1, 4]] = False
    return model.embed_ground(images, mask), model.embed_satellite(images[:, 0])


def same(ours, theirs, images):
    pairs = zip(rows(ours, images), rows(theirs, images), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_a_state_dict_becomes_the_model_it_came_from(geodtr, images):
    loaded = load_published("geodtr", geodtr.state_dict(), **GEODTR)
    assert same(loaded, geodtr, images)
    assert not loaded.training
    assert all(p.requires_grad and p.device.type == "cpu" for p in loaded.parameters())


def test_the_callers_tensors_are_copied(geodtr, images):
    weights = geodtr.state_dict()
    loaded = load_published("geodtr", weights, **GEODTR)
    before = rows(loaded, images)[0]
    for tensor in weights.values():
        tensor.zero_()
    assert torch.equal(rows(loaded, images)[0], before)


def test_a_parallel_prefix_and_a_training_wrapper_are_taken_off(geodtr, images):
    inner = {f"module.{k}": v for k, v in geodtr.state_dict().items()}
    wrapped = {"epoch": 3, "model_state_dict": inner, "optimizer_state_dict": {}}
    assert same(load_published("geodtr", wrapped, **GEODTR), geodtr, images)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_files_are_read_and_remembered_by_hash(geodtr, images, tmp_path, suffix):
    path = tmp_path / f"weights{suffix}"
    write = torch.save if suffix == ".pth" else save_file
    write(geodtr.state_dict(), path)
    loaded = load_published("geodtr", path, **GEODTR)
    assert same(loaded, geodtr, images)
    assert same(load_published("geodtr", str(path), **GEODTR), geodtr, images)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert loaded.identity.source == {path.name: digest}
    assert loaded.identity.variant == GEODTR


def test_half_precision_and_arrays_are_taken_too(geodtr, images):
    arrays = {k: v.numpy() for k, v in geodtr.state_dict().items()}
    assert same(load_published("geodtr", arrays, **GEODTR), geodtr, images)
    weights = geodtr.state_dict().items()
    halves = {k: v.half() if v.is_floating_point() else v for k, v in weights}
    loaded = load_published("geodtr", halves, **GEODTR)
    assert {v.dtype for v in loaded.parameters()} == {torch.float32}


def test_a_missing_an_extra_and_a_misshapen_weight_are_named_with_what_to_check(geodtr):
    weights = dict(geodtr.state_dict())
    del weights["ge_sat.w1"]
    weights["ge_sat.w3"] = torch.zeros(2)
    weights["ge_grd.b2"] = torch.zeros(1, 8, 31)
    with pytest.raises(SchemaError) as caught:
        load_published("geodtr", weights, **GEODTR)
    text = str(caught.value)
    assert "missing 'ge_sat.w1' [32, 8, 16]" in text
    assert "not expected 'ge_sat.w3'" in text
    assert "misshapen 'ge_grd.b2' is [1, 8, 31] instead of [1, 8, 32]" in text
    assert "Check the file, and the variant" in text


def test_only_the_first_misfits_are_listed(geodtr):
    with pytest.raises(SchemaError, match=r"and [0-9]+ more"):
        load_published("geodtr", {"a": torch.zeros(1)}, **GEODTR)


def test_seqgeo_comes_in_three_parts_and_drops_frames_as_released(images):
    released = fresh("seqgeo", **SEQGEO, sequential_dropout="released")
    parts = {p: getattr(released, ours).state_dict() for p, ours in PARTS.items()}
    loaded = load_published("seqgeo", parts, **SEQGEO)
    assert loaded.sequential_dropout == "released"
    assert same(loaded, released, images)
    masked = load_published("seqgeo", parts, **SEQGEO, sequential_dropout="masked")
    assert not same(masked, released, images)


def test_a_part_that_is_missing_or_unknown_is_named():
    network = fresh("seqgeo", **SEQGEO)
    parts = {p: getattr(network, ours).state_dict() for p, ours in PARTS.items()}
    with pytest.raises(SchemaError, match="'SFE' is missing"):
        load_published("seqgeo", {k: parts[k] for k in ("GFE", "trans")}, **SEQGEO)
    with pytest.raises(ConfigError, match="'MIX' is no part"):
        load_published("seqgeo", {**parts, "MIX": {}}, **SEQGEO)
    del parts["trans"]["Transformer.norm.bias"]
    with pytest.raises(SchemaError, match=r"missing 'trans\.Transformer\.norm\.bias'"):
        load_published("seqgeo", parts, **SEQGEO)


@pytest.mark.parametrize("key", ["grd", "ground", "model_grd"])
def test_one_branch_of_l2ltr_is_a_model_of_one_view(images, key):
    whole = fresh("l2ltr", **SMALL)
    branch = whole.model_grd.state_dict()
    loaded = load_published("l2ltr", {key: branch}, **SMALL)
    mask = torch.ones(2, 7, dtype=torch.bool)
    with torch.no_grad():
        wanted = whole.embed_ground(images, mask)
        assert torch.equal(loaded.embed_ground(images, mask), wanted)
    with pytest.raises(ConfigError, match="without its model_sat"):
        loaded.embed_satellite(images[:, 0])


def test_both_branches_of_l2ltr_come_with_an_optimizer_that_is_left_out(images):
    whole = fresh("l2ltr", **SMALL)
    names = ("model_grd", "model_sat")
    file = {n: getattr(whole, n).state_dict() for n in names} | {"optimizer": {}}
    assert same(load_published("l2ltr", file, **SMALL), whole, images)


def test_a_kernel_of_tensorflow_sees_the_same_picture_as_ours():
    draw = torch.Generator().manual_seed(0)
    kernel = torch.randn(3, 3, 3, 5, generator=draw)  # rows, columns, in, out
    rgb = torch.rand(3, 6, 7, generator=draw)
    place = PublishedTensor(name="k", axes=(3, 2, 0, 1), flip=1)
    like = torch.empty(5, 3, 3, 3)
    assert _shape(like, place) == (3, 3, 3, 5)
    ours = conv2d(rgb[None], _converted(kernel, place, like=like))[0]
    bgr = rgb.flip(0)
    for row, column in ((0, 0), (2, 3)):
        window = bgr[:, row : row + 3, column : column + 3].permute(1, 2, 0)
        wanted = (window[..., None] * kernel).sum((0, 1, 2))
        assert torch.allclose(ours[:, row, column], wanted, atol=1e-5)


def test_safas_tensorflow_variables_have_their_scopes_and_shapes():
    with torch.device("meta"):
        ours = build_model("safa", release="tensorflow", polar=False)
    places, weights = ours.published_tensors(), ours.state_dict()
    assert sorted(places) == sorted(weights)
    shapes = {p.name: _shape(weights[key], p) for key, p in places.items()}
    assert shapes["VGG_grd/conv1_1/weights"] == (3, 3, 3, 64)
    assert shapes["VGG_sat/conv4_1/weights"] == (3, 3, 256, 512)
    assert shapes["VGG_sat/conv5_3/biases"] == (512,)
    assert shapes["spatial_grd/weights1"] == (80, 40, 8)
    assert shapes["spatial_sat/weights2"] == (32, 64, 8)
    assert [p.name for p in places.values() if p.flip is not None] == [
        "VGG_grd/conv1_1/weights",
        "VGG_sat/conv1_1/weights",
    ]


def test_a_trunk_that_tensorflow_never_had_has_no_names_there():
    model = build_model("safa", release="tensorflow", **SMALL)
    with pytest.raises(ConfigError, match="VGG16 trunks, not 'small'"):
        model.published_tensors()


def test_wrong_usage_says_what_to_do(geodtr, tmp_path):
    with pytest.raises(RegistryError, match="Did you mean 'geodtr'"):
        load_published("geodrt", {})
    with pytest.raises(ConfigError, match="no importer for the weights of 'vigor'"):
        load_published("vigor", {})
    with pytest.raises(ConfigError, match="'polar'"):
        load_published("geodtr", geodtr.state_dict(), polr=True)
    with pytest.raises(ConfigError, match="expected a state dict"):
        load_published("geodtr", 3)
    with pytest.raises(DataError, match="no file of weights"):
        load_published("geodtr", tmp_path / "nowhere.pth")
    with pytest.raises(SchemaError, match="'a' of type int"):
        load_published("geodtr", {"a": 3})


def test_every_published_network_has_an_importer():
    assert importable() == [
        "geodtr",
        "geodtr_plus",
        "l2ltr",
        "safa",
        "sample4geo",
        "seqgeo",
        "transgeo",
    ]


@pytest.mark.parametrize("name", ["geodtr_plus", "safa", "sample4geo", "transgeo"])
def test_a_models_own_weights_fit_through_its_importer(name, images):
    model = fresh(name, **SMALL)
    assert same(load_published(name, model.state_dict(), **SMALL), model, images)

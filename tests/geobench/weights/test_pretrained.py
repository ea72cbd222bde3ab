import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision.models import resnet18, vgg16

from geobench.errors import DataError, SchemaError
from geobench.layers.backbones import make_trunk
from geobench.registry import build_model
from geobench.weights import pretrained

SIZE = {"ground_size": [32, 128], "satellite_size": [32, 128]}


@pytest.fixture
def folder(tmp_path):
    """ImageNet-like weights of one trunk, under torchvision's file name."""
    torch.manual_seed(0)
    network = resnet18(weights=None)
    weights = {k: v + 0.01 for k, v in network.state_dict().items() if v.ndim}
    save_file(weights, tmp_path / "resnet18-f37072fd.safetensors")
    return tmp_path


def test_every_trunk_of_a_model_gets_the_weights(folder):
    model = build_model("geodtr", backbone="resnet18", **SIZE)
    assert pretrained.load_pretrained(model, folder) == ["resnet18", "resnet18"]
    one, other = (
        model.backbone_grd.state_dict(),
        model.backbone_sat.state_dict(),
    )
    assert all(torch.equal(one[k], other[k]) for k in one)


def test_a_filled_trunk_computes_what_the_classifier_computes(folder):
    whole = resnet18(weights=None)
    trunk = make_trunk("resnet18")
    pretrained.fill_trunk(trunk, whole.state_dict(), name="resnet18")
    cut = nn.Sequential(*[c for n, c in whole.named_children() if n != "maxpool"][:-2])
    image = torch.randn(1, 3, 32, 32)
    assert torch.equal(trunk.eval()(image), cut.eval()(image))


def test_dropout_between_layers_does_not_shift_the_weights():
    whole = vgg16(weights=None)
    trunk = make_trunk("vgg16", dropout=0.2)
    pretrained.fill_trunk(trunk, whole.state_dict(), name="vgg16")
    image = torch.randn(1, 3, 32, 32)
    wanted = whole.features[:-1].eval()(image)
    assert torch.equal(trunk.eval()(image), wanted)


def test_seqgeos_extractor_keeps_its_two_linear_layers():
    model = build_model("seqgeo", backbone="resnet18", layers=1, **SIZE)
    names = {getattr(m, "architecture", None) for m in model.modules()}
    assert "resnet18" in names


def test_weights_of_another_shape_are_refused_by_name():
    weights = resnet18(weights=None).state_dict()
    weights["conv1.weight"] = torch.zeros(64, 6, 7, 7)
    with pytest.raises(SchemaError, match=r"conv1\.weight .* \(64, 6, 7, 7\)"):
        pretrained.fill_trunk(make_trunk("resnet18"), weights, name="resnet18")


def test_a_folder_without_the_file_says_which_file_is_wanted(tmp_path):
    model = build_model("geodtr", backbone="resnet34", **SIZE)
    with pytest.raises(DataError, match=r"resnet34-b627a593\.pth"):
        pretrained.load_pretrained(model, tmp_path)


def test_without_a_network_there_is_one_sentence_and_no_wait(monkeypatch, tmp_path):
    import socket

    def refuse(*_, **__):
        raise OSError("Network is unreachable")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(socket, "create_connection", refuse)
    model = build_model("geodtr", backbone="resnet18", **SIZE)
    with pytest.raises(DataError, match=r"cannot be fetched.*--pretrained none"):
        pretrained.load_pretrained(model, None)


def test_a_model_without_such_a_trunk_is_refused():
    model = build_model("geodtr", backbone="small", **SIZE)
    with pytest.raises(DataError, match="no trunk with ImageNet weights"):
        pretrained.load_pretrained(model, None)


def test_a_pickle_with_code_is_not_run(tmp_path):
    import pickle

    class Spy:
        def __reduce__(self):
            return (tmp_path.joinpath("ran").touch, ())

    (tmp_path / "resnet18-f37072fd.pth").write_bytes(pickle.dumps(Spy()))
    model = build_model("geodtr", backbone="resnet18", **SIZE)
    with pytest.raises(SchemaError, match="could run code"):
        pretrained.load_pretrained(model, tmp_path)
    assert not tmp_path.joinpath("ran").exists()

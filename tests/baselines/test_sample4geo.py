import pytest
import torch
from torchvision.models import convnext_tiny

from geobench.errors import ConfigError
from geobench.registry import build_model

INNER = {
    "conv_dw": "block.0",
    "norm": "block.2",
    "mlp.fc1": "block.3",
    "mlp.fc2": "block.5",
}


def torchvisions(name):
    """Name in torchvision's ConvNeXt of a weight of timm's."""
    part, _, rest = name.partition(".")
    if part == "stem":
        return f"features.0.{rest}"
    if part == "head":
        return rest.replace("norm", "classifier.0")
    stage, kind, rest = rest.split(".", 2)
    if kind == "downsample":
        return f"features.{2 * int(stage)}.{rest}"
    block, _, rest = rest.partition(".")
    where = f"features.{2 * int(stage) + 1}.{block}"
    if rest == "gamma":
        return f"{where}.layer_scale"
    inner, _, leaf = rest.rpartition(".")
    return f"{where}.{INNER[inner]}.{leaf}"


@torch.no_grad()
def test_the_trunk_equals_torchvisions_with_renamed_weights():
    torch.manual_seed(0)
    ours = build_model("sample4geo", backbone="convnext_tiny").eval()
    theirs = convnext_tiny(weights=None).eval()
    theirs.classifier[2] = torch.nn.Identity()
    shapes = {k: v.shape for k, v in theirs.state_dict().items()}
    renamed = {torchvisions(k): v for k, v in ours.model.state_dict().items()}
    theirs.load_state_dict({k: v.view(shapes[k]) for k, v in renamed.items()})
    image = torch.randn(2, 3, 64, 96)
    mask = torch.ones(2, 1, dtype=torch.bool)
    wanted = theirs(image)
    for found in (ours.embed_satellite(image), ours.embed_ground(image[:, None], mask)):
        assert torch.allclose(found, wanted, atol=1e-5)


def test_the_temperature_starts_at_a_fourteenth_and_is_learned():
    model = build_model("sample4geo", backbone="small", satellite_size=(32, 64))
    assert model.logit_scale.exp().item() == pytest.approx(1 / 0.07)
    picture = torch.randn(3, 3, 32, 64)
    batch = {
        "ground": picture[:, None],
        "frame_mask": torch.ones(3, 1, dtype=torch.bool),
        "satellite": picture.flip(0),
    }
    model.loss(batch)["total"].backward()
    assert model.logit_scale.grad.abs() > 0


@pytest.mark.parametrize(
    ("dataset", "ground"), [("cvusa", (140, 768)), ("vigor", (384, 768))]
)
def test_sizes_are_those_of_the_release(dataset, ground):
    inputs = build_model("sample4geo", backbone="small", dataset=dataset).inputs
    assert inputs.ground_size == ground
    assert inputs.satellite_size == (384, 384)


def test_a_misspelt_backbone_names_the_closest():
    with pytest.raises(ConfigError, match="convnext_base"):
        build_model("sample4geo", backbone="convnext_bas")

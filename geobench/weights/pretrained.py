"""ImageNet weights for a model's trunks: from a folder, or as torchvision offers them.

A classifier's weights are matched to a trunk in order, shapes compared, so that it does
not matter under which names a model keeps its layers.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from geobench.errors import DataError, SchemaError
from geobench.weights.sources import read_file

WEIGHTS = {
    "resnet18": "ResNet18_Weights.IMAGENET1K_V1",
    "resnet34": "ResNet34_Weights.IMAGENET1K_V1",
    "resnet50": "ResNet50_Weights.IMAGENET1K_V1",
    "vgg16": "VGG16_Weights.IMAGENET1K_V1",
    "convnext_tiny": "ConvNeXt_Tiny_Weights.IMAGENET1K_V1",
}
"""Trunk -> torchvision's name of its first ImageNet weights."""
TIMEOUT_S = 20.0
COUNTER = "num_batches_tracked"
"""Older files leave this buffer out; it plays no part."""


def load_pretrained(model: nn.Module, folder: Path | None) -> list[str]:
    """Put ImageNet weights into every trunk of a model.

    Args:
        model: its trunks are the modules with an attribute `architecture`.
        folder: where files lie under torchvision's names, as `.pth` or `.safetensors`;
            None: torchvision's cache, else its server.

    Returns:
        The architectures that were filled, one a trunk.

    Raises:
        DataError: if a file cannot be had.
        SchemaError: if a file's weights do not fit.
    """
    done = []
    weights: dict[str, Mapping[str, Tensor]] = {}
    for module in model.modules():
        name = getattr(module, "architecture", None)
        if name not in WEIGHTS:
            continue
        if name not in weights:
            weights[name] = _read(name, folder)
        fill_trunk(module, weights[name], name=name)
        done.append(name)
    if not done:
        raise DataError(
            f"{type(model).__name__} has no trunk with ImageNet weights "
            f"({', '.join(WEIGHTS)}). Train it without pretrained weights."
        )
    return done


def fill_trunk(trunk: nn.Module, weights: Mapping[str, Tensor], *, name: str) -> None:
    """Copy as many of a classifier's weights, in their order, as a trunk has.

    Args:
        trunk: the classifier's first layers, under whatever names.
        weights: torchvision's names to weights.
        name: the classifier, one of `WEIGHTS`.

    Raises:
        SchemaError: if a weight is missing or has another shape.
    """
    from torchvision.models import get_model

    with torch.device("meta"):
        order = _counted_out(get_model(name, weights=None).state_dict())
    copied = {}
    # The classifier's own last layers are left over.
    for mine, theirs in zip(_counted_out(trunk.state_dict()), order, strict=False):
        if theirs not in weights:
            raise SchemaError(f"The {name} weights lack {theirs!r}.")
        given, value = weights[theirs], trunk.state_dict()[mine]
        if value.shape != given.shape:
            raise SchemaError(
                f"{theirs} of the {name} weights has shape {tuple(given.shape)}, "
                f"{mine} of the trunk {tuple(value.shape)}. Is it another release?"
            )
        copied[mine] = given
    counters = {k: v for k, v in trunk.state_dict().items() if k.endswith(COUNTER)}
    trunk.load_state_dict(copied | counters, strict=True)


def file_name(name: str) -> str:
    """The name under which torchvision offers a trunk's weights."""
    from torchvision.models import get_weight

    return Path(get_weight(WEIGHTS[name]).url).name


def _counted_out(weights: Mapping[str, Tensor]) -> list[str]:
    return [name for name in weights if not name.endswith(COUNTER)]


def _read(name: str, folder: Path | None) -> Mapping[str, Tensor]:
    if folder is None:
        return _fetch(name)
    path = folder / file_name(name)
    plain = path.with_suffix(".safetensors")
    if plain.is_file():
        return read_file(plain)
    if not path.is_file():
        raise DataError(
            f"{folder} holds neither {path.name} nor {plain.name}. Fetch torchvision's "
            f"{WEIGHTS[name]} on a machine with a network and put the file there."
        )
    return read_file(path)


def _fetch(name: str) -> Mapping[str, Tensor]:
    """Torchvision's file from its cache, else over the network, with a time limit."""
    import socket

    from torchvision.models import get_weight

    cached = Path(torch.hub.get_dir()) / "checkpoints" / file_name(name)
    if cached.is_file():
        return read_file(cached)
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT_S)
    try:
        found: Mapping[str, Tensor] = get_weight(WEIGHTS[name]).get_state_dict(
            progress=False, check_hash=True, weights_only=True
        )
    except (OSError, RuntimeError) as error:  # URLError is an OSError
        raise DataError(
            f"The ImageNet weights {file_name(name)} cannot be fetched ({error}). Put "
            "them into a folder and give --pretrained FOLDER, or --pretrained none to "
            "start from random weights."
        ) from error
    finally:
        socket.setdefaulttimeout(before)
    return found

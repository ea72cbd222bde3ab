"""Convolutional trunks, picture to feature map, by name.

Letters: B batch, C channels, H height, W width. None of them loads weights.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torchvision.models import convnext_tiny, resnet18, resnet34, resnet50, vgg16

from geobench.errors import ConfigError, closest

RESNETS = {"resnet18": resnet18, "resnet34": resnet34, "resnet50": resnet50}
TRUNKS = ("convnext_tiny", *RESNETS, "small", "vgg16")
SMALL_STRIDE = 8
_VGG_BLOCK_4 = 17
"""Index of VGG16's conv4_1, the first convolution that SAFA follows with dropout."""


def make_trunk(
    name: str,
    *,
    dropout: float = 0.0,
    last_pool: bool = False,
    whole_windows: bool = True,
) -> nn.Sequential:
    """A trunk without weights: [B, 3, H, W] to [B, C, H / stride, W / stride].

    ResNets have no max-pool, as in GeoDTR, and stride 16; ConvNeXt-T ends after its
    third stage, stride 16; VGG16 ends before its last pool, stride 16; "small" has
    stride 8 and trains on a CPU in minutes.

    Args:
        name: one of `TRUNKS`.
        dropout: after the convolutions of VGG16's last two blocks, as SAFA's; no other
            trunk has a place for it.
        last_pool: end with one more 2x2 pool, odd sizes rounded up, as SAFA and VIGOR.
        whole_windows: let VGG16's pools drop an odd last row or column, as PyTorch
            does; False pools it alone, as TensorFlow's "SAME" does.

    Returns:
        The layers, named by their index as the published codes name them.

    Raises:
        ConfigError: if no trunk has that name.
    """
    if name not in TRUNKS:
        raise ConfigError(f"No backbone is called {name!r}. {closest(name, TRUNKS)}")
    if name == "vgg16":
        layers = _vgg16(dropout, whole_windows=whole_windows)
    elif name == "small":
        layers = _small()
    elif name == "convnext_tiny":
        layers = list(convnext_tiny(weights=None).features[:6])
    else:
        children = list(RESNETS[name](weights=None).children())
        layers = [*children[:3], *children[4:8]]
    if last_pool:
        layers.append(nn.MaxPool2d(2, ceil_mode=True))
    trunk = nn.Sequential(*layers)
    trunk.architecture = name  # type: ignore[assignment] # whose weights fit it
    return trunk


def feature_shape(
    make: Callable[[], nn.Module], size: tuple[int, int]
) -> tuple[int, int, int]:
    """Channels, rows and columns that a trunk makes of a picture; computes nothing.

    Args:
        make: makes the trunk.
        size: height and width of the picture, pixels.

    Returns:
        (C, rows, columns).
    """
    with torch.device("meta"):
        trunk = make().eval()
        _, channels, rows, columns = trunk(torch.empty(1, 3, *size)).shape
    return channels, rows, columns


def _vgg16(dropout: float, *, whole_windows: bool) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for index, layer in enumerate(vgg16(weights=None).features[:-1]):
        if isinstance(layer, nn.MaxPool2d):
            layer.ceil_mode = not whole_windows
        layers.append(layer)
        if dropout and index >= _VGG_BLOCK_4 and isinstance(layer, nn.Conv2d):
            layers.append(nn.Dropout(dropout))
    return layers


def _small() -> list[nn.Module]:
    return [
        *_step(3, 16, kernel=5, stride=2),
        *_step(16, 32, kernel=3, stride=2),
        Residual(32),
        *_step(32, 64, kernel=3, stride=2),
        Residual(64),
        *_step(64, 96, kernel=3, stride=1),
    ]


def _step(source: int, target: int, *, kernel: int, stride: int) -> list[nn.Module]:
    conv = nn.Conv2d(
        source, target, kernel, stride=stride, padding=kernel // 2, bias=False
    )
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return [conv, nn.BatchNorm2d(target), nn.ReLU(inplace=True)]


class Residual(nn.Module):
    """One convolution added to its input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        conv, norm, _ = _step(channels, channels, kernel=3, stride=1)
        self.conv, self.norm = conv, norm

    def forward(self, image: Tensor) -> Tensor:
        """[B, C, H, W] to the same."""
        return torch.relu(image + self.norm(self.conv(image)))

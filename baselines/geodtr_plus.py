"""GeoDTR+ (TPAMI 2024): GeoDTR's maps from a transformer over image positions.

Letters: B batch, C channels, N cells of a feature map, K descriptors, D = C * K.
"""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from geobench.errors import ConfigError
from geobench.layers.backbones import feature_shape, make_trunk
from geobench.layers.inputs import IMAGENET, check_choice, input_spec
from geobench.layers.map_model import MapModel
from geobench.model import InputSpec, ModelCard
from geobench.registry import register_model

SIZES = {
    "cvusa": ((122, 671), (256, 256)),
    "cvact": ((122, 671), (256, 256)),
    "vigor": ((320, 640), (320, 320)),
}
"""(H, W) of the ground picture and of a square tile; a polar tile is as the former."""


class Trunk(nn.Module):
    """A backbone whose layers are named as in the published checkpoints."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._inner = "net" if name.startswith("convnext") else "layers"
        self.add_module(self._inner, make_trunk(name))

    def forward(self, image: Tensor) -> Tensor:
        """[B, 3, H, W] to [B, C, rows, columns]."""
        return self.get_submodule(self._inner)(image)


class CellPosition(nn.Module):
    """Adds a learned vector to each cell."""

    def __init__(self, cells: int, channels: int, *, dropout: float) -> None:
        super().__init__()
        self.pe = nn.Parameter(torch.zeros(1, cells, channels))
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        """[B, N, C] to the same."""
        return self.dropout(tokens + self.pe)


class LayoutExtractor(nn.Module):
    """The geometric layout extractor of GeoDTR+: positive maps over the cells.

    Args:
        features: channels C and cells N of the feature map.
        descriptors: K.
        shape: transformer layers, heads and feed-forward width.
        dropout: within the transformer.
        bottleneck: pass each map through a hidden layer of N / 2. Its weights are
            there without it too, as in the published checkpoints.
    """

    def __init__(
        self,
        features: tuple[int, int],
        descriptors: int,
        *,
        shape: tuple[int, int, int],
        dropout: float,
        bottleneck: bool,
    ) -> None:
        super().__init__()
        channels, cells = features
        layers, heads, feed_forward = shape
        hidden = cells // 2
        self.bottleneck = bottleneck
        self.w1 = nn.Parameter(torch.empty(descriptors, cells, hidden))
        self.b1 = nn.Parameter(torch.full((1, descriptors, hidden), 0.1))
        self.w2 = nn.Parameter(torch.empty(descriptors, hidden, cells))
        self.b2 = nn.Parameter(torch.full((1, descriptors, cells), 0.1))
        nn.init.normal_(self.w1, std=0.005)
        nn.init.normal_(self.w2, std=0.005)
        layer = nn.TransformerEncoderLayer(
            channels,
            heads,
            dim_feedforward=feed_forward,
            dropout=dropout,
            activation=gelu,
            batch_first=True,
        )
        self.transformer_encoder = nn.TransformerEncoder(
            layer, layers, norm=nn.LayerNorm(channels), enable_nested_tensor=False
        )
        self.pe = CellPosition(cells, channels, dropout=dropout)
        self.pointwise = nn.Linear(channels, descriptors)

    def forward(self, features: Tensor) -> Tensor:
        """[B, C, N] to maps [B, N, K] in (0, 1)."""
        tokens = self.transformer_encoder(self.pe(features.transpose(1, 2)))
        maps = self.pointwise(tokens)
        if self.bottleneck:
            hidden = torch.einsum("bnk,knh->bkh", maps, self.w1) + self.b1
            maps = torch.einsum("bkh,khn->bkn", hidden, self.w2) + self.b2
            maps = maps.transpose(1, 2)
        return maps.sigmoid()


@register_model("geodtr_plus")
class GeoDTRPlus(MapModel):
    """GeoDTR+; the defaults are the published network with ConvNeXt trunks.

    Training on two generated views of each place (CHSG) doubles the batch and is the
    trainer's part; the released code has no further loss.

    Args:
        backbone: trunk of both views, not shared: "convnext_tiny" or "resnet34" as
            published, or another.
        dataset: "cvusa", "cvact" or "vigor"; sets the sizes of the pictures.
        descriptors: K.
        heads: attention heads.
        layers: transformer layers.
        feed_forward: width of the transformer's inner layer.
        dropout: in [0, 1).
        bottleneck: a hidden layer for each map.
        counterfactual: add the counterfactual loss in training.
        polar: feed the polar image of the tile; None: as published, but for VIGOR.
        inputs: other fields of `InputSpec`.
    """

    card = ModelCard(
        title="GeoDTR+",
        paper="Zhang et al., GeoDTR+: Toward Generic Cross-View Geolocalization via "
        "Geometric Disentanglement, TPAMI 2024",
        year=2024,
        notes=("One picture: the middle frame of a sequence.",),
    )
    published_parts = ()
    lowest_map = 0.0  # maps end in a sigmoid

    def __init__(
        self,
        *,
        backbone: str = "convnext_tiny",
        dataset: str = "cvusa",
        descriptors: int = 8,
        heads: int = 4,
        layers: int = 2,
        feed_forward: int = 512,
        dropout: float = 0.3,
        bottleneck: bool = True,
        counterfactual: bool = True,
        polar: bool | None = None,
        **inputs: Any,
    ) -> None:
        super().__init__()
        self.inputs = input_spec(_published_inputs(dataset, polar), inputs)
        self.counterfactual = counterfactual
        make = partial(Trunk, backbone)
        self.backbone_grd = make()
        self.backbone_sat = make()

        def extractor(size: tuple[int, int]) -> LayoutExtractor:
            channels, rows, columns = feature_shape(make, size)
            if channels % heads:
                raise ConfigError(
                    f"{heads} heads do not divide the {channels} channels of "
                    f"{backbone}. Choose another number of heads."
                )
            return LayoutExtractor(
                (channels, rows * columns),
                descriptors,
                shape=(layers, heads, feed_forward),
                dropout=dropout,
                bottleneck=bottleneck,
            )

        self.GLE_grd = extractor(self.inputs.ground_size)
        self.GLE_sat = extractor(self.inputs.satellite_size)
        self.embedding_dim = self.GLE_grd.pointwise.in_features * descriptors

    def describe_ground(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """[B, 3, H, W] to features [B, C, N] and maps [B, N, K]."""
        features = self.backbone_grd(image).flatten(2)
        return features, self.GLE_grd(features)

    def describe_satellite(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """[B, 3, H, W] to features [B, C, N] and maps [B, N, K]."""
        features = self.backbone_sat(image).flatten(2)
        return features, self.GLE_sat(features)


def _published_inputs(dataset: str, polar: bool | None) -> InputSpec:
    """Sizes of the released code; VIGOR's tiles stay square."""
    ground, square = SIZES[check_choice("dataset", dataset, tuple(SIZES))]
    unrolled = dataset != "vigor" if polar is None else polar
    return InputSpec(
        ground_size=ground,
        satellite_size=ground if unrolled else square,
        polar=unrolled,
        **IMAGENET,
    )

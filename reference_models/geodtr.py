"""GeoDTR (AAAI 2023): descriptors from a transformer over the layout of features.

Letters: B batch, C channels, N cells of a feature map, K descriptors, D = C * K.
"""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import hardtanh

from geobench.errors import ConfigError
from geobench.layers.backbones import feature_shape, make_trunk
from geobench.layers.inputs import check_choice, input_spec
from geobench.layers.map_model import MapModel
from geobench.model import InputSpec, ModelCard
from geobench.registry import register_model

PANORAMA_SIZE = (122, 671)
TILE_SIZE = (256, 256)


class Trunk(nn.Module):
    """A backbone whose layers are named as in the published checkpoints."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.layers = make_trunk(name)

    def forward(self, image: Tensor) -> Tensor:
        """[B, 3, H, W] to [B, C, rows, columns]."""
        return self.layers(image)


class IndexEncoder(nn.Module):
    """Adds to each descriptor which channel was the strongest where."""

    def __init__(self, cells: int, descriptors: int, *, dropout: float) -> None:
        super().__init__()
        width = cells // 2
        self.linear = nn.Parameter(torch.empty(cells, descriptors, width))
        self.embedding_parameter = nn.Parameter(torch.zeros(1, descriptors, width))
        nn.init.normal_(self.linear, std=0.005)
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor, index: Tensor) -> Tensor:
        """[B, K, N / 2] and relative channel indices [B, N] in [0, 1) to tokens."""
        where = torch.einsum("bn,nkd->bkd", index, self.linear)
        return self.dropout(tokens + hardtanh(where + self.embedding_parameter))


class DescriptorTransformer(nn.Module):
    """A transformer whose tokens are the K descriptors, not image positions."""

    def __init__(
        self,
        cells: int,
        descriptors: int,
        *,
        shape: tuple[int, int, int],
        dropout: float,
    ) -> None:
        super().__init__()
        layers, heads, feed_forward = shape
        width = cells // 2
        self.pos_encoder = IndexEncoder(cells, descriptors, dropout=dropout)
        layer = nn.TransformerEncoderLayer(
            width,
            heads,
            dim_feedforward=feed_forward,
            dropout=dropout,
            activation="gelu",
            batch_first=True,
        )
        self.transformer_encoder = nn.TransformerEncoder(
            layer, layers, norm=nn.LayerNorm(width), enable_nested_tensor=False
        )

    def forward(self, tokens: Tensor, index: Tensor) -> Tensor:
        """[B, K, N / 2] and [B, N] to [B, K, N / 2]."""
        return self.transformer_encoder(self.pos_encoder(tokens, index))


class LayoutExtractor(nn.Module):
    """The geometric layout extractor: K maps over the cells of a feature map.

    Args:
        cells: N.
        descriptors: K.
        shape: transformer layers (0 leaves it out), heads and feed-forward width.
        dropout: within the transformer.

    Raises:
        ConfigError: if the heads do not divide N / 2.
    """

    def __init__(
        self,
        cells: int,
        descriptors: int,
        *,
        shape: tuple[int, int, int],
        dropout: float,
    ) -> None:
        super().__init__()
        width, (layers, heads, _) = cells // 2, shape
        if layers and width % heads:
            raise ConfigError(
                f"{heads} heads do not divide the token width {width}, half of the "
                f"{cells} cells of the feature map. Choose another size or number."
            )
        self.w1 = nn.Parameter(torch.empty(cells, descriptors, width))
        self.b1 = nn.Parameter(torch.full((1, descriptors, width), 0.1))
        self.w2 = nn.Parameter(torch.empty(width, descriptors, cells))
        self.b2 = nn.Parameter(torch.full((1, descriptors, cells), 0.1))
        nn.init.normal_(self.w1, std=0.005)
        nn.init.normal_(self.w2, std=0.005)
        self.tr_module = (
            DescriptorTransformer(cells, descriptors, shape=shape, dropout=dropout)
            if layers
            else None
        )

    def forward(self, features: Tensor) -> Tensor:
        """[B, C, N] to maps [B, N, K] in [-1, 1]."""
        strength, index = features.max(1)
        tokens = torch.einsum("bn,nkd->bkd", strength, self.w1) + self.b1
        if self.tr_module is not None:
            relative = index.to(features.dtype) / features.shape[1]
            tokens = self.tr_module(tokens, relative)
        maps = torch.einsum("bkd,dkn->bkn", tokens, self.w2) + self.b2
        return hardtanh(maps.transpose(1, 2))


@register_model("geodtr")
class GeoDTR(MapModel):
    """GeoDTR; the defaults are the published network.

    The released training script's own defaults (8 heads, 8 layers) are not.

    Args:
        backbone: trunk of both views, not shared; the paper's is "resnet34".
        dataset: "cvusa" or "cvact", which are read at one size.
        descriptors: K.
        heads: attention heads.
        layers: transformer layers; 0 leaves transformer and index encoding out.
        feed_forward: width of the transformer's inner layer.
        dropout: in [0, 1).
        counterfactual: add the counterfactual loss in training.
        polar: feed the polar image of the tile.
        inputs: other fields of `InputSpec`.
    """

    card = ModelCard(
        title="GeoDTR",
        paper="Zhang et al., Cross-view Geo-localization via Learning Disentangled "
        "Geometric Layout Correspondence, AAAI 2023",
        year=2023,
        notes=("One picture: the middle frame of a sequence.",),
    )
    published_parts = ()

    def __init__(
        self,
        *,
        backbone: str = "resnet34",
        dataset: str = "cvusa",
        descriptors: int = 8,
        heads: int = 4,
        layers: int = 2,
        feed_forward: int = 2048,
        dropout: float = 0.3,
        counterfactual: bool = True,
        polar: bool = True,
        **inputs: Any,
    ) -> None:
        super().__init__()
        check_choice("dataset", dataset, ("cvusa", "cvact"))
        size = PANORAMA_SIZE if polar else TILE_SIZE
        published = InputSpec(
            ground_size=PANORAMA_SIZE, satellite_size=size, polar=polar
        )
        self.inputs = input_spec(published, inputs)
        self.counterfactual = counterfactual
        make = partial(Trunk, backbone)
        self.backbone_grd = make()
        self.backbone_sat = make()
        channels, *self._ground_cells = feature_shape(make, self.inputs.ground_size)
        _, *self._satellite_cells = feature_shape(make, self.inputs.satellite_size)
        extractor = partial(
            LayoutExtractor,
            descriptors=descriptors,
            shape=(layers, heads, feed_forward),
            dropout=dropout,
        )
        self.ge_grd = extractor(self._ground_cells[0] * self._ground_cells[1])
        self.ge_sat = extractor(self._satellite_cells[0] * self._satellite_cells[1])
        self.embedding_dim = channels * descriptors

    def describe_ground(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """[B, 3, H, W] to features [B, C, N] and maps [B, N, K]."""
        features = self.backbone_grd(image).flatten(2)
        return features, self.ge_grd(features)

    def describe_satellite(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """[B, 3, H, W] to features [B, C, N] and maps [B, N, K]."""
        features = self.backbone_sat(image).flatten(2)
        return features, self.ge_sat(features)

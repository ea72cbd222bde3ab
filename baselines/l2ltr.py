"""L2LTR (NeurIPS 2021): a ResNet-50 and a ViT-B/16 a view, with self-cross attention.

Letters: B batch, C channels, N tokens, H heads, D width.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import (
    conv2d,
    normalize,
    relu,
    scaled_dot_product_attention,
)

from geobench.errors import ConfigError
from geobench.layers.inputs import IMAGENET, check_choice, input_spec
from geobench.layers.vision_transformer import Perceptron
from geobench.losses import soft_margin_triplet
from geobench.model import (
    CrossViewModel,
    InputSpec,
    ModelCard,
    Rows,
    middle_frame,
)
from geobench.registry import register_model

PANORAMA_SIZE = (128, 512)
TILE_SIZE = (256, 256)
STRIDE = 16
GROUPS = 32
BRANCHES = ("ground", "satellite")
SHAPES = {
    "r50_vit_b16": {
        "stem": 64,
        "units": (3, 4, 9),
        "layers": 12,
        "heads": 12,
        "width": 768,
        "hidden": 3072,
    },
    "small": {
        "stem": 32,
        "units": (1, 1, 1),
        "layers": 2,
        "heads": 2,
        "width": 32,
        "hidden": 64,
    },
}


class StandardConv(nn.Conv2d):
    """A convolution whose filters have mean 0 and variance 1."""

    def forward(self, image: Tensor) -> Tensor:
        """[B, C, rows, columns] to the filtered."""
        variance, mean = torch.var_mean(
            self.weight, (1, 2, 3), keepdim=True, correction=0
        )
        weight = (self.weight - mean) / torch.sqrt(variance + 1e-5)
        return conv2d(image, weight, self.bias, self.stride, self.padding)


def _conv(source: int, target: int, kernel: int, *, stride: int = 1) -> StandardConv:
    return StandardConv(
        source, target, kernel, stride=stride, padding=kernel // 2, bias=False
    )


class Unit(nn.Module):
    """A bottleneck with group norms after its convolutions.

    Args:
        source: channels that come in.
        target: channels that go out; a quarter of them in between.
        stride: of the 3x3 convolution.
    """

    def __init__(self, source: int, target: int, *, stride: int) -> None:
        super().__init__()
        inner = target // 4
        self.gn1 = nn.GroupNorm(GROUPS, inner, eps=1e-6)
        self.conv1 = _conv(source, inner, 1)
        self.gn2 = nn.GroupNorm(GROUPS, inner, eps=1e-6)
        self.conv2 = _conv(inner, inner, 3, stride=stride)
        self.gn3 = nn.GroupNorm(GROUPS, target, eps=1e-6)
        self.conv3 = _conv(inner, target, 1)
        self.projects = stride != 1 or source != target
        if self.projects:
            self.downsample = _conv(source, target, 1, stride=stride)
            # One channel a group, and another epsilon, as released.
            self.gn_proj = nn.GroupNorm(target, target)

    def forward(self, image: Tensor) -> Tensor:
        """[B, source, rows, columns] to [B, target, ...]."""
        shortcut = self.gn_proj(self.downsample(image)) if self.projects else image
        image = relu(self.gn1(self.conv1(image)))
        image = relu(self.gn2(self.conv2(image)))
        return relu(shortcut + self.gn3(self.conv3(image)))


class HybridTrunk(nn.Module):
    """The ResNet of the first ViT release, without its last stage; stride 16.

    Args:
        stem: channels of the first convolution; the last stage has 16 times as many.
        units: bottlenecks of each of the three stages.
    """

    def __init__(self, stem: int, units: Sequence[int]) -> None:
        super().__init__()
        self.root = nn.Sequential()
        self.root.add_module("conv", _conv(3, stem, 7, stride=2))
        self.root.add_module("gn", nn.GroupNorm(GROUPS, stem, eps=1e-6))
        self.root.add_module("relu", nn.ReLU(inplace=True))
        self.root.add_module("pool", nn.MaxPool2d(3, stride=2, padding=1))
        self.body = nn.Sequential()
        source = stem
        for number, count in enumerate(units, start=1):
            target, block = 2 ** (number + 1) * stem, nn.Sequential()
            for unit in range(1, count + 1):
                stride = 2 if unit == 1 and number > 1 else 1
                block.add_module(f"unit{unit}", Unit(source, target, stride=stride))
                source = target
            self.body.add_module(f"block{number}", block)

    def forward(self, image: Tensor) -> Tensor:
        """[B, 3, H, W] to [B, C, H / 16, W / 16]."""
        return self.body(self.root(image))


class Embeddings(nn.Module):
    """A picture to tokens with positions, the class token in front."""

    def __init__(self, size: tuple[int, int], shape: dict[str, Any]) -> None:
        super().__init__()
        width, cells = shape["width"], (size[0] // STRIDE) * (size[1] // STRIDE)
        self.position_embeddings = nn.Parameter(torch.zeros(1, cells + 1, width))
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.hybrid_model = HybridTrunk(shape["stem"], shape["units"])
        self.patch_embeddings = nn.Conv2d(16 * shape["stem"], width, 1)
        self.dropout = nn.Dropout(0.1)

    def forward(self, image: Tensor) -> Tensor:
        """[B, 3, H, W] to [B, N, D]."""
        cells = self.patch_embeddings(self.hybrid_model(image))
        tokens = torch.cat(
            [
                self.cls_token.expand(len(image), -1, -1),
                cells.flatten(2).transpose(1, 2),
            ],
            dim=1,
        )
        return self.dropout(tokens + self.position_embeddings)


class CrossAttention(nn.Module):
    """Attention whose keys come from other tokens than queries and values."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def forward(self, tokens: Tensor, before: Tensor) -> Tensor:
        """[B, N, D] of this and of the layer before to [B, N, D]."""

        def split(values: Tensor) -> Tensor:
            return values.unflatten(2, (self.heads, -1)).transpose(1, 2)

        mixed = scaled_dot_product_attention(
            split(self.query(tokens)),
            split(self.key(before)),
            split(self.value(tokens)),
        )
        return self.out(mixed.transpose(1, 2).flatten(2))


class Layer(nn.Module):
    """Self-cross attention and perceptron, each with its norm in front."""

    def __init__(self, shape: dict[str, Any]) -> None:
        super().__init__()
        width = shape["width"]
        self.attention_norm_1 = nn.LayerNorm(width, eps=1e-6)
        self.attention_norm_2 = nn.LayerNorm(width, eps=1e-6)
        self.ffn_norm = nn.LayerNorm(width, eps=1e-6)
        self.ffn = Perceptron(width, shape["hidden"], dropout=0.1)
        self.attn = CrossAttention(width, shape["heads"])

    def forward(self, tokens: Tensor, before: Tensor) -> Tensor:
        """[B, N, D] and what the layer before was given to [B, N, D]."""
        tokens = tokens + self.attn(
            self.attention_norm_1(tokens), self.attention_norm_2(before)
        )
        return tokens + self.ffn(self.ffn_norm(tokens))


class Encoder(nn.Module):
    """Layers, each of which also sees what the one before it was given."""

    def __init__(self, shape: dict[str, Any]) -> None:
        super().__init__()
        self.layer = nn.ModuleList(Layer(shape) for _ in range(shape["layers"]))
        self.encoder_norm = nn.LayerNorm(shape["width"], eps=1e-6)

    def forward(self, tokens: Tensor) -> Tensor:
        """[B, N, D] to the same."""
        before = tokens  # the first layer has none before it
        for layer in self.layer:
            before, tokens = tokens, layer(tokens, before)
        return self.encoder_norm(tokens)


class Transformer(nn.Module):
    """Embeddings, then encoder."""

    def __init__(self, size: tuple[int, int], shape: dict[str, Any]) -> None:
        super().__init__()
        self.embeddings = Embeddings(size, shape)
        self.encoder = Encoder(shape)

    def forward(self, image: Tensor) -> Tensor:
        """[B, 3, H, W] to [B, N, D]."""
        return self.encoder(self.embeddings(image))


class Branch(nn.Module):
    """One view: the class token as its embedding."""

    def __init__(self, size: tuple[int, int], shape: dict[str, Any]) -> None:
        super().__init__()
        self.transformer = Transformer(size, shape)

    def forward(self, image: Tensor) -> Tensor:
        """[B, 3, H, W] to unit rows [B, D]."""
        return normalize(self.transformer(image)[:, 0], dim=1)


@register_model("l2ltr")
class L2LTR(CrossViewModel):
    """L2LTR; the defaults are the published network.

    Args:
        backbone: "r50_vit_b16" as in the paper, or "small".
        dataset: "cvusa" or "cvact", which are read at one size.
        polar: feed the polar image of the tile.
        branches: "ground", "satellite" or both; a model of one branch embeds one view.
        inputs: other fields of `InputSpec`.
    """

    card = ModelCard(
        title="L2LTR",
        paper="Yang et al., Cross-view Geo-localization with Layer-to-Layer "
        "Transformer, NeurIPS 2021",
        year=2021,
        notes=("One picture: the middle frame of a sequence.",),
    )
    max_frames = 1
    published_parts = (
        ("model_grd", "grd", "ground"),
        ("model_sat", "sat", "satellite"),
    )

    def __init__(
        self,
        *,
        backbone: str = "r50_vit_b16",
        dataset: str = "cvusa",
        polar: bool = True,
        branches: Sequence[str] = BRANCHES,
        **inputs: Any,
    ) -> None:
        super().__init__()
        check_choice("dataset", dataset, ("cvusa", "cvact"))
        published = InputSpec(
            ground_size=PANORAMA_SIZE,
            satellite_size=PANORAMA_SIZE if polar else TILE_SIZE,
            polar=polar,
            **IMAGENET,
        )
        self.inputs = input_spec(published, inputs)
        shape = SHAPES[check_choice("backbone", backbone, tuple(SHAPES))]
        for branch in branches:
            check_choice("branches", branch, BRANCHES)
        if not branches:
            raise ConfigError("branches is empty; L2LTR needs 'ground', 'satellite'.")
        if "ground" in branches:
            self.model_grd = Branch(self.inputs.ground_size, shape)
        if "satellite" in branches:
            self.model_sat = Branch(self.inputs.satellite_size, shape)
        self.embedding_dim = shape["width"]

    @classmethod
    def published_arguments(cls, parts: tuple[str, ...]) -> dict[str, Any]:
        """A model of the branches that are at hand."""
        named = {"model_grd": "ground", "model_sat": "satellite"}
        return {"branches": tuple(named[part] for part in parts)}

    def embed_ground(self, ground: Tensor, frame_mask: Tensor) -> Tensor:
        """[B, T, 3, H, W] and bool [B, T] to unit rows [B, D].

        Raises:
            ConfigError: if the model has no ground branch.
        """
        return self._branch("model_grd")(middle_frame(ground, frame_mask))

    def embed_satellite(
        self, satellite: Tensor, attention: Tensor | None = None
    ) -> Tensor:
        """[B, 3, H, W] to unit rows [B, D].

        Raises:
            ConfigError: if the model has no satellite branch.
        """
        return self._branch("model_sat")(satellite)

    def terms(self, rows: Rows) -> dict[str, Tensor]:
        """Triplet loss; the diagonal is kept as in the released code."""
        loss = soft_margin_triplet(
            rows["satellite"], rows["ground"], alpha=10.0, keep_diagonal=True
        )
        return {"total": loss}

    def _branch(self, name: str) -> nn.Module:
        if not hasattr(self, name):
            raise ConfigError(
                f"This L2LTR was loaded without its {name}. Load a file with both "
                "branches, model_grd and model_sat."
            )
        return self.get_submodule(name)

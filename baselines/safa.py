"""SAFA (NeurIPS 2019): spatial-aware attention over the features of two trunks.

Letters: B batch, C channels, N cells of a feature map, K heads, D = C * K.
"""

from functools import partial
from typing import Any

from torch import Tensor, nn

from geobench.errors import ConfigError
from geobench.layers.backbones import feature_shape, make_trunk
from geobench.layers.inputs import IMAGENET, check_choice, input_spec
from geobench.layers.spatial_attention import SpatialAttention, aggregate, unit_rows
from geobench.losses import soft_margin_triplet
from geobench.model import (
    CrossViewModel,
    InputSpec,
    ModelCard,
    PublishedTensor,
    Rows,
    masked_mean,
    middle_frame,
)
from geobench.registry import register_model

PANORAMA_SIZE = {"port": (122, 671), "tensorflow": (112, 616)}
TILE_SIZE = (256, 256)
VGG_MEANS = {
    "mean": (123.6 / 255, 116.779 / 255, 103.939 / 255),
    "std": (1 / 255, 1 / 255, 1 / 255),
}
"""As the TensorFlow release, which subtracts means and leaves the scale of 255."""
QUERIES = ("centre", "sequence")
RELEASES = ("port", "tensorflow")
CONVOLUTIONS = (2, 2, 3, 3, 3)
"""Of each block of VGG16."""


@register_model("safa")
class SAFA(CrossViewModel):
    """SAFA as its PyTorch port has it; the defaults are the port with eight heads.

    The paper and the port take the maximum over channels. The TensorFlow release
    averages, pools once more, has no tanh and orders its descriptor by head.

    Args:
        backbone: trunk of both views, not shared; the paper's is "vgg16".
        release: "port", or "tensorflow" for the original release's network.
        dataset: "cvusa" or "cvact", which are read at one size.
        heads: K spatial-aware maps.
        dropout: after the convolutions of VGG16's last two blocks.
        query: "centre", the middle frame alone, or "sequence", the descriptors of all
            frames averaged.
        max_frames: frames of a full sequence, with query "sequence".
        polar: feed the polar image of the tile.
        inputs: other fields of `InputSpec`.
    """

    card = ModelCard(
        title="SAFA",
        paper="Shi et al., Spatial-Aware Feature Aggregation for Cross-View Image "
        "based Geo-Localization, NeurIPS 2019",
        year=2019,
    )
    published_parts = ()

    def __init__(
        self,
        *,
        backbone: str = "vgg16",
        release: str = "port",
        dataset: str = "cvusa",
        heads: int = 8,
        dropout: float = 0.2,
        query: str = "centre",
        max_frames: int = 7,
        polar: bool = True,
        **inputs: Any,
    ) -> None:
        super().__init__()
        self.release = check_choice("release", release, RELEASES)
        check_choice("dataset", dataset, ("cvusa", "cvact"))
        published = _published_inputs(release, polar=polar)
        self.inputs = input_spec(published, inputs)
        self.query = check_choice("query", query, QUERIES)
        self.max_frames = max_frames if query == "sequence" else 1
        self.backbone = backbone
        make = partial(_trunk, backbone, release, dropout)
        self.backbone_grd = make()
        self.backbone_sat = make()
        attention = partial(
            SpatialAttention,
            heads=heads,
            squash=release == "port",
            channel_pool="max" if release == "port" else "mean",
        )
        channels, rows, columns = feature_shape(make, self.inputs.ground_size)
        self.spatial_aware_grd = attention(rows * columns)
        _, rows, columns = feature_shape(make, self.inputs.satellite_size)
        self.spatial_aware_sat = attention(rows * columns)
        self.embedding_dim = channels * heads

    def embed_ground(self, ground: Tensor, frame_mask: Tensor) -> Tensor:
        """[B, T, 3, H, W] and bool [B, T] to unit rows [B, D]."""
        if self.query == "centre":
            return self._rows(*self.describe_ground(middle_frame(ground, frame_mask)))
        rows = self._rows(*self.describe_ground(ground[frame_mask]))
        frames = rows.new_zeros(*frame_mask.shape, self.embedding_dim)
        frames[frame_mask] = rows
        return unit_rows(masked_mean(frames, frame_mask))

    def embed_satellite(
        self, satellite: Tensor, attention: Tensor | None = None
    ) -> Tensor:
        """[B, 3, H, W] to unit rows [B, D]."""
        return self._rows(*self.describe_satellite(satellite))

    def describe_ground(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """[B, 3, H, W] to features [B, C, N] and maps [B, N, K]."""
        features = self.backbone_grd(image).flatten(2)
        return features, self.spatial_aware_grd(features)

    def describe_satellite(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """[B, 3, H, W] to features [B, C, N] and maps [B, N, K]."""
        features = self.backbone_sat(image).flatten(2)
        return features, self.spatial_aware_sat(features)

    def _rows(self, features: Tensor, maps: Tensor) -> Tensor:
        """[B, C, N] and [B, N, K] to unit rows [B, D]: by channel, or by head."""
        summed = aggregate(features, maps)
        return unit_rows(summed if self.release == "port" else summed.transpose(1, 2))

    def terms(self, rows: Rows) -> dict[str, Tensor]:
        """Triplet loss; the diagonal is kept as in the released code."""
        loss = soft_margin_triplet(
            rows["satellite"], rows["ground"], alpha=10.0, keep_diagonal=True
        )
        return {"total": loss}

    def published_tensors(self) -> dict[str, PublishedTensor]:
        """The port's names are ours; TensorFlow's variables have scopes of their own.

        Raises:
            ConfigError: if the TensorFlow release has no such backbone.
        """
        if self.release == "port":
            return super().published_tensors()
        if self.backbone != "vgg16":
            raise ConfigError(
                f"SAFA's TensorFlow release has VGG16 trunks, not {self.backbone!r}. "
                "Choose backbone='vgg16'."
            )
        found = {}
        for view in ("grd", "sat"):
            trunk = self.get_submodule(f"backbone_{view}")
            found |= _tensorflow_trunk(trunk, f"backbone_{view}", f"VGG_{view}")
            for number in (1, 2):
                for ours, theirs in (("w", "weights"), ("b", "biases")):
                    found[f"spatial_aware_{view}.{ours}{number}"] = PublishedTensor(
                        name=f"spatial_{view}/{theirs}{number}"
                    )
        return found


def _published_inputs(release: str, *, polar: bool) -> InputSpec:
    panorama = PANORAMA_SIZE[release]
    return InputSpec(
        ground_size=panorama,
        satellite_size=panorama if polar else TILE_SIZE,
        polar=polar,
        **(IMAGENET if release == "port" else VGG_MEANS),
    )


def _trunk(backbone: str, release: str, dropout: float) -> nn.Module:
    original = release == "tensorflow"
    trunk = make_trunk(
        backbone, dropout=dropout, last_pool=original, whole_windows=not original
    )
    # One Sequential within another: so the port's checkpoints name the layers.
    return nn.Sequential(trunk)


def _tensorflow_trunk(
    trunk: nn.Module, ours: str, scope: str
) -> dict[str, PublishedTensor]:
    """Where the weights of one VGG16 stand: kernels lie as (rows, columns, in, out)."""
    layers = [
        f"conv{block}_{number}"
        for block, count in enumerate(CONVOLUTIONS, start=1)
        for number in range(1, count + 1)
    ]
    convolutions = [n for n, m in trunk.named_modules() if isinstance(m, nn.Conv2d)]
    found = {}
    for index, (layer, name) in enumerate(zip(layers, convolutions, strict=True)):
        found[f"{ours}.{name}.weight"] = PublishedTensor(
            name=f"{scope}/{layer}/weights",
            axes=(3, 2, 0, 1),
            # Its pictures are BGR, ours RGB.
            flip=1 if index == 0 else None,
        )
        found[f"{ours}.{name}.bias"] = PublishedTensor(name=f"{scope}/{layer}/biases")
    return found

"""SAFA (NeurIPS 2019): spatial-aware attention over the features of two trunks.

Letters: B batch, C channels, N cells of a feature map, K heads, D = C * K.
"""

from functools import partial
from typing import Any

from torch import Tensor, nn

from geobench.layers.backbones import feature_shape, make_trunk
from geobench.layers.inputs import check_choice, input_spec
from geobench.layers.spatial_attention import SpatialAttention, aggregate, unit_rows
from geobench.losses import soft_margin_triplet
from geobench.model import (
    CrossViewModel,
    InputSpec,
    ModelCard,
    Rows,
    masked_mean,
    middle_frame,
)
from geobench.registry import register_model

PANORAMA_SIZE = (122, 671)
TILE_SIZE = (256, 256)
IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
QUERIES = ("centre", "sequence")


@register_model("safa")
class SAFA(CrossViewModel):
    """SAFA as its PyTorch port has it; the defaults are the port with eight heads.

    The paper and the port take the maximum over channels. The TensorFlow release
    averages, pools once more, has no tanh and orders its descriptor by head.

    Args:
        backbone: trunk of both views, not shared; the paper's is "vgg16".
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

    def __init__(
        self,
        *,
        backbone: str = "vgg16",
        heads: int = 8,
        dropout: float = 0.2,
        query: str = "centre",
        max_frames: int = 7,
        polar: bool = True,
        **inputs: Any,
    ) -> None:
        super().__init__()
        size = PANORAMA_SIZE if polar else TILE_SIZE
        published = InputSpec(
            ground_size=PANORAMA_SIZE, satellite_size=size, polar=polar, **IMAGENET
        )
        self.inputs = input_spec(published, inputs)
        self.query = check_choice("query", query, QUERIES)
        self.max_frames = max_frames if query == "sequence" else 1
        make = partial(_trunk, backbone, dropout)
        self.backbone_grd = make()
        self.backbone_sat = make()
        channels, rows, columns = feature_shape(make, self.inputs.ground_size)
        self.spatial_aware_grd = SpatialAttention(rows * columns, heads)
        _, rows, columns = feature_shape(make, self.inputs.satellite_size)
        self.spatial_aware_sat = SpatialAttention(rows * columns, heads)
        self.embedding_dim = channels * heads

    def embed_ground(self, ground: Tensor, frame_mask: Tensor) -> Tensor:
        """[B, T, 3, H, W] and bool [B, T] to unit rows [B, D]."""
        if self.query == "centre":
            return self._embed_frames(middle_frame(ground, frame_mask))
        rows = self._embed_frames(ground[frame_mask])
        frames = rows.new_zeros(*frame_mask.shape, self.embedding_dim)
        frames[frame_mask] = rows
        return unit_rows(masked_mean(frames, frame_mask))

    def _embed_frames(self, image: Tensor) -> Tensor:
        """[F, 3, H, W] to unit rows [F, D]."""
        features = self.backbone_grd(image).flatten(2)
        return unit_rows(aggregate(features, self.spatial_aware_grd(features)))

    def embed_satellite(
        self, satellite: Tensor, attention: Tensor | None = None
    ) -> Tensor:
        """[B, 3, H, W] to unit rows [B, D]."""
        features = self.backbone_sat(satellite).flatten(2)
        return unit_rows(aggregate(features, self.spatial_aware_sat(features)))

    def terms(self, rows: Rows) -> dict[str, Tensor]:
        """Triplet loss; the diagonal is kept as in the released code."""
        loss = soft_margin_triplet(
            rows["satellite"], rows["ground"], alpha=10.0, keep_diagonal=True
        )
        return {"total": loss}


def _trunk(backbone: str, dropout: float) -> nn.Module:
    # One Sequential within another: so the port's checkpoints name the layers.
    return nn.Sequential(make_trunk(backbone, dropout=dropout))

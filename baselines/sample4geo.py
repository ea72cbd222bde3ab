"""Sample4Geo (ICCV 2023): one ConvNeXt for both views, and InfoNCE.

Letters: B batch, T frames, D embedding.
"""

from typing import Any

import timm
import torch
from torch import Tensor, nn

from geobench.layers.backbones import make_trunk
from geobench.layers.inputs import IMAGENET, check_choice, input_spec
from geobench.losses import INITIAL_LOG_SCALE, info_nce
from geobench.model import CrossViewModel, InputSpec, ModelCard, Rows, middle_frame
from geobench.registry import register_model

SIZES = {
    "cvusa": ((140, 768), (384, 384)),
    "cvact": ((140, 768), (384, 384)),
    "vigor": ((384, 768), (384, 384)),
}
"""(H, W) of ground picture and tile."""
BACKBONES = ("convnext_tiny", "convnext_base", "small")


@register_model("sample4geo")
class Sample4Geo(CrossViewModel):
    """Sample4Geo's network; its embeddings are not scaled to unit length.

    Args:
        backbone: shared by both views: "convnext_base" as in the paper,
            "convnext_tiny" or "small".
        dataset: "cvusa", "cvact" or "vigor"; sets the sizes of the pictures.
        inputs: other fields of `InputSpec`.
    """

    card = ModelCard(
        title="Sample4Geo",
        paper="Deuser et al., Sample4Geo: Hard Negative Sampling For Cross-View "
        "Geo-Localisation, ICCV 2023",
        year=2023,
        notes=("One picture: the middle frame of a sequence.",),
    )
    max_frames = 1
    published_parts = ()

    def __init__(
        self, *, backbone: str = "convnext_base", dataset: str = "cvusa", **inputs: Any
    ) -> None:
        super().__init__()
        ground, satellite = SIZES[check_choice("dataset", dataset, tuple(SIZES))]
        published = InputSpec(ground_size=ground, satellite_size=satellite, **IMAGENET)
        self.inputs = input_spec(published, inputs)
        check_choice("backbone", backbone, BACKBONES)
        self.logit_scale = nn.Parameter(torch.tensor(INITIAL_LOG_SCALE))
        if backbone == "small":
            self.model = _small()
            self.embedding_dim = self.model[-1].normalized_shape[0]
        else:
            self.model = timm.create_model(backbone, pretrained=False, num_classes=0)
            self.embedding_dim = self.model.num_features

    def embed_ground(self, ground: Tensor, frame_mask: Tensor) -> Tensor:
        """[B, T, 3, H, W] and bool [B, T] to [B, D], not scaled to unit length."""
        return self.model(middle_frame(ground, frame_mask))

    def embed_satellite(
        self, satellite: Tensor, attention: Tensor | None = None
    ) -> Tensor:
        """[B, 3, H, W] to [B, D], not scaled to unit length."""
        return self.model(satellite)

    def terms(self, rows: Rows) -> dict[str, Tensor]:
        """Symmetric InfoNCE with smoothed labels and the learned temperature."""
        loss = info_nce(
            rows["satellite"],
            rows["ground"],
            scale=self.logit_scale.exp(),
            label_smoothing=0.1,
        )
        return {"total": loss}


def _small() -> nn.Sequential:
    trunk = make_trunk("small")
    return nn.Sequential(
        trunk,
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.LayerNorm(trunk[-2].num_features, eps=1e-6),
    )

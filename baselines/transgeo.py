"""TransGeo (CVPR 2022): two vision transformers, the second stage on chosen patches.

Letters: B batch, T frames, D embedding.
"""

from typing import Any

import torch
from torch import Tensor

from geobench.errors import ConfigError
from geobench.layers.inputs import IMAGENET, check_choice, input_spec
from geobench.layers.spatial_attention import unit_rows
from geobench.layers.vision_transformer import (
    DistilledTransformer,
    strongest_patches,
)
from geobench.losses import soft_margin_triplet
from geobench.model import (
    Batch,
    CrossViewModel,
    InputSpec,
    ModelCard,
    Rows,
    middle_frame,
)
from geobench.registry import register_model

SIZES = {
    "cvusa": ((112, 616), (256, 320)),
    "cvact": ((112, 616), (256, 320)),
    "vigor": ((320, 640), (320, 400)),
}
"""Ground picture (H, W), and the side of a tile in the first and the second stage."""
SHAPES = {"deit_small": ((12, 6, 384), 1000), "small": ((2, 3, 48), 64)}
"""Blocks, heads and width; outputs of each head."""
KEPT_SHARE = 0.64
"""Share of a second-stage tile's patches that is looked at."""


@register_model("transgeo")
class TransGeo(CrossViewModel):
    """TransGeo; its embedding is the mean of DeiT's two heads, 1000 ImageNet classes.

    Not scaled to unit length. The second stage reads a larger tile and looks at 64 %
    of its patches, those to which the first stage paid most attention: give
    `embed_satellite` the `attention_maps` of a first-stage model.

    Args:
        backbone: of both views, not shared: "deit_small" as in the paper, or "small".
        dataset: "cvusa", "cvact" or "vigor"; sets the sizes of the pictures.
        stage: 1, or 2 with chosen patches.
        fov_deg: field of view of the ground picture, of which a panorama's width keeps
            that share, in (0, 360].
        inputs: other fields of `InputSpec`.
    """

    card = ModelCard(
        title="TransGeo",
        paper="Zhu et al., TransGeo: Transformer Is All You Need for Cross-view Image "
        "Geo-localization, CVPR 2022",
        year=2022,
        notes=("One picture: the middle frame of a sequence.",),
    )
    max_frames = 1
    published_parts = ()

    def __init__(
        self,
        *,
        backbone: str = "deit_small",
        dataset: str = "cvusa",
        stage: int = 1,
        fov_deg: float = 360.0,
        **inputs: Any,
    ) -> None:
        super().__init__()
        self.inputs = input_spec(
            _published_inputs(dataset, stage=stage, fov_deg=fov_deg), inputs
        )
        shape, outputs = SHAPES[check_choice("backbone", backbone, tuple(SHAPES))]
        self.stage = stage
        self.query_net = DistilledTransformer(
            self.inputs.ground_size, shape=shape, outputs=outputs
        )
        self.reference_net = DistilledTransformer(
            self.inputs.satellite_size, shape=shape, outputs=outputs
        )
        self.embedding_dim = outputs

    def embed_ground(self, ground: Tensor, frame_mask: Tensor) -> Tensor:
        """[B, T, 3, H, W] and bool [B, T] to [B, D], not scaled to unit length."""
        return self.query_net(middle_frame(ground, frame_mask))

    def embed_satellite(
        self, satellite: Tensor, attention: Tensor | None = None
    ) -> Tensor:
        """Embeddings of tiles, in the second stage of their chosen patches.

        Args:
            satellite: [B, 3, H, W].
            attention: [B, 1 or 3, any, any], of which the first channel counts; the
                second stage needs it, the first takes none.

        Returns:
            [B, D], not scaled to unit length.

        Raises:
            ConfigError: if attention is missing in the second stage, or given in the
                first.
        """
        if self.stage == 1:
            if attention is not None:
                raise ConfigError(
                    "TransGeo's first stage takes no attention maps, it makes them. "
                    "Build it with stage=2 to use them."
                )
            return self.reference_net(satellite)
        if attention is None:
            raise ConfigError(
                "TransGeo's second stage needs attention maps of its tiles. Pass "
                "attention=first_stage.attention_maps(tiles), the tiles at the first "
                "stage's size."
            )
        rows, columns = self.reference_net.grid
        kept = strongest_patches(
            attention[:, :1].to(satellite),
            (rows, columns),
            int(KEPT_SHARE * rows * columns),
        )
        return self.reference_net(satellite, kept)

    @torch.no_grad()
    def attention_maps(self, satellite: Tensor) -> Tensor:
        """What a first-stage model looks at in each tile, for the second stage.

        Args:
            satellite: [B, 3, H, W].

        Returns:
            [B, 1, H / 16, W / 16] in [0, 1], in steps of 1/255 as the released code
            stores them, 1 where attention is highest.

        Raises:
            ConfigError: if this is no first stage.
        """
        if self.stage != 1:
            raise ConfigError(
                "Attention maps come from TransGeo's first stage, this is its second. "
                "Load the first-stage weights with stage=1."
            )
        paid = self.reference_net.last_attention(satellite)
        return torch.floor(paid / paid.amax((2, 3), keepdim=True) * 255.0) / 255.0

    def describe(self, batch: Batch) -> Rows:
        """Embeddings of both views; in the second stage by the batch's `attention`."""
        attention = batch.get("attention")
        return {
            "ground": self.embed_ground(batch["ground"], batch["frame_mask"]),
            "satellite": self.embed_satellite(batch["satellite"], attention),
        }

    def terms(self, rows: Rows) -> dict[str, Tensor]:
        """Triplet loss between unit rows; TransGeo's 20 on cosines is 10 here."""
        satellite, ground = unit_rows(rows["satellite"]), unit_rows(rows["ground"])
        return {"total": soft_margin_triplet(satellite, ground, alpha=10.0)}


def _published_inputs(dataset: str, *, stage: int, fov_deg: float) -> InputSpec:
    """Sizes of the released code for a data set, a stage and a field of view."""
    (height, width), sides = SIZES[check_choice("dataset", dataset, tuple(SIZES))]
    if stage not in (1, 2):
        raise ConfigError(f"stage is {stage!r}; TransGeo has stages 1 and 2.")
    if not 0.0 < fov_deg <= 360.0:
        raise ConfigError(f"fov_deg is {fov_deg!r}; give degrees in (0, 360].")
    side = sides[stage - 1]
    return InputSpec(
        ground_size=(height, int(fov_deg / 360.0 * width)),
        satellite_size=(side, side),
        **IMAGENET,
    )

"""VIGOR (CVPR 2021): retrieval beyond one-to-one, with the offset in the tile.

Letters: B batch, C channels, K heads, D = C * K. Offsets: tile centre minus query,
(east, north).
"""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from geobench.errors import ConfigError
from geobench.layers.backbones import feature_shape, make_trunk
from geobench.layers.inputs import IMAGENET, input_spec
from geobench.layers.spatial_attention import SpatialAttention, aggregate, unit_rows
from geobench.losses import iou_ratio, offset_regression, soft_margin_triplet
from geobench.model import (
    Batch,
    CrossViewModel,
    InputSpec,
    ModelCard,
    Rows,
    middle_frame,
)
from geobench.registry import register_model

PANORAMA_SIZE = (320, 640)
TILE_SIZE = (320, 320)
TILE_M = 640 * 0.114
"""Side of VIGOR's tiles, metres, as its released evaluation takes it."""
HIDDEN = 512


class Branch(nn.Module):
    """One view: trunk, attention, and a descriptor ordered by head.

    Args:
        backbone: a trunk's name.
        heads: K.
        size: height and width of the picture.
    """

    def __init__(self, backbone: str, heads: int, *, size: tuple[int, int]) -> None:
        super().__init__()
        # The small trunk has little to pool: one more halving would cost the azimuth.
        make = partial(
            make_trunk, backbone, last_pool=backbone != "small", whole_windows=False
        )
        self.trunk = make()
        channels, rows, columns = feature_shape(make, size)
        self.attention = SpatialAttention(rows * columns, heads, squash=False)
        self.width = channels * heads

    def forward(self, image: Tensor) -> Tensor:
        """[B, 3, H, W] to [B, D], not scaled to unit length."""
        features = self.trunk(image).flatten(2)
        return aggregate(features, self.attention(features)).transpose(1, 2).flatten(1)


@register_model("vigor")
class VIGOR(CrossViewModel):
    """The VIGOR baseline: SAFA's attention, a semi-positive loss, an offset head.

    Args:
        backbone: trunk of both views, not shared; the paper's is "vgg16".
        heads: K spatial-aware maps.
        iou_weight: weight of the semi-positive term; 0 with `offset_weight` 0 is the
            paper's first stage.
        offset_weight: weight of the offset term.
        polar: feed the polar image of the tile; the paper does not.
        inputs: other fields of `InputSpec`; `tile_m` is the unit of the offsets.
    """

    card = ModelCard(
        title="VIGOR",
        paper="Zhu et al., VIGOR: Cross-View Image Geo-localization beyond One-to-one "
        "Retrieval, CVPR 2021",
        year=2021,
        notes=(
            "The middle frame of a sequence is the query, its own tile the positive; "
            "another tile that holds it is semi-positive, weighted by the overlap.",
        ),
    )
    max_frames = 1

    def __init__(
        self,
        *,
        backbone: str = "vgg16",
        heads: int = 8,
        iou_weight: float = 1.0,
        offset_weight: float = 1.0,
        polar: bool = False,
        **inputs: Any,
    ) -> None:
        super().__init__()
        published = InputSpec(
            ground_size=PANORAMA_SIZE,
            satellite_size=TILE_SIZE,
            polar=polar,
            **IMAGENET,
            tile_m=TILE_M,
        )
        self.inputs = input_spec(published, inputs)
        if self.inputs.tile_m is None:
            raise ConfigError(
                "tile_m is None; VIGOR measures offsets in tiles, so give the side of "
                "a tile in metres."
            )
        self.tile_m = float(self.inputs.tile_m)
        self.iou_weight, self.offset_weight = iou_weight, offset_weight
        self.ground = Branch(backbone, heads, size=self.inputs.ground_size)
        self.satellite = Branch(backbone, heads, size=self.inputs.satellite_size)
        self.embedding_dim = self.ground.width
        self.offset_head = nn.Sequential(
            nn.Linear(2 * self.embedding_dim, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 2)
        )

    def embed_ground(self, ground: Tensor, frame_mask: Tensor) -> Tensor:
        """[B, T, 3, H, W] and bool [B, T] to unit rows [B, D]."""
        return unit_rows(self.ground(middle_frame(ground, frame_mask)))

    def embed_satellite(
        self, satellite: Tensor, attention: Tensor | None = None
    ) -> Tensor:
        """[B, 3, H, W] to unit rows [B, D]."""
        return unit_rows(self.satellite(satellite))

    def predict_offset_m(
        self, satellite: Tensor, ground: Tensor, *, frame_mask: Tensor
    ) -> Tensor:
        """Where in its tile each query is.

        Args:
            satellite: [B, 3, H, W], the tile retrieved for each query.
            ground: [B, T, 3, H, W].
            frame_mask: bool [B, T].

        Returns:
            [B, 2] tile centre minus query, (east, north), metres.
        """
        image = middle_frame(ground, frame_mask)
        half_tiles = self._offset(self.satellite(satellite), self.ground(image))
        return half_tiles * (self.tile_m / 2)

    def _offset(self, satellite: Tensor, ground: Tensor) -> Tensor:
        """Descriptors [B, D] of both views to offsets [B, 2] in half tiles."""
        return self.offset_head(torch.cat([satellite, ground], dim=1))

    def describe(self, batch: Batch) -> Rows:
        """Descriptors of query and tiles; offsets, true and predicted."""
        ground = self.ground(middle_frame(batch["ground"], batch["frame_mask"]))
        tiles = [batch["satellite"]]
        if self.iou_weight and "semi_satellite" in batch:
            tiles.append(batch["semi_satellite"])
        positive, *semi = self.satellite(torch.cat(tiles)).split(len(ground))
        rows = {"satellite": unit_rows(positive), "ground": unit_rows(ground)}
        rows["offset_m"] = batch["offset_m"]
        if self.offset_weight:
            rows["predicted"] = self._offset(positive, ground)
        if semi:
            rows["semi"] = unit_rows(semi[0])
            rows["semi_offset_m"] = batch["semi_offset_m"]
        return rows

    def terms(self, rows: Rows) -> dict[str, Tensor]:
        """Triplet, semi-positive and offset terms.

        A sequence without a semi-positive tile has a non-finite `semi_offset_m` and is
        left out of that term.
        """
        satellite, ground = rows["satellite"], rows["ground"]
        terms = {
            "triplet": soft_margin_triplet(
                satellite, ground, alpha=10.0, keep_diagonal=True
            )
        }
        if "predicted" in rows:
            terms["offset"] = self.offset_weight * offset_regression(
                rows["predicted"], rows["offset_m"], side=self.tile_m
            )
        if "semi" in rows:
            terms["iou"] = self.iou_weight * self._semi(rows)
        return terms | {"total": sum(terms.values(), start=ground.new_zeros(()))}

    def _semi(self, rows: Rows) -> Tensor:
        there = rows["semi_offset_m"].isfinite().all(1)
        if not there.any():
            return rows["semi"].new_zeros(())
        return iou_ratio(
            rows["satellite"][there],
            rows["semi"][there],
            ground=rows["ground"][there],
            offsets=(rows["offset_m"][there], rows["semi_offset_m"][there]),
            side=self.tile_m,
        )

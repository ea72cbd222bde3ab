"""Models whose embedding is a feature map summed under K attention maps.

Letters: B batch, C channels, N cells of a feature map, K maps, D = C * K.
"""

import torch
from torch import Tensor

from geobench.layers.spatial_attention import aggregate, unit_rows
from geobench.losses import counterfactual, soft_margin_triplet
from geobench.model import Batch, CrossViewModel, Rows, middle_frame


class MapModel(CrossViewModel):
    """GeoDTR's way from features and maps to embeddings and losses.

    Children implement `describe_ground` and `describe_satellite`.
    """

    max_frames = 1
    lowest_map: float = -1.0
    """What the random maps of the counterfactual loss start at; they end at 1."""
    counterfactual: bool = True
    """Add the counterfactual loss in training."""

    def describe_ground(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """[B, 3, H, W] to features [B, C, N] and maps [B, N, K]."""
        raise NotImplementedError

    def describe_satellite(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """[B, 3, H, W] to features [B, C, N] and maps [B, N, K]."""
        raise NotImplementedError

    def embed_ground(self, ground: Tensor, frame_mask: Tensor) -> Tensor:
        """[B, T, 3, H, W] and bool [B, T] to unit rows [B, D]."""
        return embedding(*self.describe_ground(middle_frame(ground, frame_mask)))

    def embed_satellite(
        self, satellite: Tensor, attention: Tensor | None = None
    ) -> Tensor:
        """[B, 3, H, W] to unit rows [B, D]."""
        return embedding(*self.describe_satellite(satellite))

    def describe(self, batch: Batch) -> Rows:
        """Embeddings of both views, and those under random maps where asked for."""
        image = middle_frame(batch["ground"], batch["frame_mask"])
        views = {
            "satellite": self.describe_satellite(batch["satellite"]),
            "ground": self.describe_ground(image),
        }
        rows = {name: embedding(*view) for name, view in views.items()}
        if self.counterfactual:
            rows |= {f"{name}_fake": self._fake(*view) for name, view in views.items()}
        return rows

    def terms(self, rows: Rows) -> dict[str, Tensor]:
        """Triplet loss, and the counterfactual one where it is on."""
        satellite, ground = rows["satellite"], rows["ground"]
        terms = {"triplet": soft_margin_triplet(satellite, ground, alpha=10.0)}
        if self.counterfactual:
            apart = [
                counterfactual(rows[name], rows[f"{name}_fake"], beta=5.0)
                for name in ("satellite", "ground")
            ]
            terms["counterfactual"] = (apart[0] + apart[1]) / 2
        return terms | {"total": sum(terms.values(), start=satellite.new_zeros(()))}

    def _fake(self, features: Tensor, maps: Tensor) -> Tensor:
        """Embedding of the same features under random maps."""
        return embedding(features, torch.empty_like(maps).uniform_(self.lowest_map, 1))


def embedding(features: Tensor, maps: Tensor) -> Tensor:
    """Features [B, C, N] under maps [B, N, K] as unit rows [B, D], channel by channel.

    With maps drawn at random this is the counterfactual embedding.
    """
    return unit_rows(aggregate(features, maps))

"""SAFA's spatial-aware attention and the aggregation it shares with GeoDTR.

Letters: B batch, C channels, N cells of a feature map (row-major), K maps.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize


class SpatialAttention(nn.Module):
    """Attention maps over cells, from where the strongest channel is strong.

    Args:
        cells: N, of the feature map.
        heads: K, maps to make.
        squash: pass the maps through tanh, as the PyTorch port does; the TensorFlow
            releases of SAFA and VIGOR do not.
        channel_pool: "max" over channels as paper, port and VIGOR; "mean" as SAFA's
            TensorFlow release.
    """

    def __init__(
        self, cells: int, heads: int, *, squash: bool = True, channel_pool: str = "max"
    ) -> None:
        super().__init__()
        hidden = cells // 2
        self.w1 = nn.Parameter(torch.empty(cells, hidden, heads))
        self.b1 = nn.Parameter(torch.full((1, hidden, heads), 0.1))
        self.w2 = nn.Parameter(torch.empty(hidden, cells, heads))
        self.b2 = nn.Parameter(torch.full((1, cells, heads), 0.1))
        nn.init.trunc_normal_(self.w1, std=0.005, a=-0.01, b=0.01)
        nn.init.trunc_normal_(self.w2, std=0.005, a=-0.01, b=0.01)
        self.squash = squash
        self.channel_pool = channel_pool

    def forward(self, features: Tensor) -> Tensor:
        """[B, C, N] to maps [B, N, K], in [-1, 1] where squashed."""
        strength = features.amax(1) if self.channel_pool == "max" else features.mean(1)
        hidden = torch.einsum("bn,nhk->bhk", strength, self.w1) + self.b1
        maps = torch.einsum("bhk,hnk->bnk", hidden, self.w2) + self.b2
        return torch.tanh(maps) if self.squash else maps


def aggregate(features: Tensor, maps: Tensor) -> Tensor:
    """Sum features under each map: [B, C, N] and [B, N, K] to [B, C, K]."""
    return features @ maps


def unit_rows(descriptors: Tensor) -> Tensor:
    """Flatten all but the first axis and scale to unit length: [B, ...] to [B, D]."""
    return normalize(descriptors.flatten(1), dim=1)

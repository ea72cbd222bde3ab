"""The distilled vision transformer (DeiT), for pictures of any size.

Letters: B batch, P patches of a picture (row-major), N tokens, H heads, D width,
O outputs. Names and order of the weights are timm's, so that its pretrained weights
and the checkpoints of models built on it fit.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, interpolate, scaled_dot_product_attention

PATCH_PX = 16
SPECIAL = 2
"""Tokens in front of the patches: class, then distillation."""


class Attention(nn.Module):
    """Self-attention whose map can be looked at."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """[B, N, D] to the same."""
        query, key, value = self._split(tokens)
        mixed = scaled_dot_product_attention(query, key, value)
        return self.proj(mixed.transpose(1, 2).flatten(2))

    def weights(self, tokens: Tensor, rows: int) -> Tensor:
        """Attention that the first tokens pay: [B, N, D] to [B, H, rows, N]."""
        query, key, _ = self._split(tokens)
        scale = query.shape[-1] ** -0.5
        return (scale * query[:, :, :rows] @ key.transpose(-2, -1)).softmax(-1)

    def _split(self, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[B, N, D] to query, key and value, each [B, H, N, D / H]."""
        parts = self.qkv(tokens).unflatten(2, (3, self.heads, -1))
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        return query, key, value


class Perceptron(nn.Module):
    """Two linear maps with a GELU between them, each with dropout after it."""

    def __init__(self, width: int, hidden: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        """[..., D] to the same."""
        return self.dropout(self.fc2(self.dropout(gelu(self.fc1(tokens)))))


class Block(nn.Module):
    """Attention and perceptron, each with its norm in front."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = Perceptron(width, 4 * width)

    def forward(self, tokens: Tensor) -> Tensor:
        """[B, N, D] to the same."""
        tokens = tokens + self.attn(self.norm1(tokens))
        return tokens + self.mlp(self.norm2(tokens))


class PatchEmbedding(nn.Module):
    """One vector a patch; what is left over at the right and bottom is not seen."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, PATCH_PX, stride=PATCH_PX)

    def forward(self, image: Tensor) -> Tensor:
        """[B, 3, rows, columns] to [B, P, D]."""
        return self.proj(image).flatten(2).transpose(1, 2)


class DistilledTransformer(nn.Module):
    """DeiT with both of its heads, averaged.

    Args:
        size: height and width of the picture, pixels.
        shape: blocks, heads and width D.
        outputs: O, of each head.
    """

    def __init__(
        self, size: tuple[int, int], *, shape: tuple[int, int, int], outputs: int
    ) -> None:
        super().__init__()
        blocks, heads, width = shape
        self.grid = size[0] // PATCH_PX, size[1] // PATCH_PX
        tokens = SPECIAL + self.grid[0] * self.grid[1]
        self.cls_token = nn.Parameter(torch.empty(1, 1, width))
        self.pos_embed = nn.Parameter(torch.empty(1, tokens, width))
        self.dist_token = nn.Parameter(torch.empty(1, 1, width))
        self.patch_embed = PatchEmbedding(width)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(blocks)))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, outputs)
        self.head_dist = nn.Linear(width, outputs)
        for weight in (self.cls_token, self.pos_embed, self.dist_token):
            nn.init.trunc_normal_(weight, std=0.02)
        self.apply(_start)

    def forward(self, image: Tensor, kept: Tensor | None = None) -> Tensor:
        """Outputs of a picture, of all its patches or of some.

        Args:
            image: [B, 3, rows, columns] of the size it was made for.
            kept: [B, any] indices of patches, or None for all.

        Returns:
            [B, O], the mean of the two heads.
        """
        tokens = self.norm(self.blocks(self._embed(image, kept)))
        return (self.head(tokens[:, 0]) + self.head_dist(tokens[:, 1])) / 2

    def last_attention(self, image: Tensor) -> Tensor:
        """Attention that the special tokens pay to patches in the last block.

        Args:
            image: [B, 3, rows, columns].

        Returns:
            [B, 1, grid rows, grid columns], summed over heads and both tokens.
        """
        tokens = self.blocks[:-1](self._embed(image, None))
        last = self.blocks[-1]
        paid = last.attn.weights(last.norm1(tokens), rows=SPECIAL)
        return paid[..., SPECIAL:].sum((1, 2)).unflatten(1, (1, *self.grid))

    def _embed(self, image: Tensor, kept: Tensor | None) -> Tensor:
        patches = self.patch_embed(image) + self.pos_embed[:, SPECIAL:]
        if kept is not None:
            index = kept.unsqueeze(-1).expand(-1, -1, patches.shape[2])
            patches = patches.gather(1, index)
        special = torch.cat([self.cls_token, self.dist_token], 1)
        special = special + self.pos_embed[:, :SPECIAL]
        return torch.cat([special.expand(len(patches), -1, -1), patches], 1)


def strongest_patches(attention: Tensor, grid: tuple[int, int], count: int) -> Tensor:
    """The patches under the highest values of a map of another resolution.

    Args:
        attention: [B, 1, any, any].
        grid: rows and columns of patches to choose from.
        count: how many, at most all.

    Returns:
        [B, count] indices of patches, in ascending order of attention.
    """
    fine = interpolate(attention, grid, mode="bilinear", align_corners=False)
    return fine.flatten(1).argsort(1)[:, -count:]


def _start(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        nn.init.zeros_(module.bias)

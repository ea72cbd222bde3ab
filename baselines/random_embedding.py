"""The lowest floor: vectors that depend on a picture's bytes and nothing else."""

from hashlib import blake2b
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from geobench.layers.inputs import input_spec
from geobench.model import CrossViewModel, InputSpec, ModelCard
from geobench.registry import register_model


@register_model("random_embedding")
class RandomEmbedding(CrossViewModel):
    """A random unit vector for each picture or sequence, the same each time.

    Args:
        seed: another seed, other vectors.
        embedding_dim: length of a vector.
        max_frames: frames of a full sequence.
        inputs: fields of `InputSpec`.
    """

    card = ModelCard(
        title="Random embedding",
        training="none",
        notes=("Chance level of the protocol.",),
    )

    def __init__(
        self,
        *,
        seed: int = 0,
        embedding_dim: int = 64,
        max_frames: int = 7,
        **inputs: Any,
    ) -> None:
        super().__init__()
        default = InputSpec(ground_size=(32, 128), satellite_size=(64, 64))
        self.inputs = input_spec(default, inputs)
        self.seed, self.embedding_dim, self.max_frames = seed, embedding_dim, max_frames

    def embed_ground(self, ground: Tensor, frame_mask: Tensor) -> Tensor:
        """[B, T, 3, H, W] and bool [B, T] to unit rows [B, D]."""
        real = zip(ground, frame_mask, strict=True)
        return self._rows([frames[mask] for frames, mask in real], view=b"ground")

    def embed_satellite(
        self, satellite: Tensor, attention: Tensor | None = None
    ) -> Tensor:
        """[B, 3, H, W] to unit rows [B, D]."""
        return self._rows(list(satellite), view=b"satellite")

    def _rows(self, items: list[Tensor], *, view: bytes) -> Tensor:
        rows = np.stack([self._vector(item, view=view) for item in items])
        device = items[0].device
        return normalize(torch.from_numpy(rows).float().to(device), dim=1)

    def _vector(self, item: Tensor, *, view: bytes) -> np.ndarray:
        content = item.detach().float().cpu().contiguous().numpy().tobytes()
        salt = self.seed.to_bytes(8, "little", signed=True)
        digest = blake2b(content, digest_size=16, person=view, salt=salt).digest()
        generator = np.random.default_rng(int.from_bytes(digest, "little"))
        return generator.standard_normal(self.embedding_dim)

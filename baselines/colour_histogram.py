"""A floor that compares the colours of both views and nothing else."""

from typing import Any

import torch
from torch import Tensor

from geobench.layers.inputs import input_spec
from geobench.model import CrossViewModel, InputSpec, ModelCard, masked_mean
from geobench.registry import register_model


@register_model("colour_histogram")
class ColourHistogram(CrossViewModel):
    """A joint colour histogram of each view; the cosine is Bhattacharyya's coefficient.

    Args:
        bins: per channel.
        max_frames: frames of a full sequence; their histograms are averaged.
        inputs: fields of `InputSpec`.
    """

    card = ModelCard(title="Colour histogram", training="none")

    def __init__(self, *, bins: int = 6, max_frames: int = 7, **inputs: Any) -> None:
        super().__init__()
        default = InputSpec(ground_size=(32, 128), satellite_size=(64, 64))
        self.inputs = input_spec(default, inputs)
        self.bins, self.max_frames, self.embedding_dim = bins, max_frames, bins**3

    def embed_ground(self, ground: Tensor, frame_mask: Tensor) -> Tensor:
        """[B, T, 3, H, W] and bool [B, T] to unit rows [B, D]."""
        # The part of a canvas that no picture covers is exactly zero in all channels.
        histograms = self._histogram(ground.flatten(0, 1), self.inputs.north_canvas)
        return masked_mean(histograms.unflatten(0, frame_mask.shape), frame_mask).sqrt()

    def embed_satellite(
        self, satellite: Tensor, attention: Tensor | None = None
    ) -> Tensor:
        """[B, 3, H, W] to unit rows [B, D]."""
        return self._histogram(satellite, skip_empty=False).sqrt()

    def _histogram(self, images: Tensor, skip_empty: bool) -> Tensor:
        """[F, 3, H, W] to shares [F, D] that sum to one."""
        pixels = images.float().flatten(2)
        mean = pixels.new_tensor(self.inputs.mean)[:, None]
        std = pixels.new_tensor(self.inputs.std)[:, None]
        cells = ((pixels * std + mean) * self.bins).long().clamp(0, self.bins - 1)
        index = (cells[:, 0] * self.bins + cells[:, 1]) * self.bins + cells[:, 2]
        weight = torch.ones_like(pixels[:, 0])
        if skip_empty:
            weight = (pixels != 0).any(1).float()
            weight = torch.where(weight.any(1, keepdim=True), weight, 1.0)
        counts = pixels.new_zeros(len(pixels), self.embedding_dim)
        counts.scatter_add_(1, index, weight)
        return counts / weight.sum(1, keepdim=True)

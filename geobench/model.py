"""The contract between the harness and every model.

Letters: B batch, T frames, H height, W width, D embedding.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from geobench.losses import soft_margin_triplet

Batch = dict[str, Any]
"""Keys: ground [B,T,3,H,W], frame_mask [B,T] bool (True = a real frame), satellite
[B,3,H,W], semi_satellite [B,3,H,W], offset_m [B,2] and semi_offset_m [B,2] (east,
north: tile centre minus query), position_m [B,2] (east, north in one local frame, never
turned), heading_deg [B,T] (bearing of a picture's middle column; 0 on a north canvas),
projection (list), polar (bool), sequence_id, tile_id, semi_tile_id (lists)."""


Rows = dict[str, Tensor]
"""What a loss needs of each sample: tensors [B, ...] under names of the model's own."""


@dataclass(frozen=True, kw_only=True)
class InputSpec:
    """What a model wants to see; the harness prepares it and hashes it."""

    ground_size: tuple[int, int]
    """(H, W) of a ground picture, or of the canvas when `north_canvas`."""
    satellite_size: tuple[int, int]
    """(H, W) of a tile, or of its polar image when `polar`."""
    polar: bool = False
    """Polar-transform the tile (column W/2 looks north, the top row is the rim)."""
    north_canvas: bool = False
    """Lay ground pictures on a 360 degree canvas whose middle column looks north, by
    their heading and field of view, the rest at the mean: the heading is known."""
    canvas_vfov_deg: float = 80.0
    """Vertical field of view that the canvas' H rows span, centred on the horizon."""
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    tile_m: float | None = None
    """Side of the tile the model was made for, metres, or None for the pack's."""


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """What a reader must know about a model before believing its numbers."""

    title: str
    paper: str = ""
    year: int | None = None
    licence: str = "Apache-2.0"
    trained_on: tuple[str, ...] = ()
    training: str = "gradient"
    """"gradient", "closed-form" (fitted once by `fit_closed_form`) or "none"."""
    notes: tuple[str, ...] = field(default_factory=tuple)


@dataclass(frozen=True, kw_only=True)
class PublishedTensor:
    """Where one of our weights stands in the authors' files, and how it lies there."""

    name: str
    """Theirs; the name of a part and a dot in front, where there are parts."""
    axes: tuple[int, ...] | None = None
    """Order in which our axes stand in their tensor: `theirs.permute(axes)` is ours."""
    flip: int | None = None
    """One of our axes that theirs runs through backwards (input channels of BGR)."""


class CrossViewModel(nn.Module):
    """A network, or anything else, that puts both views into one space.

    Children set `card`, `inputs`, `embedding_dim` and `max_frames`, and implement
    `embed_ground` and `embed_satellite`. A model with `max_frames = 1` is fed the
    middle frame of a sequence, and tables say so.
    """

    card: ModelCard
    inputs: InputSpec
    embedding_dim: int
    max_frames: int = 1
    scorer: str = "cosine"
    published_parts: ClassVar[tuple[tuple[str, ...], ...] | None] = None
    """Parts that the authors' weights come in, each with its other names; none for a
    single file, None where there is no importer. See `geobench.weights`."""

    def embed_ground(self, ground: Tensor, frame_mask: Tensor) -> Tensor:
        """[B, T, 3, H, W] and bool [B, T] (True = real frame) to [B, D]."""
        raise NotImplementedError

    def embed_satellite(
        self, satellite: Tensor, attention: Tensor | None = None
    ) -> Tensor:
        """[B, 3, H, W] to [B, D]; `attention` serves TransGeo's second stage."""
        raise NotImplementedError

    def augment(self, batch: Batch) -> Batch:
        """What a model draws once for a whole batch; by default nothing.

        Draws from torch's generator, which is seeded alike on all processes.
        """
        return batch

    def describe(self, batch: Batch) -> Rows:
        """What the loss needs of each sample, computed from that sample alone.

        A batch can so be described in parts, one after the other or on several
        processes; only layers that use statistics of a batch see the parts.
        """
        return {
            "ground": self.embed_ground(batch["ground"], batch["frame_mask"]),
            "satellite": self.embed_satellite(batch["satellite"]),
        }

    def terms(self, rows: Rows) -> dict[str, Tensor]:
        """Named scalar terms with "total" over a whole batch.

        By default the soft-margin triplet loss.

        Args:
            rows: as `describe` makes them, of all samples.
        """
        loss = soft_margin_triplet(rows["satellite"], rows["ground"], alpha=10.0)
        return {"total": loss}

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """Named scalar terms with "total" of one batch."""
        return self.terms(self.describe(self.augment(batch)))

    @classmethod
    def published_arguments(cls, parts: tuple[str, ...]) -> dict[str, Any]:
        """Constructor arguments without which the authors' weights mean another model.

        Args:
            parts: names of the parts that are at hand.

        Returns:
            Arguments, over which those of the caller go.
        """
        return {}

    def published_tensors(self) -> dict[str, PublishedTensor]:
        """For each of our weights its place in the authors' files; here, the same."""
        return {name: PublishedTensor(name=name) for name in self.state_dict()}

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Optimizer groups; by default one with everything that wants a gradient."""
        return [{"params": [p for p in self.parameters() if p.requires_grad]}]

    def fit_closed_form(
        self, train: Iterator[Batch], val: Iterator[Batch]
    ) -> dict[str, float]:
        """Fit without gradients; only for cards with `training="closed-form"`.

        Args:
            train: batches of the training split, no augmentation.
            val: batches of the validation split, to choose strengths on.

        Returns:
            What was chosen, for the log.
        """
        raise NotImplementedError


def masked_mean(tokens: Tensor, frame_mask: Tensor) -> Tensor:
    """Mean over real frames: [B, T, D] and bool [B, T] to [B, D]."""
    weight = frame_mask.to(tokens.dtype).unsqueeze(-1)
    return (tokens * weight).sum(1) / weight.sum(1).clamp_min(1.0)


def middle_frame(ground: Tensor, frame_mask: Tensor) -> Tensor:
    """The middle real frame of each sequence: [B, T, 3, H, W] to [B, 3, H, W]."""
    counts = frame_mask.long().cumsum(1)
    target = (counts[:, -1:] + 1) // 2
    index = (counts >= target).long().argmax(1)
    return ground[torch.arange(len(ground), device=ground.device), index]

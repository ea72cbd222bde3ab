"""The floor that matters: ridge regression from pooled ground to pooled tile colours.

A world in which this scores does not need a network. Letters: B batch, T frames, n
training pairs, F = 768 features (3 channels of 8 x 32 cells; coarser ones use fewer).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, normalize

from geobench.errors import ConfigError
from geobench.layers.inputs import input_spec
from geobench.model import Batch, CrossViewModel, InputSpec, ModelCard, masked_mean
from geobench.registry import register_model

KINDS = ("colour", "standardised colour", "standardised grey")
FINEST = (8, 32)
GRIDS = ((1, 1), (1, 4), (2, 8), (4, 16), FINEST)
STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""Ridge strengths, as shares of a standardised feature's total square."""
FEATURES = 3 * FINEST[0] * FINEST[1]


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Finest features of a split: [kinds, n, 3, 8, 32] of both views, and its tiles."""

    ground: Tensor
    satellite: Tensor
    tile_id: list[str]


@dataclass(frozen=True, kw_only=True)
class Solution:
    """One fitted regression; float64, on the features of one kind and grid."""

    ground_scale: tuple[Tensor, Tensor]
    satellite_scale: tuple[Tensor, Tensor]
    weight: Tensor


@register_model("linear_probe")
class LinearProbe(CrossViewModel):
    """Ridge regression between the views; features and strength chosen on validation.

    Ground embeddings are predictions of the tile's standardised features, those of
    tiles the features themselves. Vectors are padded with zeros to F.

    Args:
        max_frames: frames of a full sequence; their features are averaged.
        inputs: fields of `InputSpec`.
    """

    card = ModelCard(
        title="Linear probe",
        training="closed-form",
        notes=("Feature set and ridge strength chosen by R@1 on validation.",),
    )
    embedding_dim = FEATURES

    def __init__(self, *, max_frames: int = 7, **inputs: Any) -> None:
        super().__init__()
        default = InputSpec(ground_size=(32, 128), satellite_size=(64, 64))
        self.inputs = input_spec(default, inputs)
        self.max_frames = max_frames
        self.register_buffer("choice", torch.full((2,), -1, dtype=torch.int64))
        self.register_buffer("ground_scale", torch.zeros(2, FEATURES))
        self.register_buffer("satellite_scale", torch.zeros(2, FEATURES))
        self.register_buffer("weight", torch.zeros(FEATURES, FEATURES))

    def embed_ground(self, ground: Tensor, frame_mask: Tensor) -> Tensor:
        """[B, T, 3, H, W] and bool [B, T] to unit rows [B, F].

        Raises:
            ConfigError: if the probe was not fitted.
        """
        kind, grid = self._chosen()
        features = _flat(_ground_features(ground, frame_mask, kind=kind), grid)
        rows = _standardise(features, self._scale(self.ground_scale, features))
        width = features.shape[1]
        return _pad(normalize(rows @ self.weight[:width, :width], dim=1))

    def embed_satellite(
        self, satellite: Tensor, attention: Tensor | None = None
    ) -> Tensor:
        """[B, 3, H, W] to unit rows [B, F].

        Raises:
            ConfigError: if the probe was not fitted.
        """
        kind, grid = self._chosen()
        features = _flat(_finest(satellite, kind=kind), grid)
        rows = _standardise(features, self._scale(self.satellite_scale, features))
        return _pad(normalize(rows, dim=1))

    def fit_closed_form(
        self, train: Iterator[Batch], val: Iterator[Batch]
    ) -> dict[str, float]:
        """Fit each feature set and strength on train, keep the best on validation.

        Args:
            train: batches of the training split.
            val: batches of the validation split.

        Returns:
            Indices of kind and grid, the strength, and R@1 on validation.
        """
        fitted, held_out = _gather(train), _gather(val)
        best: tuple[float, float] = (-1.0, -1.0)
        log: dict[str, float] = {}
        for kind, grid in product(range(len(KINDS)), range(len(GRIDS))):
            for strength, solution in _solutions(fitted, kind=kind, grid=GRIDS[grid]):
                score = _score(solution, held_out, kind=kind, grid=GRIDS[grid])
                if score > best:
                    best = score
                    self._keep(solution, kind=kind, grid=grid)
                    log = {"kind": kind, "grid": grid, "strength": strength}
        return log | {"val_recall_at_1": best[0]}

    def _keep(self, solution: Solution, *, kind: int, grid: int) -> None:
        width = len(solution.weight)
        for name in ("ground_scale", "satellite_scale"):
            rows = torch.stack(getattr(solution, name))
            getattr(self, name).zero_()[:, :width] = rows
        self.weight.zero_()[:width, :width] = solution.weight
        self.choice.copy_(torch.tensor([kind, grid]))

    def _chosen(self) -> tuple[int, tuple[int, int]]:
        kind, grid = self.choice.tolist()
        if kind < 0:
            raise ConfigError(
                "The linear probe was not fitted. Train it first, or load a "
                "checkpoint: its weights come from `fit_closed_form`."
            )
        return kind, GRIDS[grid]

    @staticmethod
    def _scale(scale: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        mean, deviation = scale[:, : features.shape[1]]
        return mean, deviation


def _finest(images: Tensor, *, kind: int) -> Tensor:
    """[F, 3, H, W] to one kind of feature on the finest grid, [F, 3, 8, 32]."""
    images = images.float()
    if kind == 2:
        images = images.mean(1, keepdim=True).expand(-1, 3, -1, -1)
    if kind:
        mean = images.mean((2, 3), keepdim=True)
        deviation = images.std((2, 3), keepdim=True)
        images = (images - mean) / deviation.clamp_min(1e-6)
    return adaptive_avg_pool2d(images, FINEST)


def _ground_features(ground: Tensor, frame_mask: Tensor, *, kind: int) -> Tensor:
    """The mean over a sequence's frames: [B, T, 3, H, W] to [B, 3, 8, 32]."""
    cells = _finest(ground.flatten(0, 1), kind=kind)
    frames = cells.unflatten(0, frame_mask.shape).flatten(2)
    frames = torch.where(frame_mask[..., None], frames, 0.0)
    return masked_mean(frames, frame_mask).unflatten(1, cells.shape[1:])


def _flat(cells: Tensor, grid: tuple[int, int]) -> Tensor:
    """[B, 3, 8, 32] to the features of a coarser grid, [B, 3 * rows * columns]."""
    return adaptive_avg_pool2d(cells, grid).flatten(1)


def _pad(rows: Tensor) -> Tensor:
    return torch.nn.functional.pad(rows, (0, FEATURES - rows.shape[1]))


def _standardise(features: Tensor, scale: tuple[Tensor, Tensor]) -> Tensor:
    mean, deviation = scale
    return (features - mean) / deviation


def _moments(features: Tensor) -> tuple[Tensor, Tensor]:
    return features.mean(0), features.std(0, correction=0).clamp_min(1e-6)


def _gather(batches: Iterator[Batch]) -> Pairs:
    ground, satellite, tiles = [], [], []
    kinds = range(len(KINDS))
    for batch in batches:
        frames, mask = batch["ground"], batch["frame_mask"]
        ground.append(
            torch.stack([_ground_features(frames, mask, kind=k) for k in kinds]).cpu()
        )
        satellite.append(
            torch.stack([_finest(batch["satellite"], kind=k) for k in kinds]).cpu()
        )
        tiles.extend(batch["tile_id"])
    if not tiles:
        raise ConfigError("The linear probe was given an empty split. Give it pairs.")
    return Pairs(
        ground=torch.cat(ground, 1), satellite=torch.cat(satellite, 1), tile_id=tiles
    )


def _solutions(
    pairs: Pairs, *, kind: int, grid: tuple[int, int]
) -> Iterator[tuple[float, Solution]]:
    """A regression for each strength, all from one eigendecomposition."""
    ground = _flat(pairs.ground[kind], grid).double()
    satellite = _flat(pairs.satellite[kind], grid).double()
    scales = _moments(ground), _moments(satellite)
    source, target = _standardise(ground, scales[0]), _standardise(satellite, scales[1])
    values, vectors = torch.linalg.eigh(source.T @ source)
    projected = vectors.T @ (source.T @ target)
    for strength in STRENGTHS:
        damped = values.clamp_min(0.0) + strength * len(source)
        weight = vectors @ (projected / damped[:, None])
        yield (
            strength,
            Solution(ground_scale=scales[0], satellite_scale=scales[1], weight=weight),
        )


def _score(
    solution: Solution, pairs: Pairs, *, kind: int, grid: tuple[int, int]
) -> tuple[float, float]:
    """R@1 among the split's tiles and, to settle draws, the mean reciprocal rank."""
    ground = _flat(pairs.ground[kind], grid).double()
    satellite = _flat(pairs.satellite[kind], grid).double()
    query = _standardise(ground, solution.ground_scale) @ solution.weight
    reference = _standardise(satellite, solution.satellite_scale)
    similarity = normalize(query, dim=1) @ normalize(reference, dim=1).T
    order = {tile: k for k, tile in enumerate(sorted(set(pairs.tile_id)))}
    place = torch.tensor([order[tile] for tile in pairs.tile_id])
    own = place[:, None] == place[None, :]
    best = similarity.diagonal()[:, None]
    # Ties count against the probe, as everywhere.
    rank = ((similarity >= best) & ~own).sum(1)
    return (rank == 0).double().mean().item(), (1.0 / (rank + 1)).mean().item()

"""Matching at unknown orientation: the turn of a polar tile that fits a picture best.

Letters: Q ground pictures, R tiles, C channels, H rows, W columns of a whole turn, w
columns of the ground picture, at most W. After Shi et al., Where am I looking at?, CVPR
2020 (DSM).
"""

import torch
from torch import Tensor


def best_turns(satellite: Tensor, ground: Tensor) -> tuple[Tensor, Tensor]:
    """Distance of every pair at its best turn.

    A tile's features are turned to every column, cut to the ground picture's width and
    scaled to unit length; the turn is that of the greatest correlation before scaling,
    as released.

    Args:
        satellite: [R, C, H, W], any length.
        ground: [Q, C, H, w], each of unit length as a whole.

    Returns:
        distance: [Q, R], 2 - 2 cos, in [0, 4].
        turn: [Q, R] integers in [0, W), the tile's column that comes to lie at 0.
    """
    columns, width = satellite.shape[-1], ground.shape[-1]
    # Correlation along the circle is a product of spectra: W log W instead of W w.
    spectrum = torch.einsum(
        "rchf,qchf->qrf",
        torch.fft.rfft(satellite),
        torch.fft.rfft(ground, n=columns).conj(),
    )
    correlation = torch.fft.irfft(spectrum, n=columns)
    best, turn = correlation.max(-1)
    length = _window_lengths(satellite, width)
    rows = torch.arange(len(satellite), device=satellite.device)
    return 2.0 - 2.0 * best / length[rows, turn], turn


def _window_lengths(satellite: Tensor, width: int) -> Tensor:
    """[R, W] Euclidean lengths of the features in `width` columns from each one on."""
    energy = satellite.square().sum((1, 2))
    around = torch.cat([energy, energy[:, : width - 1]], 1)
    return around.unfold(1, width, 1).sum(-1).sqrt().clamp_min(1e-12)

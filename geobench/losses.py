"""Losses of cross-view retrieval, as the published networks were trained with.

Letters: B batch, D embedding. Rows are unit vectors unless a docstring says otherwise.
Distances are `2 - 2 cos`; row = satellite, column = ground.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize, softplus

from geobench.errors import ConfigError

VIGOR_TILE_PX = 640
"""Side of VIGOR's tiles, pixels; its offsets are given in them."""
INITIAL_LOG_SCALE = math.log(1 / 0.07)
"""Where a learned log inverse temperature starts."""


def soft_margin_triplet(
    satellite: Tensor,
    ground: Tensor,
    *,
    alpha: float = 10.0,
    keep_diagonal: bool = False,
    hard_ratio: float = 1.0,
) -> Tensor:
    """Weighted soft-margin triplet loss over all negatives of a batch, both ways.

    With cosine similarity, alpha = 10 here is TransGeo's alpha = 20.

    Args:
        satellite: [B, D] unit rows.
        ground: [B, D] unit rows; row i shows the place of satellite row i.
        alpha: steepness, > 0.
        keep_diagonal: let each pair add ln 2 against itself, as SAFA, VIGOR and SeqGeo
            do: a constant ln 2 / (B - 1) without gradient.
        hard_ratio: share of the B (B - 1) negatives that count, the hardest ones, in
            (0, 1].

    Returns:
        Scalar >= 0; zero (with a gradient of zero) for B = 1.
    """
    terms = _directed_terms(satellite, ground, alpha=alpha)
    batch = len(satellite)
    pairs = max(batch * (batch - 1), 1)
    if not keep_diagonal:
        diagonal = torch.eye(batch, dtype=torch.bool, device=satellite.device)
        terms = [term.masked_fill(diagonal, 0.0) for term in terms]
    if hard_ratio < 1.0:
        pairs = max(int(hard_ratio * pairs), 1)
        terms = [term.flatten().topk(pairs).values for term in terms]
    return (terms[0].sum() + terms[1].sum()) / (2 * pairs)


def soft_margin_triplet_hardest(
    satellite: Tensor, ground: Tensor, *, alpha: float = 10.0, per_anchor: int
) -> Tensor:
    """The same with the hardest few of each anchor, as CVM-Net and VIGOR can do.

    Args:
        satellite: [B, D] unit rows.
        ground: [B, D] unit rows.
        alpha: steepness, > 0.
        per_anchor: how many entries of each anchor count, its own pair among them.

    Returns:
        Scalar >= 0.
    """
    as_satellite, as_ground = _directed_terms(satellite, ground, alpha=alpha)
    hardest = as_satellite.topk(per_anchor, dim=1).values.mean()
    return (hardest + as_ground.topk(per_anchor, dim=0).values.mean()) / 2


def soft_margin_triplet_far(
    satellite: Tensor,
    ground: Tensor,
    *,
    position_m: Tensor,
    min_distance_m: float = 25.0,
    alpha: float = 10.0,
    near: str = "left-out",
    keep_diagonal: bool = False,
    hard_ratio: float = 1.0,
) -> Tensor:
    """Soft-margin triplet loss over negatives at least some metres away.

    The released codes for CVACT multiply the argument of nearer pairs by zero, so that
    each adds ln 2 and no gradient, while the sum is still divided by the number of far
    pairs: `near="zeroed"`, with `keep_diagonal` as SAFA and CVFT, without as CDE and
    GeoDTR+.

    Args:
        satellite: [B, D] unit rows.
        ground: [B, D] unit rows.
        position_m: [B, 2] east, north in one frame.
        min_distance_m: nearest place that counts as another place.
        alpha: steepness, > 0.
        near: "left-out", or "zeroed" as released.
        keep_diagonal: with "zeroed", let each pair add ln 2 against itself.
        hard_ratio: with "zeroed", share of the B (B - 1) pairs that count, the hardest
            ones, if these are fewer than the far pairs; in (0, 1].

    Returns:
        Scalar >= 0; zero if no pair is far enough and near ones are left out.

    Raises:
        ConfigError: if `near` is neither.
    """
    if near not in ("left-out", "zeroed"):
        raise ConfigError(
            f"Near pairs can be 'left-out' or 'zeroed', not {near!r}. Choose one."
        )
    # Differences first: products of UTM coordinates would lose the centimetres.
    apart = position_m.double()[:, None] - position_m.double()[None]
    same = torch.eye(len(satellite), dtype=torch.bool, device=satellite.device)
    far = (apart.square().sum(-1) >= min_distance_m**2) & ~same
    terms = _directed_terms(satellite, ground, alpha=alpha)
    count = far.sum().clamp_min(1)
    if near == "left-out":
        return sum(term.masked_fill(~far, 0.0).sum() for term in terms) / (2 * count)
    terms = [term.masked_fill(~far, math.log(2.0)) for term in terms]
    if not keep_diagonal:
        terms = [term.masked_fill(same, 0.0) for term in terms]
    hardest = int(hard_ratio * len(satellite) * (len(satellite) - 1))
    if hard_ratio < 1.0 and 0 < hardest < count:
        terms = [term.flatten().topk(hardest).values for term in terms]
        count = hardest
    return (terms[0].sum() + terms[1].sum()) / (2 * count)


def _directed_terms(satellite: Tensor, ground: Tensor, *, alpha: float) -> list[Tensor]:
    """[B, B] terms with the satellite, then the ground picture as anchor."""
    distance = 2.0 - 2.0 * satellite @ ground.T
    positive = distance.diagonal()
    return [
        softplus(alpha * (positive[:, None] - distance)),
        softplus(alpha * (positive[None, :] - distance)),
    ]


def counterfactual(descriptor: Tensor, fake: Tensor, *, beta: float = 5.0) -> Tensor:
    """Push a descriptor away from the one made with a random attention map.

    Args:
        descriptor: [B, D] unit rows.
        fake: [B, D] unit rows from the same features under a random map.
        beta: steepness, > 0.

    Returns:
        Scalar in [softplus(-4 beta), ln 2].
    """
    return softplus(beta * (2.0 * (descriptor * fake).sum(1) - 2.0)).mean()


def info_nce(
    satellite: Tensor,
    ground: Tensor,
    *,
    scale: Tensor | float = 1 / 0.07,
    label_smoothing: float = 0.1,
) -> Tensor:
    """Symmetric InfoNCE; rows need not be unit vectors.

    Args:
        satellite: [B, D].
        ground: [B, D].
        scale: inverse temperature, > 0; a tensor where it is learned.
        label_smoothing: share of the target spread over the whole batch, in [0, 1).

    Returns:
        Scalar >= 0.
    """
    logits = scale * normalize(ground, dim=1) @ normalize(satellite, dim=1).T
    target = torch.arange(len(logits), device=logits.device)
    there = cross_entropy(logits, target, label_smoothing=label_smoothing)
    back = cross_entropy(logits.T, target, label_smoothing=label_smoothing)
    return (there + back) / 2


def overlap_iou(offset: Tensor, *, side: float = VIGOR_TILE_PX) -> Tensor:
    """Intersection over union of two equal north-up squares.

    Args:
        offset: [..., 2] shift between their centres, in the unit of `side`.
        side: side of the squares, > 0.

    Returns:
        [...] in [0, 1]; zero where they do not touch.
    """
    overlap = (1.0 - offset.abs() / side).clamp_min(0.0).prod(-1)
    return overlap / (2.0 - overlap)


def iou_ratio(
    positive: Tensor,
    semi_positive: Tensor,
    *,
    ground: Tensor,
    offsets: tuple[Tensor, Tensor],
    side: float = VIGOR_TILE_PX,
) -> Tensor:
    """VIGOR's IoU term: similarities should stand in the ratio of the overlaps.

    Args:
        positive: [B, D] unit rows of the positive tiles.
        semi_positive: [B, D] unit rows of one semi-positive tile each.
        ground: [B, D] unit rows.
        offsets: [B, 2] each, of the positive and the semi-positive tile's centre from
            the query, in the unit of `side`.
        side: side of a tile.

    Returns:
        Scalar >= 0, with VIGOR's factor of 1/10 in it.
    """
    wanted = overlap_iou(offsets[1], side=side) / overlap_iou(offsets[0], side=side)
    similarity = (positive * ground).sum(1)
    # A similarity near zero, usual before training, would blow the quotient up; from
    # 0.05 on the value is the published one.
    floor = torch.where(similarity < 0, -0.05, 0.05)
    similarity = torch.where(similarity.abs() < 0.05, floor, similarity)
    quotient = (semi_positive * ground).sum(1) / similarity
    return (quotient - wanted).square().mean() / 10


def offset_regression(
    predicted: Tensor, offset: Tensor, *, side: float = VIGOR_TILE_PX
) -> Tensor:
    """VIGOR's offset term.

    Args:
        predicted: [B, 2] in half tiles.
        offset: [B, 2] true offset in the unit of `side`.
        side: side of a tile.

    Returns:
        Scalar >= 0, with VIGOR's factor of 1/100 in it.
    """
    return (predicted - offset * (2 / side)).square().sum(1).mean() / 100

"""Augmentation on whole batches: what turns the tile turns the ground picture.

Layout simulation and semantic augmentation as in GeoDTR (Zhang et al., AAAI 2023).
Column j of a polar tile, of a panorama and of a north canvas of width W looks at
bearing 360 j / W - 180 degrees, so the mirror image of column j is -j mod W. The
released codes mirror to W - 1 - j, one column off in both views, and round quarter
turns of an odd width differently: see `COLUMN_RULES`.
"""

import math
from typing import Any, Literal

import torch
from torch import Generator, Tensor

from geobench.data.sampling import Share
from geobench.errors import ConfigError, closest
from geobench.model import Batch

Strength = Literal["none", "weak", "strong", "continuous"]
COLOUR_DRAWS = {"none": 0, "weak": 4, "strong": 6}
"""Random numbers that semantic augmentation needs for each picture."""
STRENGTHS = ("none", "weak", "strong", "continuous")
COLUMN_RULES = ("exact", "geodtr", "geodtr_plus")
"""How a 360 degree picture is turned by columns: "exact" mirrors about its middle
column and rounds a turn to the nearest column; "geodtr" and "geodtr_plus" do as those
releases did, whose mirror is one column off. GeoDTR rounds every quarter turn down, so
that left and right are no inverses at odd widths; GeoDTR+ rounds left up instead."""


def layout_simulation(
    batch: Batch,
    generator: Generator,
    *,
    strength: Strength = "strong",
    share: Share | None = None,
    columns: str = "exact",
) -> Batch:
    """Batch with each pair mirrored and turned together, so that it stays aligned.

    A 360 degree ground picture is rolled with its tile. A picture with a limited
    field of view is never rolled: the tile alone is turned, and `heading_deg`, the
    bearing of its middle column, follows. A flip mirrors both. Offsets (east, north)
    turn along. `position_m` stays: it tells how far apart two samples are, which
    turning each of them about itself does not change.

    Args:
        batch: float or uint8 images; `batch["polar"]` says what the tiles are.
        generator: on the CPU; draws one flip and one turn a sample.
        strength: "none", "weak" (flips only), "strong" (flips and quarter turns) or
            "continuous" (flips and turns by any column, polar tiles only).
        share: which rows of a larger batch these are; draws are made for all of it.
        columns: one of `COLUMN_RULES`.

    Returns:
        A new batch; the given one is left alone.

    Raises:
        ConfigError: if strength or rule are unknown, or the tiles cannot be turned so.
    """
    if strength not in STRENGTHS:
        raise ConfigError(
            f"Unknown layout simulation {strength!r}, expected one of {STRENGTHS}."
        )
    if strength == "none":
        return batch
    share = share or Share.whole(len(batch["satellite"]))
    flip = torch.rand(share.total, generator=generator) < 0.5
    steps, turn = _draw_turns(batch, generator, strength=strength, count=share.total)
    flip, turn = flip[share.rows], turn[share.rows]
    return turn_batch(batch, flip=flip, turn=turn, steps=steps, columns=columns)


def turn_batch(
    batch: Batch, *, flip: Tensor, turn: Tensor, steps: int, columns: str = "exact"
) -> Batch:
    """Batch with given flips, then given turns.

    Args:
        batch: as for `layout_simulation`.
        flip: [B] bool, mirror east and west.
        turn: [B] integers in [0, steps); after the turn, what lay at bearing
            360 turn / steps looks north.
        steps: turns in a full circle; 4 unless the tiles are polar.
        columns: one of `COLUMN_RULES`.

    Returns:
        A new batch; the given one is left alone.

    Raises:
        ConfigError: if the rule is unknown.
    """
    if columns not in COLUMN_RULES:
        raise ConfigError(
            f"Unknown column rule {columns!r}. {closest(columns, COLUMN_RULES)}"
        )
    out = dict(batch)
    flip, turn, way = flip.cpu(), turn.cpu(), (steps, columns)
    for key in ("satellite", "semi_satellite"):
        if key in batch:
            out[key] = _turn_tiles(batch, key, flip=flip, turn=turn, way=way)
    around = torch.tensor([p == "equirectangular" for p in batch["projection"]])
    out["ground"] = _roll(batch["ground"], around, flip=flip, turn=turn, way=way)
    angle = turn.double() * (2.0 * math.pi / steps)
    for key in ("offset_m", "semi_offset_m"):
        if key in batch:
            out[key] = _turn_offsets(batch[key], flip=flip, angle=angle)
    heading = batch["heading_deg"]
    heading = torch.where(flip.to(heading.device)[:, None], -heading, heading)
    # A rolled picture's middle column shows what now lies where it always looked.
    turned = torch.where(around, torch.zeros_like(angle), torch.rad2deg(angle))
    out["heading_deg"] = (heading - turned.to(heading)[:, None]) % 360.0
    return out


def _draw_turns(
    batch: Batch, generator: Generator, *, strength: Strength, count: int
) -> tuple[int, Tensor]:
    """(steps in a circle, [count] turns) for a strength."""
    satellite = batch["satellite"]
    if strength == "weak":
        return 4, torch.zeros(count, dtype=torch.long)
    if not batch["polar"] and strength == "continuous":
        raise ConfigError(
            "Continuous layout simulation turns polar tiles only, got square tiles. "
            "Use strength='strong', or a model variant with polar=True."
        )
    if not batch["polar"] and satellite.shape[-1] != satellite.shape[-2]:
        size = tuple(satellite.shape[-2:])
        raise ConfigError(
            f"Quarter turns need square tiles, got (H, W) = {size}. Choose a square "
            "satellite_size, or strength='weak'."
        )
    steps = 4
    if strength == "continuous":
        steps = satellite.shape[-1]
        if "equirectangular" in batch["projection"]:
            # Only turns that are whole columns in both views leave them aligned.
            steps = math.gcd(steps, batch["ground"].shape[-1])
    return steps, torch.randint(steps, (count,), generator=generator)


def _turn_tiles(
    batch: Batch, key: str, *, flip: Tensor, turn: Tensor, way: tuple[int, str]
) -> Tensor:
    tiles = batch[key]
    if batch["polar"]:
        around = torch.ones_like(flip)
        return _roll(tiles, around, flip=flip, turn=turn, way=way)
    tiles = torch.where(
        flip.to(tiles.device)[:, None, None, None], tiles.flip(-1), tiles
    )
    if not bool(turn.any()):
        return tiles
    out = tiles.clone()
    for quarter in (1, 2, 3):
        chosen = (turn == quarter).nonzero().flatten().to(tiles.device)
        if len(chosen):
            # Counter-clockwise: what lay east (right) comes to lie north (up).
            out[chosen] = torch.rot90(tiles[chosen], quarter, (-2, -1))
    return out


def _start_columns(width: int, turn: Tensor, way: tuple[int, str]) -> Tensor:
    """[B] source columns that become column 0 of 360 degree images."""
    steps, columns = way
    start = turn.double() * width / steps
    if columns == "exact":
        start = start.round()
    elif columns == "geodtr":
        start = start.floor()
    else:
        start = torch.where(2 * turn > steps, start.ceil(), start.floor())
    return start.long() % width


def _roll(
    images: Tensor, around: Tensor, *, flip: Tensor, turn: Tensor, way: tuple[int, str]
) -> Tensor:
    """Images [B, ..., W], mirrored where `flip`, and rolled if they go all around."""
    out = torch.empty_like(images)
    start = torch.where(around, _start_columns(images.shape[-1], turn, way), 0)
    # Column 0 looks south and stays: the mirror image of j is -j mod W.
    shift = around.long() if way[1] == "exact" else torch.zeros_like(turn)
    rows = zip(flip.tolist(), start.tolist(), shift.tolist(), strict=True)
    for index, (is_flipped, column, mirror) in enumerate(rows):
        source = images[index]
        if is_flipped:
            source, column = source.flip(-1), column - mirror
        out[index] = source.roll(-column, -1) if column else source
    return out


def _turn_offsets(offset: Tensor, *, flip: Tensor, angle: Tensor) -> Tensor:
    """Offsets [B, 2] (east, north), mirrored, then turned counter-clockwise."""
    mirror = 1.0 - 2.0 * flip.double()
    sine, cosine = angle.sin(), angle.cos()
    east, north = offset[:, 0].cpu().double() * mirror, offset[:, 1].cpu().double()
    turned = torch.stack(
        [east * cosine - north * sine, east * sine + north * cosine], dim=1
    )
    return turned.to(offset)


def draw_colours(count: int, generator: Generator, *, strength: str) -> Tensor:
    """[count, number of draws] uniform draws in [0, 1) for `disturb_colours`.

    Raises:
        ConfigError: if the strength is unknown.
    """
    if strength not in COLOUR_DRAWS:
        raise ConfigError(
            f"Unknown semantic augmentation {strength!r}, expected 'none', 'weak' or "
            "'strong'."
        )
    # One kind of draw after the other, each for all pictures.
    kinds = [
        torch.rand(count, generator=generator) for _ in range(COLOUR_DRAWS[strength])
    ]
    return torch.stack(kinds, 1) if kinds else torch.empty(count, 0)


def disturb_colours(images: Tensor, draws: Tensor, *, strength: str) -> Tensor:
    """Images with their colours disturbed, each by its own draws.

    Strong: brightness, contrast and saturation within 30 %, grey with probability
    0.2, 4-bit posterisation with probability 0.2, a vertical blur of 5 rows with
    sigma 0.1 to 5. Weak: within 10 %, grey with probability 0.1.

    Args:
        images: [N, 3, H, W], uint8 or float in [0, 1].
        draws: [N, ...] as `draw_colours` makes them.
        strength: "none", "weak" or "strong".

    Returns:
        [N, 3, H, W] float in [0, 1].
    """
    if images.dtype == torch.uint8:
        images = images.float().div_(255.0)
    if strength == "none" or not len(images):
        return images
    left = iter(draws.unbind(1))

    def draw(low: float, high: float) -> Any:
        values = next(left).view(-1, 1, 1, 1)
        return (values * (high - low) + low).to(images)

    jitter, grey_share = (0.3, 0.2) if strength == "strong" else (0.1, 0.1)
    images = (images * draw(1 - jitter, 1 + jitter)).clamp_(0, 1)
    mean = _luminance(images).mean((-2, -1), keepdim=True)
    images = torch.lerp(mean, images, draw(1 - jitter, 1 + jitter)).clamp_(0, 1)
    keep_colour = draw(1 - jitter, 1 + jitter) * (draw(0, 1) >= grey_share)
    images = torch.lerp(_luminance(images), images, keep_colour).clamp_(0, 1)
    if strength == "weak":
        return images
    coarse = torch.floor(images * 255.0 / 16.0) * (16.0 / 255.0)
    images = torch.where(draw(0, 1) < 0.2, coarse, images)
    return _blur_rows(images, draw(0.1, 5.0))


def _luminance(images: Tensor) -> Tensor:
    """ITU-R 601 grey [N, 1, H, W] of RGB images."""
    red, green, blue = images.unbind(-3)
    return (0.299 * red + 0.587 * green + 0.114 * blue).unsqueeze(-3)


def _blur_rows(images: Tensor, sigma: Tensor) -> Tensor:
    """Vertical Gaussian over 5 rows, edges repeated; sigma [N, 1, 1, 1] in rows."""
    near, far = torch.exp(-0.5 / sigma**2), torch.exp(-2.0 / sigma**2)
    total = 1 + 2 * near + 2 * far
    height = images.shape[-2]
    rows = torch.arange(height, device=images.device)

    def shifted(by: int) -> Tensor:
        return images.index_select(-2, (rows + by).clamp(0, height - 1))

    out = images * (1 / total)
    out += (shifted(-1) + shifted(1)) * (near / total)
    out += (shifted(-2) + shifted(2)) * (far / total)
    return out

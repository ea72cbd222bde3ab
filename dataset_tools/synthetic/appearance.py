"""Colours of one view: drawn per object, from a stream that no other view shares.

A palette holds a few base colours per semantic class; each object takes one and
shifts it. So a class keeps its character in every view (trees are greenish, roads
greyish) while no object's colour in one view tells its colour in the other.
"""

import zlib
from typing import Literal

import numpy as np
import numpy.typing as npt

from dataset_tools.synthetic.settings import Season
from dataset_tools.synthetic.world import CLASSES, Objects

Array = npt.NDArray[np.float32]
Palette = dict[str, tuple[str, ...]]
View = Literal["ground", "satellite"]

SHIFT = {"building": 9.0, "grass": 6.0, "field": 8.0, "broadleaf": 7.0}
"""Standard deviation of an object's shift per channel, of 255, where not 4."""
GAIN = 0.16
"""Standard deviation of the logarithm of an object's brightness."""

PLANTS: dict[tuple[View, Season], Palette] = {
    ("ground", "summer"): {
        "grass": ("6f8f45", "7f9a50", "8d9458", "5f7f3c"),
        "field": ("a9a05c", "8fa14d", "c2ac6c", "7d7a45"),
        "forest": ("5b5a34", "4d5c30", "6b5f3d"),
        "broadleaf": ("4c7433", "5d8240", "3f6430", "6d8c46"),
        "conifer": ("2f5138", "385c42", "28462f"),
    },
    ("ground", "autumn"): {
        "grass": ("8f8a50", "7f8048", "9b9260"),
        "field": ("b39a62", "8f7a4c", "c7b07c"),
        "forest": ("8a5f34", "7c4f2c", "94703e"),
        "broadleaf": ("c06a2a", "b8902f", "96402a", "a87c33"),
        "conifer": ("2f4d38", "3b5a40", "27422f"),
    },
    ("satellite", "summer"): {
        "grass": ("5c7a4a", "75875c", "869068", "4c6b42"),
        "field": ("8c9b5a", "b3a878", "6d8a4a", "a39062"),
        "forest": ("3c5138", "46563a", "515a40"),
        "broadleaf": ("3f6238", "4f7046", "355530", "5c7a4c"),
        "conifer": ("27432f", "2f4c38", "20382a"),
    },
    ("satellite", "autumn"): {
        "grass": ("7d7c56", "8f8a66", "6c7350"),
        "field": ("a08c66", "c0ab84", "80704e"),
        "forest": ("7c5c3c", "8a6a44", "6a4e36"),
        "broadleaf": ("a86438", "b58a48", "8c4a34", "9c7844"),
        "conifer": ("2c4434", "385040", "243a2e"),
    },
}
GROUNDWORK: dict[View, Palette] = {
    "ground": {
        "water": ("5c7f94", "6f8f9c", "4f6f7f"),
        "paved": ("a5a29a", "8b8a86", "b4aa98", "97877a"),
        "sidewalk": ("b7b3a8", "a8a49c", "c2b8a8"),
        "asphalt": ("6c6c6e", "5d5d62", "7b7975", "666a70"),
        "marking": ("e6e2d2", "e2cf70", "f0eee6"),
    },
    "satellite": {
        "water": ("3f5560", "4c6464", "35484f"),
        "paved": ("b0aca6", "93918e", "a69c8c", "807a74"),
        "sidewalk": ("c0bcb4", "aaa69f", "b5ab9c"),
        "asphalt": ("78787a", "8a8886", "696b70", "7f7a74"),
        "marking": ("dedbd0", "d2c487", "c9c7c0"),
    },
}
FACADES: dict[str, tuple[str, ...]] = {
    "clapboard": ("e8e4d8", "c9d2d6", "d8c79a", "9db0a4", "b58a74", "8a98ab", "d9b4a0"),
    "brick": ("9c4f3c", "b06a50", "7f4438", "c49a78", "8c7468", "5f5a5c", "b8a48c"),
}
ROOFS = ("4f4c4a", "6e6862", "8d8a86", "7c4a3c", "a59f97", "5b6670", "c9c6c0", "6b5a4a")


def colour_table(
    objects: Objects, *, view: View, season: Season, style: str, seed: tuple[int, ...]
) -> Array:
    """[N, 3] float32 colours in [0, 255] of every object as one view sees it.

    Args:
        objects: the world's objects.
        view: "ground" or "satellite"; each has a random stream of its own.
        season: season of that view.
        style: name in `FACADES`; the satellite's roofs ignore it.
        seed: whatever tells this table from others: data set's seed, region.

    Returns:
        One colour an object; for a building its facade or its roof.
    """
    rng = np.random.default_rng([*seed, zlib.crc32(view.encode())])
    palette = {**GROUNDWORK[view], **PLANTS[view, season]}
    palette["building"] = FACADES[style] if view == "ground" else ROOFS
    count = len(objects.class_id)
    pick = rng.random(count)
    gain = np.exp(rng.normal(0.0, GAIN, (count, 1)))
    shift = rng.normal(0.0, 1.0, (count, 3))
    base = np.zeros((count, 3))
    for index, name in enumerate(CLASSES):
        colours = _rgb(palette[name])
        mine = objects.class_id == index
        base[mine] = colours[(pick[mine] * len(colours)).astype(int)]
        shift[mine] *= SHIFT.get(name, 4.0)
    return (base * gain + shift).clip(8, 247).astype(np.float32)


def roof_table(count: int, *, seed: tuple[int, ...]) -> Array:
    """[count, 3] float32 colours of roofs as the street sees them, of its own draw."""
    rng = np.random.default_rng(seed)
    colours = _rgb(ROOFS)[rng.integers(len(ROOFS), size=count)]
    return (colours * rng.uniform(0.75, 1.1, (count, 1))).astype(np.float32)


def class_light(seed: tuple[int, ...], *, spread: float = 0.10) -> Array:
    """[classes, 3] float32 gains near 1: light that falls differently on each class."""
    rng = np.random.default_rng(seed)
    brightness = rng.normal(0.0, spread, (len(CLASSES), 1))
    tint = rng.normal(0.0, spread / 3, (len(CLASSES), 3))
    return np.exp(brightness + tint).astype(np.float32)


def texture(seed: tuple[int, ...], *, size: int = 512) -> Array:
    """[size, size] float32 noise near 0, fine grain over coarser blotches."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(0.0, 0.055, (size, size))
    for block, strength in ((4, 0.05), (16, 0.04)):
        coarse = rng.normal(0.0, strength, (size // block, size // block))
        noise += np.kron(coarse, np.ones((block, block)))
    return noise.astype(np.float32)


def _rgb(codes: tuple[str, ...]) -> npt.NDArray[np.float64]:
    """[K, 3] colours of hexadecimal codes."""
    return np.array([[int(c[i : i + 2], 16) for i in (0, 2, 4)] for c in codes], float)

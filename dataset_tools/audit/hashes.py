"""64-bit perceptual hashes of pictures, and the near ones among many.

A hash says for each of the 8 x 8 lowest frequencies of a small grey copy whether it is
above their median (C. Zauner, Implementation and Benchmarking of Perceptual Image Hash
Functions, 2010, section 3.2.1). Compression, scaling and a change of brightness move
few bits. Near ones are found by parts: of two hashes that differ in k bits, one of
k + 1 parts is equal.
"""

import io
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from dataset_tools.pictures import Pixels, open_bounded

Hashes = npt.NDArray[np.uint64]
Indices = npt.NDArray[np.intp]

SIDE: Final = 32
KEPT: Final = 8
FLAT_LEVELS: Final = 1.5
"""A picture whose greys spread less than this has nothing to be known by."""
BLOCK: Final = 4_000_000
"""Pairs of hashes that are compared at a time."""


def grey_copy(picture: bytes | Pixels) -> npt.NDArray[np.float32]:
    """A picture as float32 [32, 32] greys in 0..255.

    Args:
        picture: encoded bytes, or uint8 [H, W, 3].

    Raises:
        UnreadableError: if it has too many pixels or samples beyond 8 bits.
        DECODING_ERRORS: if the bytes are no sound picture.
    """
    if isinstance(picture, bytes):
        with open_bounded(io.BytesIO(picture)) as image:
            # JPEG decoders shrink by powers of two while they decode, which is fast.
            image.draft("L", (4 * SIDE, 4 * SIDE))
            grey = image.convert("L")
    else:
        grey = Image.fromarray(picture).convert("L")
    small = grey.resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    return np.asarray(small, np.float32)


def hashes_of(greys: npt.NDArray[np.float32]) -> tuple[Hashes, npt.NDArray[np.bool_]]:
    """Hashes of small grey pictures, and which of them are flat.

    Args:
        greys: [N, 32, 32] in 0..255.

    Returns:
        uint64 [N], and bool [N]: True where nothing is to be seen.
    """
    basis = _cosines()
    low = np.einsum("ki,nij,lj->nkl", basis, greys, basis, optimize=True)
    waves = low.reshape(len(greys), KEPT * KEPT)
    # The first is the mean, which brightness moves; the median is of the others.
    middle = np.median(waves[:, 1:], axis=1, keepdims=True)
    bits = waves > middle
    bits[:, 0] = False
    packed = np.packbits(bits, axis=1).view(">u8").reshape(-1)
    return packed.astype(np.uint64), greys.std(axis=(1, 2)) < FLAT_LEVELS


def near_hashes(a: Hashes, b: Hashes, *, bits: int) -> tuple[Indices, Indices]:
    """Places in two arrays of distinct hashes that differ by at most `bits` bits.

    Args:
        a: uint64 [N], no two equal.
        b: uint64 [M], no two equal.
        bits: at most 8.

    Returns:
        Places in a and in b of each pair, sorted, each pair once.
    """
    found = [np.zeros((0, 2), np.intp)]
    for low, width in _parts(bits + 1):
        mask = np.uint64((1 << width) - 1)
        part_a, part_b = ((h >> np.uint64(low)) & mask for h in (a, b))
        order = np.argsort(part_a, kind="stable")
        start = np.searchsorted(part_a[order], part_b, "left")
        count = np.searchsorted(part_a[order], part_b, "right") - start
        ends = np.cumsum(count)
        for first, last in _blocks(ends):
            j = np.repeat(np.arange(first, last), count[first:last])
            before = ends[first:last] - count[first:last]
            inside = np.arange(len(j)) - np.repeat(
                before - before[:1], count[first:last]
            )
            i = order[start[j] + inside]
            near = np.bitwise_count(a[i] ^ b[j]) <= bits
            found.append(np.stack([i[near], j[near]], axis=1))
    pairs = np.unique(np.concatenate(found), axis=0)
    return pairs[:, 0], pairs[:, 1]


def _parts(count: int) -> list[tuple[int, int]]:
    """(lowest bit, width) of 64 bits cut into parts of about one width."""
    edges = np.linspace(0, 64, count + 1).round().astype(int).tolist()
    return [(low, high - low) for low, high in pairwise(edges)]


def _blocks(ends: Indices) -> list[tuple[int, int]]:
    """Ranges of rows whose pairs together are about `BLOCK`."""
    rows, blocks, first = len(ends), [], 0
    while first < rows:
        done = ends[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(ends, done + BLOCK, "right")))
        blocks.append((first, last))
        first = last
    return blocks


def _cosines() -> npt.NDArray[np.float32]:
    """[8, 32] the lowest waves of the cosine transform (DCT-II), orthonormal."""
    waves, at = np.arange(KEPT)[:, None], np.arange(SIDE)[None, :]
    basis = np.cos(np.pi * waves * (2 * at + 1) / (2 * SIDE)) * np.sqrt(2.0 / SIDE)
    basis[0] /= np.sqrt(2.0)
    return np.asarray(basis, np.float32)

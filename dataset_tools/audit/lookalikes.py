"""Pictures that two groups share: found by hash, confirmed by pixels.

Every picture is decoded once, small, to be hashed; those with a near hash on the other
side are decoded again, whole, to see whether their pixels are equal.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dataset_tools.audit.groups import Comparison
from dataset_tools.audit.hashes import (
    Hashes,
    Indices,
    grey_copy,
    hashes_of,
    near_hashes,
)
from dataset_tools.audit.leak import Items, Leak, Pair
from dataset_tools.audit.places import leak
from dataset_tools.errors import DatasetToolsError
from dataset_tools.pack.format import Kind
from dataset_tools.pack.read import Pack
from dataset_tools.pictures import DECODING_ERRORS, Pixels

CHUNK = 256
"""Pictures that a worker hashes at a time."""
MOST_MATES = 16
"""Pictures of the other group that one is compared with, of those with one hash."""

Greys = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hashed:
    """The hashes of a pack's pictures of one kind."""

    places: dict[str, int]
    """Id -> place in `hashes`, of pictures that can be compared."""
    hashes: Hashes
    flat: int
    """Pictures with nothing to be seen, which are not compared."""
    damaged: int
    """Pictures that cannot be read."""


def hash_pictures(
    pack: Pack,
    items: Items,
    ids: Sequence[str],
    *,
    pool: Executor | None = None,
    tick: Callable[[int], None],
) -> Hashed:
    """Hash pictures of a pack; those without one, flat and damaged ones are left out.

    Args:
        pack: the pack.
        items: frames or tiles.
        ids: which, sorted.
        pool: processes to hash in; the result does not depend on it.
        tick: told how many pictures were hashed just now.
    """
    kind: Kind = "frame" if items == "frames" else "tile"
    table = pack.frames if items == "frames" else pack.tiles
    stored = table.loc[list(ids), "shard"].notna().to_numpy()
    kept = [i for i, has in zip(ids, stored, strict=True) if has]
    chunks = [kept[k : k + CHUNK] for k in range(0, len(kept), CHUNK)]
    hashes, places, flat, damaged = [], dict[str, int](), 0, 0
    for chunk, (found, is_flat, is_sound) in zip(
        chunks, _hashed(pack, kind, chunks, pool), strict=True
    ):
        good = is_sound & ~is_flat
        flat += int((is_sound & is_flat).sum())
        damaged += int((~is_sound).sum())
        for name in np.array(chunk, object)[good]:
            places[name] = len(places)
        hashes.append(found[good])
        tick(len(chunk))
    joined = np.concatenate(hashes) if hashes else np.zeros(0, np.uint64)
    return Hashed(places=places, hashes=joined, flat=flat, damaged=damaged)


def lookalikes(
    comparison: Comparison,
    items: Items,
    hashed: tuple[Hashed, Hashed],
    *,
    bits: int,
    levels: float,
    skip: frozenset[str],
    worst: int,
) -> list[Leak]:
    """Leaks by equal pixels and by looks.

    Args:
        comparison: the two groups; the same group twice looks for doubles within it.
        items: frames or tiles.
        hashed: of the packs of the two groups.
        bits: hashes that differ by at most this are compared.
        levels: greatest mean difference of near-duplicates, grey levels.
        skip: ids that both groups share.
        worst: how many pairs to name.
    """
    is_one = comparison.a is comparison.b
    sides = [
        _side(g.frames if items == "frames" else g.tiles, h, skip)
        for g, h in zip((comparison.a, comparison.b), hashed, strict=True)
    ]
    candidates = _candidates(sides[0], sides[1], bits=0 if is_one else bits)
    kind: Kind = "frame" if items == "frames" else "tile"
    seen = (_Seen(comparison.a.pack, kind), _Seen(comparison.b.pack, kind))
    same, near = list[Pair](), list[Pair]()
    for a, b in candidates:
        if is_one and a >= b:
            continue
        left, right = seen[0].look(a), seen[1].look(b)
        if left.digest == right.digest:
            same.append(Pair(a=a, b=b))
        elif (away := float(np.abs(left.grey - right.grey).mean())) <= levels:
            near.append(Pair(a=a, b=b, value=away))
    if is_one:
        found = [leak("double", items, comparison, same, worst=worst)]
    else:
        found = [
            leak("same-pixels", items, comparison, same, worst=worst),
            leak("near-duplicate", items, comparison, near, worst=worst),
        ]
    return [one for one in found if one is not None]


@dataclass(frozen=True, slots=True)
class _Look:
    digest: bytes
    grey: Greys


class _Seen:
    """Pictures of a pack looked at once each."""

    def __init__(self, pack: Pack, kind: Kind) -> None:
        self._pack, self._kind = pack, kind
        self._looks: dict[str, _Look] = {}

    def look(self, name: str) -> _Look:
        if name not in self._looks:
            pixels = self._pack.picture(self._kind, name)
            digest = hashlib.sha256(repr(pixels.shape).encode())
            digest.update(pixels.tobytes())
            self._looks[name] = _Look(digest.digest(), grey_copy(pixels))
        return self._looks[name]


_Side = tuple[Hashes, list[list[str]]]
"""Distinct hashes, and the ids that have each."""


def _side(ids: Iterable[str], hashed: Hashed, skip: frozenset[str]) -> _Side:
    names = [i for i in ids if i in hashed.places and i not in skip]
    own = hashed.hashes[[hashed.places[i] for i in names]]
    distinct, inverse = np.unique(own, return_inverse=True)
    members: list[list[str]] = [[] for _ in distinct]
    for name, at in zip(names, inverse, strict=True):
        members[at].append(name)
    return distinct, members


def _candidates(a: _Side, b: _Side, *, bits: int) -> Iterator[tuple[str, str]]:
    """Ids of pictures with near hashes, each of b with a few of a."""
    left: Indices
    left, right = near_hashes(a[0], b[0], bits=bits)
    for i, j in zip(left, right, strict=True):
        for name in b[1][j]:
            yield from zip(a[1][i][:MOST_MATES], repeat(name), strict=False)


_Chunk = tuple[Hashes, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]
"""Hash, whether it is flat and whether it is sound, of each picture."""


def _hashed(
    pack: Pack, kind: Kind, chunks: list[list[str]], pool: Executor | None
) -> Iterator[_Chunk]:
    if pool is None:
        return (_hash_chunk(pack, kind, chunk) for chunk in chunks)
    return pool.map(_hash_in_worker, repeat(pack.path), repeat(kind), chunks)


def _hash_in_worker(path: Path, kind: Kind, ids: list[str]) -> _Chunk:
    with Pack.open(path) as pack:
        return _hash_chunk(pack, kind, ids)


def _hash_chunk(pack: Pack, kind: Kind, ids: list[str]) -> _Chunk:
    greys = np.zeros((len(ids), 32, 32), np.float32)
    sound = np.ones(len(ids), np.bool_)
    for at, name in enumerate(ids):
        try:
            greys[at] = grey_copy(_stored(pack, kind, name))
        except (DatasetToolsError, *DECODING_ERRORS):
            sound[at] = False
    return *hashes_of(greys), sound


def _stored(pack: Pack, kind: Kind, name: str) -> bytes | Pixels:
    if pack.encoding == "baked":
        return pack.picture(kind, name)
    return pack.picture_bytes(kind, name)

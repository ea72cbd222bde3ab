"""Who is compared with whom: the splits of each scheme, or whole packs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import pandas as pd

from dataset_tools.errors import MissingDataError, suggest
from dataset_tools.pack.format import GALLERIES, SPLITS
from dataset_tools.pack.read import Pack


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Frames and tiles that belong together: a split's, or a pack's."""

    name: str
    pack: Pack
    frames: tuple[str, ...]
    """Sorted ids."""
    tiles: tuple[str, ...]
    """Sorted ids: true tiles of the sequences and every listed gallery."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two groups that should share nothing."""

    scheme: str
    """Their split scheme; empty between packs."""
    a: Group
    b: Group


def comparisons(packs: Sequence[Pack], scheme: str | None) -> list[Comparison]:
    """Every two splits of each scheme of one pack, or every two of several packs.

    Args:
        packs: at least one.
        scheme: only this one; "dropped" is no split and is never compared.

    Raises:
        MissingDataError: if a pack has no such scheme, or one pack has no two splits.
    """
    if len(packs) > 1:
        names = _names(packs)
        whole = [_whole(p, n, scheme) for p, n in zip(packs, names, strict=True)]
        return [Comparison(scheme="", a=a, b=b) for a, b in combinations(whole, 2)]
    pack = packs[0]
    found = [
        Comparison(scheme=name, a=a, b=b)
        for name in _schemes(pack, scheme)
        for a, b in combinations(_splits(pack, name), 2)
    ]
    if not found:
        message = (
            f"{pack.path} has no scheme with two splits, so nothing can leak between "
            "them. Give a second pack to compare it with, or build with splits."
        )
        raise MissingDataError(message)
    return found


def _schemes(pack: Pack, scheme: str | None) -> list[str]:
    known = sorted(set(pack.splits["scheme"]))
    if scheme is not None and scheme not in known:
        message = (
            f"The pack {pack.path} has no split scheme {scheme!r}. "
            f"{suggest(scheme, known)}"
        )
        raise MissingDataError(message)
    return known if scheme is None else [scheme]


def _splits(pack: Pack, scheme: str) -> Iterator[Group]:
    rows = pack.splits[pack.splits["scheme"] == scheme]
    for split in SPLITS:
        part = rows[rows["split"] == split]
        if split != "dropped" and len(part):
            yield _group(pack, split, part)


def _whole(pack: Pack, name: str, scheme: str | None) -> Group:
    if scheme is None:
        return Group(
            name=name,
            pack=pack,
            frames=tuple(pack.frames.index),
            tiles=tuple(pack.tiles.index),
        )
    _schemes(pack, scheme)
    rows = pack.splits[pack.splits["scheme"] == scheme]
    return _group(pack, name, rows[rows["split"] != "dropped"])


def _group(pack: Pack, name: str, rows: pd.DataFrame) -> Group:
    queries = rows.loc[rows["kind"] == "sequence", "id"].unique()
    sequences = pack.sequences.loc[queries]
    frames = set(sequences["frame_ids"].explode().dropna())
    tiles = set(sequences["positives"].explode().dropna())
    tiles |= set(rows.loc[rows["kind"].isin(GALLERIES), "id"])
    return Group(
        name=name, pack=pack, frames=tuple(sorted(frames)), tiles=tuple(sorted(tiles))
    )


def _names(packs: Sequence[Pack]) -> list[str]:
    """Names of the packs, or their folders' where two have the same."""
    names = [pack.name for pack in packs]
    return names if len(set(names)) == len(names) else [str(p.path) for p in packs]

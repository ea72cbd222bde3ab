"""A pack, or several, to everything that leaks between their parts."""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from dataset_tools.audit.groups import Comparison, Group, comparisons
from dataset_tools.audit.leak import Items, Leak
from dataset_tools.audit.lookalikes import CHUNK, Hashed, hash_pictures, lookalikes
from dataset_tools.audit.places import same_ground, same_place, shared
from dataset_tools.pack.read import Pack
from dataset_tools.settings.audit import AuditSettings

ITEMS: tuple[Items, ...] = ("frames", "tiles")
Progress = Callable[[int, int], None]
"""Called with pictures hashed and pictures in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """What was compared, and what leaks.

    Attributes:
        comparisons: in the order of schemes and splits.
        leaks: findings first, in the same order.
        flat: pictures without anything to be seen, which were not compared.
        damaged: pictures that could not be read.
    """

    comparisons: tuple[Comparison, ...]
    leaks: tuple[Leak, ...]
    flat: int
    damaged: int

    @property
    def findings(self) -> tuple[Leak, ...]:
        """The leaks that leak: doubles within one group are left out."""
        return tuple(one for one in self.leaks if one.is_finding)


def audit(
    packs: Sequence[Pack],
    settings: AuditSettings,
    *,
    workers: int = 1,
    progress: Progress | None = None,
) -> AuditReport:
    """Compare every two splits of a pack, or every two of several packs.

    Args:
        packs: one or more, open.
        settings: what counts as a leak.
        workers: processes that hash pictures; the result does not depend on it.
        progress: told how far the hashing is.

    Raises:
        MissingDataError: if there is nothing to compare.
    """
    chosen = comparisons(packs, settings.scheme)
    hashed: dict[tuple[Pack, Items], Hashed] = {}
    if not settings.tables_only:
        hashed = _hash_all(chosen, workers=workers, progress=progress)
    leaks = [one for c in chosen for one in _leaks(c, hashed, settings)]
    for scheme, group in _groups(chosen):
        if hashed:
            leaks += _doubles(scheme, group, hashed, settings)
    return AuditReport(
        comparisons=tuple(chosen),
        leaks=tuple(sorted(leaks, key=lambda one: not one.is_finding)),
        flat=sum(h.flat for h in hashed.values()),
        damaged=sum(h.damaged for h in hashed.values()),
    )


def _leaks(
    comparison: Comparison,
    hashed: dict[tuple[Pack, Items], Hashed],
    settings: AuditSettings,
) -> list[Leak]:
    found: list[Leak | None] = []
    for items in ITEMS:
        both = shared(comparison, items, worst=settings.worst)
        # What is told as shared is not told again as near, overlapping and equal.
        skip = frozenset(both.in_a) if both is not None else frozenset[str]()
        found.append(both)
        if items == "frames":
            found.append(
                same_place(
                    comparison,
                    within_m=settings.place_m,
                    skip=skip,
                    worst=settings.worst,
                )
            )
        else:
            found.append(
                same_ground(
                    comparison,
                    above=settings.ground_share,
                    skip=skip,
                    worst=settings.worst,
                )
            )
        if hashed:
            a, b = (hashed[g.pack, items] for g in (comparison.a, comparison.b))
            found += lookalikes(
                comparison,
                items,
                (a, b),
                bits=settings.hash_bits,
                levels=settings.grey_levels,
                skip=skip,
                worst=settings.worst,
            )
    return [one for one in found if one is not None]


def _doubles(
    scheme: str,
    group: Group,
    hashed: dict[tuple[Pack, Items], Hashed],
    settings: AuditSettings,
) -> list[Leak]:
    """Pictures with equal pixels within one group."""
    own = Comparison(scheme=scheme, a=group, b=group)
    return [
        one
        for items in ITEMS
        for one in lookalikes(
            own,
            items,
            (hashed[group.pack, items], hashed[group.pack, items]),
            bits=0,
            levels=0.0,
            skip=frozenset(),
            worst=settings.worst,
        )
    ]


def _groups(chosen: list[Comparison]) -> list[tuple[str, Group]]:
    """Every group once, with its scheme."""
    found = {(c.scheme, g.name): g for c in chosen for g in (c.a, c.b)}
    return [(scheme, group) for (scheme, _), group in found.items()]


def _hash_all(
    chosen: list[Comparison], *, workers: int, progress: Progress | None
) -> dict[tuple[Pack, Items], Hashed]:
    """Hashes of every picture that some comparison needs, each made once."""
    wanted: dict[tuple[Pack, Items], set[str]] = {}
    for comparison in chosen:
        for group in (comparison.a, comparison.b):
            wanted.setdefault((group.pack, "frames"), set()).update(group.frames)
            wanted.setdefault((group.pack, "tiles"), set()).update(group.tiles)
    total, done = sum(map(len, wanted.values())), 0

    def tick(count: int) -> None:
        nonlocal done
        done += count
        if progress is not None:
            progress(done, total)

    with _pool(workers if total > CHUNK else 1) as pool:
        return {
            (pack, items): hash_pictures(pack, items, sorted(ids), pool=pool, tick=tick)
            for (pack, items), ids in wanted.items()
        }


@contextmanager
def _pool(workers: int) -> Iterator[Executor | None]:
    """Fresh processes, or none for a single worker."""
    if workers == 1:
        yield None
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        yield pool

"""By session: no recording is in two splits.

Asks how well a model does on another day. Sessions that share a sequence (passes
joined into one) go together. At a `revisit_buffer_m` of 0 two splits may show the same
place; with a buffer they may not, as in every other scheme.
"""

from collections.abc import Iterable, Mapping

from scipy.cluster.hierarchy import DisjointSet

from dataset_tools.errors import UsageError
from dataset_tools.records import Frame, Sequence, Tile
from dataset_tools.splits.apart import Distance, Wanted, settle
from dataset_tools.splits.groups import share_out, until_full, with_validation
from dataset_tools.splits.rows import SplitOutcome
from dataset_tools.splits.rule import SplitRule
from dataset_tools.splits.world import World


def by_session(
    sequences: Iterable[Sequence],
    frames_by_id: Mapping[str, Frame],
    tiles: Iterable[Tile],
    rule: SplitRule,
    *,
    scheme: str = "session",
) -> SplitOutcome:
    """Whole sessions in train, val and test.

    With two sessions validation is a part of the places of the training one.

    Args:
        sequences: queries with their positives.
        frames_by_id: every frame of the sequences.
        tiles: positives and, for the open gallery, other tiles.
        rule: buffer between revisits, shares, seed.
        scheme: name of this way of splitting in the pack.

    Raises:
        UsageError: if there is one session only, or a wanted split stays empty.
    """
    world = World.of(sequences, frames_by_id, tiles, tile_side_m=rule.tile_side_m)
    session = sessions_of(world)
    sizes = {name: session.count(name) for name in sorted(set(session))}
    if len(sizes) < 2:
        only = next(iter(sizes), "none")
        raise UsageError(
            f"All {len(session)} sequences are of one session, {only!r}, or share "
            "frames with it, so none can be held out. Give more drives, or another "
            "--split-scheme such as area."
        )
    distance = Distance(buffer_m=rule.revisit_m, meet=True)

    def attempt(number: int) -> SplitOutcome:
        split = share_out(sizes, rule, attempt=number)
        wanted = Wanted(split=[split[name] for name in session])
        wanted = with_validation(world, wanted, rule, attempt=number)
        return settle(world, wanted, distance, scheme=scheme, thin_m=rule.thin_m)

    told = (
        f"{len(session)} sequences of {len(sizes)} sessions and a buffer of "
        f"{rule.revisit_m:g} m. Lower --revisit-buffer-m; at 0 another day of the same "
        "place may be tested"
    )
    return until_full(attempt, rule, told=told)


def sessions_of(world: World) -> list[str]:
    """[Q] the session of each sequence; the first of those that share a sequence."""
    named = [
        sorted({world.frames[f].session_id for f in s.frame_ids})
        for s in world.sequences
    ]
    together = DisjointSet(name for names in named for name in names)
    for first, *rest in named:
        for name in rest:
            together.merge(first, name)
    first_of: dict[str, str] = {}
    for name in sorted(name for names in named for name in names):
        first_of.setdefault(together[name], name)
    return [first_of[together[names[0]]] for names in named]

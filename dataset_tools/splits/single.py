"""Everything in one split, as for a held-out region."""

from collections.abc import Iterable, Mapping

from dataset_tools.errors import UsageError
from dataset_tools.records import Frame, Sequence, Tile
from dataset_tools.splits.rows import PRIORITY, THIN_M, SplitOutcome, rows_of
from dataset_tools.splits.world import World


def single_split(
    sequences: Iterable[Sequence],
    frames_by_id: Mapping[str, Frame],
    tiles: Iterable[Tile],
    *,
    split: str = "test",
    scheme: str = "area",
    thin_m: float = THIN_M,
) -> SplitOutcome:
    """Everything in one split, as for a held-out region.

    Args:
        sequences: queries with their positives.
        frames_by_id: every frame of the sequences.
        tiles: positives and, for the open gallery, other tiles.
        split: train, val or test.
        scheme: name of this way of splitting in the pack.
        thin_m: least distance of centres in the thinned gallery, metres.

    Raises:
        UsageError: if there is no such split or a frame is missing.
    """
    if split not in PRIORITY:
        raise UsageError(f"There is no split {split!r}; use train, val or test.")
    world = World.of(sequences, frames_by_id, tiles, tile_side_m=0.0)
    members = {split: list(world.sequences)}
    others = {split: world.others}
    rows = rows_of(members, world.tiles, others, scheme=scheme, thin_m=thin_m)
    return SplitOutcome(rows=sorted(rows))

"""How well a model ranks the validation split; the best checkpoint is chosen by it."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from geobench.data.dataset import PackDataset, TileDataset
from geobench.data.prepare import PictureStore
from geobench.embed import embed_queries, embed_tiles
from geobench.errors import DataError
from geobench.model import Batch, CrossViewModel
from geobench.retrieval import rank_references

if TYPE_CHECKING:
    from dataset_tools.pack.read import Pack
    from geobench.training.settings import TrainSettings


class Validation:
    """Queries and galleries of the validation split, a pair for each pack with one."""

    def __init__(
        self,
        packs: "Sequence[Pack]",
        settings: "TrainSettings",
        *,
        store: PictureStore,
        max_frames: int,
    ) -> None:
        """Read the tables; packs without validation queries are left out.

        Raises:
            DataError: if a query's positive is not in the gallery.
        """
        self._parts = []
        scheme, split = settings.scheme, settings.val_split
        for pack in packs:
            queries = PackDataset(
                pack, scheme=scheme, split=split, store=store, max_frames=max_frames
            )
            if len(queries):
                ids = pack.split_ids(scheme, split, settings.val_gallery)
                tiles = TileDataset(pack, ids, store=store)
                self._parts.append((queries, tiles, _positives(pack, queries, tiles)))

    def __bool__(self) -> bool:
        return bool(self._parts)

    def iterate(self, batch_size: int, *, device: torch.device) -> Iterator[Batch]:
        """All batches of queries with their tiles, in order, not augmented."""
        for queries, _, _ in self._parts:
            yield from queries.iterate(batch_size, device=device)

    def measure(
        self, model: CrossViewModel, *, batch_size: int, device: torch.device
    ) -> dict[str, float] | None:
        """`recall@1` and `mean_reciprocal_rank` over all queries, or None without any.

        Each query is ranked in its own pack's gallery. The model is put back into
        training mode if it was in it.
        """
        if not self._parts:
            return None
        ranks = []
        for queries, tiles, positives in self._parts:
            found = embed_queries(model, queries, batch_size=batch_size, device=device)
            gallery = embed_tiles(model, tiles, batch_size=batch_size, device=device)
            ranks.append(rank_references(found, gallery, positives, top=1).ranks)
        rank = np.concatenate(ranks)
        return {
            "recall@1": float(np.mean(rank == 0)),
            "mean_reciprocal_rank": float(np.mean(1.0 / (rank + 1.0))),
        }


def _positives(
    pack: "Pack", queries: PackDataset, tiles: TileDataset
) -> list[np.ndarray]:
    column = {tile_id: at for at, tile_id in enumerate(tiles.tile_ids)}
    true = pack.sequences.loc[queries.sequence_ids, "positives"]
    found = [
        np.array([column[t] for t in ids if t in column], np.int64) for ids in true
    ]
    lost = [i for i, f in zip(queries.sequence_ids, found, strict=True) if not len(f)]
    if lost:
        raise DataError(
            f"{len(lost)} validation queries of pack {pack.name!r}, first {lost[0]!r}, "
            "have no positive in the validation gallery. Choose another val_gallery "
            "(kind 'tile' holds every positive)."
        )
    return found

"""Packs as batches: pictures prepared once in memory, gathered by index.

`PackDataset` holds the sequences of a split (queries with their tiles), `TileDataset`
a gallery. Both gather uint8 pictures and turn them into normalised float batches.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Generator, Tensor

from geobench.data.prepare import Images, PictureStore, empty_colour
from geobench.data.queries import (
    FrameChoice,
    QueryTable,
    read_queries,
    tangent_plane_m,
)
from geobench.data.sampling import Share
from geobench.data.transforms import disturb_colours, draw_colours
from geobench.model import Batch, InputSpec

if TYPE_CHECKING:
    from dataset_tools.pack.read import Pack

__all__ = ["FrameChoice", "PackDataset", "TileDataset", "normalise", "slices"]

CPU = torch.device("cpu")
Index = npt.NDArray[np.int64]


class PackDataset:
    """The sequences of one split, over one or several packs, with their tiles."""

    def __init__(
        self,
        packs: "Pack | Sequence[Pack]",
        *,
        scheme: str,
        split: str,
        store: PictureStore,
        max_frames: int = 1,
        frames: FrameChoice | None = None,
        gallery: str | None = None,
    ) -> None:
        """Read the tables; pictures are prepared at their first use.

        Args:
            packs: one pack or several; rows follow their order, then sorted ids.
            scheme: of `splits.parquet`.
            split: of `splits.parquet`; may hold nothing in some of the packs.
            store: prepares and keeps the pictures; knows the model's input.
            max_frames: T of every batch; of a longer sequence the middle T frames
                are used, so a model with 1 sees the middle frame.
            frames: which of them a test may see, or None for all.
            gallery: leave out sequences without a positive in this gallery.
        """
        self.packs = list(packs) if isinstance(packs, Sequence) else [packs]
        self.spec: InputSpec = store.spec
        self._store = store
        self._tables = [
            read_queries(
                p,
                scheme=scheme,
                split=split,
                max_frames=max_frames,
                frames=frames,
                gallery=gallery,
            )
            for p in self.packs
        ]
        tables = self._tables
        self.sequence_ids = [i for t in tables for i in t.sequence_ids]
        self.tile_ids = [i for t in tables for i in t.tile_ids]
        """[N] the positive tile of each sequence."""
        self.ecef_m = np.concatenate([t.ecef_m for t in tables])
        """[N, 3] Earth-centred positions of the queries, metres."""
        self.position_m = tangent_plane_m(self.ecef_m)
        self.projection = [p for t in tables for p in t.projection]
        self._mask = np.concatenate([t.frame_mask for t in tables])
        self._heading = np.concatenate([t.heading_deg for t in tables])
        self._offset = np.concatenate([t.offset_m for t in tables])
        self._frame_row = _shifted(tables, "frame_row", "frames_used")
        self._tile_row = _shifted(tables, "tile_row", "tiles_used")
        self._semi = _semi_positives(tables)
        if self.spec.north_canvas:
            self.projection = ["equirectangular"] * len(self)
            real = np.concatenate([t.frame_real for t in tables])
            self._heading = np.where(real, 0.0, np.nan).astype(np.float32)

    def __len__(self) -> int:
        return len(self.sequence_ids)

    def batch(
        self,
        indices: Index | Sequence[int],
        *,
        generator: Generator | None = None,
        semantic: str = "none",
        device: torch.device = CPU,
        share: Share | None = None,
    ) -> Batch:
        """A batch as `geobench.model.Batch` describes, float32 and normalised.

        `heading_deg` is the bearing of a picture's middle column: 0 on a canvas, and
        the projection there is "equirectangular". Beside the keys of `Batch`:
        "polar" (bool, what the tiles are) and "semi_tile_id" (list; equal to
        "tile_id" where a sequence has no semi-positive and its positive stands in).

        Args:
            indices: [B] positions in this data set.
            generator: on the CPU; draws the semi-positives and the augmentation.
                Without one the first semi-positive is taken.
            semantic: strength of `semantic_augmentation`, drawn for each picture.
            device: where the tensors shall be.
            share: make only these rows of the batch; draws are made for all of it, so
                that a sample does not depend on who makes it.
        """
        whole = np.asarray(indices, np.int64)
        share = share or Share.whole(len(whole))
        at = whole[share.rows]
        semi = [self._draw_semi(i, generator) for i in whole][share.rows]
        views = {
            "ground": self._ground(at),
            "satellite": self._tiles(self._tile_row[at]),
            "semi_satellite": self._tiles(np.array([s[0] for s in semi], np.int64)),
        }
        images = {
            key: self._finish(
                key,
                view.to(device),
                semantic=semantic,
                draw=generator,
                share=share,
            )
            for key, view in views.items()
        }
        numbers = {
            "frame_mask": self._mask[at],
            "offset_m": self._offset[at],
            "semi_offset_m": np.array([s[1] for s in semi], np.float32).reshape(-1, 2),
            "position_m": self.position_m[at],
            "heading_deg": self._heading[at],
        }
        return {
            **images,
            **{key: torch.from_numpy(v).to(device) for key, v in numbers.items()},
            "projection": [self.projection[i] for i in at],
            "polar": self.spec.polar,
            "sequence_id": [self.sequence_ids[i] for i in at],
            "tile_id": [self.tile_ids[i] for i in at],
            "semi_tile_id": [s[2] for s in semi],
        }

    def queries(
        self, indices: Index, *, device: torch.device = CPU
    ) -> tuple[Tensor, Tensor]:
        """(ground [B, T, 3, H, W], frame_mask [B, T]); no tile is prepared for it."""
        ground = self._ground(indices).to(device)
        mask = torch.from_numpy(self._mask[indices]).to(device)
        return normalise(ground.flatten(0, 1), self.spec).view(ground.shape), mask

    def prepare_ground(self) -> None:
        """Prepare the ground pictures now, so that timing what follows is fair."""
        _ = self._frames

    def iterate(
        self, batch_size: int, *, device: torch.device = CPU
    ) -> Iterator[Batch]:
        """All batches in order, without augmentation."""
        for index in slices(len(self), batch_size):
            yield self.batch(index, device=device)

    @cached_property
    def _frames(self) -> "_Gatherer":
        used = zip(self.packs, self._tables, strict=True)
        return _Gatherer([self._store.get(p, "frame", t.frames_used) for p, t in used])

    @cached_property
    def _tiles(self) -> "_Gatherer":
        used = zip(self.packs, self._tables, strict=True)
        return _Gatherer([self._store.get(p, "tile", t.tiles_used) for p, t in used])

    def _ground(self, at: Index) -> Tensor:
        """uint8 [B, T, 3, H, W]; what is in an unseen slot does not matter."""
        rows = self._frame_row[at]
        return self._frames(rows.ravel()).unflatten(0, rows.shape)

    def _finish(
        self,
        key: str,
        images: Tensor,
        *,
        semantic: str,
        draw: Generator | None,
        share: Share,
    ) -> Tensor:
        """Float images, augmented and normalised; unseen canvas stays at 0."""
        flat = images.flatten(0, -4)
        if semantic == "none" or draw is None:
            return normalise(flat, self.spec).view(images.shape)
        each = images.shape[1] if images.ndim == 5 else 1
        draws = draw_colours(share.total * each, draw, strength=semantic)
        own = draws[share.start * each : share.stop * each]
        out = normalise(disturb_colours(flat, own, strength=semantic), self.spec)
        if key == "ground" and self.spec.north_canvas:
            empty = torch.from_numpy(empty_colour(self.spec)).to(flat.device)
            unseen = (flat == empty[:, None, None]).all(1, keepdim=True)
            out.masked_fill_(unseen, 0.0)
        return out.view(images.shape)

    def _draw_semi(
        self, index: int, draw: Generator | None
    ) -> tuple[int, tuple[float, float], str]:
        """(row, (east_m, north_m), tile_id) of a semi-positive, or of the positive."""
        semi = self._semi[index]
        if not semi:
            east, north = self._offset[index]
            row = int(self._tile_row[index])
            return row, (float(east), float(north)), self.tile_ids[index]
        if draw is None:
            return semi[0]
        return semi[int(torch.randint(len(semi), (1,), generator=draw))]


class TileDataset:
    """A gallery: the satellite tiles of given ids, in their order."""

    def __init__(
        self, pack: "Pack", tile_ids: Sequence[str], *, store: PictureStore
    ) -> None:
        """Remember which tiles; they are prepared at their first use."""
        self.pack = pack
        self.tile_ids = list(tile_ids)
        self.spec: InputSpec = store.spec
        self._store = store

    def __len__(self) -> int:
        return len(self.tile_ids)

    def prepare(self) -> None:
        """Prepare the tiles now, so that timing what follows is fair."""
        _ = self._tiles

    @cached_property
    def _tiles(self) -> "_Gatherer":
        return _Gatherer([self._store.get(self.pack, "tile", self.tile_ids)])

    def batch(self, indices: Index, *, device: torch.device = CPU) -> Tensor:
        """Normalised tiles, float32 [B, 3, H, W]."""
        return normalise(self._tiles(indices).to(device), self.spec)


def normalise(images: Tensor, spec: InputSpec) -> Tensor:
    """Images [N, 3, H, W] as (value - mean) / std, float32.

    Args:
        images: uint8, or float in [0, 1].
        spec: holds mean and std of each channel, in units of [0, 1].
    """
    scale = 255.0 if images.dtype == torch.uint8 else 1.0
    std = torch.tensor(spec.std, device=images.device)[:, None, None]
    mean = torch.tensor(spec.mean, device=images.device)[:, None, None]
    return images.float().mul_(1.0 / (scale * std)).sub_(mean / std)


def slices(count: int, batch_size: int) -> Iterator[Index]:
    """Indices 0 to count - 1 in order, batch by batch."""
    for start in range(0, count, batch_size):
        yield np.arange(start, min(start + batch_size, count))


class _Gatherer:
    """Pictures of several packs under one row number."""

    def __init__(self, arrays: list[Images]) -> None:
        self._arrays = arrays
        self._start = np.cumsum([0, *(len(a) for a in arrays)])

    def __call__(self, rows: Index) -> Tensor:
        """Rows [n] to uint8 [n, 3, H, W]."""
        if len(self._arrays) == 1:
            return torch.from_numpy(self._arrays[0][rows])
        out = np.empty((len(rows), *self._arrays[0].shape[1:]), np.uint8)
        which = np.searchsorted(self._start, rows, side="right") - 1
        for index in np.unique(which):
            chosen = which == index
            out[chosen] = self._arrays[index][rows[chosen] - self._start[index]]
        return torch.from_numpy(out)


def _shifted(tables: list[QueryTable], rows: str, used: str) -> Index:
    """Row numbers of all tables, counted on from those of the packs before."""
    parts, start = [], 0
    for table in tables:
        parts.append(getattr(table, rows) + start)
        start += len(getattr(table, used))
    return np.concatenate(parts)


def _semi_positives(
    tables: list[QueryTable],
) -> list[list[tuple[int, tuple[float, float], str]]]:
    """(row, (east_m, north_m), tile_id) of every semi-positive of every sequence."""
    found, start = [], 0
    for table in tables:
        for rows, offsets in zip(table.semi_rows, table.semi_offsets_m, strict=True):
            pairs = zip(rows, offsets, strict=True)
            found.append([(r + start, o, table.tiles_used[r]) for r, o in pairs])
        start += len(table.tiles_used)
    return found

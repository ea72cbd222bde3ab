"""The sequences of one split as plain arrays: which pictures each of them needs.

Pictures are numbered within the pack's own sorted list of those that are used, so
that each is prepared once however many sequences share it. Nothing here needs torch.
"""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from dataset_tools.geodesy import ecef_m
from geobench.errors import ConfigError, DataError

if TYPE_CHECKING:
    import pandas as pd

    from dataset_tools.pack.read import Pack

Keep = Literal["centre-out", "first", "random"]


@dataclass(frozen=True, kw_only=True)
class FrameChoice:
    """Which frames of a sequence a test may see; the others are masked in place."""

    count: int
    keep: Keep = "centre-out"
    """Nearest to the middle, the first ones, or a seeded draw; more frames always
    contain those of a smaller count."""
    seed: int = 0

    def mask(self, length: int, sequence_id: str) -> npt.NDArray[np.bool_]:
        """[length] bool, True for the frames kept; all of a shorter sequence.

        >>> FrameChoice(count=3).mask(7, "a").astype(int).tolist()
        [0, 0, 1, 1, 1, 0, 0]

        Raises:
            ConfigError: if the count is below 1 or `keep` is unknown.
        """
        if self.count < 1:
            raise ConfigError(f"A query needs at least 1 frame, got {self.count}.")
        if self.keep == "centre-out":
            away = np.abs(np.arange(length) - middle(length))
            order = np.argsort(away, kind="stable")
        elif self.keep == "first":
            order = np.arange(length)
        elif self.keep == "random":
            name = zlib.crc32(sequence_id.encode())
            order = np.random.default_rng([self.seed, name]).permutation(length)
        else:
            raise ConfigError(
                f"Unknown frame choice {self.keep!r}, expected 'centre-out', 'first' "
                "or 'random'."
            )
        kept = np.zeros(length, np.bool_)
        kept[order[: self.count]] = True
        return kept


@dataclass(frozen=True, kw_only=True)
class QueryTable:
    """N sequences of one pack with T frame slots each."""

    sequence_ids: list[str]
    tile_ids: list[str]
    """[N] the positive tile of each."""
    frames_used: list[str]
    """Sorted ids of the ground pictures that any of the sequences needs."""
    tiles_used: list[str]
    """Sorted ids of all positive and semi-positive tiles."""
    frame_row: npt.NDArray[np.int64]
    """[N, T] position in `frames_used`; 0 in an empty slot."""
    frame_real: npt.NDArray[np.bool_]
    """[N, T] whether the slot holds a frame of the sequence."""
    frame_mask: npt.NDArray[np.bool_]
    """[N, T] whether the model may see it: real and chosen."""
    heading_deg: npt.NDArray[np.float32]
    """[N, T] bearing of the middle column, NaN where unknown."""
    projection: list[str]
    """[N] "equirectangular" if all frames are, else "perspective"."""
    tile_row: npt.NDArray[np.int64]
    """[N] position of the positive in `tiles_used`."""
    semi_rows: list[list[int]]
    """[N] positions of the semi-positives in `tiles_used`, any number."""
    offset_m: npt.NDArray[np.float32]
    """[N, 2] (east, north) of the positive's centre from the query, NaN if unknown."""
    semi_offsets_m: list[list[tuple[float, float]]]
    ecef_m: npt.NDArray[np.float64]
    """[N, 3] Earth-centred positions of the queries, metres."""


def read_queries(
    pack: "Pack",
    *,
    scheme: str,
    split: str,
    max_frames: int,
    frames: FrameChoice | None = None,
    gallery: str | None = None,
) -> QueryTable:
    """The sequences of a split, sorted by id.

    Args:
        pack: an open pack.
        scheme: of `splits.parquet`.
        split: of `splits.parquet`; may hold nothing in this pack.
        max_frames: T; of a longer sequence the T frames around the query's own one are
            used.
        frames: which of them may be seen, or None for all.
        gallery: leave out the sequences that have no positive in this gallery of the
            split, which no rank can be given.

    Raises:
        DataError: if a sequence has no positive tile.
    """
    ids = pack.split_ids(scheme, split, "sequence")
    if gallery is not None:
        there = set(pack.split_ids(scheme, split, gallery))
        lists = pack.sequences.loc[ids, "positives"]
        ids = [str(i) for i, p in lists.items() if not there.isdisjoint(map(str, p))]
    table = pack.sequences.loc[ids]
    windows = _windows(pack, table, max_frames)
    positives = [
        _own_tile(pack.name, str(i), list(p)) for i, p in table["positives"].items()
    ]
    semis = [[str(s) for s in semi] for semi in table["semi_positives"]]
    known = [
        {str(o["tile_id"]): (float(o["east_m"]), float(o["north_m"])) for o in given}
        for given in table["offsets"]
    ]
    unknown = (float("nan"), float("nan"))
    own = [o.get(t, unknown) for t, o in zip(positives, known, strict=True)]
    frames_used, frame_number = _number(f for w in windows for f in w)
    tiles_used, tile_number = _number(
        [*positives, *(s for semi in semis for s in semi)]
    )
    slots = _slots(windows, frame_number, max_frames)
    heading, projection = _directions(pack.frames.loc[frames_used], slots)
    return QueryTable(
        sequence_ids=ids,
        tile_ids=positives,
        frames_used=frames_used,
        tiles_used=tiles_used,
        frame_row=np.maximum(slots, 0),
        frame_real=slots >= 0,
        frame_mask=_visible(ids, slots, frames),
        heading_deg=heading,
        projection=projection,
        tile_row=np.array([tile_number[t] for t in positives], np.int64),
        semi_rows=[[tile_number[t] for t in semi] for semi in semis],
        offset_m=np.array(own, np.float32).reshape(-1, 2),
        semi_offsets_m=[
            [o.get(t, unknown) for t in semi]
            for semi, o in zip(semis, known, strict=True)
        ],
        ecef_m=ecef_m(table["lat"].to_numpy(float), table["lon"].to_numpy(float)),
    )


def middle(length: int) -> int:
    """Index of the middle frame; of the earlier one if there are two.

    >>> middle(7), middle(6), middle(1)
    (3, 2, 0)
    """
    return (length - 1) // 2


def tangent_plane_m(position_m: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """[N, 3] Earth-centred to [N, 2] (east, north) on the plane touching their mean.

    Distances are right to 1 in 8,000 within 100 km of the mean, since the plane sees
    them foreshortened by the cosine of the angle between.
    """
    if not len(position_m):
        return np.empty((0, 2), np.float32)
    origin = position_m.mean(0)
    x, y, z = origin / np.linalg.norm(origin)
    flat = max(float(np.hypot(x, y)), 1e-12)
    east = np.array([-y, x, 0.0]) / flat
    north = np.cross([x, y, z], east)
    plane = (position_m - origin) @ np.stack([east, north], 1)
    return np.asarray(plane, np.float32)


def _windows(pack: "Pack", table: "pd.DataFrame", max_frames: int) -> list[list[str]]:
    """The frames of each sequence, of one longer than a model can take some of them.

    These lie around the frame at the query's position: the middle one, but in a
    sequence of variable length or of several passes any.
    """
    windows = [[str(f) for f in w] for w in table["frame_ids"]]
    long = [i for i, w in enumerate(windows) if len(w) > max_frames]
    flat = pack.frames.loc[[f for i in long for f in windows[i]], ["lat", "lon"]]
    places = ecef_m(flat["lat"].to_numpy(float), flat["lon"].to_numpy(float))
    queries = ecef_m(table["lat"].to_numpy(float), table["lon"].to_numpy(float))
    begin = 0
    for i in long:
        length = len(windows[i])
        own = _own_frame(places[begin : begin + length] - queries[i])
        begin += length
        start = min(max(0, own - middle(max_frames)), length - max_frames)
        windows[i] = windows[i][start : start + max_frames]
    return windows


def _own_frame(offsets_m: npt.NDArray[np.float64]) -> int:
    """Number of the frame at the query's position; of several the middlemost.

    Args:
        offsets_m: [T, 3] frames minus query; NaN where a position is unknown.
    """
    away = np.linalg.norm(offsets_m, axis=1)
    nearest = np.nanmin(away, initial=np.inf)
    # What is unknown everywhere leaves all frames, and so the middle one.
    near = np.flatnonzero(~(away > nearest + 1e-3))
    return int(near[np.argmin(np.abs(near - middle(len(away))))])


def _own_tile(pack: str, sequence_id: str, positives: list[str]) -> str:
    if not positives:
        raise DataError(
            f"Sequence {sequence_id!r} of pack {pack!r} has no positive tile, expected "
            "at least one. Run `geobench data check` on the pack and build it again."
        )
    return str(positives[0])


def _number(ids: Iterable[str]) -> tuple[list[str], dict[str, int]]:
    ordered = sorted(set(ids))
    return ordered, {name: row for row, name in enumerate(ordered)}


def _slots(
    windows: list[list[str]], number: dict[str, int], max_frames: int
) -> npt.NDArray[np.int64]:
    """[N, T] rows of the frames, -1 in the empty slots at the end."""
    slots = np.full((len(windows), max_frames), -1, np.int64)
    for row, window in zip(slots, windows, strict=True):
        row[: len(window)] = [number[f] for f in window]
    return slots


def _visible(
    ids: list[str], slots: npt.NDArray[np.int64], choice: FrameChoice | None
) -> npt.NDArray[np.bool_]:
    real = slots >= 0
    if choice is None:
        return real
    visible = np.zeros_like(real)
    for row, sequence_id, length in zip(visible, ids, real.sum(1), strict=True):
        row[:length] = choice.mask(int(length), sequence_id)
    return visible


def _directions(
    frames: "pd.DataFrame", slots: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float32], list[str]]:
    """`heading_deg` [N, T] and `projection` [N] of the slots."""
    real = slots >= 0
    # One more row, so that slot -1 reads an unknown heading and any projection.
    heading = np.append(
        frames["heading_deg"].to_numpy(np.float32, na_value=np.nan), np.nan
    )
    around = np.append((frames["projection"] == "equirectangular").to_numpy(bool), True)
    whole = np.asarray((around[slots] | ~real).all(1) & real.any(1))
    kinds = ["equirectangular" if w else "perspective" for w in whole.tolist()]
    return heading[slots].astype(np.float32), kinds

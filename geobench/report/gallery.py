"""Hits and misses to look at: the query's frames and the first tiles, with metres.

Which queries are shown is a rule, not a choice: hits evenly spread over the sorted
ids, misses evenly spread from the nearest to the farthest wrong answer.
"""

import base64
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dataset_tools.geodesy import distance_m
from dataset_tools.pack.read import Pack
from geobench.report.sources import Entry, Ranks

SHOWN = 5
"""Tiles shown for a query, from the first place on."""
MAX_FRAMES = 7
FRAME_PX = (240, 96)
TILE_PX = (128, 128)
"""Largest width and height of a small picture, pixels."""
JPEG_QUALITY = 72


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameView:
    """One picture of the query."""

    uri: str
    alt: str
    used: bool
    """False where the model was fed the middle frame only and this is another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TileView:
    """One tile of the answer: its place, and what it is to the query."""

    uri: str
    alt: str
    place: int
    """1 is the first place."""
    relation: str
    """"true", "overlaps" (a semi-positive) or "wrong"."""
    score: float | None
    distance_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One query with the model's answer."""

    query_id: str
    hit: bool
    place: int
    """Place of the best true tile, 1 is the first."""
    error_m: float | None
    """Metres from the query to the first tile's centre, None where unknown."""
    stratum: str
    frames: list[FrameView]
    tiles: list[TileView]
    extra: TileView | None
    """The true tile, where it is not among those shown."""


def make_cards(
    pack: Pack, entry: Entry, ranks: Ranks, *, hits: int = 3, misses: int = 3
) -> list[Card]:
    """Cards of some hits, then of some misses.

    Args:
        pack: the pack that was tested on.
        entry: the result, which says what the model was fed.
        ranks: its ranks [Q] with the first tiles of each query.
        hits: how many hits at most, 0 or more.
        misses: how many misses at most, 0 or more.
    """
    chosen = choose(ranks, hits=hits, misses=misses)
    return [_card(pack, entry, ranks, index=index) for index in chosen]


def choose(ranks: Ranks, *, hits: int, misses: int) -> list[int]:
    """Rows of the ranks to show: hits by id, then misses by distance."""
    ids = np.asarray(ranks.query_ids)
    right = np.flatnonzero(ranks.rank == 0)
    wrong = np.flatnonzero(ranks.rank > 0)
    right = right[np.argsort(ids[right], kind="stable")]
    far = np.nan_to_num(ranks.error_m[wrong], nan=np.inf)
    wrong = wrong[np.lexsort((ids[wrong], ranks.rank[wrong], far))]
    return _spread(right, hits) + _spread(wrong, misses)


def _spread(rows: npt.NDArray[np.int64], count: int) -> list[int]:
    """`count` rows at even steps, the first and the last included."""
    if len(rows) <= count:
        return [int(r) for r in rows]
    if count < 1:
        return []
    steps = np.linspace(0, len(rows) - 1, count).round().astype(np.int64)
    return [int(r) for r in rows[steps]]


def _card(pack: Pack, entry: Entry, ranks: Ranks, *, index: int) -> Card:
    query_id = ranks.query_ids[index]
    query = pack.sequences.loc[query_id]
    answers = list(zip(ranks.top_ids[index], ranks.top_scores[index], strict=True))
    tiles = [
        _tile(pack, query, tile_id, place=place, score=score)
        for place, (tile_id, score) in enumerate(answers[:SHOWN], start=1)
    ]
    place, error = int(ranks.rank[index]) + 1, float(ranks.error_m[index])
    positives = sorted(query["positives"])
    extra = None
    if positives and not any(t.relation == "true" for t in tiles):
        extra = _tile(pack, query, positives[0], place=place, score=None)
    return Card(
        query_id=query_id,
        hit=place == 1,
        place=place,
        error_m=None if np.isnan(error) else error,
        stratum=str(query["stratum"]) if isinstance(query["stratum"], str) else "",
        frames=_frames(pack, entry, list(query["frame_ids"])),
        tiles=tiles,
        extra=extra,
    )


def _frames(pack: Pack, entry: Entry, frame_ids: list[str]) -> list[FrameView]:
    only_middle = entry.content["model"].get("variant", {}).get("query") == "centre"
    middle = (len(frame_ids) - 1) // 2
    steps = np.linspace(0, len(frame_ids) - 1, min(len(frame_ids), MAX_FRAMES))
    shown = sorted({int(s) for s in steps.round()} | {middle})
    return [
        FrameView(
            uri=small_jpeg(pack.picture("frame", frame_ids[i]), FRAME_PX),
            alt=f"Ground picture {i + 1} of {len(frame_ids)}, frame {frame_ids[i]}",
            used=not only_middle or i == middle,
        )
        for i in shown
    ]


def _tile(
    pack: Pack, query: Any, tile_id: str, *, place: int, score: float | None
) -> TileView:
    tile = pack.tiles.loc[tile_id]
    far = float(distance_m(query["lat"], query["lon"], tile["lat"], tile["lon"]))
    relation = "wrong"
    if tile_id in list(query["positives"]):
        relation = "true"
    elif tile_id in list(query["semi_positives"]):
        relation = "overlaps"
    meaning = {"true": "the true tile", "overlaps": "contains the position, off centre"}
    said = meaning.get(relation, "a wrong tile")
    return TileView(
        uri=small_jpeg(pack.picture("tile", tile_id), TILE_PX),
        alt=f"Satellite tile at place {place}, {said}, {far:.0f} m from the query",
        place=place,
        relation=relation,
        score=score,
        distance_m=far,
    )


def small_jpeg(picture: npt.NDArray[np.uint8], limit_px: tuple[int, int]) -> str:
    """A picture as a data URI.

    Args:
        picture: uint8 [H, W, 3].
        limit_px: (width, height) it is shrunk to fit, never enlarged.
    """
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(picture))
    image.thumbnail(limit_px, Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=JPEG_QUALITY, optimize=True)
    return data_uri(buffer.getvalue(), "image/jpeg")


def data_uri(content: bytes, kind: str) -> str:
    """Bytes as a `data:` address, so that the page is one file."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"

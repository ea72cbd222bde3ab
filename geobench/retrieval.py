"""Exact retrieval: two sets of vectors in, ranks out.

The score is the cosine. A rank is the number of wrong references that score at
least as high as the best true one, so ties count against the model and identical
vectors score nothing. A zero vector has no direction: it ties with everything.

The product is formed in float32 tiles, never as the whole Q x R matrix. Whatever
lies within float32's rounding of a true reference is scored again in float64, so
that neither the tile size nor the number of threads can move a rank.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from geobench.errors import EmbeddingError, MetricError
from geobench.vectors import UnitVectors, pair_scores, slices

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

QUERIES_PER_TILE = 1024
REFERENCES_PER_QUERY = 4
"""A tile is [block, 4 * block] float32: 16 MiB by default, good for caches and BLAS."""
EXACT_TIE = 1e-12
"""Two float64 cosines closer than this are equal: 2,048 roundings of unit size."""
SPARE = 16
"""Candidates kept beyond the top list, so that near-ties at its end are settled."""


@dataclass(frozen=True)
class Ranking:
    """Where the true references of each query came; P pairs of query and positive."""

    ranks: Ints
    """[Q] wrong references scoring at least as high as the best positive; 0 is best."""
    strict_ranks: Ints
    """[Q] wrong references scoring strictly higher: the field's rule, ties for free."""
    tied: Bools
    """[Q] whether a wrong reference ties with the best positive."""
    best_score: Floats
    """[Q] cosine of the best positive; -inf where a zero vector ties with all."""
    positive_ranks: Ints
    """[P] as `ranks`, for every positive of every query, query by query."""
    positive_starts: Ints
    """[Q] first pair of each query in `positive_ranks`."""
    top_index: Ints
    """[Q, min(top, R)] columns of the highest scores; a true one last among equals."""
    top_score: npt.NDArray[np.float32]
    """[Q, min(top, R)] their cosines."""
    first_tied: Bools
    """[Q] whether several references share the first place."""


def rank_references(
    query: npt.NDArray[np.floating],
    reference: npt.NDArray[np.floating],
    positives: Sequence[npt.ArrayLike],
    *,
    top: int = 10,
    block: int = QUERIES_PER_TILE,
) -> Ranking:
    """Rank of the best true reference of every query, exactly.

    Args:
        query: [Q, D] vectors of any length, finite.
        reference: [R, D] vectors of any length, finite.
        positives: Q lists of columns of `reference` that are true, none empty.
        top: length of the list of best references kept per query, at least 1.
        block: queries in one tile of the product; changes memory, never a rank.

    Returns:
        Ranks from 0 to R - 1, ties counted against the model.

    Raises:
        EmbeddingError: if vectors are non-finite, misshapen or of unequal D.
        MetricError: if a query has no positive, or one outside the references.
    """
    q, r = UnitVectors.of("query", query), UnitVectors.of("reference", reference)
    if q.unit.shape[1] != r.unit.shape[1]:
        raise EmbeddingError(
            f"Queries have {q.unit.shape[1]} dimensions and references "
            f"{r.unit.shape[1]}: both must come from one model."
        )
    if top < 1 or block < 1:
        raise MetricError(f"top and block must be at least 1, got {top} and {block}.")
    pairs = _Pairs.of(positives, q, r)
    shortlist = []
    for rows in slices(len(q.unit), block):
        lists = _Shortlist(rows, min(top + SPARE, len(r.unit)))
        for columns in slices(len(r.unit), REFERENCES_PER_QUERY * block):
            tile = q.unit[rows] @ r.unit[columns].T
            lists.update(tile, columns.start)
            _count(tile, rows, columns, pairs=pairs, vectors=(q, r))
        shortlist.append(lists.settled(q, r, pairs=pairs, top=top))
    _tie_with_zero_references(pairs, r)
    return _ranking(pairs, shortlist, zero_query=q.zero, any_zero=bool(r.zero.any()))


def ranks_without(
    ranking: Ranking,
    query: npt.NDArray[np.floating],
    reference: npt.NDArray[np.floating],
    *,
    removed: Sequence[npt.ArrayLike],
) -> Ints:
    """Ranks when some wrong references per query leave the competition.

    Args:
        ranking: of these same vectors.
        query: [Q, D], as ranked.
        reference: [R, D], as ranked.
        removed: Q lists of columns that are not positives (semi-positives), maybe
            empty.

    Returns:
        [Q] ranks, at most `ranking.ranks`.
    """
    q, r = UnitVectors.of("query", query), UnitVectors.of("reference", reference)
    row, column, _ = _flat(removed, len(r.unit))
    score = pair_scores(q, r, row, column)
    score[r.zero[column]] = np.inf
    higher = score >= ranking.best_score[row] - EXACT_TIE
    gone = np.bincount(row[higher], minlength=len(q.unit))
    return ranking.ranks - gone.astype(np.int64)


def shared_first_places(
    query: npt.NDArray[np.floating],
    reference: npt.NDArray[np.floating],
    which: npt.NDArray[np.integer],
    *,
    block: int = 64,
) -> Iterator[tuple[int, Ints]]:
    """All references that share the first place, for the queries named.

    Args:
        query: [Q, D].
        reference: [R, D].
        which: rows of `query`, as a rule those where `Ranking.first_tied`.
        block: queries scored at a time in float64.

    Yields:
        (row of the query, columns of the references that tie for its first place).
    """
    q, r = UnitVectors.of("query", query), UnitVectors.of("reference", reference)
    for part in slices(len(which), block):
        rows = np.asarray(which[part], np.int64)
        best = np.full(len(rows), -np.inf)
        scores = np.empty((len(rows), len(r.unit)))
        for columns in slices(len(r.unit), QUERIES_PER_TILE):
            scores[:, columns] = q.exact(rows) @ r.exact(columns).T
        best = np.where(r.zero, -np.inf, scores).max(1)
        for row, values, value in zip(rows, scores, best, strict=True):
            shared = (values >= value - EXACT_TIE) | r.zero | q.zero[row]
            yield int(row), np.flatnonzero(shared)


@dataclass(frozen=True)
class _Pairs:
    """Every (query, positive) pair, query by query, with its exact score and counts."""

    row: Ints
    column: Ints
    starts: Ints
    score: Floats
    at_least: Ints
    above: Ints

    @classmethod
    def of(
        cls, positives: Sequence[npt.ArrayLike], q: UnitVectors, r: UnitVectors
    ) -> "_Pairs":
        if len(positives) != len(q.unit):
            raise MetricError(
                f"{len(positives)} lists of positives for {len(q.unit)} queries: there "
                "must be one list per query."
            )
        row, column, starts = _flat(positives, len(r.unit))
        sizes = np.bincount(row, minlength=len(q.unit))
        if (sizes == 0).any():
            raise MetricError(
                f"Query {int(np.flatnonzero(sizes == 0)[0])} has no positive "
                "reference. Exclude such queries, and count them, before ranking."
            )
        score = pair_scores(q, r, row, column)
        score[q.zero[row] | r.zero[column]] = -np.inf
        empty = np.zeros(len(row), np.int64)
        return cls(row, column, starts, score, empty, empty.copy())


def _flat(lists: Sequence[npt.ArrayLike], references: int) -> tuple[Ints, Ints, Ints]:
    arrays = [np.unique(np.asarray(one, np.int64)) for one in lists]
    sizes = np.array([len(a) for a in arrays], np.int64)
    row = np.repeat(np.arange(len(arrays)), sizes)
    column = np.concatenate([*arrays, np.empty(0, np.int64)])
    outside = (column < 0) | (column >= references)
    if outside.any():
        first = int(np.flatnonzero(outside)[0])
        raise MetricError(
            f"Query {row[first]} names reference {column[first]}, but references run "
            f"from 0 to {references - 1}."
        )
    return row, column, np.cumsum(sizes) - sizes


def _tolerance(dimensions: int) -> float:
    """Largest error of a float32 cosine of unit vectors that is worth fearing.

    The certain bound grows with D; rounding errors of a sum behave like sqrt(D) and
    pass 8 sqrt(D) units with probability below 1e-13 (Higham and Mary, 2019). The
    4 stands for rounding the inputs and the thresholds themselves.
    """
    return 2.0**-24 * (min(float(dimensions), 8.0 * float(np.sqrt(dimensions))) + 4.0)


def _count(
    tile: npt.NDArray[np.float32],
    rows: slice,
    columns: slice,
    *,
    pairs: _Pairs,
    vectors: tuple[UnitVectors, UnitVectors],
) -> None:
    """Add this tile's wrong references to the counts of its queries' pairs."""
    q, r = vectors
    first, last = np.searchsorted(pairs.row, (rows.start, rows.stop))
    mine = slice(int(first), int(last))
    local, column = pairs.row[mine] - rows.start, pairs.column[mine]
    tile[:, r.zero[columns]] = np.inf
    inside = (column >= columns.start) & (column < columns.stop)
    # NaN answers no to every comparison: a positive never competes.
    tile[local[inside], column[inside] - columns.start] = np.nan
    view = tile if len(local) == len(tile) else tile[local]
    score, reach = pairs.score[mine], _tolerance(q.unit.shape[1])
    low = np.nextafter((score - reach).astype(np.float32), np.float32(-np.inf))
    high = np.nextafter((score + reach).astype(np.float32), np.float32(np.inf))
    high[np.isneginf(score)] = -np.inf
    maybe, sure = view >= low[:, None], view > high[:, None]
    count_maybe = np.array([np.count_nonzero(line) for line in maybe])
    count_sure = np.array([np.count_nonzero(line) for line in sure])
    pairs.at_least[mine] += count_sure
    pairs.above[mine] += count_sure
    near = np.flatnonzero(count_maybe > count_sure)
    if len(near):
        close = maybe[near] & ~sure[near]
        found = _settle(
            close, near + mine.start, columns.start, pairs=pairs, both=vectors
        )
        pairs.at_least[near + mine.start] += found[0]
        pairs.above[near + mine.start] += found[1]


def _tie_with_zero_references(pairs: _Pairs, r: UnitVectors) -> None:
    """Zero references were counted as higher; they tie, and nothing beats a zero."""
    true_zeros = np.bincount(pairs.row, weights=r.zero[pairs.column]).astype(np.int64)
    pairs.above[:] -= np.count_nonzero(r.zero) - true_zeros[pairs.row]
    pairs.above[np.isneginf(pairs.score)] = 0


def _settle(
    close: Bools,
    pair: Ints,
    start: int,
    *,
    pairs: _Pairs,
    both: tuple[UnitVectors, UnitVectors],
) -> tuple[Ints, Ints]:
    """Near-ties in float64: (at least as high, strictly higher) counts per pair."""
    q, r = both
    # A collapsed model makes every pair near: then a product is cheaper than pairs.
    if np.count_nonzero(close) * 8 > close.size:
        exact = (
            q.exact(pairs.row[pair]) @ r.exact(slice(start, start + close.shape[1])).T
        )
        gap = exact - pairs.score[pair, None]
        at_least = np.count_nonzero(close & (gap >= -EXACT_TIE), axis=1)
        return at_least, np.count_nonzero(close & (gap > EXACT_TIE), axis=1)
    line, column = np.nonzero(close)
    gap = pair_scores(q, r, pairs.row[pair[line]], column + start)
    gap -= pairs.score[pair[line]]
    sized = {"minlength": len(pair)}
    at_least = np.bincount(line[gap >= -EXACT_TIE], **sized)
    return at_least, np.bincount(line[gap > EXACT_TIE], **sized)


class _Shortlist:
    """The best references of a block of queries, while tiles go by."""

    def __init__(self, rows: slice, keep: int) -> None:
        self.rows, self.keep = rows, keep
        self.score = np.empty((rows.stop - rows.start, 0), np.float32)
        self.index = np.empty((rows.stop - rows.start, 0), np.int64)

    def update(self, tile: npt.NDArray[np.float32], start: int) -> None:
        """Let the columns of a tile compete for a place."""
        width, room = tile.shape[1], self.keep
        if self.score.shape[1] == room:
            line, column = np.nonzero(tile > self.score.min(1)[:, None])
        else:
            line, column = np.nonzero(tile >= self._bound(tile)[:, None])
        if len(line) > 8 * room * len(tile):
            few = min(room, width)
            column = np.argpartition(tile, width - few, axis=1)[
                :, width - few :
            ].ravel()
            line = np.repeat(np.arange(len(tile)), few)
        self._merge(line, column + start, tile[line, column])

    def _bound(self, tile: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """[B] a value that at least `keep` columns reach, far cheaper than sorting.

        The columns fall into groups; as many groups as wanted have a largest value at
        or above the one returned.
        """
        each = tile.shape[1] // (4 * self.keep)
        if each < 2:
            return np.full(len(tile), -np.inf, np.float32)
        groups = tile[:, : each * 4 * self.keep].reshape(len(tile), each, -1).max(1)
        bound: npt.NDArray[np.float32] = np.partition(groups, -self.keep, axis=1)
        return bound[:, -self.keep]

    def _merge(self, line: Ints, column: Ints, score: npt.NDArray[np.float32]) -> None:
        held = self.score.shape[1]
        lines = np.concatenate([np.repeat(np.arange(len(self.score)), held), line])
        columns = np.concatenate([self.index.ravel(), column])
        scores = np.concatenate([self.score.ravel(), score])
        order = np.lexsort((columns, -scores, lines))
        sizes = np.bincount(lines, minlength=len(self.score))
        room = min(self.keep, int(sizes.min()))
        place = (np.cumsum(sizes) - sizes)[:, None] + np.arange(room)
        self.score, self.index = scores[order[place]], columns[order[place]]

    def settled(
        self, q: UnitVectors, r: UnitVectors, *, pairs: _Pairs, top: int
    ) -> tuple[Ints, Floats]:
        """(columns, cosines) [B, min(top, R)], near neighbours ordered in float64."""
        score = self.score.astype(np.float64)
        close = -np.diff(score, axis=1) <= 2 * _tolerance(q.unit.shape[1])
        near = np.pad(close, ((0, 0), (1, 0))) | np.pad(close, ((0, 0), (0, 1)))
        line, place = np.nonzero(near)
        score[line, place] = pair_scores(
            q, r, line + self.rows.start, self.index[line, place]
        )
        width = len(r.unit)
        lines = np.arange(self.rows.start, self.rows.stop)[:, None]
        # Sorted already: query by query, and columns ascending within a query.
        is_true = np.isin(lines * width + self.index, pairs.row * width + pairs.column)
        order = np.lexsort((self.index, is_true, -score), axis=1)[:, :top]
        column = np.take_along_axis(self.index, order, axis=1)
        return column, np.take_along_axis(score, order, axis=1)


def _ranking(
    pairs: _Pairs,
    shortlist: list[tuple[Ints, Floats]],
    *,
    zero_query: Bools,
    any_zero: bool,
) -> Ranking:
    column = np.concatenate([one[0] for one in shortlist])
    score = np.concatenate([one[1] for one in shortlist])
    best = np.lexsort((pairs.above, pairs.at_least, pairs.row))[pairs.starts]
    ranks, strict = pairs.at_least[best], pairs.above[best]
    shared = zero_query | any_zero
    if score.shape[1] > 1:
        shared = shared | (score[:, 0] - score[:, 1] <= EXACT_TIE)
    return Ranking(
        ranks=ranks,
        strict_ranks=strict,
        tied=ranks > strict,
        best_score=pairs.score[best],
        positive_ranks=pairs.at_least,
        positive_starts=pairs.starts,
        top_index=column,
        top_score=score.astype(np.float32),
        first_tied=shared,
    )

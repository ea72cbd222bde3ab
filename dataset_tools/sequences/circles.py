"""The rule "radius": all frames within r metres of a centre frame.

The rule that fits what is known of the Vermont set: 7 to 28 frames a sequence, 6 or 7
where a road was driven once, 14 where it was driven twice. A circle holds the frames
of its own pass, one after the other, or those of every pass where passes are joined.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from dataset_tools.sequences.pieces import Pieces
from dataset_tools.sequences.rule import SequenceRule
from dataset_tools.sequences.windows import (
    Reason,
    Windows,
    blame_bends,
    blame_short_pieces,
)
from dataset_tools.tracks.rows import Booleans, Integers

CHUNK = 4096
"""Centres that the tree is asked about at a time, to bound the lists it returns."""


def circles(pieces: Pieces, rule: SequenceRule) -> Windows:
    """The run of rows around each row that lies within the radius.

    A run does not leave its piece, so that a sharp turn ends it. Of a run that is
    longer than the rule allows the rows next to the centre stay.
    """
    rows = np.arange(len(pieces))
    before = _reach(pieces, rule, step=-1)
    after = _reach(pieces, rule, step=1)
    first, stop = rows - before, rows + after + 1
    spare = np.maximum(stop - first - rule.most, 0)
    # As many from each end, unless one side is too short to give so many.
    cut = np.clip((before - after + spare + 1) // 2, 0, spare)
    windows = Windows.new(first + cut, stop - (spare - cut), rows)
    blame_short_pieces(windows, pieces, rule.least)
    count = windows.stop - windows.first
    windows.blame(count < rule.least, Reason.TOO_FEW_IN_RADIUS, count, rule.least)
    blame_bends(windows, pieces, rows, rule.bend_deg)
    return windows


def _reach(pieces: Pieces, rule: SequenceRule, *, step: int) -> Integers:
    """[N] how many neighbouring rows on one side lie within the radius."""
    reach = np.zeros(len(pieces), np.int64)
    open_ = np.arange(len(pieces))
    for k in range(1, rule.most):
        row = open_ + k * step
        there = (row >= pieces.start[open_]) & (row < pieces.stop[open_])
        open_, row = open_[there], row[there]
        near = pieces.chord_m(open_, row) <= rule.radius_m
        open_ = open_[near]
        if open_.size == 0:
            break
        reach[open_] = k
    return reach


@dataclass(frozen=True, slots=True)
class Joined:
    """Circles over all passes; S of them, by centre."""

    centre: Integers
    """[S] row of each centre, ascending."""
    first: Integers
    """[S] first row of the centre's own pass in the circle."""
    stop: Integers
    """[S] the row behind its last."""
    others: Integers
    """[M] rows of other passes, ascending in each circle."""
    offset: Integers
    """[S + 1] where in `others` those of each circle begin."""
    few: Integers
    """[N] frames in the circle that would hold a row, where those are too few."""


def joined_circles(pieces: Pieces, windows: Windows, rule: SequenceRule) -> Joined:
    """Circles around each `stride`-th row of a piece, over every pass there is.

    Centres lie at fixed rows, whether or not their circle is full, so that another
    drive adds frames and sequences but moves none.

    Args:
        pieces: every row of every session.
        windows: as `circles` gives them.
        rule: radius, stride, fewest and most frames.
    """
    rows = np.arange(len(pieces))
    into = rows - pieces.start
    speaker = rows - into % rule.stride if rule.overlap else rows
    free = np.ones(len(rows), np.bool_)
    few = np.zeros(len(rows), np.int64)
    found: list[tuple[int, int, int]] = []
    others: list[Integers] = []
    for centre, near in _around(pieces, np.unique(speaker), rule.radius_m):
        if not free[centre]:
            continue
        around = near[free[near]]
        if len(around) < rule.least:
            few[centre] = len(around)
            continue
        first, stop = _own(windows, free, centre)
        rest = around[(around < first) | (around >= stop)]
        rest = _nearest(pieces, rest, centre, room=rule.most - (stop - first))
        if not rule.overlap:
            free[first:stop] = free[rest] = False
        found.append((centre, first, stop))
        others.append(rest)
    table = np.array(found, np.int64).reshape(-1, 3)
    return Joined(
        centre=table[:, 0],
        first=table[:, 1],
        stop=table[:, 2],
        others=np.concatenate([np.empty(0, np.int64), *others]),
        offset=np.cumsum([0, *(len(o) for o in others)]),
        few=few[speaker],
    )


def _around(
    pieces: Pieces, centres: Integers, radius_m: float
) -> Iterator[tuple[int, Integers]]:
    """Each centre with all rows within the radius, ascending."""
    places = np.stack(pieces.places, axis=-1)
    tree = cKDTree(places)
    for start in range(0, len(centres), CHUNK):
        some = centres[start : start + CHUNK]
        lists = tree.query_ball_point(places[some], radius_m, return_sorted=True)
        for centre, near in zip(some.tolist(), lists, strict=True):
            yield centre, np.array(near, np.int64)


def _own(windows: Windows, free: Booleans, centre: int) -> tuple[int, int]:
    """The free rows of the centre's own run that lie around it without a hole."""
    first, stop = centre, centre + 1
    while first > windows.first[centre] and free[first - 1]:
        first -= 1
    while stop < windows.stop[centre] and free[stop]:
        stop += 1
    return first, stop


def _nearest(pieces: Pieces, rows: Integers, centre: int, *, room: int) -> Integers:
    """At most so many of the rows, those nearest to the centre, ascending."""
    if len(rows) <= room:
        return rows
    away = pieces.chord_m(rows, np.full(len(rows), centre))
    return np.sort(rows[np.argsort(away, kind="stable")[:room]])

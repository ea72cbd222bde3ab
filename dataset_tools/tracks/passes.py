"""When a track passes places: the clock offset that fits pictures with positions.

Each picture votes for the offsets at which the track passes near it; the votes of all
pile up at the right one, however far it is off and however often a road was driven.
Around the highest pile the offset is refined to what makes the distances least.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.spatial import cKDTree

from dataset_tools.geodesy import Columns, chord_m, ecef_columns
from dataset_tools.tracks.moments import Found, Moments, find, positions
from dataset_tools.tracks.rows import Floats, Integers
from dataset_tools.tracks.times import NS_PER_S

NEAR_M: Final = 30.0
"""A track that passes a picture farther away does not pass it: two receivers differ."""
SIGMA_M: Final = 5.0
"""How far the positions of two receivers usually differ."""
MOST_PICTURES: Final = 2_000
"""Pictures that vote, evenly chosen from all."""
CELL_M: Final = 2.0
"""Spacing of the fixes that vote."""
PILE_S: Final = 2.0
"""Width of a pile of votes."""
ELSEWHERE_S: Final = 10.0
"""A pile at least so far from the highest one is another."""
SHORTEST_SIGMA_M: Final = 1.0
"""No receiver is better than this, whatever a handful of residuals says."""


@dataclass(frozen=True, slots=True)
class Pass:
    """The offset that fits best; arrays [P] over the pictures it brings near."""

    offset_s: float
    near: int
    """Pictures within `NEAR_M` of the track at their time."""
    away_m: Floats
    along_m: Floats
    """The part of it along the track, ahead positive; the rest no clock can mend."""
    uncertainty_s: float
    next_share: float
    """Height of the next pile of votes, as a share of the highest."""


def best_pass(
    times: Integers,
    own: tuple[Floats, Floats],
    track: Moments,
    *,
    max_gap_s: float,
    max_gap_m: float,
) -> Pass | None:
    """The offset at which a track passes pictures best; None if it passes none.

    Args:
        times: [N] nanoseconds by the camera's clock.
        own: [N] latitudes and [N] longitudes of the pictures.
        track: by time.
        max_gap_s: longest time between two fixes that a pass may lie between.
        max_gap_m: longest way between them.
    """
    pick = np.unique(np.linspace(0, len(times) - 1, MOST_PICTURES).astype(np.int64))
    times, places = times[pick], ecef_columns(own[0][pick], own[1][pick])
    offsets, weights = _votes(times, places, _thinned(track), (max_gap_s, max_gap_m))
    if offsets.size == 0:
        return None
    start, height, rest = _highest_pile(offsets, weights)
    gaps = {"max_gap_s": max_gap_s, "max_gap_m": max_gap_m}
    for span, step in ((3.0, 0.25), (0.3, 0.05), (0.06, 0.01)):
        tried = start + np.arange(-span, span + step / 2, step)
        cost = [_cost(times, places, track, t, **gaps) for t in tried.tolist()]
        start = float(tried[int(np.argmin(cost))])
    return _judged(times, places, track, start, next_share=rest / height, **gaps)


def _thinned(track: Moments) -> Moments:
    """The fixes about `CELL_M` apart: a stop of hours would else vote for hours."""
    driven = np.cumsum(np.concatenate([[0.0], _steps_m(track.places)]))
    cell = np.floor(driven / CELL_M)
    keep = np.flatnonzero(np.concatenate([[True], cell[1:] != cell[:-1]]))
    return Moments(
        [track.fixes[k] for k in keep.tolist()],
        track.time[keep],
        track.lat[keep],
        track.lon[keep],
        track.session[keep],
    )


def _steps_m(path: Columns) -> Floats:
    """[F-1] from each position to the next."""
    x, y, z = path
    return chord_m((x[:-1], y[:-1], z[:-1]), (x[1:], y[1:], z[1:]))


def _votes(
    times: Integers, places: Columns, track: Moments, gaps: tuple[float, float]
) -> tuple[Floats, Floats]:
    """Offsets in seconds at which the track passes pictures, and their weights.

    The weights of a picture add up to 1 at most, so that a stop beside it, which
    passes it for minutes, counts no more than a pass.
    """
    longest_s, longest_m = gaps
    path = track.places
    steps = _steps_m(path)
    pause = np.diff(track.time) / NS_PER_S
    whole = (pause <= longest_s) & (steps <= longest_m)
    whole &= track.session[1:] == track.session[:-1]
    segments = np.flatnonzero(whole)
    if segments.size == 0:
        return np.empty(0), np.empty(0)
    # A picture near a segment is near its middle by half of its length and a bit.
    middles = np.stack([(axis[segments] + axis[segments + 1]) / 2 for axis in path], 1)
    reach = NEAR_M + float(steps[segments].max()) / 2
    pairs = cKDTree(middles).query_ball_point(np.stack(places, 1), reach)
    picture = np.repeat(np.arange(len(times)), [len(p) for p in pairs])
    segment = segments[np.array([s for p in pairs for s in p], np.int64)]
    share, away = _projected(places, path, picture, segment)
    near = away <= NEAR_M
    picture, segment = picture[near], segment[near]
    share, away = share[near], away[near]
    into = (share * (track.time[segment + 1] - track.time[segment])).astype(np.int64)
    offsets = (track.time[segment] + into - times[picture]) / NS_PER_S
    weights = np.exp(-0.5 * (away / SIGMA_M) ** 2)
    total = np.bincount(picture, weights, minlength=len(times))
    return offsets, weights / np.maximum(total[picture], 1.0)


def _projected(
    places: Columns, path: Columns, picture: Integers, segment: Integers
) -> tuple[Floats, Floats]:
    """Share of each segment at which it is nearest to a picture, and how far off."""
    along = [axis[segment + 1] - axis[segment] for axis in path]
    to = [p[picture] - axis[segment] for p, axis in zip(places, path, strict=True)]
    length = sum(a * a for a in along)
    dot = sum(a * t for a, t in zip(along, to, strict=True))
    share = np.divide(dot, length, out=np.zeros_like(dot), where=length > 0)
    share = np.clip(share, 0.0, 1.0)
    rest = [t - share * a for t, a in zip(to, along, strict=True)]
    away: Floats = np.sqrt(sum(r * r for r in rest))
    return share, away


def _highest_pile(offsets: Floats, weights: Floats) -> tuple[float, float, float]:
    """Middle and height of the highest pile of votes, and the height of the next."""
    order = np.argsort(offsets, kind="stable")
    offsets, weights = offsets[order], weights[order]
    total = np.concatenate([[0.0], np.cumsum(weights)])
    end = np.searchsorted(offsets, offsets + PILE_S, side="right")
    height = total[end] - total[np.arange(len(offsets))]
    best = int(np.argmax(height))
    inside = slice(best, int(end[best]))
    middle = float(np.average(offsets[inside], weights=weights[inside]))
    others = height[np.abs(offsets + PILE_S / 2 - middle) > ELSEWHERE_S]
    return middle, float(height[best]), float(others.max(initial=0.0))


def _cost(
    times: Integers,
    places: Columns,
    track: Moments,
    offset_s: float,
    *,
    max_gap_s: float,
    max_gap_m: float,
) -> float:
    """Mean square of distances, those beyond `NEAR_M` or off the track as that."""
    away, _ = _away(times, places, track, offset_s, (max_gap_s, max_gap_m))
    return float(np.mean(np.where(away <= NEAR_M, away, NEAR_M) ** 2))


def _away(
    times: Integers,
    places: Columns,
    track: Moments,
    offset_s: float,
    gaps: tuple[float, float],
) -> tuple[Floats, Found]:
    moments = times + round(offset_s * NS_PER_S)
    found = find(track, moments, max_gap_s=gaps[0], max_gap_m=gaps[1])
    there = ecef_columns(*positions(track, found))
    return np.nan_to_num(chord_m(there, places), nan=math.inf), found


def _judged(
    times: Integers,
    places: Columns,
    track: Moments,
    offset_s: float,
    *,
    next_share: float,
    max_gap_s: float,
    max_gap_m: float,
) -> Pass | None:
    """How well an offset fits."""
    away, found = _away(times, places, track, offset_s, (max_gap_s, max_gap_m))
    near = np.flatnonzero(away <= NEAR_M)
    if near.size == 0:
        return None
    a, b = found.before[near], np.minimum(found.before[near] + 1, len(track) - 1)
    velocity = (
        np.stack([axis[b] - axis[a] for axis in track.places], 1)
        / np.maximum((track.time[b] - track.time[a]) / NS_PER_S, 1e-3)[:, None]
    )
    speed = np.sqrt((velocity**2).sum(1))
    there = np.stack(ecef_columns(*positions(track, found)), 1)[near]
    to = np.stack(places, 1)[near] - there
    along = np.divide(
        (to * velocity).sum(1), speed, out=np.zeros(len(near)), where=speed > 0
    )
    # An error of s metres along the way is one of s / speed seconds.
    spread = max(float(np.sqrt(np.mean(along**2))), SHORTEST_SIGMA_M)
    drive = float(np.sqrt((speed**2).sum()))
    return Pass(
        offset_s=offset_s,
        near=int(near.size),
        away_m=away[near],
        along_m=along,
        uncertainty_s=spread / drive if drive > 0 else math.inf,
        next_share=next_share,
    )

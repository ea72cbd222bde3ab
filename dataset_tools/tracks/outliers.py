"""Positions of a fast receiver that stand apart from the rest for seconds.

At 18 positions a second a displacement of 50 m is no impossible speed over the second
that a clock may be coarse, and lasts too many rows to be a short run. What gives it
away is that the receiver's own steps and speeds are never like that.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from dataset_tools.geodesy import chord_m, ecef_columns
from dataset_tools.records import Fix
from dataset_tools.tracks.rows import Booleans, Floats
from dataset_tools.tracks.times import NS_PER_S

LEAST_STEP_M: Final = 30.0
"""A shorter step never cuts."""
LEAST_SPEED_MPS: Final = 60.0
"""A slower way always joins: that is a road after a tunnel."""
MOST_PARTS: Final = 64
FENCE: Final = 1.5
"""Interquartile ranges above the third quartile that are still usual (Tukey 1977)."""


def apart(fixes: Sequence[Fix]) -> tuple[Booleans, Floats, float]:
    """Which fixes do not belong to the longest part that hangs together.

    The track is cut at steps that are unusually long; a piece joins the part that it
    can have come from at a usual speed; the longest part is kept.

    Args:
        fixes: in order, with times; those without are cut off like any other.

    Returns:
        [N] whether a fix stands apart; [N] at how many metres a second its piece could
        have been reached, NaN where nothing was before it; the limit of that.
    """
    out = np.zeros(len(fixes), bool)
    speed = np.full(len(fixes), np.nan)
    if len(fixes) < 2:
        return out, speed, LEAST_SPEED_MPS
    x, y, z = ecef_columns([f.lat for f in fixes], [f.lon for f in fixes])
    steps = chord_m((x[:-1], y[:-1], z[:-1]), (x[1:], y[1:], z[1:]))
    time = np.array([f.time or 0 for f in fixes], np.int64)
    pauses = np.maximum(np.diff(time) / NS_PER_S, 1e-3)
    most_m = max(LEAST_STEP_M, _fence(steps))
    most_mps = max(LEAST_SPEED_MPS, _fence(steps / pauses))
    parts: list[list[int]] = []
    for piece in np.split(np.arange(len(fixes)), np.flatnonzero(steps > most_m) + 1):
        begin = int(piece[0])
        # Among the latest parts only, or a track of nothing but jumps takes hours.
        latest = parts[-MOST_PARTS:]
        last = np.array([part[-1] for part in latest], np.int64)
        way = chord_m((x[last], y[last], z[last]), (x[begin], y[begin], z[begin]))
        reached = way / np.maximum((time[begin] - time[last]) / NS_PER_S, 1e-3)
        fitting = np.flatnonzero(reached <= most_mps)
        if fitting.size:
            nearest = fitting[np.argmax(last[fitting])]
            latest[int(nearest)] += piece.tolist()
        else:
            parts.append(piece.tolist())
            speed[piece] = reached.min() if reached.size else np.nan
    kept = max(parts, key=len)
    out[:] = True
    out[kept] = False
    speed[kept] = np.nan
    return out, speed, most_mps


def _fence(values: Floats) -> float:
    """Above this a value is unusual."""
    first, third = np.quantile(values, (0.25, 0.75))
    return float(third + FENCE * (third - first))

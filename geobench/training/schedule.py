"""The learning rate as a share of its highest value, by progress of the run."""

import math
from typing import Literal

from geobench.errors import ConfigError

TAIL = 0.4
"""Share of the run over which "linear-tail" falls (SeqGeo: epochs 30 to 50 of 50)."""


def rate_factor(
    progress: float,
    *,
    schedule: Literal["cosine", "constant", "linear-tail", "exponential"],
    warmup: float,
    decays: float = 1.0,
) -> float:
    """Factor on the highest learning rate.

    Args:
        progress: share of all steps that are done or under way, in [0, 1].
        schedule: what follows the warm-up.
        warmup: share of all steps over which the factor rises from 0 to 1.
        decays: how often the exponential schedule falls to a tenth in a run.

    Returns:
        A factor in [0, 1].

    Raises:
        ConfigError: if the schedule is unknown.

    >>> [round(rate_factor(p, schedule="cosine", warmup=0.2), 2) for p in (0.1, 0.2, 1)]
    [0.5, 1.0, 0.0]
    """
    if progress < warmup:
        return progress / warmup
    if schedule == "constant":
        return 1.0
    if schedule == "exponential":
        return float(10.0 ** (-progress * decays))
    if schedule == "linear-tail":
        return min(1.0, (1.0 - progress) / TAIL)
    if schedule != "cosine":
        raise ConfigError(
            f"Unknown schedule {schedule!r}, expected 'cosine', 'constant', "
            "'linear-tail' or 'exponential'."
        )
    return 0.5 * (1.0 + math.cos(math.pi * (progress - warmup) / (1.0 - warmup)))

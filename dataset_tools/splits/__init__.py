"""Splits: who trains, validates and tests, one file a way of splitting.

place    area (drawn polygons or grown cells)
nothing  single (a held-out region)
"""

from dataset_tools.splits.area import by_area, by_polygons
from dataset_tools.splits.rows import (
    DEFAULT_SHARES,
    DROPPED,
    PRIORITY,
    STAGE,
    THIN_M,
    SplitOutcome,
    join_schemes,
    stage_of,
)
from dataset_tools.splits.single import single_split

__all__ = [
    "DEFAULT_SHARES",
    "DROPPED",
    "PRIORITY",
    "STAGE",
    "THIN_M",
    "SplitOutcome",
    "by_area",
    "by_polygons",
    "join_schemes",
    "single_split",
    "stage_of",
]

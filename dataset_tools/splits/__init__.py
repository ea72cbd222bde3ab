"""Splits: who trains, validates and tests, one file a way of splitting.

a place decides      area (drawn polygons, grown cells), fold (k schemes), road
a time decides       session, year
somebody decided     given (a list), single (a held-out region)

world                sequences and tiles as shapes in one plane
apart                the buffer, where no area decides
groups               whole groups to splits; validation for what has none
rule                 what all of them share
rows                 rows and galleries that all of them end in
"""

from dataset_tools.splits.area import by_area, by_polygons
from dataset_tools.splits.fold import by_fold
from dataset_tools.splits.given import by_list, read_list
from dataset_tools.splits.road import RoadRule, by_road
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
from dataset_tools.splits.rule import SplitRule
from dataset_tools.splits.session import by_session
from dataset_tools.splits.single import single_split
from dataset_tools.splits.year import Years, by_year

__all__ = [
    "DEFAULT_SHARES",
    "DROPPED",
    "PRIORITY",
    "STAGE",
    "THIN_M",
    "RoadRule",
    "SplitOutcome",
    "SplitRule",
    "Years",
    "by_area",
    "by_fold",
    "by_list",
    "by_polygons",
    "by_road",
    "by_session",
    "by_year",
    "join_schemes",
    "read_list",
    "single_split",
    "stage_of",
]

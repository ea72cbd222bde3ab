"""What the page is made from: the results, ranks and packs of one run folder.

The page shows numbers, it never computes one: every value comes from a result file.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dataset_tools.pack.read import Pack
from geobench.errors import DataError
from geobench.results import read_ranks, read_results
from geobench.table import is_floor, label_of, tested_on


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A metric's value with its 95 % interval; ends are None where unknown."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One result of the run: one model on one task."""

    path: Path
    """The result file; its ranks lie beside it."""
    content: dict[str, Any]

    @property
    def label(self) -> str:
        """The model's name, with what the query was where a model has two kinds."""
        return label_of(self.content)

    @property
    def is_floor(self) -> bool:
        """Whether this is one of the floors."""
        return is_floor(self.content)

    @property
    def task(self) -> dict[str, Any]:
        """The task as the result file describes it."""
        return dict(self.content["task"])

    @property
    def frames(self) -> int | None:
        """How many frames of a query the task shows, or None for all."""
        choice = self.content["task"].get("frames")
        return None if choice is None else int(choice["count"])

    @property
    def keep(self) -> str:
        """By which rule those frames are kept, empty where all are shown."""
        choice = self.content["task"].get("frames")
        return "" if choice is None else str(choice["keep"])

    @property
    def pack_name(self) -> str:
        """Name of the pack that was tested on."""
        return str((self.content.get("pack") or {}).get("name", ""))

    @property
    def tested_on(self) -> str:
        """The pack, with a word on its gallery where that is an open one."""
        return tested_on(self.content)

    @property
    def ranks_path(self) -> Path:
        """`KEY.ranks.parquet` beside `KEY.json`."""
        return self.path.with_name(f"{self.path.stem}.ranks.parquet")

    def metric(self, name: str) -> Interval | None:
        """A metric with its interval, or None where it was not measured."""
        found = self.content.get("metrics", {}).get(name)
        if found is None or found.get("value") is None:
            return None
        return Interval(
            value=float(found["value"]), low=found.get("low"), high=found.get("high")
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranks:
    """Per query: its rank, the first tiles with their scores, its error in metres."""

    query_ids: list[str]
    rank: npt.NDArray[np.int64]
    """[Q], 0 is a hit at the first place."""
    top_ids: list[list[str]]
    top_scores: list[list[float]]
    error_m: npt.NDArray[np.float64]
    """[Q] metres from the query to the first tile's centre; NaN where unknown."""


def load_entries(run: Path) -> list[Entry]:
    """All results under RUN/results, floors last, then by label and task.

    Raises:
        DataError: if there is no result at all.
    """
    found = [
        Entry(path=path, content=content)
        for path, content in read_results(run / "results")
        if content.get("model")
    ]
    if not found:
        raise DataError(
            f"{run / 'results'} holds no result, so there is nothing to show. "
            "Run `geobench evaluate` or `geobench demo` with this run folder first."
        )
    return sorted(found, key=lambda e: (e.is_floor, e.label, e.task["id"], e.path.name))


def load_ranks(entry: Entry) -> Ranks | None:
    """The ranks beside a result, or None if there are none."""
    if not entry.ranks_path.is_file():
        return None
    table = read_ranks(entry.path)
    return Ranks(
        query_ids=[str(v) for v in table["query_id"]],
        rank=table["rank"].to_numpy(dtype=np.int64),
        top_ids=[[str(i) for i in ids] for ids in table["top_ids"]],
        top_scores=[[float(s) for s in row] for row in table["top_scores"]],
        error_m=table["error_m"].to_numpy(dtype=np.float64, na_value=np.nan),
    )


def find_packs(run: Path, names: Iterable[str]) -> dict[str, Path]:
    """Folders of the named packs under RUN/packs; packs that are gone are left out."""
    folders = {p.parent.name: p.parent for p in sorted(run.glob("packs/**/pack.json"))}
    wanted = sorted(set(names))
    return {
        name: folders[f"{name}.pack"] for name in wanted if f"{name}.pack" in folders
    }


def open_pack(path: Path) -> Pack:
    """A pack for reading, as its own context manager."""
    return Pack.open(path)

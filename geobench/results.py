"""The result file: one JSON per model, revision and task, ranks beside it.

    results/MODEL/REVISION/TASK@vN/KEY.json        numbers, small, for people and git
    results/MODEL/REVISION/TASK@vN/KEY.ranks.parquet   one row per query

REVISION is the first 8 hex digits of the checkpoint's hash, KEY those of a hash over
everything else that changes the number. Tables, leaderboard and report read these
files and nothing else.
"""

import hashlib
import json
import math
import os
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from geobench.errors import DataError, SchemaError

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = 1
REQUIRED = {
    "schema": int,
    "task": dict,
    "pack": dict | None,
    "model": dict | None,
    "metrics": dict,
    "counts": dict,
    "seed": int,
    "partial": bool,
    "cost": dict,
    "environment": dict,
    "created": str,
}
OPTIONAL = {"strata": dict, "interval": dict}
COUNTS = ("queries", "references", "excluded", "tied_queries")
TASK_KEYS = ("id", "version", "protocol", "label_set", "split")
MODEL_KEYS = ("name", "variant", "revision", "checkpoint_sha256")
_UNSAFE = re.compile(r"[^A-Za-z0-9._@+-]")


@dataclass(frozen=True, kw_only=True)
class TaskResult:
    """One number-bearing answer: what a result file holds, and its ranks."""

    task: dict[str, Any]
    metrics: dict[str, dict[str, float | None]]
    """Name to {"value", "low", "high"}; fractions in [0, 1], low and high or None."""
    counts: dict[str, Any]
    pack: dict[str, Any] | None = None
    model: dict[str, Any] | None = None
    strata: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Stratum to {"queries": n, "metrics": {...}}."""
    interval: dict[str, Any] = field(default_factory=dict)
    """How the intervals were drawn: unit, cell_m, units, draws, level."""
    seed: int = 0
    partial: bool = False
    cost: dict[str, float] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    created: str = ""
    key: str = "00000000"
    """First 8 hex digits of a hash over what changes the number; the file's name."""
    ranks: "pd.DataFrame | None" = field(default=None, compare=False, repr=False)
    """query_id, rank, tied, top_ids, top_scores, error_m; one row a query."""

    def to_json(self) -> dict[str, Any]:
        """The object that is written, checked.

        Raises:
            SchemaError: if a key is missing or a number is NaN or infinite.
        """
        content = {
            "schema": SCHEMA,
            "task": self.task,
            "pack": self.pack,
            "model": self.model,
            "metrics": self.metrics,
            "strata": self.strata,
            "counts": self.counts,
            "interval": self.interval,
            "seed": self.seed,
            "partial": self.partial,
            "cost": self.cost,
            "environment": self.environment,
            "created": self.created,
        }
        validate(content, "this result")
        return content

    @classmethod
    def from_json(
        cls, content: Mapping[str, Any], *, key: str = "0" * 8
    ) -> "TaskResult":
        """A result from a file's object.

        Raises:
            SchemaError: if it is of another schema version or incomplete.
        """
        validate(content, "this result")
        names = [*REQUIRED, *OPTIONAL]
        return cls(
            key=key, **{k: content[k] for k in names if k != "schema" and k in content}
        )


def result_key(parts: Mapping[str, Any]) -> str:
    """First 8 hex digits of a hash over plain values, independent of their order.

    >>> result_key({"a": 1, "b": 2}) == result_key({"b": 2, "a": 1})
    True
    """
    text = json.dumps(parts, sort_keys=True, allow_nan=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def result_path(results: Path, result: TaskResult) -> Path:
    """Where a result is filed: MODEL/REVISION/TASK@vN/KEY.json."""
    model = result.model or {"name": "unnamed", "revision": "unknown"}
    task = f"{result.task['id']}@v{result.task['version']}"
    words = [str(model["name"]), str(model["revision"]) or "untrained", task]
    # A name from a foreign file must not leave the results folder.
    safe = [_UNSAFE.sub("_", w).lstrip(".") or "_" for w in words]
    return results.joinpath(*safe) / f"{result.key}.json"


def write_result(results: Path, result: TaskResult) -> Path:
    """Write a result and its ranks, each whole or not at all; the JSON comes last.

    Returns:
        The JSON's path.

    Raises:
        SchemaError: if the result is incomplete or holds NaN.
    """
    text = json.dumps(result.to_json(), indent=2, sort_keys=True, allow_nan=False)
    path = result_path(results, result)
    path.parent.mkdir(parents=True, exist_ok=True)
    if result.ranks is not None:
        ranks = _ranks_table(result.ranks)
        write_whole(path.with_name(f"{path.stem}.ranks.parquet"), ranks)
    write_whole(path, lambda file: file.write(f"{text}\n".encode()))
    return path


def read_result(path: Path) -> TaskResult:
    """Read and check one result file; its ranks stay on disk.

    Raises:
        DataError: if there is no such file.
        SchemaError: if it is no result of this schema version.
    """
    return TaskResult.from_json(_load(path), key=path.stem)


def read_ranks(path: Path) -> "pd.DataFrame":
    """The ranks beside a result file, one row a query.

    Raises:
        DataError: if they are not there.
    """
    import pandas as pd

    ranks = path.with_name(f"{path.stem}.ranks.parquet")
    if not ranks.is_file():
        raise DataError(f"{ranks} is missing beside {path.name}. Evaluate again.")
    return pd.read_parquet(ranks)


def read_results(results: Path) -> list[tuple[Path, dict[str, Any]]]:
    """All results of a folder as (path, object), sorted by path.

    Raises:
        DataError: if the folder does not exist.
        SchemaError: if one of the files is no result of this schema version.
    """
    if not results.is_dir():
        raise DataError(f"{results} is no folder of results. Run `geobench evaluate`.")
    return [(path, _load(path)) for path in sorted(results.glob("*/*/*@v*/*.json"))]


def validate(content: Mapping[str, Any], where: str) -> None:
    """Check keys, types and numbers of a result object.

    Args:
        content: the object.
        where: what to call it in messages.

    Raises:
        SchemaError: at the first fault found.
    """
    found = content.get("schema") if isinstance(content, Mapping) else None
    if found != SCHEMA:
        raise SchemaError(
            f"{where} has schema {found!r}, this version reads schema {SCHEMA}. "
            "Evaluate the embeddings again, or use the version that wrote it."
        )
    for key, kind in REQUIRED.items():
        if key not in content or not isinstance(content[key], kind):
            raise SchemaError(
                f"{where} has no valid {key!r}: got {content.get(key)!r}. Write "
                "results with `geobench evaluate`, not by hand."
            )
    unknown = sorted(set(content) - set(REQUIRED) - set(OPTIONAL))
    if unknown:
        raise SchemaError(f"{where} has unknown keys {', '.join(unknown)}.")
    _has(content["task"], TASK_KEYS, f"{where}: task")
    _has(content["counts"], COUNTS, f"{where}: counts")
    if content["model"] is not None:
        _has(content["model"], MODEL_KEYS, f"{where}: model")
    _refuse_nan(content, where)
    blocks = [
        content["metrics"],
        *(s["metrics"] for s in content.get("strata", {}).values()),
    ]
    for metrics in blocks:
        for name, cell in metrics.items():
            _check_cell(name, cell, where)


def _check_cell(name: str, cell: Any, where: str) -> None:
    ordered = isinstance(cell, Mapping) and isinstance(cell.get("value"), int | float)
    if ordered:
        low, value, high = cell.get("low"), cell["value"], cell.get("high")
        ordered = (low is None) == (high is None)
        # A value is the estimate itself, the ends come from draws: allow a rounding.
        if ordered and low is not None and high is not None:
            ordered = low <= value + 1e-9 and value <= high + 1e-9
        share = name.startswith("recall@") or name.split(":")[0] in ("hit_rate", "map")
        ordered = ordered and (not share or 0.0 <= value <= 1.0)
    if not ordered:
        raise SchemaError(
            f"{where}: metric {name!r} is {cell!r}, expected value with low <= value "
            "<= high, fractions in [0, 1]. Evaluate again."
        )


def _has(block: Mapping[str, Any], keys: tuple[str, ...], where: str) -> None:
    missing = [k for k in keys if k not in block]
    if missing:
        raise SchemaError(f"{where} lacks {', '.join(missing)}. Evaluate again.")


def _refuse_nan(value: Any, where: str) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise SchemaError(
            f"{where} holds {value}: a number that cannot be formed must be left out "
            "or null. Find the model or metric that made it."
        )
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _refuse_nan(inner, f"{where}: {key}")
    elif isinstance(value, list | tuple):
        for inner in value:
            _refuse_nan(inner, where)


def _load(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise DataError(f"{path} does not exist. Run `geobench evaluate`.")
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise SchemaError(f"{path} is not JSON: {error}. Evaluate again.") from error
    validate(content, str(path))
    return content


def _ranks_table(ranks: "pd.DataFrame") -> Callable[[IO[bytes]], object]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema(
        [
            ("query_id", pa.string()),
            ("rank", pa.int64()),
            ("tied", pa.bool_()),
            ("top_ids", pa.list_(pa.string())),
            ("top_scores", pa.list_(pa.float32())),
            ("error_m", pa.float64()),
        ]
    )
    table = pa.Table.from_pandas(ranks, schema=schema, preserve_index=False)
    return lambda file: pq.write_table(table, file)


def write_whole(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write beside the name, sync, rename: a crash leaves the old file or the new.

    Args:
        path: the target; its folder exists.
        write: is given the open file.
    """
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        with beside.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)

"""The embedding folder `NAME.emb/`: vectors with their ids, and where they came from.

Written by `geobench embed` or by anybody, read by `geobench evaluate`. Holds
`query.npy` [Q, D] and `reference.npy` [R, D] float32, `query_ids.parquet`,
`reference_ids.parquet` and `embedding.json`. Vectors are never pickled, never
non-finite, and a folder is either whole or not there.
"""

import json
import os
import shutil
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from geobench.errors import DataError, EmbeddingError, SchemaError

Vectors = npt.NDArray[np.float32]

FORMAT = "crossview-embeddings"
VERSION = 1
SCORERS = ("cosine",)
FILES = (
    "query.npy",
    "reference.npy",
    "query_ids.parquet",
    "reference_ids.parquet",
    "embedding.json",
)


@dataclass(frozen=True, kw_only=True)
class EmbeddingInfo:
    """Where vectors came from: what a result must be able to say about its number."""

    model: str
    """Registered name, or any name for vectors made elsewhere."""
    variant: dict[str, Any] = field(default_factory=dict)
    checkpoint_sha256: str = ""
    preprocessing_sha256: str = ""
    pack_name: str = ""
    pack_content_sha256: str = ""
    task: dict[str, Any] = field(default_factory=dict)
    """The whole task, as `Task.to_json`."""
    scorer: str = "cosine"
    precision: str = "float32"
    query: str = ""
    """What stands for a sequence: "sequence", or "centre" for single-image models."""
    parameters: int = 0
    trained_on: tuple[str, ...] = ()
    seed: int = 0
    partial: bool = False
    """Whether only some of the task's queries were embedded (`--limit`)."""
    seconds: float = 0.0
    peak_memory_bytes: int = 0
    device: str = ""
    versions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Embeddings:
    """Vectors of queries and references with their ids."""

    query: Vectors
    """[Q, D], unit length where the scorer is the cosine; a zero row is allowed."""
    reference: Vectors
    """[R, D]."""
    query_ids: tuple[str, ...]
    reference_ids: tuple[str, ...]
    info: EmbeddingInfo

    def __post_init__(self) -> None:
        """Check that vectors and ids fit.

        Raises:
            EmbeddingError: if vectors are non-finite, misshapen or do not match ids.
        """
        for role, vectors, ids in (
            ("query", self.query, self.query_ids),
            ("reference", self.reference, self.reference_ids),
        ):
            _check(role, vectors, ids)
        if self.query.shape[1] != self.reference.shape[1]:
            raise EmbeddingError(
                f"Queries have {self.query.shape[1]} dimensions, references "
                f"{self.reference.shape[1]}: both must come from one model."
            )
        if self.info.scorer not in SCORERS:
            raise EmbeddingError(
                f"Scorer {self.info.scorer!r} is unknown, expected one of "
                f"{', '.join(SCORERS)}. Normalise the vectors and score by cosine."
            )


def write_embeddings(path: Path, embeddings: Embeddings) -> Path:
    """Write a whole embedding folder, replacing one that is there.

    Args:
        path: `NAME.emb`; its parent is made.
        embeddings: checked vectors and ids.

    Returns:
        The folder.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.parent / f".{path.name}.{uuid.uuid4().hex[:8]}.part"
    beside.mkdir()
    try:
        _fill(beside, embeddings)
        if path.exists():
            shutil.rmtree(path)
        beside.rename(path)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return path


def read_embeddings(path: Path) -> Embeddings:
    """Read and check an embedding folder; the vectors stay on disk until used.

    Raises:
        DataError: if the folder or one of its files is missing.
        SchemaError: if it is of another format or version.
        EmbeddingError: if its vectors cannot be scored.
    """
    for name in FILES:
        if not (path / name).is_file():
            raise DataError(
                f"{path} has no {name}: it is no whole embedding folder. Write it with "
                "`geobench embed`."
            )
    return Embeddings(
        query=_array(path / "query.npy"),
        reference=_array(path / "reference.npy"),
        query_ids=_read_ids(path / "query_ids.parquet"),
        reference_ids=_read_ids(path / "reference_ids.parquet"),
        info=_read_info(path / "embedding.json"),
    )


def _fill(folder: Path, embeddings: Embeddings) -> None:
    for name, vectors in (
        ("query.npy", embeddings.query),
        ("reference.npy", embeddings.reference),
    ):
        with (folder / name).open("wb") as file:
            np.save(file, np.ascontiguousarray(vectors), allow_pickle=False)
            _sync(file.fileno())
    _write_ids(folder / "query_ids.parquet", embeddings.query_ids)
    _write_ids(folder / "reference_ids.parquet", embeddings.reference_ids)
    content = {"format": FORMAT, "version": VERSION, **asdict(embeddings.info)}
    with (folder / "embedding.json").open("w", encoding="utf-8") as file:
        json.dump(content, file, indent=2, sort_keys=True, allow_nan=False)
        file.write("\n")
        _sync(file.fileno(), file.flush)


def _sync(handle: int, flush: Any = None) -> None:
    if flush is not None:
        flush()
    os.fsync(handle)


def _write_ids(path: Path, ids: Sequence[str]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with path.open("wb") as file:
        pq.write_table(pa.table({"id": pa.array(list(ids), pa.string())}), file)
        _sync(file.fileno(), file.flush)


def _read_ids(path: Path) -> tuple[str, ...]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return tuple(
            str(v) for v in pq.read_table(path, columns=["id"])["id"].to_pylist()
        )
    except (pa.ArrowException, KeyError, OSError) as error:
        raise SchemaError(
            f"{path} is no table of ids with a column `id` ({error}). Write the folder "
            "again with `geobench embed`."
        ) from error


def _array(path: Path) -> Vectors:
    try:
        array: Vectors = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise EmbeddingError(
            f"{path} is not a NumPy array file ({error}), expected float32 [N, D]. "
            "Save it with numpy.save."
        ) from error
    return array


def _read_info(path: Path) -> EmbeddingInfo:
    try:
        content: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        found = (content.get("format"), content.get("version"))
    except (ValueError, AttributeError) as error:
        raise SchemaError(f"{path} is not JSON: {error}.") from error
    if found != (FORMAT, VERSION):
        raise SchemaError(
            f"{path} says format and version {found}, expected {(FORMAT, VERSION)}. "
            "Write the folder again with this version's `geobench embed`."
        )
    known = {k: v for k, v in content.items() if k in EmbeddingInfo.__annotations__}
    if "model" not in known:
        raise SchemaError(f"{path} does not name its model. Write it with `embed`.")
    return EmbeddingInfo(**{**known, "trained_on": tuple(known.get("trained_on", ()))})


def _check(role: str, vectors: Vectors, ids: Sequence[str]) -> None:
    if vectors.ndim != 2 or 0 in vectors.shape or vectors.dtype != np.float32:
        raise EmbeddingError(
            f"{role} vectors must be float32 [N, D] with N, D >= 1, got "
            f"{vectors.dtype} {vectors.shape}."
        )
    if len(ids) != len(vectors):
        raise EmbeddingError(f"{len(vectors)} {role} vectors but {len(ids)} ids.")
    if len(set(ids)) != len(ids):
        twice, _ = Counter(ids).most_common(1)[0]
        raise EmbeddingError(f"{role} id {twice!r} stands twice; ids must be unique.")
    step = max(1, (1 << 22) // vectors.shape[1])
    for start in range(0, len(vectors), step):
        finite = np.isfinite(vectors[start : start + step]).all(1)
        if not finite.all():
            bad = ids[start + int(np.argmin(finite))]
            raise EmbeddingError(
                f"The {role} vector of {bad!r} holds NaN or infinity. Find where the "
                "model diverged; such vectors are never scored."
            )

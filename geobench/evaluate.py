"""One number from one model on one pack: match ids, take the truth, measure, file.

Nothing is matched by position: vectors are looked up by the ids of the task's split
and gallery, so that no order of files or workers can move a number.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from geobench import __version__
from geobench.embeddings import Embeddings, read_embeddings
from geobench.errors import EmbeddingError
from geobench.intervals import CELL_SIZES_M
from geobench.measure import Drawing, Measured, Truth, measure
from geobench.metrics import DEFAULT_METRICS
from geobench.results import TaskResult, result_key
from geobench.tasks import Task, fingerprint

if TYPE_CHECKING:
    import pandas as pd

    from dataset_tools.pack.read import Pack

Ints = npt.NDArray[np.int64]

NOT_IN_GALLERY = "own positive not in the gallery"
NOT_EMBEDDED = "not embedded (partial run)"
UNTRAINED = "untrained"


def evaluate(
    embeddings: Embeddings | Path,
    pack: "Pack",
    task: Task,
    *,
    metrics: Sequence[str] = DEFAULT_METRICS,
    cell_m: float = CELL_SIZES_M[0],
) -> TaskResult:
    """Measure an embedding folder on a task of a pack.

    Args:
        embeddings: a folder, or its content; may hold more ids than the task asks.
        pack: the open pack that was embedded.
        task: names split, gallery and protocol.
        metrics: names; those without evidence (no coordinates) are left out.
        cell_m: largest side of the cells that intervals draw, metres.

    Returns:
        The result with its ranks; `write_result` files it.

    Raises:
        EmbeddingError: if the vectors are of another pack, task or set of ids.
        MetricError: if no query can be scored.
    """
    found = read_embeddings(embeddings) if isinstance(embeddings, Path) else embeddings
    _check_origin(found, pack, task)
    queries = pack.split_ids(task.scheme, task.split, "sequence")
    references = pack.split_ids(task.scheme, task.split, task.gallery)
    given = set(found.query_ids)
    if not found.info.partial:
        # Queries that no reference answers need no vector, all others do.
        given |= _answerable(pack, queries, references)
    embedded = [q for q in queries if q in given]
    rows = _rows("query", embedded, found.query_ids, task)
    columns = _rows("reference", references, found.reference_ids, task)
    measured = measure(
        found.query[rows],
        found.reference[columns],
        _truth(pack, embedded, references),
        metrics=metrics,
        drawing=Drawing(cell_m=cell_m, seed=task.seed),
    )
    if len(embedded) < len(queries):
        why = NOT_EMBEDDED if found.info.partial else NOT_IN_GALLERY
        excluded = measured.counts["excluded"]
        excluded[why] = excluded.get(why, 0) + len(queries) - len(embedded)
    return _result(
        measured,
        found,
        task,
        pack={"name": pack.name, "content_sha256": pack.content_sha256},
        ranks=ranks_frame(measured, embedded, references),
    )


def ranks_frame(
    measured: Measured, query_ids: Sequence[str], reference_ids: Sequence[str]
) -> "pd.DataFrame":
    """Per-query ranks as they are filed: one row a query that counts, sorted by id."""
    import pandas as pd

    names = np.asarray(reference_ids, dtype=object)
    ranking, error = measured.ranking, measured.error_m
    return pd.DataFrame(
        {
            "query_id": [query_ids[i] for i in measured.kept],
            "rank": ranking.ranks,
            "tied": ranking.tied,
            "top_ids": [list(row) for row in names[ranking.top_index]],
            "top_scores": list(ranking.top_score),
            "error_m": [None] * len(ranking.ranks) if error is None else error,
        }
    )


def now() -> str:
    """The time as results carry it: UTC, ISO 8601, whole seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _check_origin(found: Embeddings, pack: "Pack", task: Task) -> None:
    """Refuse vectors of another pack, or of other frames than the task lets see."""
    made = found.info.pack_content_sha256
    if made and made != pack.content_sha256:
        raise EmbeddingError(
            f"The embeddings are of pack {found.info.pack_name!r} with content "
            f"{made[:8]}, not of {pack.name!r} with {pack.content_sha256[:8]}. "
            "Embed this pack."
        )
    if task.pack != pack.name:
        raise EmbeddingError(
            f"Task {task.name!r} asks for pack {task.pack!r}, got {pack.name!r}. Name "
            "the right pack, or a task of this one."
        )
    if found.info.task:
        seen, asked = found.info.task.get("frames"), task.to_json()["frames"]
        if seen != asked:
            raise EmbeddingError(
                f"The queries were embedded with frames {seen}, task {task.name!r} "
                f"asks for {asked}. Embed them for this task."
            )


def _rows(
    role: str, wanted: Sequence[str], given: Sequence[str], task: Task
) -> Ints | slice:
    """Rows of the vectors in the order wanted; the whole file where they agree."""
    if list(wanted) == list(given):
        return slice(None)
    at = {name: row for row, name in enumerate(given)}
    missing = [name for name in wanted if name not in at]
    if missing or not wanted:
        raise EmbeddingError(
            f"{len(missing)} of the {len(wanted)} {role} ids of task {task.name!r} "
            f"have no vector, the first {missing[0] if missing else None!r}. Embed "
            f"split {task.split!r} with gallery {task.gallery!r} of scheme "
            f"{task.scheme!r}."
        )
    return np.array([at[name] for name in wanted], np.int64)


def _answerable(
    pack: "Pack", queries: Sequence[str], references: Sequence[str]
) -> set[str]:
    """The queries that have a positive among the references."""
    there = set(references)
    lists = pack.sequences.loc[list(queries), "positives"]
    return {
        str(i)
        for i, tiles in lists.items()
        if tiles is not None and not there.isdisjoint(map(str, tiles))
    }


def _truth(pack: "Pack", queries: Sequence[str], references: Sequence[str]) -> Truth:
    column = {name: at for at, name in enumerate(references)}
    table = pack.sequences.loc[list(queries)]
    first = [str(ids[0]) for ids in table["frame_ids"]]
    session = pack.frames.loc[first, "session_id"]
    return Truth(
        positives=_columns(table["positives"], column),
        semi_positives=_columns(table["semi_positives"], column),
        query_position=_positions(table),
        reference_position=_positions(pack.tiles.loc[list(references)]),
        region=_texts(table["region"]),
        stratum=_texts(table["stratum"]),
        session=_texts(session) if session.notna().all() else None,
        reason=NOT_IN_GALLERY,
    )


def _columns(lists: "pd.Series[Any]", column: dict[str, int]) -> list[Ints]:
    found = []
    for ids in lists:
        known = [] if ids is None else [column[str(i)] for i in ids if str(i) in column]
        found.append(np.array(sorted(known), np.int64))
    return found


def _positions(table: "pd.DataFrame") -> npt.NDArray[np.float64] | None:
    """[N, 2] lat, lon; None where one is unknown, so that no metre is invented."""
    place = table[["lat", "lon"]].to_numpy(np.float64, na_value=np.nan)
    return place if np.isfinite(place).all() else None


def _texts(column: "pd.Series[Any]") -> npt.NDArray[np.str_]:
    return column.fillna("unknown").to_numpy(dtype=str)


def _result(
    measured: Measured,
    found: Embeddings,
    task: Task,
    *,
    pack: dict[str, Any],
    ranks: "pd.DataFrame",
) -> TaskResult:
    info = found.info
    return TaskResult(
        task=task.to_json(),
        pack=pack,
        model=_model(found),
        metrics=measured.metrics,
        strata=measured.strata,
        interval=measured.interval,
        counts=measured.counts,
        seed=info.seed,
        partial=info.partial,
        cost={
            "embed_s": info.seconds,
            "retrieve_s": measured.seconds,
            "peak_memory_bytes": info.peak_memory_bytes,
        },
        environment={"device": info.device, "version": __version__, **info.versions},
        created=now(),
        key=result_key(
            {
                "model": _model(found),
                "seed": info.seed,
                "partial": info.partial,
                "pack": pack["content_sha256"],
                "task": fingerprint(task),
                "cell_m": measured.interval["cell_m"],
            }
        ),
        ranks=ranks,
    )


def _model(found: Embeddings) -> dict[str, Any]:
    """What made the vectors: all that changes a number, and the training data."""
    info = found.info
    return {
        "name": info.model,
        "variant": info.variant,
        "revision": info.checkpoint_sha256[:8] or UNTRAINED,
        "parameters": info.parameters,
        "trained_on": list(info.trained_on),
        "checkpoint_sha256": info.checkpoint_sha256,
        "preprocessing_sha256": info.preprocessing_sha256,
        "query": info.query,
        "precision": info.precision,
    }

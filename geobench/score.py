"""Anybody's embeddings, scored from plain files, without a pack or a model.

Q.npy, R.npy  vectors [Q, D] and [R, D]
T.csv         query,reference[,relation]: rows counted from 0, relation "positive"
              (default) or "semi", several lines per query
C.csv         kind,id,lat,lon: kind "query" or "reference", id the row, degrees
"""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from geobench import __version__
from geobench.errors import DataError, EmbeddingError, SchemaError
from geobench.evaluate import now, ranks_frame
from geobench.intervals import CELL_SIZES_M
from geobench.measure import Drawing, Truth, measure
from geobench.results import TaskResult, result_key

Ints = npt.NDArray[np.int64]
Lines = Iterator[tuple[str, dict[str, str]]]


def score(
    query: Path,
    reference: Path,
    truth: Path,
    *,
    coords: Path | None = None,
    cell_m: float = CELL_SIZES_M[0],
) -> TaskResult:
    """Score two arrays against a truth file.

    Args:
        query: `.npy` of [Q, D].
        reference: `.npy` of [R, D].
        truth: CSV of true pairs.
        coords: CSV of positions, for errors in metres and intervals over cells.
        cell_m: largest side of a cell, metres.

    Returns:
        A result whose model and pack are None.

    Raises:
        DataError: if a file is missing.
        EmbeddingError: if vectors are non-finite or misshapen.
        SchemaError: if a CSV line makes no sense.
    """
    vectors, gallery = _vectors(query), _vectors(reference)
    counts = {"query": len(vectors), "reference": len(gallery)}
    positives, semi = _pairs(truth, counts)
    places = _places(coords, counts) if coords is not None else {}
    known = Truth(
        positives=positives,
        semi_positives=semi if any(len(s) for s in semi) else None,
        query_position=places.get("query"),
        reference_position=places.get("reference"),
    )
    measured = measure(vectors, gallery, known, drawing=Drawing(cell_m=cell_m))
    ids = {kind: [str(i) for i in range(n)] for kind, n in counts.items()}
    return TaskResult(
        task={
            "id": "score",
            "version": 1,
            "protocol": "score",
            "label_set": "given",
            "split": "given",
        },
        metrics=measured.metrics,
        strata=measured.strata,
        interval=measured.interval,
        counts=measured.counts,
        cost={"embed_s": 0.0, "retrieve_s": measured.seconds, "peak_memory_bytes": 0},
        environment={"device": "cpu", "version": __version__, "numpy": np.__version__},
        created=now(),
        key=result_key({"counts": counts, "cell_m": cell_m}),
        ranks=ranks_frame(measured, ids["query"], ids["reference"]),
    )


def _vectors(path: Path) -> npt.NDArray[np.floating]:
    if not path.is_file():
        raise DataError(
            f"{path} does not exist, expected a .npy file of [N, D] vectors."
        )
    try:
        array: npt.NDArray[np.floating] = np.load(
            path, mmap_mode="r", allow_pickle=False
        )
    except (ValueError, OSError, EOFError) as error:
        raise EmbeddingError(
            f"{path} is no NumPy array file ({error}). Save it with numpy.save."
        ) from error
    if not isinstance(array, np.ndarray) or array.ndim != 2 or 0 in array.shape:
        shape = getattr(array, "shape", None)
        raise EmbeddingError(f"{path} must hold one [N, D] array, got shape {shape}.")
    return array


def _pairs(path: Path, counts: dict[str, int]) -> tuple[list[Ints], list[Ints]]:
    """Columns of positives and of semi-positives, one array per query."""
    found: dict[str, list[list[int]]] = {
        kind: [[] for _ in range(counts["query"])] for kind in ("positive", "semi")
    }
    for where, line in _lines(path, ("query", "reference")):
        row = _row(line["query"], counts["query"], f"{where}: query")
        column = _row(line["reference"], counts["reference"], f"{where}: reference")
        relation = (line.get("relation") or "positive").strip()
        if relation not in found:
            raise SchemaError(
                f"{where}: relation {relation!r} is unknown, expected 'positive' or "
                "'semi'."
            )
        found[relation][row].append(column)
    return tuple(  # type: ignore[return-value]
        [np.unique(np.array(one, np.int64)) for one in found[kind]]
        for kind in ("positive", "semi")
    )


def _places(path: Path, counts: dict[str, int]) -> dict[str, npt.NDArray[np.float64]]:
    """[N, 2] lat, lon for each kind that is named; then it must be whole."""
    places = {kind: np.full((n, 2), np.nan) for kind, n in counts.items()}
    for where, line in _lines(path, ("kind", "id", "lat", "lon")):
        kind = line["kind"].strip()
        if kind not in places:
            raise SchemaError(
                f"{where}: kind {kind!r} is unknown, expected 'query' or 'reference'."
            )
        row = _row(line["id"], counts[kind], f"{where}: {kind}")
        places[kind][row] = _degrees(line, where)
    for kind, place in places.items():
        missing = np.isnan(place).any(1)
        if missing.any() and not missing.all():
            raise SchemaError(
                f"{path} gives no position for {int(missing.sum())} of {len(place)} "
                f"{kind} rows, the first {int(np.argmax(missing))}. Add them, or leave "
                f"all of kind {kind!r} out."
            )
    return {k: p for k, p in places.items() if not np.isnan(p).any()}


def _degrees(line: dict[str, str], where: str) -> tuple[float, float]:
    try:
        lat, lon = float(line["lat"]), float(line["lon"])
    except (TypeError, ValueError):
        lat, lon = np.nan, np.nan
    if not (abs(lat) <= 90 and abs(lon) <= 180):
        raise SchemaError(
            f"{where}: position {line['lat']!r}, {line['lon']!r} is not in degrees, "
            "expected latitude in [-90, 90] and longitude in [-180, 180]."
        )
    return lat, lon


def _lines(path: Path, needed: tuple[str, ...]) -> Lines:
    if not path.is_file():
        raise DataError(f"{path} does not exist, expected CSV with {','.join(needed)}.")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = [n for n in needed if n not in (reader.fieldnames or [])]
            if missing:
                raise SchemaError(
                    f"{path} has no column {missing[0]!r}, expected the header "
                    f"{','.join(needed)}."
                )
            for line in reader:
                yield f"{path}, line {reader.line_num}", line
    except (UnicodeDecodeError, csv.Error) as error:
        raise SchemaError(f"{path} is no UTF-8 CSV file: {error}.") from error


def _row(text: str | None, count: int, where: str) -> int:
    try:
        row = int(text or "")
    except ValueError:
        row = -1
    if not 0 <= row < count:
        raise SchemaError(
            f"{where} row {text!r} does not exist, expected a number from 0 to "
            f"{count - 1}."
        )
    return row

"""A model's vectors of a task's queries and references, written as a folder.

Where the scorer is the cosine the vectors are brought to unit length here, so that
anybody's retrieval gives the same ranks. A vector with NaN or infinity stops it.
"""

import platform
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from tqdm import tqdm

from geobench import __version__
from geobench.data.dataset import PackDataset, TileDataset, slices
from geobench.data.prepare import PictureStore, preparation_sha256
from geobench.embeddings import EmbeddingInfo, Embeddings, write_embeddings
from geobench.errors import DataError, EmbeddingError
from geobench.model import CrossViewModel

if TYPE_CHECKING:
    from dataset_tools.pack.read import Pack
    from geobench.tasks import Task

Vectors = npt.NDArray[np.float32]


def embed(
    model: CrossViewModel,
    pack: "Pack",
    task: "Task",
    out: Path,
    *,
    batch_size: int = 64,
    device: str = "auto",
    store: PictureStore | None = None,
    progress: bool = False,
) -> Path:
    """Write the embedding folder of a task.

    Args:
        model: as `load_checkpoint` gives it, which also says what it is.
        pack: the task's open pack.
        task: names split, gallery and the frames that may be seen.
        out: `NAME.emb`, replaced if it is there.
        batch_size: pictures (sequences) at a time; changes no rank.
        device: "auto", "cpu" or "cuda".
        store: prepared pictures to share between the tasks of one model.
        progress: show a bar with the time left.

    Returns:
        The folder. Its `seconds` are those of the network; preparing is not counted.

    Raises:
        DataError: if the pack is not the task's or has no such queries or references.
        EmbeddingError: if a vector holds NaN or infinity.
    """
    place = pick_device(device)
    if store is None or store.spec != model.inputs:
        store = PictureStore(model.inputs)
    queries, tiles = _task_data(model, pack, task, store=store)
    model.to(place)
    started = time.perf_counter()
    how = {"batch_size": batch_size, "device": place, "progress": progress}
    found = embed_queries(model, queries, **how)
    gallery = embed_tiles(model, tiles, **how)
    seconds = time.perf_counter() - started
    info = _info(model, pack, task, seconds=seconds, device=place)
    return write_embeddings(
        out,
        Embeddings(
            query=found,
            reference=gallery,
            query_ids=tuple(queries.sequence_ids),
            reference_ids=tuple(tiles.tile_ids),
            info=info,
        ),
    )


def embed_queries(
    model: CrossViewModel,
    queries: PackDataset,
    *,
    batch_size: int,
    device: torch.device,
    progress: bool = False,
) -> Vectors:
    """Vectors [Q, D] of a data set's queries, in its order.

    Raises:
        EmbeddingError: if a vector holds NaN or infinity.
    """

    def vectors(index: npt.NDArray[np.int64]) -> Tensor:
        ground, mask = queries.queries(index, device=device)
        return model.embed_ground(ground, mask)

    return _run(
        model,
        vectors,
        names=queries.sequence_ids,
        batch_size=batch_size,
        progress="queries" if progress else None,
    )


def embed_tiles(
    model: CrossViewModel,
    tiles: TileDataset,
    *,
    batch_size: int,
    device: torch.device,
    progress: bool = False,
) -> Vectors:
    """Vectors [R, D] of a gallery's tiles, in its order.

    Raises:
        EmbeddingError: if a vector holds NaN or infinity.
    """

    def vectors(index: npt.NDArray[np.int64]) -> Tensor:
        return model.embed_satellite(tiles.batch(index, device=device))

    return _run(
        model,
        vectors,
        names=tiles.tile_ids,
        batch_size=batch_size,
        progress="references" if progress else None,
    )


def pick_device(name: str) -> torch.device:
    """The device of a name: "auto" takes a GPU if there is one.

    Raises:
        DataError: if a GPU is asked for and there is none.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise DataError(
            f"Device {name!r} was asked for and torch sees no GPU. Use --device cpu."
        )
    return torch.device(name)


def _task_data(
    model: CrossViewModel, pack: "Pack", task: "Task", *, store: PictureStore
) -> tuple[PackDataset, TileDataset]:
    """Queries and gallery of a task, their pictures prepared."""
    if pack.name != task.pack:
        raise DataError(
            f"Task {task.name} asks for pack {task.pack!r}, got {pack.name!r}. "
            "Open the task's own pack."
        )
    queries = PackDataset(
        pack,
        scheme=task.scheme,
        split=task.split,
        store=store,
        max_frames=model.max_frames,
        frames=task.frames,
        gallery=task.gallery,
    )
    tiles = TileDataset(
        pack, pack.split_ids(task.scheme, task.split, task.gallery), store=store
    )
    if not len(queries) or not len(tiles):
        raise DataError(
            f"Task {task.name} finds {len(queries)} queries and {len(tiles)} "
            f"references (gallery {task.gallery!r}) in split {task.split!r} of scheme "
            f"{task.scheme!r} of pack {pack.name!r}; both must be at least 1. "
            "`geobench data card` lists the splits."
        )
    queries.prepare_ground()
    tiles.prepare()
    return queries, tiles


def _info(
    model: CrossViewModel,
    pack: "Pack",
    task: "Task",
    *,
    seconds: float,
    device: torch.device,
) -> EmbeddingInfo:
    """Where the vectors come from, as far as the model and the pack can say."""
    identity = getattr(model, "identity", None)
    return EmbeddingInfo(
        model=identity.name if identity else type(model).__name__.lower(),
        variant=identity.variant if identity else {},
        checkpoint_sha256=identity.sha256 if identity else "",
        preprocessing_sha256=preparation_sha256(model.inputs, pack=pack),
        pack_name=pack.name,
        pack_content_sha256=pack.content_sha256,
        task=task.to_json(),
        scorer=model.scorer,
        query="sequence" if model.max_frames > 1 else "centre",
        parameters=sum(p.numel() for p in model.parameters()),
        trained_on=identity.trained_on if identity else model.card.trained_on,
        seed=int(identity.settings.get("seed", 0)) if identity else 0,
        seconds=seconds,
        peak_memory_bytes=_peak_memory_bytes(device),
        device=str(device),
        versions={
            "geobench": __version__,
            "torch": torch.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
    )


def _peak_memory_bytes(device: torch.device) -> int:
    """Most memory held so far: of the GPU if there is one, else of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # bytes there, KiB here


def _run(
    model: CrossViewModel,
    vectors: Callable[[npt.NDArray[np.int64]], Tensor],
    *,
    names: list[str],
    batch_size: int,
    progress: str | None,
) -> Vectors:
    """All vectors, in evaluation mode and without gradients."""
    was_training = model.training
    model.eval()
    out: Vectors | None = None
    bar = tqdm(total=len(names), desc=progress, unit="", disable=progress is None)
    try:
        with torch.no_grad(), bar:
            for index in slices(len(names), batch_size):
                part = vectors(index).float().cpu().numpy()
                _refuse_non_finite(part, [names[i] for i in index])
                if out is None:
                    out = np.empty((len(names), part.shape[1]), np.float32)
                out[index] = _unit(part) if model.scorer == "cosine" else part
                bar.update(len(index))
    finally:
        model.train(was_training)
    return np.empty((0, model.embedding_dim), np.float32) if out is None else out


def _unit(part: Vectors) -> Vectors:
    """Rows at unit length; a zero row stays zero and will tie with everything."""
    exact = part.astype(np.float64)
    # The largest element first: squares of a tiny row would all be zero.
    largest = np.abs(exact).max(1, keepdims=True)
    exact /= np.where(largest > 0, largest, 1.0)
    length = np.linalg.norm(exact, axis=1, keepdims=True)
    return (exact / np.where(length > 0, length, 1.0)).astype(np.float32)


def _refuse_non_finite(part: Vectors, names: list[str]) -> None:
    finite = np.isfinite(part).all(1)
    if not finite.all():
        first = names[int(np.argmin(finite))]
        raise EmbeddingError(
            f"{int((~finite).sum())} vectors hold NaN or infinity, the first that of "
            f"{first!r}. The model diverged: train it again with a lower lr."
        )

"""Weights from files, or from dictionaries in memory, as one flat table of tensors.

A file is safetensors, or a torch file whose content is nothing but tensors and plain
values: torch's restricted loader reads it, which calls no code of the file's choice.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from geobench.errors import ConfigError, DataError, SchemaError

Source = Mapping[str, Any] | Path | str
"""A state dict, a checkpoint that holds one, a file with either, or parts by name."""

Parts = tuple[tuple[str, ...], ...]
"""The parts that weights come in: each its name, then other names for it."""

WRAPPERS = ("model_state_dict", "state_dict")
"""Keys under which training scripts keep the weights, beside other things."""
LEFTOVERS = (
    "arch",
    "best_acc",
    "best_acc1",
    "epoch",
    "optimizer",
    "optimizer_state_dict",
    "scheduler",
    "scheduler_state_dict",
)
"""What else training scripts save; left out where it is no tensor."""
PARALLEL = "module."
"""What torch's data-parallel wrappers put in front of every name."""


def read_source(source: Source, parts: Parts) -> dict[str, Tensor]:
    """All tensors of a source by the authors' names.

    Args:
        source: see `Source`; where there are parts, a mapping of them, each itself a
            source.
        parts: the name of each part and its other names; none for one file.

    Returns:
        Tensors by name, with the part's name and a dot in front where there are parts.

    Raises:
        ConfigError: if a part is unknown or given twice.
        DataError: if a file does not exist.
        SchemaError: if a file cannot be read safely, or holds something else.
    """
    if not parts:
        return dict(_tensors(source))
    loaded = _unwrapped(source)
    given: dict[str, Any] = {}
    for key, value in loaded.items():
        if key in LEFTOVERS and not isinstance(value, Tensor):
            continue
        part = _part(str(key), parts)
        if part in given:
            raise ConfigError(f"The part {part!r} is given twice. Give each once.")
        given[part] = value
    found: dict[str, Tensor] = {}
    for part, *_ in parts:  # in their order, whatever the caller's
        if part in given:
            found |= {f"{part}.{k}": v for k, v in _tensors(given[part])}
    return found


def parts_of(tensors: Mapping[str, Tensor], parts: Parts) -> tuple[str, ...]:
    """Names of the parts that a table of tensors holds."""
    return tuple(p for p, *_ in parts if any(n.startswith(f"{p}.") for n in tensors))


def read_file(path: Path) -> Mapping[str, Any]:
    """What a weights file holds, on the CPU.

    Raises:
        DataError: if there is no such file.
        SchemaError: if it is no weights file, or could only be read by running what it
            holds.
    """
    if not path.is_file():
        raise DataError(
            f"{path} is no file of weights. Give the file that the authors released."
        )
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except (SafetensorError, OSError) as error:
            raise SchemaError(
                f"{path} is no safetensors file: {error}. Download it again."
            ) from error
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except torch.serialization.pickle.UnpicklingError as error:
        raise SchemaError(_refusal(path, str(error))) from error
    except (RuntimeError, EOFError, ValueError, LookupError, TypeError) as error:
        first = (str(error) or type(error).__name__).splitlines()[0].split(". ")[0]
        raise SchemaError(
            f"{path} cannot be read as weights ({first}). Download it again, or save "
            "its tensors as safetensors."
        ) from error
    if not isinstance(found, Mapping):
        raise SchemaError(
            f"{path} holds a {type(found).__name__}, expected weights by name. Give a "
            "state dict, or a checkpoint that holds one."
        )
    return found


def _tensors(source: Source) -> Iterator[tuple[str, Tensor]]:
    """Names and tensors of one part."""
    loaded = _unwrapped(source)
    if loaded and all(str(key).startswith(PARALLEL) for key in loaded):
        loaded = {str(k).removeprefix(PARALLEL): v for k, v in loaded.items()}
    for key, value in loaded.items():
        if isinstance(value, np.ndarray):
            yield str(key), torch.from_numpy(value)
        elif isinstance(value, Tensor):
            yield str(key), value
        elif isinstance(value, Mapping) and key not in LEFTOVERS:
            yield from ((f"{key}.{inner}", v) for inner, v in _tensors(value))
        elif key not in LEFTOVERS:
            raise SchemaError(
                f"Weights hold {key!r} of type {type(value).__name__}, expected a "
                "tensor. Give the network's state dict alone."
            )


def _unwrapped(source: Source) -> Mapping[str, Any]:
    """A mapping of weights, taken out of its file and its training script's wrapper."""
    loaded = read_file(Path(source)) if isinstance(source, (str, Path)) else source
    if not isinstance(loaded, Mapping):
        raise ConfigError(
            f"Weights are a {type(source).__name__}, expected a state dict, a path, or "
            "parts by name."
        )
    for wrapper in WRAPPERS:
        if isinstance(loaded.get(wrapper), Mapping):
            return _unwrapped(loaded[wrapper])
    return loaded


def _part(key: str, parts: Parts) -> str:
    """The part that a key names."""
    for names in parts:
        if key in names:
            return names[0]
    raise ConfigError(
        f"{key!r} is no part of these weights, which come as "
        f"{', '.join(repr(names[0]) for names in parts)}. Give a mapping of these, "
        "each a state dict or a path."
    )


def _refusal(path: Path, reason: str) -> str:
    """Why a torch file is not opened, with what it asks for if that can be told."""
    asked = re.search(r"GLOBAL ([\w.]+)", reason)
    what = f"asks for {asked[1]}" if asked else "is no plain torch file"
    return (
        f"{path} {what}, so reading it could run code that it brings. It is refused: "
        "where you trust it, save its state dict alone, best as safetensors, and give "
        "that."
    )

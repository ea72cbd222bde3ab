"""From the authors' weights to a model of ours, where every name and shape must fit."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from geobench.errors import ConfigError, SchemaError, closest
from geobench.model import CrossViewModel, PublishedTensor
from geobench.registry import model_factory, model_names
from geobench.training.atomic import file_sha256
from geobench.training.checkpoint import Identity, build_variant
from geobench.weights.sources import Source, parts_of, read_source

SHOWN = 3
"""Misfits of each kind that an error names."""


def load_published(name: str, source: Source, **variant: Any) -> CrossViewModel:
    """A model with the weights that its authors released.

    Settings in which paper and release differ are those that the release needs, such
    as SeqGeo's `sequential_dropout="released"`; `variant` overrides them.

    Args:
        name: registered name, such as "geodtr".
        source: a state dict, or the path of a file with one; SeqGeo and L2LTR: a
            mapping of their parts (GFE, SFE, trans; model_grd, model_sat), each a
            state dict or a path. A "module." in front of all names is taken off.
        variant: constructor arguments that say which network the weights are for,
            such as `polar`, `backbone`, `dataset`, `stage`, `fov_deg`.

    Returns:
        The model in evaluation mode, float32, on the CPU. The caller's tensors are
        copied.

    Raises:
        RegistryError: if no model has that name.
        ConfigError: if there is no importer for it, or it takes no such variant.
        DataError: if a file does not exist.
        SchemaError: if a weight is missing, left over or misshapen, or a file could
            only be read by running code.
    """
    factory = model_factory(name)
    parts = getattr(factory, "published_parts", None)
    if parts is None:
        raise ConfigError(
            f"There is no importer for the weights of {name!r}. "
            f"{closest(name, importable())}"
        )
    theirs = read_source(source, parts)
    needed = factory.published_arguments(parts_of(theirs, parts))
    arguments = {**needed, **variant}
    # Shapes alone: the first weights would be thrown away, and take time and memory.
    with torch.device("meta"):
        model = build_variant(name, arguments)
    _refuse_missing_parts(name, model, present=parts_of(theirs, parts))
    model.load_state_dict(_fitted(name, model, theirs), strict=True, assign=True)
    model.identity = Identity(name=name, variant=arguments, source=_hashes(source))
    return model.eval()


def importable() -> list[str]:
    """Names of the models whose released weights can be loaded."""
    return [
        name
        for name in model_names()
        if getattr(model_factory(name), "published_parts", None) is not None
    ]


def _refuse_missing_parts(
    name: str, model: CrossViewModel, *, present: tuple[str, ...]
) -> None:
    """One sentence for a file that was not given, instead of all its weights."""
    places = [place.name for place in model.published_tensors().values()]
    parts = [names[0] for names in type(model).published_parts or ()]
    for part in parts:
        if part not in present and any(p.startswith(f"{part}.") for p in places):
            raise SchemaError(
                f"The weights of {name!r} come as {', '.join(parts)}; {part!r} is "
                "missing. Give all of them."
            )


def _fitted(
    name: str, model: CrossViewModel, theirs: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Our weights from theirs."""
    ours = model.state_dict()
    wanted = model.published_tensors()
    shapes = {wanted[key].name: _shape(ours[key], wanted[key]) for key in ours}
    misfits = [
        *_some("missing", [f"{k!r} {list(s)}" for k, s in _absent(shapes, theirs)]),
        *_some("not expected", [repr(key) for key in theirs if key not in shapes]),
        *_some(
            "misshapen",
            [
                f"{key!r} is {list(theirs[key].shape)} instead of {list(shape)}"
                for key, shape in shapes.items()
                if key in theirs and tuple(theirs[key].shape) != shape
            ],
        ),
    ]
    if misfits:
        raise SchemaError(
            f"These are not the weights of this {name!r}: {'; '.join(misfits)}. "
            "Check the file, and the variant (such as polar, backbone, dataset)."
        )
    return {
        key: _converted(theirs[wanted[key].name], wanted[key], like=weight)
        for key, weight in ours.items()
    }


def _absent(
    shapes: Mapping[str, tuple[int, ...]], theirs: Mapping[str, Tensor]
) -> list[tuple[str, tuple[int, ...]]]:
    return [(key, shape) for key, shape in shapes.items() if key not in theirs]


def _some(kind: str, texts: list[str]) -> list[str]:
    """One phrase with the first few, or none."""
    if not texts:
        return []
    more = f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return [f"{kind} {', '.join(texts[:SHOWN])}{more}"]


def _shape(ours: Tensor, place: PublishedTensor) -> tuple[int, ...]:
    """Shape of a weight in the authors' file."""
    if place.axes is None:
        return tuple(ours.shape)
    shape = [0] * ours.ndim
    for our_axis, their_axis in enumerate(place.axes):
        shape[their_axis] = ours.shape[our_axis]
    return tuple(shape)


def _converted(theirs: Tensor, place: PublishedTensor, *, like: Tensor) -> Tensor:
    """A weight of ours: their values with our axes, type and own memory."""
    found = theirs.detach()
    if place.axes is not None:
        found = found.permute(place.axes)
    if place.flip is not None:
        found = found.flip(place.flip)
    out = torch.empty(like.shape, dtype=like.dtype)
    return out.copy_(found)


def _hashes(source: Source) -> dict[str, str]:
    """SHA-256 of every file that weights came from, by the file's name."""
    if isinstance(source, Mapping):
        found = {}
        for value in source.values():
            if isinstance(value, (str, Path)):
                found |= _hashes(value)
        return found
    path = Path(source)
    return {path.name: file_sha256(path)}

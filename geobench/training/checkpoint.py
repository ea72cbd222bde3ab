"""Checkpoints: weights as safetensors, and a JSON beside them that says what they are.

    FOLDER/model.safetensors   the state dict, float as trained
    FOLDER/checkpoint.json     model, variant, input, resolved settings, sha256
    FOLDER/card.md             where imported weights come from, for people

Loading is strict: another hash, a missing or an extra weight, or a model that now
wants another input is an error. The folder is replaced as a whole.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from inspect import signature
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from geobench.data.prepare import preparation_sha256
from geobench.errors import ConfigError, DataError, SchemaError
from geobench.model import CrossViewModel
from geobench.registry import model_factory
from geobench.training.atomic import file_sha256, sync_file, sync_folder, write_bytes

FORMAT = "geobench-checkpoint"
VERSION = 1
WEIGHTS = "model.safetensors"
DESCRIPTION = "checkpoint.json"
CARD = "card.md"


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Which model this is, as tables and embedding folders name it."""

    name: str
    variant: dict[str, Any] = field(default_factory=dict)
    sha256: str = ""
    """Of the weights file."""
    trained_on: tuple[str, ...] = ()
    """Names of the packs it was trained on."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Resolved training settings."""
    metrics: dict[str, Any] = field(default_factory=dict)
    """What validation gave when it was saved."""
    source: dict[str, str] = field(default_factory=dict)
    """Files that imported weights came from, with their sha256."""


def build_variant(name: str, variant: dict[str, Any]) -> CrossViewModel:
    """A fresh model of a variant that came from JSON or YAML (lists become tuples).

    Raises:
        RegistryError: if no model has that name.
        ConfigError: if it takes no such argument.
    """
    factory = model_factory(name)
    arguments = {key: _tuples(v) for key, v in variant.items()}
    try:
        signature(factory).bind(**arguments)
    except TypeError as error:
        raise ConfigError(
            f"Model {name!r} does not take the variant {variant}: {error}. "
            f"It takes {signature(factory)}."
        ) from error
    return factory(**arguments)


def save_checkpoint(
    model: CrossViewModel, folder: Path, identity: Identity, *, card: str = ""
) -> Identity:
    """Write a checkpoint folder, replacing one that is there.

    Args:
        model: its state dict is saved from any device.
        folder: the checkpoint folder.
        identity: what to say about it; its hash is filled in.
        card: text of `card.md`; none is written where it is empty.

    Returns:
        The identity with the hash of the weights.
    """
    state = {
        k: v.detach().to("cpu", copy=True).contiguous()
        for k, v in model.state_dict().items()
    }
    described: dict[str, Any] = {}

    def fill(target: Path) -> None:
        # To a file, and hashed from there: large networks need not be twice in memory.
        save_file(state, target / WEIGHTS)
        sync_file(target / WEIGHTS)
        described.update(asdict(identity), sha256=file_sha256(target / WEIGHTS))
        text = json.dumps(
            {
                "format": FORMAT,
                "version": VERSION,
                **described,
                "inputs": asdict(model.inputs),
                "preparation_sha256": preparation_sha256(model.inputs),
                "parameters": sum(p.numel() for p in model.parameters()),
            },
            indent=1,
            sort_keys=True,
        )
        write_bytes(target / DESCRIPTION, f"{text}\n".encode())
        if card:
            write_bytes(target / CARD, card.encode())

    _replace_folder(folder, fill)
    return identity_from(described)


def load_checkpoint(folder: Path) -> CrossViewModel:
    """The model of a checkpoint, in evaluation mode on the CPU.

    Its `identity` attribute says what it is.

    Raises:
        DataError: if there is no checkpoint.
        SchemaError: if weights, hash, input or version disagree.
    """
    described = read_description(folder)
    found = file_sha256(folder / WEIGHTS)
    if found != described["sha256"]:
        raise SchemaError(
            f"{folder / WEIGHTS} has sha256 {found[:16]}..., {DESCRIPTION} says "
            f"{described['sha256'][:16]}...: the file is damaged. Copy it again."
        )
    model = build_variant(described["name"], described["variant"])
    _load_weights(model, folder / WEIGHTS)
    if preparation_sha256(model.inputs) != described["preparation_sha256"]:
        raise SchemaError(
            f"Checkpoint {folder} was trained on input {described['inputs']}, the "
            f"model now wants {asdict(model.inputs)}. Use the release it was made with."
        )
    model.identity = identity_from(described)
    return model.eval()


def read_description(folder: Path) -> dict[str, Any]:
    """The parsed `checkpoint.json` of a folder.

    Raises:
        DataError: if there is none, or no weights beside it.
        SchemaError: if it is no checkpoint of a version this release reads.
    """
    recover_folder(folder)
    for name in (DESCRIPTION, WEIGHTS):
        if not (folder / name).is_file():
            raise DataError(
                f"{folder} is no checkpoint: it has no {name}. Give the folder that "
                "`geobench train` names in its last line, such as "
                "RUN/checkpoints/best."
            )
    try:
        described = json.loads((folder / DESCRIPTION).read_text())
    except ValueError as error:
        raise SchemaError(
            f"{folder / DESCRIPTION} is not JSON ({error}). Copy the checkpoint again."
        ) from error
    if not isinstance(described, dict) or described.get("format") != FORMAT:
        raise SchemaError(
            f"{folder / DESCRIPTION} does not say format {FORMAT!r}. "
            "Give a folder written by `geobench train`."
        )
    if described.get("version") != VERSION:
        raise SchemaError(
            f"{folder / DESCRIPTION} has version {described.get('version')!r}, this "
            f"release reads {VERSION}. Install a matching release."
        )
    return described


def identity_from(described: dict[str, Any]) -> Identity:
    """The identity inside a parsed `checkpoint.json`."""
    values = {
        name: described[name]
        for name in Identity.__dataclass_fields__
        if name != "source"
    }
    values["source"] = described.get("source", {})  # later than the first checkpoints
    return Identity(**{**values, "trained_on": tuple(values["trained_on"])})


def recover_folder(folder: Path) -> None:
    """Put back the old folder if writing the new one was cut off between renames."""
    old = folder.with_name(f".{folder.name}.old")
    if old.is_dir() and not folder.exists():
        old.rename(folder)


def _load_weights(model: CrossViewModel, path: Path) -> None:
    try:
        model.load_state_dict(load_file(path), strict=True)
    except (SafetensorError, RuntimeError) as error:
        raise SchemaError(
            f"{path} does not fit the model it names: {error}. Use the release it was "
            "made with, or train again."
        ) from error


def _replace_folder(folder: Path, fill: Callable[[Path], None]) -> None:
    """Fill a new folder beside the old one, then exchange the two."""
    new = folder.with_name(f".{folder.name}.new")
    old = folder.with_name(f".{folder.name}.old")
    recover_folder(folder)
    for stale in (new, old):
        if stale.exists():
            shutil.rmtree(stale)
    new.mkdir(parents=True)
    fill(new)
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    sync_folder(folder.parent)
    if old.exists():
        shutil.rmtree(old)


def _tuples(value: Any) -> Any:
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value

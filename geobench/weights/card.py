"""Imported weights as a checkpoint folder, with a page that says what they are."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from geobench.model import CrossViewModel
from geobench.training.checkpoint import read_description, save_checkpoint


def write_imported(
    model: CrossViewModel, folder: Path, *, trained_on: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Write a model of `load_published` as a checkpoint with a card.

    Args:
        model: with its `identity`.
        folder: checkpoint folder, replaced if it is there.
        trained_on: data sets that the authors trained on.

    Returns:
        What `checkpoint.json` says.
    """
    identity = replace(model.identity, trained_on=trained_on)
    card = card_text(model, folder, trained_on=trained_on)
    save_checkpoint(model, folder, identity, card=card)
    return read_description(folder)


def card_text(
    model: CrossViewModel, folder: Path, *, trained_on: tuple[str, ...]
) -> str:
    """The Markdown page of imported weights.

    Args:
        model: with its `identity`.
        folder: the checkpoint folder, for the example.
        trained_on: data sets that the authors trained on.

    Returns:
        Markdown.
    """
    identity, inputs = model.identity, model.inputs
    variant = [f"{key} = {value}" for key, value in identity.variant.items()]
    heights = f"ground {_size(inputs.ground_size)}, satellite "
    heights += f"{_size(inputs.satellite_size)}{', polar' if inputs.polar else ''}"
    rows = [
        ("model", f"`{identity.name}`"),
        ("paper", model.card.paper),
        ("variant", ", ".join(variant) or "as published"),
        ("parameters", f"{sum(p.numel() for p in model.parameters()):,}"),
        ("embedding", f"{model.embedding_dim} numbers"),
        ("input, pixels", heights),
        ("mean, deviation", f"{_numbers(inputs.mean)}; {_numbers(inputs.std)}"),
        ("trained on", ", ".join(trained_on) or "not stated"),
        *((f"source `{_plain(name)}`", sha) for name, sha in identity.source.items()),
    ]
    table = "\n".join(f"| {name} | {_plain(value)} |" for name, value in rows)
    notes = "".join(f"- {note}\n" for note in model.card.notes)
    return (
        f"# {model.card.title}, weights of its authors\n\n"
        "Imported by `geobench import-weights`; a source is followed by its SHA-256. "
        "The weights stay\nunder the terms of those who released them, which are not "
        "those of this program.\n\n"
        f"| | |\n| --- | --- |\n{table}\n\n{notes}\n"
        "Every name and shape fitted. How far outputs were compared is in "
        "`docs/models.md`.\n\n"
        f"    geobench embed {folder.name} NAME.pack --out {identity.name}.emb\n"
    )


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"


def _numbers(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:.4g}" for value in values)


def _plain(text: str) -> str:
    """Text that stays in its cell of a table."""
    return " ".join(text.replace("|", "/").split())

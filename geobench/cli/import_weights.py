"""`geobench import-weights`: what authors released, as a checkpoint of ours."""

import json
from pathlib import Path
from typing import Any

import click

from geobench.cli import options


@click.command(
    epilog="Example: geobench import-weights geodtr epoch_177.pth "
    "--set polar=true --trained-on cvusa --out weights/geodtr-cvusa"
)
@click.argument("name")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Checkpoint folder to write.",
)
@options.settings("A part of the variant, such as polar=false or backbone=resnet18.")
@click.option(
    "--trained-on",
    multiple=True,
    metavar="DATASET",
    help="What the authors trained on, for tables and the card.",
)
@options.overwrite
@options.as_json
def command(
    name: str,
    files: tuple[str, ...],
    out: Path,
    changes: tuple[str, ...],
    trained_on: tuple[str, ...],
    overwrite: bool,
    as_json: bool,
) -> None:
    """Write the checkpoint of model NAME from the FILE its authors released.

    Weights in several files are given as PART=FILE: GFE=, SFE= and trans= for seqgeo.
    Names and shapes must fit to the last one. A file that could only be read by running
    code from it is refused. `geobench embed` takes the checkpoint.
    """
    from geobench.training.settings import apply_change
    from geobench.weights import load_published
    from geobench.weights.card import write_imported

    _refuse_occupied(out, overwrite)
    variant: dict[str, Any] = {}
    for change in changes:
        apply_change(variant, change)
    model = load_published(name, _source(files), **variant)
    described = write_imported(model, out, trained_on=trained_on)
    if as_json:
        click.echo(json.dumps(described, sort_keys=True))
        return
    click.echo(f"{described['parameters']:,} parameters, every name and shape fits.")
    click.echo(f"Checkpoint: {out}")


def _source(files: tuple[str, ...]) -> Any:
    """One path, or paths by part."""
    if len(files) == 1 and (Path(files[0]).exists() or "=" not in files[0]):
        return Path(files[0])
    parts: dict[str, Path] = {}
    for text in files:
        part, sign, path = text.partition("=")
        if not sign or not part or not path:
            raise click.BadParameter(
                f"{text!r} is not of the form PART=FILE, which several files need."
            )
        if part in parts:
            raise click.BadParameter(f"The part {part!r} is given twice.")
        parts[part] = Path(path)
    return parts


def _refuse_occupied(out: Path, overwrite: bool) -> None:
    """A folder of something else is never replaced, a checkpoint only when asked."""
    from geobench.training.checkpoint import DESCRIPTION

    if not out.is_dir() or not any(out.iterdir()):
        return
    if not (out / DESCRIPTION).is_file():
        raise click.BadParameter(
            f"--out {out} holds other things than a checkpoint. Name a new folder."
        )
    if not overwrite:
        raise click.BadParameter(
            f"--out {out} holds a checkpoint. Add --overwrite to replace it."
        )

"""`geobench train`: one model on one or more packs, to a checkpoint."""

from pathlib import Path
from typing import Any

import click

from geobench.cli import options


@click.command(
    epilog="Example: geobench train seqgeo home.pack --run runs/seqgeo --set epochs=20 "
    "--set variant.backbone=resnet18"
)
@click.argument("model")
@click.argument("packs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--run",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder of the run; given again, an interrupted run goes on.",
)
@click.option(
    "--recipe",
    type=options.ExistingPath(dir_okay=False, path_type=Path),
    help="YAML file of training settings.",
)
@options.settings("One setting on top of the recipe: lr=1e-4, variant.polar=true.")
@click.option("--quiet", is_flag=True, help="Show no progress bar.")
@options.device
@options.seed
@click.pass_context
def command(
    ctx: click.Context,
    model: str,
    packs: tuple[Path, ...],
    run: Path,
    recipe: Path | None,
    changes: tuple[str, ...],
    **rest: Any,
) -> None:
    """Train MODEL on one or more PACKS; the last line names the checkpoint.

    Settings come from the command line, then the recipe, then the defaults. The best
    checkpoint on the validation split is kept beside the last one.
    """
    from geobench.training.engine import fit, new_model
    from geobench.training.settings import apply_change, parse_settings

    values = {**_read_recipe(recipe), "model": model}
    given = ctx.get_parameter_source("seed") is not click.core.ParameterSource.DEFAULT
    if given or "seed" not in values:
        values["seed"] = rest["seed"]
    for change in changes:
        apply_change(values, change)
    settings = parse_settings(values)
    checkpoint = fit(
        new_model(settings),
        packs,
        settings,
        run,
        progress=not rest["quiet"],
        device=rest["device"],
    )
    click.echo(f"Checkpoint: {checkpoint}")


def _read_recipe(path: Path | None) -> dict[str, Any]:
    """The settings of a YAML file."""
    import yaml

    if path is None:
        return {}
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"{path} is no YAML: {error}") from error
    if not isinstance(found, dict):
        raise click.BadParameter(f"{path} holds {found!r}, expected settings by name.")
    return found

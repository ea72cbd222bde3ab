"""`geobench data bake`: pictures prepared once, for fast training."""

from pathlib import Path
from typing import Any

import click

from dataset_tools.settings.bake import BakeSettings
from geobench.cli import options
from geobench.cli.from_settings import SettingsCommand, options_of, parsed
from geobench.cli.progress import Bar


@click.command(
    cls=SettingsCommand,
    epilog="Example: geobench data bake home.pack home-64.pack --ground-size 64 256 "
    "--satellite-size 64 64",
)
@options.existing_path("path")
@click.argument("out", type=click.Path(path_type=Path))
@options_of(BakeSettings)
@options.workers
@options.overwrite
def command(path: Path, out: Path, workers: int, overwrite: bool, **given: Any) -> None:
    """Bake the pack at PATH to one model's input, written as OUT.

    Ids, splits and positions stay; pictures become uint8 arrays of one size. What was
    done is stated and hashed in pack.json (preprocessing). Killed, the same command
    goes on where it was.
    """
    from dataset_tools.pack.bake import bake
    from dataset_tools.pack.read import read_meta

    settings = parsed(BakeSettings, given)
    with Bar("bake") as bar:
        bake(path, out, settings, overwrite=overwrite, workers=workers, progress=bar)
    steps = read_meta(out)["preprocessing"]
    click.echo(f"Wrote {out}, preprocessing {steps['sha256'][:16]}.")

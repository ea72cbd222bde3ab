"""`geobench data export`: a pack in other people's formats."""

from pathlib import Path
from typing import Any

import click

from dataset_tools.settings.export import ExportSettings
from geobench.cli import options
from geobench.cli.from_settings import SettingsCommand, options_of, parsed


@click.command(
    cls=SettingsCommand,
    epilog="Example: geobench data export home.pack home.gpkg",
)
@options.existing_path("path")
@click.argument("out", type=click.Path(path_type=Path), required=False)
@options_of(ExportSettings)
@options.overwrite
def command(path: Path, out: Path | None, overwrite: bool, **given: Any) -> None:
    """Write the tables of the pack at PATH as OUT, or describe it.

    OUT ends in .gpkg (GeoPackage, needs the extra `export`) or .json (Croissant 1.1
    with GeoCroissant 1.0), or is a folder for --format geojson or csv. Without OUT the
    description is written into the pack as croissant.json. Pictures stay in the pack.
    """
    from dataset_tools.pack.export.write import export

    settings = parsed(ExportSettings, given)
    written, warnings = export(path, out, settings, overwrite=overwrite)
    for sentence in warnings:
        click.echo(f"Warning: {sentence}", err=True)
    click.echo(f"Wrote {written}.")

"""`geobench data build`: a pack from pictures with GPS and imagery."""

import json
from typing import Any

import click

from dataset_tools.build_settings import BuildSettings
from geobench.cli import options
from geobench.cli.build_report import ProgressBar, as_text, summary
from geobench.cli.from_settings import SettingsCommand, options_of, parsed


@click.command(
    cls=SettingsCommand,
    epilog="Example: geobench data build --drive drives/home --imagery ortho.tif "
    '--licence "CC-BY-4.0" --areas areas.geojson --split-scheme polygons '
    "--out packs/home.pack",
)
@options_of(BuildSettings)
@options.workers
@options.as_json
def command(workers: int, as_json: bool, **given: Any) -> None:
    """Build a pack: sequences by GPS, north-up tiles, splits by area.

    Prints what every stage kept and why it left the rest out. Nothing is left under
    the pack's name if the build fails. Killed, the same command goes on where it was
    and ends with the same bytes.
    """
    from dataset_tools.build import build_pack

    settings = parsed(BuildSettings, given)
    with ProgressBar(hidden=as_json) as bar:
        report = build_pack(settings, workers=workers, progress=bar)
    click.echo(json.dumps(summary(report), indent=2) if as_json else as_text(report))

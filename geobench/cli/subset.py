"""`geobench data subset`: some sequences of a pack as a pack."""

import json
from pathlib import Path
from typing import Any

import click

from dataset_tools.settings.subset import SubsetSettings
from geobench.cli import options
from geobench.cli.from_settings import SettingsCommand, options_of, parsed
from geobench.cli.progress import Bar


@click.command(
    cls=SettingsCommand,
    epilog="Example: geobench data subset home.pack few.pack --split test --first 9",
)
@options.existing_path("path")
@click.argument("out", type=click.Path(path_type=Path))
@options_of(SubsetSettings)
@click.option("--name", help="Name of the pack; its folder's name if none is given.")
@options.copy
@options.overwrite
@options.as_json
def command(
    path: Path,
    out: Path,
    name: str | None,
    copy: bool,
    overwrite: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Write some sequences of the pack at PATH, and what they need, as OUT.

    Pictures that none of them uses are left out, and so are semi-positives and offsets
    of tiles that go. Shards of which everything stays are linked.
    """
    from dataset_tools.pack.subset import subset

    settings = parsed(SubsetSettings, given)
    with Bar("subset", hidden=as_json) as bar:
        meta = subset(
            path,
            out,
            settings,
            name=name,
            overwrite=overwrite,
            copy=copy,
            progress=bar,
        )
    if as_json:
        about = {key: meta[key] for key in ("counts", "content_sha256")}
        click.echo(json.dumps({"path": str(out), **about}, indent=2))
        return
    counts = ", ".join(f"{v:,} {k}" for k, v in meta["counts"].items())
    click.echo(f"Wrote {out}: {counts}.")

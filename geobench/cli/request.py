"""`geobench data request`: who grants access to a released data set."""

import json
from typing import TYPE_CHECKING

import click

from geobench.cli import options

if TYPE_CHECKING:
    from dataset_tools.originals.access import Access


@click.command(epilog="Example: geobench data request cvusa")
@click.argument("name", required=False)
@click.option("--list", "listed", is_flag=True, help="All data sets, one line each.")
@options.as_json
def command(name: str | None, listed: bool, as_json: bool) -> None:
    """Print who grants access to the data set NAME, on what terms, and what comes.

    Nothing is downloaded: access is granted to persons.
    """
    from dataclasses import asdict

    from dataset_tools.originals.access import ACCESS, access

    if name is None and not listed:
        raise click.UsageError("Name a data set, or give --list.")
    if name is not None:
        entry = access(name)
        row = {**asdict(entry), "letter": entry.letter}
        click.echo(json.dumps(row, indent=2) if as_json else _as_text(entry))
    elif as_json:
        click.echo(json.dumps([asdict(entry) for entry in ACCESS], indent=2))
    else:
        for entry in ACCESS:
            click.echo(f"{entry.name:<8} {entry.title}. {entry.terms}")


def _as_text(entry: "Access") -> str:
    lines = [
        entry.title,
        "",
        f"granted by  {entry.holder}",
        f"terms       {entry.terms}",
    ]
    lines += ["", "How:", *(f"  {step}" for step in entry.how)]
    width = max(len(path) for path, _ in entry.files)
    lines += ["", "What has to be there:"]
    lines += [f"  {path:<{width}}  {what}" for path, what in entry.files]
    if entry.uncertain:
        lines += ["", "Not confirmed:", *(f"  {text}" for text in entry.uncertain)]
    lines += ["", "A letter to begin with:", f"  {entry.letter}"]
    lines += [
        "",
        f"Then: geobench data check ROOT; geobench data import {entry.name} ROOT",
    ]
    return "\n".join(lines)

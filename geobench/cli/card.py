"""`geobench data card`: the page and the map that come with a pack."""

import json
from pathlib import Path

import click

from geobench.cli import options


@click.command(epilog="Example: geobench data card packs/home.pack")
@options.existing_path("path")
@options.as_json
def command(path: Path, as_json: bool) -> None:
    """Write card.md and map.png of the pack at PATH.

    With --json print what the card says and write nothing.
    """
    from dataset_tools.pack.card import card_facts, write_card
    from dataset_tools.pack.read import Pack

    if as_json:
        with Pack.open(path) as pack:
            click.echo(json.dumps(card_facts(pack), indent=2, ensure_ascii=False))
        return
    card = write_card(path)
    click.echo(f"Wrote {card} and {card.with_name('map.png')}.")

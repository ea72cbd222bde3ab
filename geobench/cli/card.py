"""`geobench data card`: what a person reads first of a pack."""

import json
from pathlib import Path

import click

from geobench.cli import options


@click.command(epilog="Example: geobench data card packs/home.pack")
@options.existing_path("path")
@options.as_json
def command(path: Path, as_json: bool) -> None:
    """Write the card of the pack at PATH into it.

    card.md and card.html (one file, no scripts) say what is in the pack, under which
    licence, and what was left out why; map.png shows where, sequences.png some
    sequences with their fields of view on the tiles, histograms.png spacing, speed,
    headings and overlap. With --json print what the card says and write nothing.
    """
    from dataset_tools.pack.card import card_facts, write_card
    from dataset_tools.pack.read import Pack

    if as_json:
        with Pack.open(path) as pack:
            click.echo(json.dumps(card_facts(pack), indent=2, ensure_ascii=False))
        return
    card = write_card(path)
    click.echo(f"Wrote {card}, card.html, map.png, sequences.png and histograms.png.")

"""`geobench cite`: how to cite the toolkit, and the paper behind a model."""

import json

import click

from geobench import __version__
from geobench.cli.options import as_json

TITLE = (
    "crossview-geobench: dataset tools and a benchmark for cross-view geo-localization"
)


@click.command(epilog="Example: geobench cite geodtr")
@click.argument("model", required=False)
@as_json
def command(model: str | None, as_json: bool) -> None:
    """Print how to cite the toolkit, and MODEL's paper if a model is named."""
    found = {"toolkit": _bibtex(), "version": __version__}
    if model is not None:
        found["model"] = model
        found["paper"] = _paper(model)
    if as_json:
        click.echo(json.dumps(found, indent=2, sort_keys=True))
        return
    click.echo(found["toolkit"])
    if model is not None:
        click.echo(f"\n{model}: {found['paper']}")


def _bibtex() -> str:
    return (
        "@software{crossview_geobench,\n"
        f"  title   = {{{TITLE}}},\n"
        "  author  = {{The crossview-geobench contributors}},\n"
        f"  version = {{{__version__}}},\n"
        "  license = {Apache-2.0}\n"
        "}"
    )


def _paper(model: str) -> str:
    from geobench.registry import model_factory

    card = getattr(model_factory(model), "card", None)
    if card is None or not card.paper:
        return "a method of this toolkit without a paper of its own; cite the toolkit"
    year = f" ({card.year})" if card.year and str(card.year) not in card.paper else ""
    return f"{card.title}. {card.paper}{year}"

"""`geobench reproduce`: a row of a published table, trained and tested again."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geobench.cli import options

if TYPE_CHECKING:
    from geobench.recipe import Recipe


@click.command(
    epilog="Example: geobench reproduce cvusa-geodtr-polar-ls --data packs/cvusa.pack "
    "--data packs/cvact.pack --run runs/geodtr"
)
@click.argument("recipe", required=False)
@click.option("--list", "listed", is_flag=True, help="List the recipes.")
@click.option(
    "--data",
    type=options.ExistingPath(path_type=Path, file_okay=False),
    multiple=True,
    help="A pack to train or test on, found by its name; repeatable.",
)
@click.option(
    "--run",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the run; given again, an interrupted run goes on.",
)
@click.option(
    "--pretrained",
    default="torchvision",
    show_default=True,
    metavar="torchvision|none|FOLDER",
    help="Where ImageNet weights of the trunks come from.",
)
@click.option(
    "--steps", type=click.IntRange(1), help="Stop training so early: a trial."
)
@options.settings("Change a training setting; the outcome says so.")
@options.device
@options.seed
@options.as_json
def command(recipe: str | None, listed: bool, as_json: bool, **rest: Any) -> None:
    """Train and test as RECIPE says and set the figures beside the published ones.

    Without --run and --data the recipe is printed.
    """
    from geobench.recipe import find_recipe, recipe_names
    from geobench.reproduce import reproduce

    if listed or recipe is None:
        names = recipe_names()
        click.echo(json.dumps(names, indent=2) if as_json else "\n".join(names))
        return
    found = find_recipe(recipe)
    if rest["run"] is None or not rest["data"]:
        _print_recipe(found, as_json=as_json)
        return
    compared = reproduce(found, **rest)
    if as_json:
        click.echo(json.dumps(compared, indent=2, sort_keys=True))
    else:
        click.echo(_as_text(compared))


def _print_recipe(recipe: "Recipe", *, as_json: bool) -> None:
    import yaml

    values = recipe.model_dump()
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
    click.echo(json.dumps(values, indent=2) if as_json else text.rstrip())


def _as_text(compared: dict[str, Any]) -> str:
    lines = []
    for test in compared["tests"]:
        if "skipped" in test:
            lines.append(f"{test['task']}: not tested, {test['skipped']} was given.")
            continue
        lines.append(f"{test['task']}, {test['method']} on {test['pack']}")
        head = ("metric", "published", "ours", "95 % interval", "difference")
        lines.append("  {:<24}{:>10}{:>8}{:>18}{:>12}".format(*head))
        lines += [_line(name, cell) for name, cell in test["metrics"].items()]
    lines += [f"Note: {note}" for note in compared["notes"]]
    if compared["departures"]:
        why = "; ".join(compared["departures"])
        lines.append(f"This is no reproduction of the published row: {why}.")
    return "\n".join(lines)


def _line(name: str, cell: dict[str, Any]) -> str:
    span = ""
    if cell["low"] is not None:
        span = f"[{100 * cell['low']:.2f}, {100 * cell['high']:.2f}]"
    return (
        f"  {name:<24}{100 * cell['published']:>10.2f}{100 * cell['value']:>8.2f}"
        f"{span:>18}{100 * cell['difference']:>+12.2f}"
    )

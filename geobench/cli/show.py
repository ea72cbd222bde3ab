"""`geobench show`: what can be named on the command line."""

import inspect
import json
from dataclasses import asdict, is_dataclass
from typing import Any

import click

from geobench.cli.options import as_json


@click.group(epilog="Example: geobench show models")
def command() -> None:
    """List models and tasks."""


@command.command(epilog="Example: geobench show models --json")
@as_json
def models(as_json: bool) -> None:
    """List the models that can be trained and measured."""
    rows = [_model_row(name) for name in _model_names()]
    if as_json:
        click.echo(json.dumps(rows, indent=2, sort_keys=True))
        return
    width = max((len(row["name"]) for row in rows), default=0)
    for row in rows:
        count = row["max_frames"]
        frames = f"up to {count} frames" if count > 1 else "one frame"
        year = f", {row['year']}" if row["year"] else ""
        click.echo(f"{row['name']:<{width}}  {row['title']}{year} ({frames})")


@command.command(epilog="Example: geobench show tasks --json")
@as_json
def tasks(as_json: bool) -> None:
    """List the tasks: what is asked of which pack's split, against which gallery."""
    from geobench.tasks import all_tasks

    rows = [_plain(task) for task in all_tasks()]
    if as_json:
        click.echo(json.dumps(rows, indent=2, sort_keys=True))
        return
    width = max((len(str(row["id"])) for row in rows), default=0)
    for row in rows:
        click.echo(f"{row['id']:<{width}}  {row['protocol']}, split {row['split']}")


def _model_names() -> list[str]:
    from geobench.registry import model_names

    return model_names()


def _model_row(name: str) -> dict[str, Any]:
    """Card of one model, read from its class without building the network."""
    from geobench.registry import model_factory

    factory = model_factory(name)
    card = getattr(factory, "card", None)
    return {
        "name": name,
        "title": card.title if card else "",
        "paper": card.paper if card else "",
        "year": card.year if card else None,
        "licence": card.licence if card else "",
        "trained_on": list(card.trained_on) if card else [],
        "max_frames": _max_frames(factory),
    }


def _max_frames(factory: Any) -> int:
    """Frames of a full query: the constructor's default, else the class's own."""
    parameter = inspect.signature(factory).parameters.get("max_frames")
    if parameter is not None and isinstance(parameter.default, int):
        return parameter.default
    return int(getattr(factory, "max_frames", 1))


def _plain(task: Any) -> dict[str, Any]:
    found: dict[str, Any] = asdict(task) if is_dataclass(task) else dict(task)  # type: ignore[arg-type]
    return found

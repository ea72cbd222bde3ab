"""Options that several commands share, defined once.

seed     synthesize, build, train, demo
json     every command that reads
workers  synthesize, build, demo
device   train, embed, demo
set      train, reproduce, import-weights
"""

from pathlib import Path
from typing import Any

import click

seed = click.option(
    "--seed", type=int, default=0, show_default=True, help="Seed of everything random."
)
as_json = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON for programs."
)
workers = click.option(
    "--workers",
    type=click.IntRange(1),
    default=2,
    show_default=True,
    help="Processes to use; the result does not depend on it.",
)
device = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where to compute; auto takes a GPU if there is one.",
)
copy = click.option(
    "--copy",
    is_flag=True,
    help="Copy shards instead of linking them, so that no file is shared.",
)
overwrite = click.option(
    "--overwrite", is_flag=True, help="Replace an output that is already there."
)


class ExistingPath(click.Path):
    """A path that must exist; one that does not is missing data: exit code 3."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(exists=True, **attributes)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:
        """The path, or the usual sentence with exit code 3."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            error.exit_code = 3
            raise


def existing_path(name: str, **attributes: object) -> object:
    """An argument that must name an existing file or folder."""
    return click.argument(name, type=ExistingPath(path_type=Path), **attributes)


def settings(help_text: str) -> Any:
    """The option that sets one value by name, and may be given several times."""
    return click.option(
        "--set", "changes", multiple=True, metavar="NAME=VALUE", help=help_text
    )

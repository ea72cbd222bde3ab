"""`geobench table`: a folder of results in, tables out."""

from pathlib import Path

import click

from geobench.cli import options

KINDS = ("same-area", "cross-area", "sequence-length", "strata", "efficiency")


@click.command(epilog="Example: geobench table runs/a/results --kind same-area")
@options.existing_path("results")
@click.option(
    "--kind",
    type=click.Choice(KINDS),
    help="Print this table instead of all that the results fill.",
)
@click.option(
    "--format",
    "script",
    type=click.Choice(["md", "csv", "tex"]),
    default="md",
    show_default=True,
    help="How to print.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write all tables in all formats to this folder.",
)
def command(results: Path, kind: str | None, script: str, out: Path | None) -> None:
    """Print or write the tables of a results folder."""
    from geobench.errors import DataError
    from geobench.results import read_results
    from geobench.table import make_table, write_tables
    from geobench.table_formats import FORMATS

    found = [content for _, content in read_results(results)]
    tables = [make_table(found, name) for name in ([kind] if kind else KINDS)]
    filled = [table for table in tables if table.rows]
    if not filled:
        raise DataError(
            f"{results} holds no complete result for "
            f"{f'a {kind} table' if kind else 'any table'}. Run `geobench evaluate`."
        )
    if out is not None:
        for path in write_tables(results, out):
            click.echo(path)
        return
    click.echo("\n".join(FORMATS[script](table) for table in filled).rstrip())

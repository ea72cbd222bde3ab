"""`geobench report`: the page of a run."""

from pathlib import Path

import click


@click.command(epilog="Example: geobench report runs/demo-tiny")
@click.argument("run", type=click.Path(path_type=Path))
def command(run: Path) -> None:
    """Write RUN/report.html and RUN/figures from a run's results and packs.

    The page is one file: it needs no server, no network and no script.
    """
    from geobench.report.page import write_report

    click.echo(str(write_report(run)))

"""`geobench score`: anybody's embeddings in, the same numbers out."""

import json
from pathlib import Path

import click

from geobench.cli import options

FILE = options.ExistingPath(dir_okay=False, path_type=Path)


@click.command(
    epilog="Example: geobench score --query Q.npy --reference R.npy --truth T.csv "
    "--coords C.csv --json"
)
@click.option("--query", type=FILE, required=True, help="Vectors [Q, D], .npy.")
@click.option("--reference", type=FILE, required=True, help="Vectors [R, D], .npy.")
@click.option(
    "--truth",
    type=FILE,
    required=True,
    help="CSV: query,reference[,relation]; rows from 0; relation positive or semi.",
)
@click.option("--coords", type=FILE, help="CSV: kind,id,lat,lon for errors in metres.")
@click.option(
    "--cell-m",
    type=click.FloatRange(1),
    default=1000.0,
    show_default=True,
    help="Largest side of the cells that intervals draw, metres.",
)
@options.as_json
def command(
    query: Path,
    reference: Path,
    truth: Path,
    coords: Path | None,
    cell_m: float,
    as_json: bool,
) -> None:
    """Score embeddings from plain files, without a pack or a model."""
    from geobench.score import score
    from geobench.table import summary

    result = score(query, reference, truth, coords=coords, cell_m=cell_m).to_json()
    if as_json:
        click.echo(json.dumps(result, indent=2, sort_keys=True))
    else:
        click.echo(summary(result))

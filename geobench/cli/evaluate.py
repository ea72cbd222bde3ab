"""`geobench evaluate`: an embedding folder and a pack in, one result file out."""

import json
from pathlib import Path

import click

from geobench.cli import options


@click.command(
    epilog="Example: geobench evaluate runs/a/embeddings/geodtr.emb town.pack "
    "--results runs/a/results"
)
@options.existing_path("embeddings")
@options.existing_path("pack")
@click.option(
    "--results",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("results"),
    show_default=True,
    help="Folder that result files are filed in.",
)
@click.option(
    "--task",
    "task_file",
    type=options.ExistingPath(dir_okay=False, path_type=Path),
    help="JSON of another task than the one that was embedded.",
)
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    help="Metric beside the usual ones, e.g. recall@1:strict; may be repeated.",
)
@click.option(
    "--cell-m",
    type=click.FloatRange(1),
    default=1000.0,
    show_default=True,
    help="Largest side of the cells that intervals draw, metres.",
)
@options.as_json
def command(
    embeddings: Path,
    pack: Path,
    results: Path,
    task_file: Path | None,
    metrics: tuple[str, ...],
    cell_m: float,
    as_json: bool,
) -> None:
    """Score an embedding folder on the task it was made for."""
    from dataset_tools.pack.read import Pack
    from geobench.embeddings import read_embeddings
    from geobench.errors import SchemaError
    from geobench.evaluate import evaluate
    from geobench.metrics import DEFAULT_METRICS
    from geobench.results import write_result
    from geobench.table import summary
    from geobench.tasks import Task

    found = read_embeddings(embeddings)
    content = found.info.task
    if task_file is not None:
        try:
            content = json.loads(task_file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise SchemaError(f"{task_file} is not JSON: {error}.") from error
    names = [*DEFAULT_METRICS, *(m for m in metrics if m not in DEFAULT_METRICS)]
    with Pack.open(pack) as opened:
        result = evaluate(
            found, opened, Task.from_json(content), metrics=names, cell_m=cell_m
        )
    path = write_result(results, result)
    if as_json:
        click.echo(json.dumps(result.to_json(), indent=2, sort_keys=True))
        return
    click.echo(summary(result.to_json()))
    click.echo(f"Result: {path}")

"""`geobench demo`: the whole job on a made world, from raw drives to a page."""

from pathlib import Path

import click

from geobench.cli import options

NEXT = {"tiny": "small", "small": "town"}


@click.command(
    epilog="Example: geobench demo --preset small --run runs/demo-small --workers 2"
)
@click.option(
    "--preset",
    type=click.Choice(["tiny", "small", "town"]),
    default="tiny",
    show_default=True,
    help="tiny: 4 minutes; small: 30 minutes on 2 cores; town: for a GPU.",
)
@click.option(
    "--run",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Folder of the run; an interrupted one goes on.  [runs/demo-PRESET]",
)
@click.option(
    "--hard", is_flag=True, help="Tiles are up to 15 m off their queries, not 5."
)
@options.workers
@options.device
@options.seed
def command(
    preset: str, run: Path | None, hard: bool, workers: int, device: str, seed: int
) -> None:
    """Make drives and imagery, build packs, train models and write three tables.

    Everything lands in one run folder: worlds, packs, checkpoints, embeddings,
    results, tables (md, csv, tex), figures and report.html.
    """
    from geobench.cli.demo_steps import run_demo

    folder = run or Path("runs") / f"demo-{preset}{'-hard' if hard else ''}"
    run_demo(preset, folder, hard=hard, workers=workers, device=device, seed=seed)
    for name in ("same-area", "cross-area", "sequence-length"):
        table = folder / "tables" / f"{name}.md"
        if table.is_file():
            click.echo(f"\n{table.read_text()}")
    click.echo(f"Report: {folder / 'report.html'}")
    if preset in NEXT:
        longer = NEXT[preset]
        click.echo(
            f"Next: geobench demo --preset {longer} --run runs/demo-{longer}"
            + (
                "   (30 minutes on 2 cores)"
                if longer == "small"
                else "   (wants a GPU)"
            )
        )

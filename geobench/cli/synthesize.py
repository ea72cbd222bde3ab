"""`geobench data synthesize`: a procedural world, written as raw drives."""

import json
from pathlib import Path
from typing import Any

import click

from geobench.cli.options import as_json, seed, workers


@click.command(
    epilog="Example: geobench data synthesize --preset tiny --seed 7 --out worlds"
)
@click.option(
    "--preset",
    type=click.Choice(["tiny", "small", "town"]),
    default="tiny",
    show_default=True,
    help="tiny takes seconds, small minutes on 2 cores, town is meant for a GPU.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder to write into, one folder a region.",
)
@seed
@workers
@as_json
def command(preset: str, out: Path, seed: int, workers: int, as_json: bool) -> None:
    """Make a procedural Vermont and write it as a user's raw drives.

    Each region holds geotagged pictures, GPX tracks and an orthophoto. Interrupted,
    the same command keeps the finished regions and goes on.
    """
    from tqdm import tqdm

    from dataset_tools.synthetic import preset_settings, synthesize

    settings = preset_settings(preset, seed=seed)
    with tqdm(unit="picture", disable=None) as bar:

        def progress(region: str, done: int, total: int) -> None:
            bar.set_description(region, refresh=False)
            bar.total, bar.n = total, done
            bar.refresh()

        report = synthesize(out, settings, workers=workers, progress=progress)
    rows: list[dict[str, Any]] = [
        {
            "region": region.name,
            "folder": str(region.folder),
            "sessions": region.sessions,
            "fronts": region.fronts,
            "panoramas": region.panoramas,
            "reused": region.reused,
        }
        for region in report.regions
    ]
    if as_json:
        click.echo(
            json.dumps({"preset": preset, "seed": seed, "regions": rows}, indent=2)
        )
        return
    for row in rows:
        state = "kept" if row["reused"] else "written"
        click.echo(
            f"{row['folder']}: {state}, {row['sessions']} sessions, "
            f"{row['fronts']} front pictures, {row['panoramas']} panoramas"
        )

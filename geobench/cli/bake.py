"""`geobench data bake`: pictures prepared once, for fast training."""

from pathlib import Path

import click

from geobench.cli import options

SIZE = click.Tuple([click.IntRange(1), click.IntRange(1)])


@click.command(
    epilog="Example: geobench data bake home.pack home-64.pack --ground-size 64 256 "
    "--satellite-size 64 64"
)
@options.existing_path("path")
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--ground-size", type=SIZE, required=True, help="Height and width of frames, px."
)
@click.option(
    "--satellite-size", type=SIZE, required=True, help="Height and width of tiles, px."
)
@click.option("--polar", is_flag=True, help="Unroll the tiles around their centre.")
@click.option(
    "--tile-m",
    type=click.FloatRange(min=0, min_open=True),
    help="Crop tiles about their centre to this side, metres.",
)
@options.overwrite
def command(
    path: Path,
    out: Path,
    ground_size: tuple[int, int],
    satellite_size: tuple[int, int],
    polar: bool,
    tile_m: float | None,
    overwrite: bool,
) -> None:
    """Bake the pack at PATH to one model's input, written as OUT.

    Ids, splits and positions stay; pictures become uint8 arrays of one size.
    """
    from dataset_tools.pack.bake import BakeRule, bake

    rule = BakeRule(
        ground_size=ground_size,
        satellite_size=satellite_size,
        polar=polar,
        tile_m=tile_m,
    )
    click.echo(f"Wrote {bake(path, out, rule=rule, overwrite=overwrite)}.")

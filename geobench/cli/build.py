"""`geobench data build`: a pack from pictures with GPS and imagery."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geobench.cli import options

if TYPE_CHECKING:
    from dataset_tools.build import BuildReport

FOLDER = options.ExistingPath(path_type=Path, file_okay=False)
FILE = options.ExistingPath(path_type=Path, dir_okay=False)
ANY = options.ExistingPath(path_type=Path)
METRES = click.FloatRange(min=0)
LENGTH = click.FloatRange(min=0, min_open=True)
COUNT = click.IntRange(0)


def _metres(name: str, default: float | None, text: str) -> Any:
    """An option in metres, seconds or degrees whose default is shown."""
    shown = default is not None
    return click.option(
        name, type=METRES, default=default, show_default=shown, help=text
    )


@click.command(
    epilog="Example: geobench data build --drive drives/home --imagery ortho.tif "
    '--licence "CC-BY-4.0" --areas areas.geojson --split-scheme polygons '
    "--out packs/home.pack"
)
@click.option("--drive", type=FOLDER, help="Folder of pictures with EXIF GPS.")
@click.option(
    "--track",
    type=FILE,
    help="GPX, CSV or GeoJSON track for pictures without a position.",
)
@click.option(
    "--clock-offset-s",
    type=float,
    default=0.0,
    show_default=True,
    help="Seconds to add to the camera's time to get the track's.",
)
@click.option(
    "--imagery",
    type=ANY,
    multiple=True,
    required=True,
    help="GeoTIFF, picture with world file, tile folder or tile list; repeatable, "
    "the first that covers a place is used.",
)
@click.option("--imagery-crs", help="CRS of imagery that states none: EPSG:32618.")
@click.option(
    "--captured", help="Date of the imagery where it states none: 2023-05-31."
)
@click.option("--season", help="Season of the imagery, in your own word.")
@click.option(
    "--gallery",
    type=FILE,
    multiple=True,
    help="Tile list whose pictures all join the open gallery; repeatable.",
)
@_metres("--gallery-side-m", None, "Side of listed pictures that state none, metres.")
@click.option("--licence", required=True, help="Licence of imagery and pictures.")
@click.option("--attribution", default="", help="Whom to credit.")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="The pack to write."
)
@click.option("--name", help="Name of the pack.  [default: from --out]")
@click.option("--region", help="Name of the region.  [default: the pack's name]")
@click.option("--strata", type=FILE, help="GeoJSON polygons with property 'stratum'.")
@click.option("--areas", type=FILE, help="GeoJSON polygons with property 'split'.")
@click.option(
    "--split-scheme",
    type=click.Choice(["polygons", "area", "single"]),
    default="single",
    show_default=True,
    help="By --areas, by seeded square cells, or everything into one split.",
)
@click.option(
    "--split",
    type=click.Choice(["train", "val", "test"]),
    default="test",
    show_default=True,
    help="Where the scheme 'single' puts everything.",
)
@click.option(
    "--frames-per-sequence", type=click.IntRange(1), default=7, show_default=True
)
@_metres("--spacing-m", 8.05, "Nominal distance of two frames, metres.")
@click.option(
    "--stride",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    help="Frames from one sequence's start to the next one's.",
)
@_metres("--resample-m", None, "Bring frames to this spacing first, metres.")
@_metres("--max-gap-m", 50.0, "A longer step cuts the track, metres.")
@_metres("--max-gap-s", 60.0, "A longer pause cuts the track, seconds.")
@_metres("--max-speed-mps", 60.0, "A faster step is not believed, metres a second.")
@_metres("--max-turn-deg", 120.0, "A sharper turn cuts the track, degrees.")
@_metres("--tile-m", 80.0, "Side of a tile on the ground, metres.")
@_metres("--m-per-px", 0.5, "Resolution of the tiles, metres per pixel.")
@_metres("--jitter-m", 0.0, "Tile centres are off the query by up to this, metres.")
@_metres("--margin-m", 2.0, "Frames lie inside their tile by at least this, metres.")
@_metres("--thin-m", 70.0, "Least distance of centres, thinned gallery, metres.")
@_metres("--buffer-m", 200.0, "Least distance between two splits, metres.")
@_metres("--cell-m", 1000.0, "Side of a cell of the scheme 'area', metres.")
@click.option(
    "--distractors-per-tile",
    type=COUNT,
    default=0,
    show_default=True,
    help="Test tiles off the road in open galleries, for each thinned one.",
)
@options.seed
@options.overwrite
@options.as_json
def command(as_json: bool, **given: Any) -> None:
    """Build a pack: sequences by GPS, north-up tiles, splits by area.

    Prints what every stage kept and why it left the rest out. Nothing is left under
    the pack's name if the build fails.
    """
    from pydantic import ValidationError

    from dataset_tools.build import BuildSettings, build_pack

    try:
        settings = BuildSettings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        option = "--" + str(first["loc"][0]).replace("_", "-")
        message = f"{option} {first['input']!r}: {first['msg']}."
        raise click.UsageError(message) from None
    with _Bar(hidden=as_json) as bar:
        report = build_pack(settings, progress=bar)
    click.echo(json.dumps(_summary(report), indent=2) if as_json else _as_text(report))


class _Bar:
    """The progress of a build as one bar on stderr."""

    def __init__(self, *, hidden: bool) -> None:
        from tqdm import tqdm

        # disable=None hides the bar where nobody looks at a terminal.
        self._bar = tqdm(desc="build", unit="", disable=True if hidden else None)

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def __call__(self, stage: str, done: int, total: int) -> None:
        self._bar.total = total
        self._bar.set_description(stage, refresh=False)
        self._bar.n = done
        self._bar.update(0)


def _summary(report: "BuildReport") -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "path": str(report.path),
        "stages": [asdict(stage) for stage in report.stages],
        "counts": report.counts,
        "warnings": list(report.warnings),
    }


def _as_text(report: "BuildReport") -> str:
    lines = [f"{'stage':<12} {'items':<10}{'in':>9}{'kept':>9}  rejected by reason"]
    for s in report.stages:
        reasons = ", ".join(f"{k} {v:,}" for k, v in s.rejected.items()) or "none"
        lines.append(f"{s.stage:<12} {s.items:<10}{s.given:>9,}{s.kept:>9,}  {reasons}")
    lines += [f"Warning: {text}" for text in report.warnings]
    counts = ", ".join(f"{v:,} {k}" for k, v in report.counts.items())
    return "\n".join([*lines, f"Wrote {report.path}: {counts}."])

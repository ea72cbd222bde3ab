"""`geobench data build`: a pack from pictures with GPS and imagery."""

import json
from typing import TYPE_CHECKING, Any

import click

from dataset_tools.build_settings import BuildSettings
from geobench.cli import options
from geobench.cli.from_settings import SettingsCommand, options_of, parsed

if TYPE_CHECKING:
    from dataset_tools.build import BuildReport


@click.command(
    cls=SettingsCommand,
    epilog="Example: geobench data build --drive drives/home --imagery ortho.tif "
    '--licence "CC-BY-4.0" --areas areas.geojson --split-scheme polygons '
    "--out packs/home.pack",
)
@options_of(BuildSettings)
@options.workers
@options.as_json
def command(workers: int, as_json: bool, **given: Any) -> None:
    """Build a pack: sequences by GPS, north-up tiles, splits by area.

    Prints what every stage kept and why it left the rest out. Nothing is left under
    the pack's name if the build fails. Killed, the same command goes on where it was
    and ends with the same bytes.
    """
    from dataset_tools.build import build_pack

    settings = parsed(BuildSettings, given)
    with _Bar(hidden=as_json) as bar:
        report = build_pack(settings, workers=workers, progress=bar)
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
        "notes": list(report.notes),
    }


def _as_text(report: "BuildReport") -> str:
    lines = [f"{'stage':<12} {'items':<10}{'in':>9}{'kept':>9}  rejected by reason"]
    for s in report.stages:
        reasons = ", ".join(f"{k} {v:,}" for k, v in s.rejected.items()) or "none"
        lines.append(f"{s.stage:<12} {s.items:<10}{s.given:>9,}{s.kept:>9,}  {reasons}")
    lines += [f"Note: {text}" for text in report.notes]
    lines += [f"Warning: {text}" for text in report.warnings]
    counts = ", ".join(f"{v:,} {k}" for k, v in report.counts.items())
    return "\n".join([*lines, f"Wrote {report.path}: {counts}."])

"""`geobench data sequences`: a drive or a track to sequences, without imagery."""

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dataset_tools.build_settings import DriveSettings
from geobench.cli import options
from geobench.cli.from_settings import SettingsCommand, options_of, parsed

if TYPE_CHECKING:
    from dataset_tools.build_drive import Stages
    from dataset_tools.records import Frame, Rejection, Sequence


@click.command(
    cls=SettingsCommand,
    epilog="Example: geobench data sequences --track drive.gpx --resample-m 8.05 "
    "--out sequences.geojson",
)
@options_of(DriveSettings)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="GeoJSON of the sequences; rejections go beside it as CSV.",
)
@options.as_json
def command(out: Path | None, as_json: bool, **given: Any) -> None:
    """Form sequences from a drive or a track and explain every rejection.

    Gives the numbers that decide whether a drive is worth building a pack from,
    before any imagery is at hand.
    """
    from dataset_tools.build_drive import Stages, drive_sequences

    stages = Stages()
    sequences, frames = drive_sequences(parsed(DriveSettings, given), stages)
    if out is not None:
        _write_geojson(out, sequences, frames)
        _write_rejections(out.with_suffix(".rejections.csv"), stages.rejections)
    summary = _summary(stages, sequences)
    if as_json:
        click.echo(json.dumps(summary, indent=2))
        return
    told = [f"{name}: {clock.told()}" for name, clock in stages.clocks.items()]
    click.echo("\n".join([_as_text(summary), *told]))
    for warning in stages.warnings:
        click.echo(f"Warning: {warning}", err=True)


def _summary(stages: "Stages", sequences: list["Sequence"]) -> dict[str, Any]:
    lengths = sorted(s.length_m for s in sequences)
    frames = sorted(len(s.frame_ids) for s in sequences)
    return {
        "stages": {
            r.stage: {"in": r.given, "kept": r.kept, "rejected": r.rejected}
            for r in stages.reports
        },
        "sequences": len(sequences),
        "median_length_m": lengths[len(lengths) // 2] if lengths else None,
        "frames": {"least": frames[0], "most": frames[-1]} if frames else None,
        "clocks": {name: clock.as_json() for name, clock in stages.clocks.items()},
        "warnings": stages.warnings,
    }


def _as_text(summary: dict[str, Any]) -> str:
    lines = [f"{'stage':<12}{'in':>9}{'kept':>9}  rejected by reason"]
    for name, row in summary["stages"].items():
        reasons = ", ".join(f"{k} {v}" for k, v in row["rejected"].items()) or "none"
        lines.append(f"{name:<12}{row['in']:>9}{row['kept']:>9}  {reasons}")
    if summary["frames"] is None:
        return "\n".join([*lines, "0 sequences"])
    least, most = summary["frames"]["least"], summary["frames"]["most"]
    frames = f"{least}" if least == most else f"{least} to {most}"
    length = summary["median_length_m"]
    tail = f" of {frames} frames, median length {length:.1f} m"
    return "\n".join([*lines, f"{summary['sequences']} sequences{tail}"])


def _write_geojson(
    path: Path, sequences: list["Sequence"], frames: dict[str, "Frame"]
) -> None:
    features = [
        {
            "type": "Feature",
            "properties": {
                "sequence_id": s.sequence_id,
                "length_m": s.length_m,
                "frames": len(s.frame_ids),
            },
            "geometry": {
                "type": "LineString" if len(s.frame_ids) > 1 else "Point",
                "coordinates": _coordinates(s, frames),
            },
        }
        for s in sequences
    ]
    temporary = path.with_name(path.name + ".partial")
    text = json.dumps({"type": "FeatureCollection", "features": features})
    temporary.write_text(text)
    temporary.replace(path)


def _coordinates(sequence: "Sequence", frames: dict[str, "Frame"]) -> list[Any]:
    points = [[frames[f].lon, frames[f].lat] for f in sequence.frame_ids]
    return points if len(points) > 1 else points[0]


def _write_rejections(path: Path, rejections: list["Rejection"]) -> None:
    temporary = path.with_name(path.name + ".partial")
    with temporary.open("w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["stage", "item", "reason", "measured", "limit"])
        for r in rejections:
            writer.writerow([r.stage, r.item, r.reason, r.measured, r.limit])
    temporary.replace(path)

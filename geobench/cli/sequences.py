"""`geobench data sequences`: a drive or a track to sequences, without imagery."""

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geobench.cli import options

if TYPE_CHECKING:
    from dataset_tools.records import Frame, Rejection, Sequence


@click.command(
    epilog="Example: geobench data sequences --track drive.gpx --resample-m 8.05 "
    "--out sequences.geojson"
)
@click.option(
    "--drive",
    type=options.ExistingPath(path_type=Path, file_okay=False),
    help="Folder of pictures with EXIF GPS.",
)
@click.option(
    "--track",
    type=options.ExistingPath(path_type=Path, dir_okay=False),
    help="GPX, CSV (may be .gz) or GeoJSON track.",
)
@click.option(
    "--resample-m",
    type=click.FloatRange(min=0.1),
    default=None,
    help="Bring positions to this spacing first, metres.",
)
@click.option("--frames-per-sequence", default=7, show_default=True, type=int)
@click.option("--spacing-m", default=8.05, show_default=True, type=float)
@click.option("--stride", default=3, show_default=True, type=int)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="GeoJSON of the sequences; rejections go beside it as CSV.",
)
@options.as_json
def command(
    drive: Path | None,
    track: Path | None,
    resample_m: float | None,
    frames_per_sequence: int,
    spacing_m: float,
    stride: int,
    out: Path | None,
    as_json: bool,
) -> None:
    """Form sequences from a drive or a track and explain every rejection.

    Gives the numbers that decide whether a drive is worth building a pack from,
    before any imagery is at hand.
    """
    from dataset_tools.sequences import SequenceRule

    if (drive is None) == (track is None):
        raise click.UsageError("Give either --drive or --track.")
    rule = SequenceRule(length=frames_per_sequence, spacing_m=spacing_m, stride=stride)
    stages, frames, sequences = run_stages(drive, track, resample_m, rule)
    if out is not None:
        _write_geojson(out, sequences, {f.frame_id: f for f in frames})
        _write_rejections(out.with_suffix(".rejections.csv"), stages)
    summary = _summary(stages, sequences)
    click.echo(json.dumps(summary, indent=2) if as_json else _as_text(summary))


Stages = dict[str, tuple[int, int, list["Rejection"]]]
"""Stage -> (items in, items kept, rejections)."""


def run_stages(
    drive: Path | None, track: Path | None, resample_m: float | None, rule: Any
) -> tuple[Stages, list["Frame"], list["Sequence"]]:
    """Read, clean, resample and form; what came in and was kept at each stage."""
    from dataset_tools.sequences import form_sequences
    from dataset_tools.tracks import read_track
    from dataset_tools.tracks.clean import clean
    from dataset_tools.tracks.exif import read_pictures
    from dataset_tools.tracks.fixes import frames_from_fixes
    from dataset_tools.tracks.resample import resample

    stages: Stages = {}
    if drive is not None:
        read = read_pictures(drive)
        frames = read.kept
    else:
        assert track is not None  # the command checked
        read_fixes = read_track(track)
        read = read_fixes  # type: ignore[assignment]
        frames = frames_from_fixes(read_fixes.kept)
    stages["read"] = (len(read.kept) + len(read.rejected), len(frames), read.rejected)
    cleaned = clean(frames)
    stages["clean"] = (len(frames), len(cleaned.kept), cleaned.rejected)
    frames = cleaned.kept
    if resample_m is not None:
        resampled = resample(frames, resample_m)
        stages["resample"] = (len(frames), len(resampled.kept), resampled.rejected)
        frames = resampled.kept
    formed = form_sequences(frames, rule, region="drive")
    used = {f for s in formed.kept for f in s.frame_ids}
    stages["sequences"] = (len(frames), len(used), formed.rejected)
    return stages, frames, formed.kept


def _summary(stages: Stages, sequences: list["Sequence"]) -> dict[str, Any]:
    from dataset_tools.records import count_reasons

    lengths = sorted(s.length_m for s in sequences)
    return {
        "stages": {
            name: {"in": n, "kept": kept, "rejected": count_reasons(rejected)}
            for name, (n, kept, rejected) in stages.items()
        },
        "sequences": len(sequences),
        "median_length_m": lengths[len(lengths) // 2] if lengths else None,
    }


def _as_text(summary: dict[str, Any]) -> str:
    lines = [f"{'stage':<12}{'in':>9}{'kept':>9}  rejected by reason"]
    for name, row in summary["stages"].items():
        reasons = ", ".join(f"{k} {v}" for k, v in row["rejected"].items()) or "none"
        lines.append(f"{name:<12}{row['in']:>9}{row['kept']:>9}  {reasons}")
    length = summary["median_length_m"]
    tail = f", median length {length:.1f} m" if length is not None else ""
    return "\n".join([*lines, f"{summary['sequences']} sequences{tail}"])


def _write_geojson(
    path: Path, sequences: list["Sequence"], frames: dict[str, "Frame"]
) -> None:
    features = [
        {
            "type": "Feature",
            "properties": {"sequence_id": s.sequence_id, "length_m": s.length_m},
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


def _write_rejections(path: Path, stages: Stages) -> None:
    temporary = path.with_name(path.name + ".partial")
    with temporary.open("w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["stage", "item", "reason", "measured", "limit"])
        for name, (_, _, rejected) in stages.items():
            for r in rejected:
                writer.writerow([name, r.item, r.reason, r.measured, r.limit])
    temporary.replace(path)

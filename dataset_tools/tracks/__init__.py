"""Tracks and pictures in, frames out: readers, cleaning, resampling, matching."""

from collections.abc import Mapping
from pathlib import Path

from dataset_tools.errors import UsageError
from dataset_tools.records import Fix, Outcome

READABLE = (".gpx", ".csv", ".tsv", ".txt", ".geojson", ".json")


def read_track(path: Path, *, columns: Mapping[str, str] | None = None) -> Outcome[Fix]:
    """The fixes of a track file, by its suffix; each format also with `.gz`.

    Args:
        path: `.gpx`, `.csv`, `.tsv`, `.txt`, `.geojson` or `.json`.
        columns: field -> column, for CSV only.

    Raises:
        UsageError: if the suffix is none of these.
        MissingDataError: if the file is not there.
        UnreadableError: if it cannot be read as what its suffix says.
    """
    from dataset_tools.tracks.csv import read_csv
    from dataset_tools.tracks.geojson import read_geojson
    from dataset_tools.tracks.gpx import read_gpx

    plain = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    suffix = plain.suffix.lower()
    if suffix not in READABLE:
        message = (
            f"The track {path} ends in {suffix or 'nothing'!r}; known are "
            f"{', '.join(READABLE)}, each also with .gz. Convert it to one of them."
        )
        raise UsageError(message)
    if suffix == ".gpx":
        return read_gpx(path)
    if suffix in (".geojson", ".json"):
        return read_geojson(path)
    return read_csv(path, columns=columns)

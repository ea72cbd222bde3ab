"""Which reader a track file is for: by its suffix, else by how it begins."""

import gzip
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from dataset_tools.errors import MissingDataError, UnreadableError, UsageError
from dataset_tools.records import Fix, Outcome
from dataset_tools.tracks.csv import read_csv
from dataset_tools.tracks.files import load_json
from dataset_tools.tracks.geojson import fixes_of_geojson
from dataset_tools.tracks.gpmf import VIDEO_SUFFIXES, looks_like_gpmf, read_gpmf
from dataset_tools.tracks.gpx import read_gpx
from dataset_tools.tracks.mapillary import fixes_of_descriptions, is_description
from dataset_tools.tracks.nmea import looks_like_nmea, read_nmea
from dataset_tools.tracks.objects import fixes_of_objects, read_objects
from dataset_tools.tracks.rules import PLAIN, ReadingRules, TrackFormat

Reader = Callable[[Path, ReadingRules], Outcome[Fix]]

BEGINNING_BYTES: Final = 65_536


def _read_json(path: Path, rules: ReadingRules) -> Outcome[Fix]:
    """A JSON document by what it holds."""
    document = load_json(path)
    if isinstance(document, dict) and ("type" in document or "features" in document):
        return fixes_of_geojson(path, document, rules)
    if is_description(document):
        return fixes_of_descriptions(path, document, rules)
    return fixes_of_objects(path, document, rules)


def _read_text(path: Path, rules: ReadingRules) -> Outcome[Fix]:
    """A log by how it begins."""
    begin = _beginning(path)
    return (read_nmea if looks_like_nmea(begin) else read_csv)(path, rules)


def _read_binary(path: Path, rules: ReadingRules) -> Outcome[Fix]:
    begin = _beginning(path)
    if looks_like_gpmf(begin):
        return read_gpmf(path, rules)
    if looks_like_nmea(begin):
        return read_nmea(path, rules)
    message = (
        f"The file {path} begins with {begin[:8]!r}; GoPro telemetry (DEVC) or an NMEA "
        "sentence is expected."
    )
    raise UnreadableError(message)


BY_FORMAT: Final[dict[str, Reader]] = {
    "gpx": read_gpx,
    "csv": read_csv,
    "geojson": lambda path, rules: fixes_of_geojson(path, load_json(path), rules),
    "json": read_objects,
    "nmea": read_nmea,
    "mapillary": lambda path, rules: fixes_of_descriptions(
        path, load_json(path), rules
    ),
    "gpmf": read_gpmf,
}
BY_SUFFIX: Final[dict[str, Reader]] = {
    ".gpx": read_gpx,
    **dict.fromkeys((".csv", ".tsv"), read_csv),
    **dict.fromkeys((".txt", ".log"), _read_text),
    **dict.fromkeys((".geojson", ".json"), _read_json),
    **dict.fromkeys((".jsonl", ".ndjson"), read_objects),
    **dict.fromkeys((".nmea", ".nme"), read_nmea),
    ".gpmf": read_gpmf,
    **dict.fromkeys((".raw", ".bin"), _read_binary),
    **dict.fromkeys(VIDEO_SUFFIXES, read_gpmf),
}


def read_track(
    path: Path, rules: ReadingRules = PLAIN, *, kind: TrackFormat = "auto"
) -> Outcome[Fix]:
    """The fixes of a track file; each format also with `.gz`, videos apart.

    Args:
        path: the file.
        rules: what it cannot say of itself, and which rows are believed.
        kind: its format; auto: by its suffix, and how it begins.

    Raises:
        UsageError: if the suffix is none that is known.
        MissingDataError: if the file is not there.
        UnreadableError: if it cannot be read as what it seems to be.
    """
    if kind != "auto":
        return BY_FORMAT[kind](path, rules)
    plain = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    suffix = plain.suffix.lower()
    if suffix not in BY_SUFFIX:
        message = (
            f"The track {path} ends in {suffix or 'nothing'!r}; known are "
            f"{', '.join(BY_SUFFIX)}, each also with .gz. Name its format, or convert "
            "it to one of them."
        )
        raise UsageError(message)
    return BY_SUFFIX[suffix](path, rules)


def read_tracks(
    path: Path, rules: ReadingRules = PLAIN, *, kind: TrackFormat = "auto"
) -> Outcome[Fix]:
    """The fixes of a track file, or of every track file in a folder.

    Sessions of one name in two files of a folder are told apart by the file's name.

    Raises:
        UsageError: if the suffix of the file is none that is known.
        MissingDataError: if it is not there, or the folder holds no track.
        UnreadableError: if one cannot be read.
    """
    if not path.is_dir():
        return read_track(path, rules, kind=kind)
    files = sorted(
        f
        for f in path.rglob("*")
        if f.name[0] != "."
        and f.suffixes
        and f.name.lower().removesuffix(".gz").endswith(tuple(BY_SUFFIX))
        and f.is_file()
    )
    if not files:
        message = f"The folder {path} holds no track; known are {', '.join(BY_SUFFIX)}."
        raise MissingDataError(message)
    outcomes = [read_track(f, rules, kind=kind) for f in files]
    counts = Counter(s for o in outcomes for s in {f.session_id for f in o.kept})
    whole: Outcome[Fix] = Outcome()
    for file, outcome in zip(files, outcomes, strict=True):
        name = file.relative_to(path).as_posix()
        whole.rejected.extend(outcome.rejected)
        whole.kept.extend(
            replace(f, session_id=f"{name}/{f.session_id}")
            if counts[f.session_id] > 1
            else f
            for f in outcome.kept
        )
    return whole


def _beginning(path: Path) -> bytes:
    try:
        if path.suffix.lower() == ".gz":
            with gzip.open(path, "rb") as packed:
                return packed.read(BEGINNING_BYTES)
        with path.open("rb") as handle:
            return handle.read(BEGINNING_BYTES)
    except FileNotFoundError:
        message = f"There is no track file {path}."
        raise MissingDataError(message) from None
    except (OSError, EOFError, zlib.error) as error:
        message = f"The track {path} cannot be read: {error}."
        raise UnreadableError(message) from error

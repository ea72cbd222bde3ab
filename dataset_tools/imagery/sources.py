"""Several sources of imagery, each with its own terms, opened as one.

A list of sources is a YAML file, `sources:` with one mapping each, or a CSV file with
a header. Every source states its path and its licence; paths are relative to the list
and stay in its folder or below.
"""

import csv
import io
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError, field_validator

from dataset_tools.errors import MissingDataError, UnreadableError, UsageError
from dataset_tools.imagery.chunks import ChunkCache
from dataset_tools.imagery.gdal_files import reading
from dataset_tools.imagery.geotiff import GeoRaster
from dataset_tools.imagery.listed_files import listed_file
from dataset_tools.imagery.mosaic import Mosaic
from dataset_tools.imagery.opening import applicable, open_imagery
from dataset_tools.imagery.source import About, Imagery, Reading
from dataset_tools.settings.base import Settings
from dataset_tools.settings.tile import ImagerySettings

MAX_LIST_BYTES = 4_000_000
SEVERAL = (";", "|")
"""Between several values in one cell of a CSV list."""


class SourceEntry(Settings):
    """One source of a list."""

    path: tuple[str, ...] = Field(min_length=1)
    """Relative to the list; several are the bands of one picture, red first."""
    licence: str = Field(min_length=1)
    """Licence, as an SPDX id or a sentence."""
    attribution: str = ""
    """Whom to credit."""
    captured: str | None = None
    """ISO date of capture of files that do not state it."""
    season: str | None = None
    """Season in your own word."""
    crs: str | None = None
    """CRS of files that state none."""
    bands: tuple[int, ...] = ()
    """Bands to take as red, green and blue, or one as grey."""
    low: float | None = None
    """Stored value that becomes black."""
    high: float | None = None
    """Stored value that becomes white."""
    layout: str | None = None
    """Names of map tiles."""

    @field_validator("path", "bands", mode="before")
    @classmethod
    def _as_tuple(cls, value: Any) -> Any:
        """One value as a tuple of one, "a;b" of a CSV cell as two."""
        if isinstance(value, str):
            for mark in SEVERAL:
                value = value.replace(mark, "\n")
            return tuple(part.strip() for part in value.split("\n") if part.strip())
        return (value,) if isinstance(value, int) else value

    @field_validator("captured", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        """YAML reads 2023-05-31 as a date."""
        return value if value is None else str(value)


@contextmanager
def open_sources(settings: ImagerySettings) -> Iterator[Imagery]:
    """All imagery of the settings as one source, closed at the end.

    Raises:
        UsageError: if settings contradict each other or a source.
        MissingDataError: if a path does not exist.
        UnreadableError: if a source or the list cannot be read.
    """
    with ExitStack() as stack:
        stack.enter_context(reading())
        parts: list[Imagery] = []
        cache = ChunkCache()
        for paths, about, told in _wanted(settings):
            path = paths[0] if len(paths) == 1 else paths
            parts.append(open_imagery(path, about, told, cache=cache))
            stack.callback(parts[-1].close)
        _refuse_loose_bands(parts[: len(settings.imagery)])
        yield parts[0] if len(parts) == 1 else Mosaic(parts)


def source_paths(settings: ImagerySettings) -> list[Path]:
    """The paths of all sources, and of the list that names some of them."""
    listing = settings.imagery_sources
    paths = [path for paths, _, _ in _wanted(settings) for path in paths]
    return paths if listing is None else [*paths, listing]


def read_sources(path: Path) -> list[SourceEntry]:
    """The entries of a list of sources, in its order.

    Raises:
        MissingDataError: if there is no such file.
        UnreadableError: if it is no such list, or an entry lacks what it must state.
    """
    if not path.is_file():
        raise MissingDataError(f"There is no list of sources {path}; check the path.")
    rows = _rows(path)
    if not rows:
        raise UnreadableError(
            f"{path} lists no source; expected 'sources:' with at least one mapping of "
            "path and licence."
        )
    entries = []
    for number, row in enumerate(rows, start=1):
        try:
            entries.append(SourceEntry(**row))
        except (ValidationError, TypeError) as error:
            raise UnreadableError(
                f"Source {number} of {path} cannot be used: {_fault(error)}. Each "
                "source states path and licence."
            ) from error
    return entries


def _wanted(
    settings: ImagerySettings,
) -> Iterator[tuple[tuple[Path, ...], About, Reading]]:
    """Paths, terms and reading of each source, those of the options first."""
    about = About(
        licence=settings.licence,
        attribution=settings.attribution,
        captured=settings.captured,
        season=settings.season,
    )
    reading = Reading(
        crs=settings.imagery_crs,
        bands=settings.imagery_band,
        values=_values(settings.imagery_low, settings.imagery_high),
        layout=settings.imagery_layout,
        min_covered=settings.min_covered,
    )
    alone = len(settings.imagery) == 1
    for path in settings.imagery:
        yield (path,), about, reading if alone else applicable(reading, path)
    if settings.imagery_sources is None:
        return
    for entry in read_sources(settings.imagery_sources):
        paths = tuple(_inside(settings.imagery_sources, p) for p in entry.path)
        told = replace(_reading(entry), min_covered=settings.min_covered)
        yield paths, _about(entry), told


def _refuse_loose_bands(parts: list[Imagery]) -> None:
    """Refuse three grey files of one grid: red, green and blue would be three greys."""
    grey = [p for p in parts if isinstance(p, GeoRaster) and p.is_one_grey_band]
    if len(grey) >= 3 and len({part.grid for part in grey}) == 1:
        names = [part.source for part in grey]
        raise UsageError(
            f"{', '.join(names)} have one band each and the same grid: they look like "
            "bands of one picture. Give them as one source in a list for "
            f"--imagery-sources, path: [{', '.join(names[:3])}], red first."
        )


def _about(entry: SourceEntry) -> About:
    return About(
        licence=entry.licence,
        attribution=entry.attribution,
        captured=entry.captured,
        season=entry.season,
    )


def _reading(entry: SourceEntry) -> Reading:
    return Reading(
        crs=entry.crs,
        bands=entry.bands,
        values=_values(entry.low, entry.high),
        layout=entry.layout,
    )


def _values(low: float | None, high: float | None) -> tuple[float, float] | None:
    if low is None and high is None:
        return None
    if low is None or high is None or not low < high:
        raise UsageError(
            f"A scale of imagery needs a low value below a high one, got low={low} and "
            f"high={high}. Give both, such as --imagery-low 0 --imagery-high 4095."
        )
    return float(low), float(high)


def _inside(listing: Path, name: str) -> Path:
    """The path of a source, in the list's folder or below, links followed.

    Raises:
        UnreadableError: if it lies elsewhere.
    """
    path = listed_file(listing.parent, name)
    if path is None:
        raise UnreadableError(
            f"{listing} names {name!r}, which is not in its folder or below. Put the "
            "list beside the imagery, or give that path with --imagery."
        )
    return path


def _rows(path: Path) -> list[dict[str, Any]]:
    """The list's entries as mappings without empty cells."""
    try:
        if path.stat().st_size > MAX_LIST_BYTES:
            raise ValueError(f"it has more than {MAX_LIST_BYTES // 10**6} MB")
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.lower() == ".csv":
            found: Any = list(csv.DictReader(io.StringIO(text), strict=True))
        else:
            found = yaml.safe_load(text)
    except (ValueError, RecursionError, csv.Error, yaml.YAMLError) as error:
        fault = " ".join(str(error).split())
        raise UnreadableError(
            f"{path} cannot be read as a list of sources: {fault}."
        ) from error
    if isinstance(found, dict):
        found = found.get("sources")
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise UnreadableError(
            f"{path} is no list of sources: expected 'sources:' with a mapping of "
            "path, licence and more for each, or a CSV file with such columns."
        )
    return [
        {str(k).strip(): v for k, v in row.items() if k and v not in (None, "")}
        for row in found
    ]


def _fault(error: Exception) -> str:
    """What is wrong with an entry, in a few words."""
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "entry"
    return f"{where}: {first['msg'].lower()}"

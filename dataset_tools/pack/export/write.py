"""Writing an export whole or not at all, and only where the licence lets it."""

import json
import os
import uuid
from pathlib import Path
from typing import Any, Final

from dataset_tools.errors import UsageError
from dataset_tools.pack.atomic import write_text
from dataset_tools.pack.export.croissant import croissant
from dataset_tools.pack.export.geopackage import write_geopackage
from dataset_tools.pack.export.texts import csv_files, geojson_files
from dataset_tools.pack.faults import output
from dataset_tools.pack.format import CROISSANT_FILE
from dataset_tools.pack.licences import forbidding
from dataset_tools.pack.read import Pack
from dataset_tools.settings.export import ExportSettings, Format

SUFFIXES: Final[dict[str, Format]] = {
    ".gpkg": "geopackage",
    ".json": "croissant",
    ".jsonld": "croissant",
}


def export(
    path: Path,
    out: Path | None,
    settings: ExportSettings,
    *,
    overwrite: bool = False,
) -> tuple[Path, list[str]]:
    """Write a pack's tables, or its description, in another format.

    Args:
        path: the pack.
        out: a file, or for GeoJSON and CSV a folder; None: `croissant.json` in the
            pack.
        settings: format and description.
        overwrite: replace what is there.

    Returns:
        (what was written, what is worth knowing of the licence).

    Raises:
        UsageError: if the pack is private, the output is there, or its name tells no
            format.
        MissingDataError: if a library is not installed.
        OutputError: if the disk is full, read-only or broken.
    """
    out = out or path / CROISSANT_FILE
    with Pack.open(path) as pack:
        warnings = _terms(pack, settings)
        kind = _format(out, settings)
        inside = out.resolve().parent == path.resolve()
        if inside and out.name != CROISSANT_FILE:
            message = f"{out} would lie in the pack itself; choose another place."
            raise UsageError(message)
        if out.exists() and not (overwrite or inside):
            message = f"{out} exists already. Give --overwrite to replace it."
            raise UsageError(message)
        with output(out):
            _write(pack, out, kind, settings)
    return out, warnings


def _terms(pack: Pack, settings: ExportSettings) -> list[str]:
    if pack.meta.get("private") and not settings.despite_private:
        message = (
            f"{pack.path} is private: its pictures, and where they were taken, may not "
            "be passed on. For your own use give --despite-private."
        )
        raise UsageError(message)
    return [
        f"The licence {text!r} seems to forbid passing the pack on; ask before you do."
        for text in forbidding(pack.meta["licences"])
    ]


def _format(out: Path, settings: ExportSettings) -> Format:
    if settings.format is not None:
        return settings.format
    kind = SUFFIXES.get(out.suffix.lower())
    if kind is None:
        message = (
            f"The name {out.name!r} tells no format: end it in .gpkg (GeoPackage) or "
            ".json (Croissant), or give --format geojson or --format csv for a folder."
        )
        raise UsageError(message)
    return kind


def _write(pack: Pack, out: Path, kind: Format, settings: ExportSettings) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    if kind == "geopackage":
        # The driver wants a file of that suffix, and leaves others beside it.
        temporary = out.with_name(f".{out.stem}-{uuid.uuid4().hex[:8]}.gpkg")
        try:
            write_geopackage(pack, temporary)
            temporary.replace(out)
        finally:
            for left in out.parent.glob(f"{temporary.name}*"):
                left.unlink()
    elif kind == "croissant":
        base = settings.base_url or _beside(pack.path, out)
        told = croissant(pack, base_url=base, about=_about(settings))
        text = json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False)
        write_text(out, text + "\n")
    else:
        out.mkdir(exist_ok=True)
        files = geojson_files(pack) if kind == "geojson" else csv_files(pack)
        for name, text in files:
            write_text(out / name, text)


def _beside(path: Path, out: Path) -> str:
    """The way from a description to the pack's folder; empty inside it."""
    way = Path(os.path.relpath(path.resolve(), out.resolve().parent)).as_posix()
    return "" if way == "." else way


def _about(settings: ExportSettings) -> dict[str, Any]:
    told: dict[str, Any] = {
        "url": settings.url,
        "citeAs": settings.cite_as,
        "datePublished": settings.published,
        "version": settings.dataset_version,
    }
    if settings.creator:
        told["creator"] = {"@type": "sc:Organization", "name": settings.creator}
    return {key: value for key, value in told.items() if value}

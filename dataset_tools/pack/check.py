"""Whether a pack keeps its promises: docs/formats.md lists them with their codes.

Findings, not exceptions: one run says everything that is wrong. What cannot be looked
at while something else is wrong is left for the next run. Only a folder that is no
pack at all is an error.
"""

from collections.abc import Callable
from pathlib import Path

from dataset_tools.errors import IntegrityError
from dataset_tools.pack.checks.folder import (
    check_counts,
    check_folder,
    check_hashes,
    check_meta,
)
from dataset_tools.pack.checks.geometry import check_geometry
from dataset_tools.pack.checks.pictures import check_pictures
from dataset_tools.pack.checks.references import (
    check_galleries,
    check_order,
    check_references,
    check_split_rows,
)
from dataset_tools.pack.checks.tables import check_values, load_tables
from dataset_tools.pack.findings import Finding, exit_code
from dataset_tools.pack.leaks import Tables, check_leaks
from dataset_tools.pack.read import read_meta

__all__ = ["Finding", "check_pack", "check_tables", "exit_code"]


def check_pack(
    path: Path,
    *,
    decode_pictures: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> list[Finding]:
    """Everything that is wrong with a pack, worst first.

    Args:
        path: the pack's folder.
        decode_pictures: also decode every picture, at some hundreds a second.
        progress: called with pictures done and pictures in all.

    Raises:
        MissingDataError: if the folder is no pack.
    """
    try:
        meta = read_meta(path)
    except IntegrityError as error:
        return [Finding(code="meta", severity="error", message=str(error))]
    findings = check_folder(path)
    if not _has_error(findings):
        findings += check_hashes(path, meta) + check_meta(meta)
        tables, faults = load_tables(path)
        if not faults:
            faults = check_counts(path, meta) + _check_together(tables, leaks=True)
            faults += check_pictures(
                path,
                meta,
                tables,
                decode_pictures=decode_pictures,
                progress=progress,
            )
        if any(f.code == "missing-file" for f in findings):
            # Then all files that are not there have been named and counted.
            faults = [f for f in faults if f.code not in ("missing-file", "counts")]
        findings += faults
    rank = {"error": 0, "warning": 1, "note": 2}
    return sorted(findings, key=lambda f: (rank[f.severity], f.code, f.message))


def check_tables(path: Path, *, leaks: bool = True) -> list[Finding]:
    """Findings about a pack's tables alone: schema, values, references, leaks.

    Args:
        path: the pack's folder.
        leaks: also compare splits, which gives warnings only and takes longest.
    """
    tables, findings = load_tables(path)
    return findings or _check_together(tables, leaks=leaks)


def _check_together(tables: Tables, *, leaks: bool) -> list[Finding]:
    findings = check_values(tables) + check_references(tables)
    findings += check_split_rows(tables)
    # What follows looks ids up and measures, so all of them must be there.
    if not _has_error(findings):
        findings += check_order(tables) + check_galleries(tables)
        findings += check_geometry(tables)
        if leaks and not _has_error(findings):
            findings += check_leaks(tables)
    return findings


def _has_error(findings: list[Finding]) -> bool:
    return any(f.severity == "error" for f in findings)

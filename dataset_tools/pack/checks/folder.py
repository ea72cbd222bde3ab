"""Promises about a pack's folder and its `pack.json`."""

import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from dataset_tools.pack.findings import Finding, found
from dataset_tools.pack.format import (
    CARD_FILES,
    LICENCE_KEYS,
    META_FILE,
    SHARD_PATTERN,
    TABLES,
    content_sha256,
    content_sha256_of,
    file_records,
)
from dataset_tools.pack.preprocessing import preprocessing_fault
from dataset_tools.pack.seal import counts

KNOWN: Final = {META_FILE, *CARD_FILES, *(f"{name}.parquet" for name in TABLES)}


def check_folder(path: Path) -> list[Finding]:
    """Findings about what lies in the folder; reads no file.

    Args:
        path: the pack's folder.
    """
    special, extra = [], []
    for entry in sorted(path.iterdir()):
        if not stat.S_ISREG(entry.lstat().st_mode):
            special.append(entry.name)
        elif entry.name not in KNOWN and not SHARD_PATTERN.fullmatch(entry.name):
            extra.append(entry.name)
    message = (
        "{n} entries of the pack are links, folders or devices, which may lead "
        "elsewhere. Nothing of the pack was read; fetch it again as plain files."
    )
    findings = found("special-file", special, message)
    message = "{n} files do not belong to a pack. Move them elsewhere."
    return findings + found("extra-file", extra, message, severity="warning")


def check_hashes(path: Path, meta: Mapping[str, Any]) -> list[Finding]:
    """Whether the files are those that `pack.json` was written for."""
    said = meta.get("files")
    held = file_records(path)
    if not said:
        if content_sha256(path) == meta["content_sha256"]:
            return []
        message = (
            f"The Parquet and HDF5 files of {path} are not those that pack.json was "
            "written for (content_sha256 differs). Fetch the pack again."
        )
        return [Finding(code="hash", severity="error", message=message)]
    message = (
        "{n} files are not those that pack.json was written for (SHA-256 differs). "
        "Fetch them again, or use `geobench data repair`."
    )
    changed = [n for n in said if n in held and held[n] != said[n]]
    findings = found("hash", changed, message)
    message = "{n} files that pack.json names are not there. Fetch the pack again."
    findings += found("missing-file", said.keys() - held.keys(), message)
    if not findings and content_sha256_of(said) != meta["content_sha256"]:
        message = "content_sha256 in pack.json is not that of its files."
        findings.append(Finding(code="hash", severity="error", message=message))
    return findings


def check_counts(path: Path, meta: Mapping[str, Any]) -> list[Finding]:
    """Whether `counts` in `pack.json` are those of the tables and shards."""
    said = meta["counts"]
    wrong = [
        f"{name}: {said.get(name)} stated, {number} found"
        for name, number in counts(path).items()
        if said.get(name) != number
    ]
    return found("counts", wrong, "{n} counts of pack.json are wrong.")


def check_meta(meta: Mapping[str, Any]) -> list[Finding]:
    """Findings about licences, rejections, paths and preprocessing in `pack.json`."""
    findings = found("licence", _licence_faults(meta["licences"]), _LICENCE)
    message = "rejections in pack.json are no counts by stage and reason, {n} times."
    findings += found("rejections", _rejection_faults(meta["rejections"]), message)
    texts = _texts([meta["made_by"], meta["licences"], meta.get("preprocessing")])
    absolute = [t for t in texts if t.startswith(("/", "~")) or t[1:3] in (":\\", ":/")]
    message = "pack.json holds {n} absolute paths, which tell of a machine."
    findings += found("absolute-path", absolute, message, severity="warning")
    fault = preprocessing_fault(meta)
    if fault:
        findings.append(Finding(code="preprocessing", severity="error", message=fault))
    return findings


_LICENCE = (
    "{n} licences of pack.json are not complete: each needs source, licence and "
    "attribution as texts, and a licence that is not empty."
)


def _licence_faults(licences: list[Any]) -> Iterator[str]:
    if not licences:
        yield "there is none"
    for number, entry in enumerate(licences):
        given = entry if isinstance(entry, dict) else {}
        texts = [given.get(key) for key in LICENCE_KEYS]
        if not all(isinstance(t, str) for t in texts) or not str(texts[1]).strip():
            yield f"number {number}"


def _rejection_faults(rejections: Mapping[str, Any]) -> Iterator[str]:
    for stage, reasons in rejections.items():
        counted = reasons.values() if isinstance(reasons, dict) else [None]
        if not all(type(n) is int and n >= 0 for n in counted):
            yield str(stage)


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [t for v in value.values() for t in _texts(v)]
    if isinstance(value, list):
        return [t for v in value for t in _texts(v)]
    return [value] if isinstance(value, str) else []

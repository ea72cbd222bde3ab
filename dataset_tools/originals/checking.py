"""What a released folder is, what it lacks and what to do, before any work is done."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dataset_tools.errors import DatasetToolsError, UnreadableError
from dataset_tools.originals import NAMES, reader
from dataset_tools.originals.folder import Folder
from dataset_tools.originals.importing import settings_of
from dataset_tools.originals.looking import Looked, look_all
from dataset_tools.originals.release import Survey

SAMPLE = 48
"""Pictures that are looked at, evenly spaced."""
FEW = 0.01
"""Share of missing pictures that a release may have of its own."""
FIRST = 10
"""Missing files that are named."""


@dataclass(frozen=True, kw_only=True)
class ReleaseReport:
    """One way to import a folder, and what stands against it."""

    data_set: str
    variant: str
    folder: str
    counts: dict[str, int]
    folders: dict[str, int]
    wanted: int
    missing: int
    first_missing: tuple[str, ...]
    sampled: dict[str, int]
    """Size, or reason of a fault, of the sampled pictures, and how many."""
    findings: tuple[str, ...]
    """What is not as released, or damaged."""
    notes: tuple[str, ...]
    command: str
    """How to import it."""


def check_release(path: Path) -> list[ReleaseReport]:
    """Reports of every data set, list and label set that a folder holds.

    Raises:
        MissingDataError: if it lacks a list without which nothing can be imported.
        UnreadableError: if it is no released folder, or another subset.
    """
    folder = Folder(path)
    reports: list[ReleaseReport] = []
    faults: list[DatasetToolsError] = []
    for name in NAMES:
        module = reader(name)
        root = module.find(folder)
        if root is None:
            continue
        for options in module.choices(root):
            settings = settings_of(name, out=Path("x.pack"), **options)
            try:
                survey = module.survey(root, settings)
            except DatasetToolsError as error:
                faults.append(error)
                continue
            paths = module.pictures(survey)
            reports.append(_report(survey, paths, given=path, options=options))
    if reports:
        told = tuple(str(fault) for fault in faults)
        return [replace(r, findings=(*r.findings, *told)) for r in reports]
    raise faults[0] if faults else UnreadableError(_unknown(folder))


def _report(
    survey: Survey[Any], paths: list[str], *, given: Path, options: dict[str, Any]
) -> ReleaseReport:
    at = np.linspace(0, len(paths) - 1, min(SAMPLE, len(paths))).round().astype(int)
    looked = look_all(survey.root.path, [paths[i] for i in at])
    sampled: dict[str, int] = {}
    for found in looked.values():
        text = found if isinstance(found, str) else f"{found[0]} x {found[1]} px"
        sampled[text] = sampled.get(text, 0) + 1
    notes = list(survey.notes)
    if survey.root.archives():
        notes.append(f"Archives lie about: {', '.join(survey.root.archives()[:5])}.")
    return ReleaseReport(
        data_set=survey.data_set,
        variant=survey.variant,
        folder=str(survey.root.path),
        counts=survey.counts,
        folders=survey.folders,
        wanted=survey.wanted,
        missing=len(survey.missing),
        first_missing=tuple(survey.missing[:FIRST]),
        sampled=dict(sorted(sampled.items(), key=lambda kv: (-kv[1], kv[0]))),
        findings=tuple(_findings(survey, looked)),
        notes=tuple(notes),
        command=_command(survey, given, options),
    )


def _findings(survey: Survey[Any], looked: Looked) -> list[str]:
    """What the survey found, what is missing first, and what the sample shows."""
    damaged = {p: f for p, f in looked.items() if isinstance(f, str)}
    findings = list(survey.findings)
    if survey.missing:
        share = len(survey.missing) / max(1, survey.wanted)
        advice = (
            "an archive is probably not or only partly unpacked; compare its size with "
            "the source's and unpack it again"
            if share > FEW
            else "their queries will be left out and counted"
        )
        findings.insert(
            0,
            f"{len(survey.missing):,} of the {survey.wanted:,} pictures that the lists "
            f"name are not there ({share:.1%}): {advice}.",
        )
    if damaged:
        path, fault = next(iter(damaged.items()))
        findings.append(
            f"{len(damaged)} of {len(looked)} sampled pictures are damaged, such as "
            f"{path} ({fault}); unpack the archive again."
        )
    if survey.root.links_out:
        findings.append(
            f"{len(survey.root.links_out):,} files are links out of the folder and are "
            f"not read, such as {survey.root.links_out[0]}."
        )
    return findings


def _command(survey: Survey[Any], given: Path, options: dict[str, Any]) -> str:
    words = ["geobench data import", survey.data_set, _quoted(str(given))]
    for name, value in options.items():
        values = value if isinstance(value, tuple) else (value,)
        words += [f"--{name} {v}" for v in values]
    return " ".join([*words, f"--out packs/{survey.pack_name}.pack"])


def _quoted(text: str) -> str:
    import shlex

    return shlex.quote(text)


def _unknown(folder: Folder) -> str:
    held = [*folder.folders()[:6], *sorted(folder.names())[:4]]
    text = (
        f"{folder.path} is no pack (it has no pack.json) and none of the released data "
        f"sets {', '.join(NAMES)}: it holds {held or 'nothing'}."
    )
    archives = folder.archives()
    if archives:
        return f"{text} Unpack {archives[0]} first, and check its size."
    return f"{text} `geobench data request --list` says what each of them looks like."

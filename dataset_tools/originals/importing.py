"""A released folder to a pack: survey, look at the pictures, split by area, write.

Bytes of pictures pass through, without their metadata. One picture is in memory at a
time; which files are there is known from listings, so no file is asked for twice.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from dataset_tools.build_drive import Stages
from dataset_tools.build_settings import BuildReport
from dataset_tools.errors import MissingDataError, UnreadableError, UsageError
from dataset_tools.originals import reader
from dataset_tools.originals.folder import Folder
from dataset_tools.originals.looking import Look, Looked, fingerprint, look_all
from dataset_tools.originals.release import Contents, Reader, Survey
from dataset_tools.pack.atomic import refuse_target
from dataset_tools.pack.read import read_meta
from dataset_tools.pack.tasks import MakePicture, Record
from dataset_tools.pack.write import PackContents, Writing, write_pack
from dataset_tools.pictures import without_metadata
from dataset_tools.provenance import parameters, versions
from dataset_tools.settings.original import (
    CvactSettings,
    CvusaSettings,
    ImportSettings,
    VermontSettings,
    VigorSettings,
)
from dataset_tools.splits import by_area

Progress = Callable[[str, int, int], None]
"""Called with the stage, items done and items in all."""

SETTINGS: dict[str, type[ImportSettings]] = {
    "cvusa": CvusaSettings,
    "cvact": CvactSettings,
    "vigor": VigorSettings,
    "vermont": VermontSettings,
}
PACKAGES = ("numpy", "scipy", "h5py", "pyarrow", "pyproj")


def settings_of(name: str, **given: Any) -> ImportSettings:
    """Settings of the class that a data set has."""
    return SETTINGS[name](**given)


def survey_release(name: str, folder: Path, settings: ImportSettings) -> Survey[Any]:
    """What a released folder holds.

    Raises:
        MissingDataError: if the folder, or a list in it, is not there.
        UnreadableError: if it is another data set, or a list is broken.
    """
    given = Folder(folder)
    module = reader(name)
    root = module.find(given)
    if root is None:
        raise UnreadableError(_unknown(name, given))
    return module.survey(root, settings)


def import_release(
    name: str,
    folder: Path,
    settings: ImportSettings,
    *,
    workers: int = 1,
    progress: Progress | None = None,
) -> BuildReport:
    """Write the pack of a released folder; nothing is left under its name on failure.

    Killed, it goes on where it was when it is called again with the same settings, and
    ends with the same bytes.

    Args:
        name: "cvusa", "cvact", "vigor" or "vermont".
        folder: where it was unpacked.
        settings: of that data set.
        workers: processes that copy pictures; the bytes do not depend on it.
        progress: called as the work goes on.

    Raises:
        UsageError: if the pack exists already or is being written.
        MissingDataError: if the folder, a list, or most of the pictures are not there.
        UnreadableError: if the folder is another data set, or a list is broken.
    """
    say = progress or _silent
    refuse_target(settings.out, overwrite=settings.overwrite)
    say("lists", 0, 1)
    module, survey = reader(name), survey_release(name, folder, settings)
    if settings.limit is not None:
        survey = replace(survey, listed=module.limited(survey.listed, settings.limit))
    paths = module.pictures(survey)
    looked = look_all(
        survey.root.path,
        paths,
        whole=settings.pictures == "whole",
        said=lambda done: say("pictures", done, len(paths)),
    )
    stages = Stages()
    made = module.contents(survey, settings, looked, stages)
    _refuse_gaps(survey, made, stages, settings)
    say("splits", 0, 1)
    _add_area(made, module, settings, stages)
    notes: list[str] = []
    path = write_pack(
        settings.out,
        _pack_contents(name, survey, made, settings=settings, stages=stages),
        picture=ReleasePictures(survey.root.path),
        overwrite=settings.overwrite,
        how=Writing(
            inputs=fingerprint(looked),
            size=partial(_size_bytes, looked),
            workers=workers,
            progress=partial(say, "pack"),
            note=notes.append,
        ),
    )
    return BuildReport(
        path=path,
        stages=tuple(stages.reports),
        counts=read_meta(path)["counts"],
        warnings=(*survey.findings, *made.warnings),
        notes=tuple(notes),
    )


def _size_bytes(looked: Looked, record: Record) -> int:
    found = looked[str(record.source)]
    return found.size_bytes if isinstance(found, Look) else 0


def _unknown(name: str, folder: Folder) -> str:
    held = [*folder.folders()[:6], *sorted(folder.names())[:4]]
    text = f"{folder.path} does not look like {name}: it holds {held or 'nothing'}"
    archives = folder.archives()
    if archives:
        return f"{text}. Unpack {archives[0]} first, and check its size."
    return (
        f"{text}. `geobench data request {name}` says which files the release has and "
        "where to get them."
    )


def _refuse_gaps(
    survey: Survey[Any], made: Contents, stages: Stages, settings: ImportSettings
) -> None:
    """Refuse a folder that holds too little of what its lists name."""
    given = stages.reports[-1].given
    lost = given - len(made.sequences)
    if given and (lost > settings.max_missing * given or not made.sequences):
        first = survey.missing[0] if survey.missing else stages.told()
        raise MissingDataError(
            f"{lost:,} of {given:,} queries in {survey.root.path} lack a picture (the "
            f"first missing: {first}), more than --max-missing "
            f"{settings.max_missing:g}: an archive is probably not or only partly "
            "unpacked. `geobench data check` lists what is missing."
        )


def _add_area(
    made: Contents, module: Reader, settings: ImportSettings, stages: Stages
) -> None:
    """Rows of our own split, if there are positions and places enough for three."""
    if settings.no_area_split:
        return
    chosen = made.sequences if made.area_sequences is None else made.area_sequences
    if not chosen:
        made.warnings.append("Without positions there is no split by area.")
        return
    shown = {t for s in chosen for t in s.positives}
    # Tiles that only other sequences show are no distractors: their places are known.
    others = {t for s in made.sequences for t in s.positives} - shown
    try:
        outcome = by_area(
            chosen,
            {f.frame_id: f for f in made.frames},
            [t for t in made.tiles if t.tile_id not in others],
            cell_m=settings.cell_m or module.CELL_M,
            buffer_m=settings.buffer_m,
            seed=settings.seed,
        )
    except UsageError as error:
        made.warnings.append(f"There is no split by area: {error}")
        return
    stages.add(
        "area", "sequences", len(chosen) - len(outcome.rejected), outcome.rejected
    )
    made.split_rows += outcome.rows


def _pack_contents(
    name: str,
    survey: Survey[Any],
    made: Contents,
    *,
    settings: ImportSettings,
    stages: Stages,
) -> PackContents:
    limited = settings.limit is not None
    return PackContents(
        name=f"{survey.pack_name}-partial" if limited else survey.pack_name,
        frames=made.frames,
        tiles=made.tiles,
        sequences=made.sequences,
        split_rows=made.split_rows,
        licences=made.licences,
        made_by={
            "command": f"geobench data import {name}",
            "parameters": parameters(settings.model_dump()),
            "rules": {**made.rules, "partial": limited},
            "versions": versions(PACKAGES),
        },
        rejections={r.stage: r.rejected for r in stages.reports},
        private=True,
    )


@dataclass(frozen=True, slots=True)
class ReleasePictures:
    """A released folder, for each process that makes shards."""

    root: Path

    @contextmanager
    def open(self) -> Iterator[MakePicture]:
        """The pictures' bytes without metadata, by the path in their record."""
        yield self._make

    def _make(self, record: Record) -> bytes:
        try:
            return without_metadata((self.root / str(record.source)).read_bytes())
        except UnreadableError as error:
            raise UnreadableError(
                f"{record.source} has a sound beginning and end and is broken between: "
                f"{error} Import again with --pictures whole, which leaves such "
                "pictures out."
            ) from error


def _silent(stage: str, done: int, total: int) -> None:
    del stage, done, total

"""From a drive and imagery to a pack: the stages, one after the other.

    pictures, track > clean > (resample) > sequences > pairing > splits > pack

Every stage says what came in, what it kept and why it left the rest out; the pack's
card shows the same numbers.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from typing import Any

from dataset_tools.build_camera import picture_rule, refuse_stray_boxes
from dataset_tools.build_drive import (
    Stages,
    cleaning_limits,
    drive_sequences,
    sequence_rule,
)
from dataset_tools.build_pictures import (
    BuildPictures,
    fingerprint,
    picture_bytes,
)
from dataset_tools.build_settings import BuildReport, BuildSettings, StageReport
from dataset_tools.build_views import Views, make_views, pairing_rule
from dataset_tools.errors import UnreadableError
from dataset_tools.imagery import About, Imagery, open_sources
from dataset_tools.pack.atomic import one_writer, refuse_target
from dataset_tools.pack.licences import forbidding
from dataset_tools.pack.read import read_meta
from dataset_tools.pack.write import PackContents, Writing, write_pack
from dataset_tools.pictures.view import decide_views
from dataset_tools.pictures.work import described, open_tools, picture_doubts
from dataset_tools.provenance import parameters, versions
from dataset_tools.records import Frame, Rejection

__all__ = ["BuildReport", "BuildSettings", "StageReport", "build_pack"]

Progress = Callable[[str, int, int], None]
"""Called with the stage, items done and items in all."""


def build_pack(
    settings: BuildSettings, *, workers: int = 1, progress: Progress | None = None
) -> BuildReport:
    """Build a pack; nothing is left under its name if that fails.

    Killed, it goes on where it was when it is called again with the same settings, and
    ends with the same bytes. The stages up to the splits are done anew each time.

    Args:
        settings: every parameter.
        workers: processes that make pictures; the bytes do not depend on it.
        progress: called as the work goes on.

    Raises:
        UsageError: if parameters make no sense, the pack exists already or is being
            written.
        MissingDataError: if an input is not there.
        UnreadableError: if an input cannot be read, or nothing is left of the drive.
        OutputError: if the pack cannot be written.
    """
    say = progress or _silent
    stages = Stages()
    notes: list[str] = []
    with one_writer(settings.out):
        refuse_target(settings.out, overwrite=settings.overwrite)
        contents, warnings = _planned(settings, stages, say)
        how = Writing(
            inputs=fingerprint(settings, contents),
            size=partial(picture_bytes, settings),
            shard_bytes=round(settings.shard_mib * 1024**2),
            workers=workers,
            progress=partial(say, "pack"),
            note=notes.append,
        )
        pictures = BuildPictures(settings)
        path = write_pack(
            settings.out,
            contents,
            picture=pictures,
            overwrite=settings.overwrite,
            how=how,
        )
    return BuildReport(
        path=path,
        stages=tuple(stages.reports),
        counts=read_meta(path)["counts"],
        warnings=tuple(warnings),
        notes=tuple(notes),
    )


def _planned(
    settings: BuildSettings, stages: Stages, say: Progress
) -> tuple[PackContents, list[str]]:
    """Everything of the pack but its pictures, and what to warn about."""
    with open_sources(settings) as imagery:
        say("sequences", 0, 1)
        tools = open_tools(picture_rule(settings))
        shown = partial(decide_views, rule=tools.rule, mask=tools.mask)
        sequences, frames = drive_sequences(
            settings, stages, views=shown if tools.rule.decides_view else None
        )
        if settings.drive is not None:
            refuse_stray_boxes(tools, settings.drive, frames)
        _refuse_nothing(settings, len(sequences), "sequence", stages=stages)
        say("pairing", 0, 1)
        views = make_views(settings, sequences, frames, imagery=imagery, stages=stages)
        placed = {r[3] for r in views.split_rows if r[1:3] != ("dropped", "sequence")}
        _refuse_nothing(settings, len(placed), "pair", stages=stages)
        used = _used_frames(views, frames, stages)
        contents = _contents(settings, views, used, stages=stages, imagery=imagery)
        contents.made_by["rules"]["pictures"] = described(used.values(), tools)
        contents.made_by["measured"] = stages.measured()
        doubts = picture_doubts(used.values(), tools.rule)
        warnings = [*stages.warnings, *_warnings(settings, views), *doubts]
        if contents.private and not settings.private:
            warnings.append("A licence forbids passing the pack on: marked as private.")
        return contents, warnings


def _refuse_nothing(
    settings: BuildSettings, count: int, what: str, *, stages: Stages
) -> None:
    if count:
        return
    message = (
        f"No {what} is left for {settings.out.name}, so no pack is written: "
        f"{stages.told()}. Change the limits or the input."
    )
    raise UnreadableError(message)


def _used_frames(
    views: Views, frames: dict[str, Frame], stages: Stages
) -> dict[str, Frame]:
    """Frames of the sequences that are left; the others' pictures are not stored."""
    formed = {i for s in views.formed for i in s.frame_ids}
    used = {i for s in views.sequences for i in s.frame_ids}
    lost = [
        Rejection(item=i, stage="frames", reason="no-sequence-left")
        for i in sorted(formed - used)
    ]
    stages.add("frames", "frames", len(used), lost)
    return {i: frames[i] for i in sorted(used)}


def _contents(
    settings: BuildSettings,
    views: Views,
    frames: dict[str, Frame],
    *,
    stages: Stages,
    imagery: Imagery,
) -> PackContents:
    pictures = About(licence=settings.licence, attribution=settings.attribution)
    rights = [*views.rights]
    if settings.drive is not None:
        rights.append((settings.drive.name, pictures))
    licences = [
        {"source": name, "licence": of.licence, "attribution": of.attribution}
        for name, of in rights
    ]
    return PackContents(
        name=settings.pack_name,
        frames=list(frames.values()),
        tiles=views.tiles,
        sequences=views.sequences,
        split_rows=views.split_rows,
        licences=licences,
        made_by=made_by(settings, imagery),
        rejections={r.stage: r.rejected for r in stages.reports},
        private=settings.private or bool(forbidding(licences)),
    )


def made_by(settings: BuildSettings, imagery: Imagery) -> dict[str, Any]:
    """Command, parameters and versions as `pack.json` keeps them, without folders."""
    packages = ("numpy", "h5py", "pyarrow", "rasterio", "pyproj", "shapely", "pillow")
    return {
        "command": "geobench data build",
        "parameters": parameters(settings.model_dump()),
        "rules": {
            "cleaning": asdict(cleaning_limits(settings)),
            "sequences": asdict(sequence_rule(settings)),
            "imagery": imagery.described(),
            "pairing": asdict(pairing_rule(settings)),
        },
        "versions": versions(packages),
    }


def _warnings(settings: BuildSettings, views: Views) -> Iterator[str]:
    yield from views.warnings
    elsewhere = [s for s in views.sequences if s.stratum is None]
    if settings.strata is not None and elsewhere:
        yield f"{len(elsewhere)} sequences lie in none of the strata's polygons."


def _silent(stage: str, done: int, total: int) -> None:
    del stage, done, total

"""Frames to sequences: the records around `form_columns`."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

from dataset_tools.errors import UsageError
from dataset_tools.records import Frame, Outcome, Rejection, Sequence
from dataset_tools.sequences.columns import SequenceColumns, form_columns
from dataset_tools.sequences.rule import SequenceRule
from dataset_tools.sequences.windows import Reason
from dataset_tools.tracks.clean import by_session, columns_of

STAGE: Final = "sequences"


def form_sequences(
    frames: Iterable[Frame], rule: SequenceRule, *, region: str
) -> Outcome[Sequence]:
    """Sequences along each session; every frame in none of them is a rejection.

    A sequence is named `REGION/SESSION/NUMBER`, counted within its session; where
    passes are joined the number is that of the centre frame among the session's
    frames. So another drive changes no name.

    Args:
        frames: cleaned frames with different ids, any number of sessions.
        rule: what a sequence is, and where a track is cut.
        region: name of the region, the first part of each sequence's id.

    Raises:
        UsageError: if two frames share an id.
    """
    frames = [frame for session in by_session(frames) for frame in session]
    _refuse_doubles(frames)
    found = form_columns(columns_of(frames), rule)
    names = _names(frames, found, region=region, by_centre=rule.join_passes)
    outcome: Outcome[Sequence] = Outcome()
    for k, name in enumerate(names):
        outcome.kept.append(_sequence(frames, found, k, names=(name, region)))
    outcome.rejected.extend(_rejections(frames, found))
    return outcome


def _refuse_doubles(frames: list[Frame]) -> None:
    doubled = [i for i, n in Counter(f.frame_id for f in frames).items() if n > 1]
    if doubled:
        message = (
            f"{len(doubled)} frame ids occur more than once, such as {min(doubled)!r}; "
            "give each drive a session of its own."
        )
        raise UsageError(message)


def _names(
    frames: list[Frame], found: SequenceColumns, *, region: str, by_centre: bool
) -> Iterator[str]:
    numbers: Counter[str] = Counter()
    begins: dict[str, int] = {}
    for row, frame in enumerate(frames):
        begins.setdefault(frame.session_id, row)
    for row in found.query.tolist():
        name = frames[row].session_id
        # "." is the drive's own folder and would be no part of a name.
        prefix = region if name in ("", ".") else f"{region}/{name}"
        number = row - begins[name] if by_centre else numbers[prefix]
        numbers[prefix] += 1
        yield f"{prefix}/{number:05d}"


def _sequence(
    frames: list[Frame], found: SequenceColumns, k: int, *, names: tuple[str, str]
) -> Sequence:
    first, stop = int(found.first[k]), int(found.stop[k])
    others = found.others[found.offset[k] : found.offset[k + 1]].tolist()
    query = frames[found.query[k]]
    return Sequence(
        sequence_id=names[0],
        region=names[1],
        frame_ids=tuple(frames[i].frame_id for i in [*range(first, stop), *others]),
        lat=query.lat,
        lon=query.lon,
        length_m=float(found.length_m[k]),
    )


def _rejections(frames: list[Frame], found: SequenceColumns) -> Iterator[Rejection]:
    for row in np.flatnonzero(found.reason).tolist():
        reason = Reason(found.reason[row])
        measured, limit = (
            None if np.isnan(v) else int(v) if reason.counts else float(v)
            for v in (found.measured[row], found.limit[row])
        )
        yield Rejection(
            item=frames[row].frame_id,
            stage=STAGE,
            reason=reason.label,
            measured=measured,
            limit=limit,
        )

"""Pictures placed by a log that names them: sidecars, image descriptions, videologs."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Final

from dataset_tools.records import Fix, Frame, Outcome, Rejection

STAGE: Final = "names"


def place_named(
    frames: Sequence[Frame], fixes: Iterable[Fix]
) -> tuple[list[Frame], Outcome[Fix]]:
    """The frames, those that a log names with what it says; and the log's rows.

    The log's word goes before the picture's own. A name fits a picture whose path ends
    so, with or without the suffix; of several the one that agrees in most folders.
    A log of several sessions says which one a picture is of; the frames of a session
    are then in order of time, where all have one.

    Args:
        frames: of one drive.
        fixes: rows of a log; those without a name are not looked at.

    Returns:
        All frames in their order, and of the named rows those that were used and those
        that were not: `no-such-picture`, `ambiguous-name` or `named-twice`.
    """
    index: dict[str, list[int]] = {}
    for i, frame in enumerate(frames):
        path = PurePosixPath(frame.source or frame.frame_id)
        for key in {path.name.lower(), path.stem.lower()}:
            index.setdefault(key, []).append(i)
    placed = list(frames)
    named: dict[int, Fix] = {}
    rows: Outcome[Fix] = Outcome()
    for fix in fixes:
        if fix.picture is None:
            continue
        path = PurePosixPath(fix.picture.replace("\\", "/"))
        near = _nearest(path, index.get(path.name.lower(), []), frames)
        if len(near) != 1:
            reason = "ambiguous-name" if near else "no-such-picture"
            rows.rejected.append(_reject(fix, reason, len(near)))
        elif near[0] in named:
            rows.rejected.append(_reject(fix, "named-twice", 2))
        else:
            named[near[0]] = fix
            placed[near[0]] = _placed(frames[near[0]], fix)
            rows.kept.append(fix)
    return _in_order(placed, named), rows


def _in_order(frames: list[Frame], named: dict[int, Fix]) -> list[Frame]:
    """Frames in the sessions and in the order that a log gives them."""
    if len({fix.session_id for fix in named.values()}) > 1:
        for i, fix in named.items():
            session, order = fix.session_id, fix.order
            frames[i] = replace(frames[i], session_id=session, order=order)
    sessions: dict[str, list[int]] = {}
    for i, frame in enumerate(frames):
        sessions.setdefault(frame.session_id, []).append(i)
    for members in sessions.values():
        timed = all(frames[i].time is not None for i in members)
        if timed and any(named[i].time is not None for i in members if i in named):
            members.sort(key=lambda i: (frames[i].time or 0, frames[i].order))
            for order, i in enumerate(members):
                frames[i] = replace(frames[i], order=order)
    return frames


def _nearest(
    path: PurePosixPath, candidates: list[int], frames: Sequence[Frame]
) -> list[int]:
    """Those of the candidates that agree with a path in most folders."""
    shared = {
        i: _shared_folders(path, PurePosixPath(frames[i].source or frames[i].frame_id))
        for i in candidates
    }
    most = max(shared.values(), default=0)
    return [i for i in candidates if shared[i] == most]


def _shared_folders(a: PurePosixPath, b: PurePosixPath) -> int:
    """How many folders in front of the names are the same, from the last one on."""
    count = 0
    for x, y in zip(a.parent.parts[::-1], b.parent.parts[::-1], strict=False):
        if x.lower() != y.lower():
            break
        count += 1
    return count


def _placed(frame: Frame, fix: Fix) -> Frame:
    known = {
        "time": fix.time,
        "altitude_m": fix.altitude_m,
        "heading_deg": fix.heading_deg,
        "hfov_deg": fix.hfov_deg,
        "hdop": fix.hdop,
        "repair": fix.repair,
    }
    said = {name: value for name, value in known.items() if value is not None}
    timed = frame.gps_timed or fix.time is not None
    return replace(frame, lat=fix.lat, lon=fix.lon, gps_timed=timed, **said)  # type: ignore[arg-type]


def _reject(fix: Fix, reason: str, count: int) -> Rejection:
    return Rejection(
        item=f"{fix.session_id}:{fix.order} {fix.picture}",
        stage=STAGE,
        reason=reason,
        measured=count,
        limit=1,
    )

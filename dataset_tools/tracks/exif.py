"""A folder of pictures to frames, in the order they were taken.

Each subfolder is a session, and each camera in it: two cameras that fire at the same
moment would make a zigzag of one.
"""

import math
import re
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from dataset_tools.errors import UnreadableError
from dataset_tools.pictures.files import STAGE, picture_paths
from dataset_tools.records import Frame, Outcome, Rejection
from dataset_tools.tracks.exif_header import Header, read_header
from dataset_tools.tracks.fixes import Fault
from dataset_tools.tracks.rules import PLAIN, ReadingRules
from dataset_tools.tracks.times import NS_PER_S

FEWEST_CLOCKS: Final = 5
"""Pictures with both clocks that tell how far apart the clocks usually are."""


@dataclass(slots=True)
class _Member:
    path: Path
    header: Header
    fault: Fault | None


def read_pictures(
    folder: Path,
    rules: ReadingRules = PLAIN,
    *,
    need_position: bool = True,
    split_cameras: bool = True,
) -> Outcome[Frame]:
    """A frame for each sound picture in a folder and its subfolders.

    Within a session, frames are ordered by time and then by name; by name alone
    (numbers by value) if any of them has no time.

    Args:
        folder: the drive's folder.
        rules: the zone of camera clocks, the declination, and what is believed.
        need_position: reject a picture without a position; if False it is kept with
            latitude and longitude NaN, to be placed on a track.
        split_cameras: make a session of each camera in a folder, known by make, model
            and serial number.

    Raises:
        MissingDataError: if the folder is not there or holds no picture.
    """
    found = picture_paths(folder)
    outcome: Outcome[Frame] = Outcome(rejected=found.rejected)
    folders: dict[str, list[_Member]] = {}
    taken: set[str] = set()
    for path in found.kept:
        item = path.relative_to(folder).as_posix()
        header = read_header(path, rules)
        if isinstance(header, UnreadableError):
            fault: Fault = ("unreadable-picture", str(header), "a sound picture")
            outcome.rejected.append(_rejection(item, fault))
        elif item.rsplit(".", 1)[0] in taken:
            fault = ("same-name", item, "one picture a name")
            outcome.rejected.append(_rejection(item, fault))
        elif header.fault is not None and need_position:
            outcome.rejected.append(_rejection(item, header.fault))
        else:
            taken.add(item.rsplit(".", 1)[0])
            session = path.parent.relative_to(folder).as_posix()
            member = _Member(path, header, header.fault)
            folders.setdefault(session, []).append(member)
    sessions: dict[str, list[_Member]] = {}
    for name in sorted(folders):
        for session, members in _by_camera(name, folders[name], split_cameras):
            sessions.setdefault(session, []).extend(members)
    for session in sorted(sessions):
        members = _aged(sessions[session], rules)
        for member in members if need_position else []:
            if member.fault is not None:
                item = member.path.relative_to(folder).as_posix()
                outcome.rejected.append(_rejection(item, member.fault))
        kept = [m for m in members if m.fault is None or not need_position]
        outcome.kept.extend(_ordered(folder, session, kept))
    return outcome


def _by_camera(
    session: str, members: list[_Member], split: bool
) -> Iterator[tuple[str, list[_Member]]]:
    """The folder's session, or one for each of its cameras."""
    cameras: dict[tuple[str, str, str], list[_Member]] = {}
    for member in members:
        cameras.setdefault(member.header.camera, []).append(member)
    if not split or len([c for c in cameras if any(c)]) < 2:
        yield session, members
        return
    names = [_camera_name(camera) for camera in sorted(cameras)]
    for k, camera in enumerate(sorted(cameras)):
        name = names[k]
        # A serial number is somebody's; a count tells cameras apart as well.
        count = names[:k].count(name) + 1
        name += f"-{count}" if names.count(name) > 1 else ""
        yield name if session == "." else f"{session}/{name}", cameras[camera]


def _camera_name(camera: tuple[str, str, str]) -> str:
    """A name for a session.

    >>> _camera_name(("SONY", "FDR-X1000V", "")), _camera_name(("", "", "7"))
    ('sony-fdr-x1000v', 'camera')
    """
    make, model, _ = camera
    words = model if model.lower().startswith(make.lower()) else f"{make} {model}"
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-") or "camera"


def _aged(members: list[_Member], rules: ReadingRules) -> list[_Member]:
    """The members, those whose fix is older than the picture marked and timed anew.

    A phone writes the last fix it had. How far its two clocks are apart is the same
    all day, so a picture where they are further apart has an old fix.
    """
    both = [
        (member, member.header.camera_time - member.header.gps_time)
        for member in members
        if member.header.gps_time is not None and member.header.camera_time is not None
    ]
    if len(both) < FEWEST_CLOCKS:
        return members
    usual = round(statistics.median_low(apart for _, apart in both))
    for member, apart in both:
        age = (apart - usual) / NS_PER_S
        if age <= rules.max_fix_age_s:
            continue
        assert member.header.camera_time is not None
        time = member.header.camera_time - usual
        member.header = replace(member.header, time=time, lat=math.nan, lon=math.nan)
        member.fault = member.fault or ("old-fix", age, rules.max_fix_age_s)
    return members


def _ordered(folder: Path, session: str, members: list[_Member]) -> Iterator[Frame]:
    timed = all(m.header.time is not None for m in members)
    members.sort(
        key=lambda m: (
            (m.header.time or 0) if timed else 0,
            natural_key(m.path.name),
        )
    )
    for order, member in enumerate(members):
        header = member.header
        source = member.path.relative_to(folder).as_posix()
        yield Frame(
            frame_id=source.rsplit(".", 1)[0],
            session_id=session,
            order=order,
            lat=header.lat,
            lon=header.lon,
            time=header.time,
            altitude_m=header.altitude_m,
            heading_deg=header.heading_deg,
            hfov_deg=header.hfov_deg,
            projection=header.projection,
            source=source,
            hdop=header.hdop,
            extent=header.extent,
            size_px=header.size_px,
            rewrite=header.rewrite,
            camera_time=header.camera_time,
            gps_timed=header.gps_time is not None,
            repair=header.repair,
        )


def natural_key(name: str) -> tuple[tuple[str, int], ...]:
    """A sort key that puts `9.jpg` before `10.jpg`.

    >>> sorted(["10.jpg", "9.jpg"], key=natural_key)
    ['9.jpg', '10.jpg']
    """
    pieces = re.split(r"(\d+)", name)
    return (
        *(
            (text, int(digits) if digits else -1)
            for text, digits in zip(pieces[::2], [*pieces[1::2], ""], strict=True)
        ),
        (name, -1),
    )


def _rejection(item: str, fault: Fault) -> Rejection:
    reason, measured, limit = fault
    return Rejection(
        item=item, stage=STAGE, reason=reason, measured=measured, limit=limit
    )

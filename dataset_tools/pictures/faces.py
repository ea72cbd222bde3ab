"""Files of cube faces to frames: one panorama for each whole cube of a drive."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from dataset_tools.errors import UsageError
from dataset_tools.pictures.cube import FACES, SIDES, faces_fault
from dataset_tools.records import Extent, Frame, Outcome, Rejection
from dataset_tools.tracks.exif import natural_key

STAGE = "panoramas"
SEPARATORS = "_-."


@dataclass(frozen=True, slots=True, kw_only=True)
class CubeRule:
    """How faces are named and what becomes of them.

    Attributes:
        names: name of a file -> face, such as {"f": "front"}.
        width_px: of the panorama; None is four faces.
        vfov_deg: elevation that its rows span.
    """

    names: Mapping[str, str]
    width_px: int | None = None
    vfov_deg: float = 180.0

    def size_px(self, side: int) -> tuple[int, int]:
        """Width and height of a panorama of faces with this side."""
        width = self.width_px or 4 * side
        return width, max(1, round(width * self.vfov_deg / 360.0))


def face_names(text: str) -> dict[str, str]:
    """File name -> face, from names in the order of `FACES`, divided by commas.

    Raises:
        UsageError: if they are not four or six different names.

    >>> face_names("f,r,b,l")["r"]
    'right'
    """
    names = [name.strip().lower() for name in text.split(",")]
    if len(names) not in (len(SIDES), len(FACES)) or not all(names):
        message = (
            f"Cube faces are {text!r}; four or six names are expected, in the order "
            f"{','.join(FACES)}."
        )
        raise UsageError(message)
    if len(set(names)) < len(names):
        message = f"Cube faces are {text!r}, where a name stands twice."
        raise UsageError(message)
    return dict(zip(names, FACES, strict=False))


def join_faces(
    frames: Iterable[Frame], rule: CubeRule, *, need_position: bool
) -> Outcome[Frame]:
    """Panorama frames of whole cubes.

    Position, time and altitude are the first ones that a face has, the heading is the
    front's. Rejections are faces; those kept are in the frames' `faces`.

    Args:
        frames: one a face, NaN for an unknown position.
        rule: how faces are named.
        need_position: reject a cube none of whose faces has a position.
    """
    outcome: Outcome[Frame] = Outcome()
    cubes: dict[str, dict[str, Frame]] = {}
    for frame in frames:
        name, face = _parted(frame, rule.names)
        if face is None:
            outcome.rejected.append(_reject(frame, "no-face", None, "a face's name"))
        elif face in cubes.setdefault(name, {}):
            outcome.rejected.append(_reject(frame, "same-face", face, "one of each"))
        else:
            cubes[name][face] = frame
    made = []
    for name, cube in cubes.items():
        fault = _fault(cube, rule, need_position=need_position)
        if fault is None:
            made.append(_panorama(name, cube, rule))
        else:
            outcome.rejected.extend(_reject(f, *fault) for f in cube.values())
    outcome.kept.extend(_ordered(made))
    return outcome


def _parted(frame: Frame, names: Mapping[str, str]) -> tuple[str, str | None]:
    """(name of the cube, face) of a face's frame; None if it is no face."""
    path = PurePosixPath(frame.frame_id)
    stem = path.name.lower()
    for name in sorted(names, key=len, reverse=True):
        if stem == name:
            return path.parent.as_posix(), names[name]
        if stem.endswith(name) and stem[-len(name) - 1] in SEPARATORS:
            cube = path.with_name(path.name[: -len(name) - 1] or "_")
            return cube.as_posix(), names[name]
    return frame.frame_id, None


def _fault(
    cube: Mapping[str, Frame], rule: CubeRule, *, need_position: bool
) -> tuple[str, str | None, str] | None:
    sizes = {face: frame.size_px or (0, 0) for face, frame in cube.items()}
    wanted = [face for face in FACES if face in rule.names.values()]
    missing = [face for face in wanted if face not in cube]
    if missing:
        return "missing-face", missing[0], f"{len(wanted)} faces"
    odd = faces_fault(sizes)
    if odd is not None:
        return "uneven-faces", odd, "squares of one size"
    if need_position and not any(_placed(frame) for frame in cube.values()):
        return "no-gps", None, "GPSLatitude and GPSLongitude of one face"
    return None


def _panorama(name: str, cube: Mapping[str, Frame], rule: CubeRule) -> Frame:
    faces = [cube[face] for face in FACES if face in cube]
    front = cube["front"]
    placed = next((f for f in faces if _placed(f)), front)
    half = rule.vfov_deg / 2
    assert front.size_px is not None
    return replace(
        front,
        frame_id=name,
        session_id=PurePosixPath(name).parent.as_posix(),
        lat=placed.lat,
        lon=placed.lon,
        altitude_m=placed.altitude_m,
        hdop=placed.hdop,
        time=next((f.time for f in faces if f.time is not None), None),
        projection="equirectangular",
        hfov_deg=360.0,
        size_px=rule.size_px(front.size_px[0]),
        extent=Extent(top_deg=half, bottom_deg=-half),
        faces=tuple(str(f.source) for f in faces),
        rewrite=None,
    )


def _ordered(frames: list[Frame]) -> list[Frame]:
    """Frames of each session by time, then by name; by name if a time is missing."""
    sessions: dict[str, list[Frame]] = {}
    for frame in frames:
        sessions.setdefault(frame.session_id, []).append(frame)
    ordered = []
    for name in sorted(sessions):
        timed = all(frame.time is not None for frame in sessions[name])
        sessions[name].sort(
            key=lambda f, t=timed: (f.time or 0 if t else 0, natural_key(f.frame_id))  # type: ignore[misc]
        )
        ordered += [replace(f, order=i) for i, f in enumerate(sessions[name])]
    return ordered


def _placed(frame: Frame) -> bool:
    return math.isfinite(frame.lat) and math.isfinite(frame.lon)


def _reject(frame: Frame, reason: str, measured: str | None, limit: str) -> Rejection:
    return Rejection(
        item=frame.frame_id,
        stage=STAGE,
        reason=reason,
        measured=measured,
        limit=limit,
    )

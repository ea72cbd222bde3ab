"""Panoramas put together from the faces of a cube around the camera.

Each face is a square picture of 90 by 90 degrees that looks out of the cube. `front`
looks ahead, `right`, `back` and `left` follow clockwise; the lower edge of `up` and the
upper edge of `down` are the front face's edges.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from dataset_tools.bilinear import Floats
from dataset_tools.errors import UnreadableError
from dataset_tools.pictures.codec import Pixels
from dataset_tools.pictures.resampling import SAMPLES, Places, resampled, shrunk

FACES: Final = ("front", "right", "back", "left", "up", "down")
SIDES: Final = FACES[:4]


@dataclass(frozen=True, slots=True)
class _CubePlan:
    size: tuple[int, int]
    side: int
    """Of a face without its border of one pixel."""
    vfov_deg: float
    samples: int

    @property
    def source_width(self) -> int:
        return self.side + 2

    def places(self, row: Floats, column: Floats) -> Places:
        height, width = self.size
        azimuth = 2 * np.pi * (column / width - 0.5)
        elevation = np.radians(self.vfov_deg) * (0.5 - row / height)
        level = np.cos(elevation)[:, None]
        face, y, x = _on_faces(
            level * np.sin(azimuth), np.sin(elevation)[:, None], level * np.cos(azimuth)
        )
        inside_y, inside_x = self.side / 2 * (y + 1.0), self.side / 2 * (x + 1.0)
        return inside_y + 1.0 + face * (self.side + 2), inside_x + 1.0


def panorama_of(
    faces: Mapping[str, Pixels],
    size: tuple[int, int],
    *,
    vfov_deg: float = 180.0,
    empty: int = 128,
) -> Pixels:
    """An equirectangular panorama whose middle looks where the front face does.

    Args:
        faces: `FACES`, or `SIDES` alone, each [S, S, 3].
        size: (height, width) of the panorama, px.
        vfov_deg: elevation that its rows span, the horizon in their middle.
        empty: grey of what no face shows, 0..255.

    Raises:
        UnreadableError: if a face is missing, not square or not as large as the front.
    """
    refuse_faces({name: face.shape[:2] for name, face in faces.items()})
    side = faces["front"].shape[0]
    # A face is densest at its edges, there by twice as in its middle.
    ratio = side / 2 * 2 * np.pi / size[1]
    small = {name: shrunk(face, SAMPLES / ratio) for name, face in faces.items()}
    side = small["front"].shape[0]
    plan = _CubePlan(size, side, vfov_deg, SAMPLES if ratio > 1.0 else 1)
    return resampled(_bordered(small, side, empty=empty), plan)


def refuse_faces(sizes: Mapping[str, tuple[int, ...]]) -> None:
    """Refuse faces that make no cube.

    Args:
        sizes: name -> size.

    Raises:
        UnreadableError: if a face is missing, not square or not as large as the front.
    """
    fault = faces_fault(sizes)
    if fault is not None:
        message = f"The faces make no cube: {fault}. Leave this panorama out."
        raise UnreadableError(message)


def faces_fault(sizes: Mapping[str, tuple[int, ...]]) -> str | None:
    """Why faces of these sizes make no cube, or None."""
    missing = [name for name in SIDES if name not in sizes]
    if len(sizes) > len(SIDES):
        missing = [name for name in FACES if name not in sizes]
    if missing:
        return f"there is no {missing[0]!r}"
    for name, (a, b) in sizes.items():
        if a != b:
            return f"{name!r} has {b} x {a} pixels, a square is expected"
        if (a, b) != tuple(sizes["front"]):
            return f"{name!r} has {a} pixels a side, the front {sizes['front'][0]}"
    return None


def _on_faces(
    right: Floats, up: Floats, ahead: Floats
) -> tuple[npt.NDArray[np.intp], Floats, Floats]:
    """(face, row, column) where rays leave the cube; rows and columns in [-1, 1]."""
    across, high, deep = np.abs(right), np.abs(up), np.abs(ahead)
    most = np.maximum(np.maximum(across, high), deep)
    fore, side = deep == most, across == most
    x = np.where(
        fore, right * np.sign(ahead), np.where(side, -ahead * np.sign(right), right)
    )
    y = np.where(fore | side, -up, ahead * np.sign(up))
    face = np.where(
        fore,
        np.where(ahead > 0, 0, 2),
        np.where(side, np.where(right > 0, 1, 3), np.where(up > 0, 4, 5)),
    )
    return face, y / most, x / most


def _bordered(faces: Mapping[str, Pixels], side: int, *, empty: int) -> Pixels:
    """Faces one below the other, each in a border of its neighbours' pixels."""
    whole = np.full((len(FACES), side + 2, side + 2, 3), empty, np.uint8)
    for name, face in faces.items():
        whole[FACES.index(name), 1:-1, 1:-1] = face
    flat = whole.reshape(-1, 3)
    border, seen = _border(side)
    flat[border] = flat[seen]
    return flat.reshape(-1, side + 2, 3)


@lru_cache(maxsize=2)
def _border(side: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Border pixels of all faces, and the pixels of others that look there."""
    wide = side + 2
    ring = np.zeros((wide, wide), bool)
    ring[[0, -1]] = ring[:, [0, -1]] = True
    row, column = np.nonzero(ring)
    v, u = (2 * (place - 0.5) / side - 1.0 for place in (row, column))
    one = np.ones(len(u))
    # A face's own (right, up, ahead), in the order of FACES.
    rays = (
        (u, -v, one),
        (one, -v, -u),
        (-u, -v, -one),
        (-one, -v, u),
        (u, one, v),
        (u, -one, -v),
    )
    border, seen = [], []
    for i, ray in enumerate(rays):
        face, y, x = _on_faces(*ray)
        at_row, at_column = (
            np.clip((side / 2 * (p + 1.0)).astype(np.intp), 0, side - 1) + 1
            for p in (y, x)
        )
        border.append((i * wide + row) * wide + column)
        seen.append((face * wide + at_row) * wide + at_column)
    return np.concatenate(border), np.concatenate(seen)

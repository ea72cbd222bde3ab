"""Cars and people of one ground picture: they exist in no other picture.

Each is a box that faces the camera, drawn where nothing nearer hides it.
"""

from typing import Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

CARS_MEAN, PEOPLE_MEAN = 2.0, 0.8
CAR_M = (1.45, 4.2)
"""Height and mean visible width of a car."""
PERSON_M = (1.72, 0.55)
BODIES = (
    (225, 225, 222),
    (40, 42, 46),
    (150, 30, 32),
    (40, 70, 130),
    (140, 142, 145),
    (190, 170, 120),
)


class Directions(Protocol):
    """What a sprite needs of a picture's rays."""

    @property
    def azimuth(self) -> Floats:
        """[W] radians clockwise of the middle column."""

    @property
    def slope(self) -> Floats:
        """[W, H] height gained per metre, from the lowest row up."""


def add_sprites(
    colour: Floats,
    depth: Floats,
    rays: Directions,
    *,
    camera_m: float,
    rng: np.random.Generator,
) -> None:
    """Draw a random number of cars and people into a picture.

    Args:
        colour: [W, H, 3] in [0, 255], changed in place.
        depth: [W, H] metres to what the picture shows so far, changed in place.
        rays: directions of the picture's pixels.
        camera_m: the camera's height above the ground, metres.
        rng: source of every draw.
    """
    for size, mean in ((CAR_M, CARS_MEAN), (PERSON_M, PEOPLE_MEAN)):
        for _ in range(int(rng.poisson(mean))):
            height, width = size[0], size[1] * rng.uniform(0.6, 1.1)
            where = rng.uniform(-np.pi, np.pi), rng.uniform(7.0, 30.0)
            body = np.array(BODIES[int(rng.integers(len(BODIES)))], np.float32)
            _draw(colour, depth, rays, (*where, height, width), (camera_m, body))


def _draw(
    colour: Floats,
    depth: Floats,
    rays: Directions,
    box: tuple[float, float, float, float],
    look: tuple[float, Floats],
) -> None:
    """Draw one box: (azimuth, distance, height, width), (camera height, colour)."""
    azimuth, distance, height, width = box
    camera_m, body = look
    turn = np.mod(rays.azimuth - azimuth + np.pi, 2 * np.pi) - np.pi
    columns = np.nonzero(np.abs(turn) < np.arctan(width / 2 / distance))[0]
    if not columns.size:
        return
    up = camera_m + rays.slope[columns] * distance
    # A car stands on the ground it covers: where the ground there is nearer, the
    # sprite's feet are hidden by it exactly at its own distance.
    seen = (up > 0.0) & (up < height) & (depth[columns] > distance - 0.6)
    part = up / height
    shade = np.where(part > 0.62, 0.35, np.where(part < 0.22, 0.25, 1.0))
    block = colour[columns]
    block[seen] = (body * shade[..., None])[seen]
    colour[columns] = block
    depth[columns] = np.where(seen, np.float32(distance), depth[columns])

"""Ground pictures on a 360 degree canvas whose middle column looks north.

Column j of a canvas or panorama of width W looks at bearing 360 j / W - 180 degrees,
as column j of a polar tile does, so that both views share their columns. Rows are
linear in elevation (equirectangular), centred on the horizon.
"""

import numpy as np
import numpy.typing as npt
from PIL import Image

Picture = npt.NDArray[np.uint8]

OVERSAMPLING = 1.5
"""Columns kept of a picture for each canvas column it will cover: enough for the
bilinear reading to stay sharp, few enough that it does not alias."""
WIDEST_HFOV_DEG = 170.0
"""A flat picture cannot be wider: its edge pixels would cover no angle at all."""


def resize(picture: Picture, size: tuple[int, int]) -> Picture:
    """Picture [H, W, 3] at another (H, W), bilinear and antialiased when shrinking."""
    height, width = size
    if picture.shape[:2] == (height, width):
        return picture
    image = Image.fromarray(picture)
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))


def roll_to_north(panorama: Picture, heading_deg: float) -> Picture:
    """A 360 degree picture rolled so that its middle column looks north.

    Args:
        panorama: [H, W, 3].
        heading_deg: bearing of its middle column W/2, degrees clockwise from north.

    Returns:
        [H, W, 3], rolled by whole columns.

    >>> strip = np.arange(8, dtype=np.uint8)[None, :, None].repeat(3, axis=2)
    >>> roll_to_north(strip, 90.0)[0, :, 0].tolist()
    [6, 7, 0, 1, 2, 3, 4, 5]
    """
    shift = round(heading_deg / 360.0 * panorama.shape[1])
    return np.roll(panorama, shift, axis=1)


def lay_on_canvas(
    picture: Picture,
    *,
    view_deg: tuple[float, float],
    size: tuple[int, int],
    vfov_deg: float,
    empty: Picture,
) -> Picture:
    """A perspective picture where it belongs on an otherwise empty canvas.

    Args:
        picture: [h, w, 3] of a level pinhole camera with square pixels.
        view_deg: (heading, horizontal field of view) in degrees; the heading is the
            bearing of the middle column, the field of view in (0, 170].
        size: (H, W) of the canvas.
        vfov_deg: elevation that the H rows span, degrees, horizon in the middle.
        empty: [3] colour of what no pixel covers.

    Returns:
        [H, W, 3]; the middle column W/2 looks north.
    """
    heading_deg, hfov_deg = view_deg
    height, width = size
    half = np.radians(hfov_deg) / 2.0
    wanted = round(OVERSAMPLING * width / np.pi * np.tan(half))
    small_w = int(np.clip(wanted, 2, picture.shape[1]))
    small_h = max(2, round(picture.shape[0] * small_w / picture.shape[1]))
    small = resize(picture, (small_h, small_w))

    bearing = 360.0 * np.arange(width) / width - 180.0
    azimuth = np.radians((bearing - heading_deg + 180.0) % 360.0 - 180.0)
    columns = np.flatnonzero(np.abs(azimuth) <= half)
    elevation = np.radians(vfov_deg * (0.5 - (np.arange(height) + 0.5) / height))
    focal_px = small_w / 2.0 / np.tan(half)
    x = small_w / 2.0 + focal_px * np.tan(azimuth[columns]) - 0.5
    rise = np.tan(elevation)[:, None] / np.cos(azimuth[columns])[None, :]
    y = small_h / 2.0 - focal_px * rise - 0.5

    canvas = np.broadcast_to(empty, (height, width, 3)).copy()
    seen = (y >= -0.5) & (y <= small_h - 0.5)
    read = _bilinear(small, x=np.broadcast_to(x, y.shape), y=y)
    canvas[:, columns] = np.where(seen[..., None], read, canvas[:, columns])
    return canvas


def _bilinear(picture: Picture, *, x: np.ndarray, y: np.ndarray) -> Picture:
    """Picture read at pixel centres x, y (same shape), its edge pixels repeated."""
    x = np.clip(x, 0.0, picture.shape[1] - 1.0).astype(np.float32)
    y = np.clip(y, 0.0, picture.shape[0] - 1.0).astype(np.float32)
    left = np.minimum(x.astype(np.int64), picture.shape[1] - 2)
    top = np.minimum(y.astype(np.int64), picture.shape[0] - 2)
    right, down = (x - left)[..., None], (y - top)[..., None]
    upper = picture[top, left] * (1 - right) + picture[top, left + 1] * right
    lower = picture[top + 1, left] * (1 - right) + picture[top + 1, left + 1] * right
    return (upper * (1 - down) + lower * down + 0.5).astype(np.uint8)

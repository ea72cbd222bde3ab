"""Directions and pixels: perspective crops of panoramas, and north in their middle.

Azimuths are degrees clockwise of a picture's middle, elevations degrees above the
horizon. Column j of an equirectangular picture W wide looks at the azimuth
width_deg * ((j + 0.5) / W - 0.5): its middle is the border of columns W/2 - 1 and W/2.
"""

from dataclasses import dataclass

import numpy as np

from dataset_tools.bilinear import Floats
from dataset_tools.pictures.codec import Pixels
from dataset_tools.pictures.resampling import SAMPLES, Places, resampled, shrunk
from dataset_tools.records import Extent


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A pinhole camera with square pixels that is not rolled.

    Attributes:
        hfov_deg: horizontal field of view, in (0, 180).
        width_px: columns.
        height_px: rows.
        yaw_deg: azimuth of the middle.
        pitch_deg: elevation of the middle.
    """

    hfov_deg: float
    width_px: int
    height_px: int
    yaw_deg: float = 0.0
    pitch_deg: float = 0.0

    @property
    def focal_px(self) -> float:
        """Distance of the image plane in its own pixels."""
        return float(self.width_px / 2 / np.tan(np.radians(self.hfov_deg) / 2))


def height_for(width_px: int, *, hfov_deg: float, vfov_deg: float) -> int:
    """Rows that give a camera with square pixels this vertical field of view.

    >>> height_for(400, hfov_deg=90.0, vfov_deg=90.0)
    400
    """
    half_h, half_v = np.radians(hfov_deg) / 2, np.radians(vfov_deg) / 2
    return max(1, round(width_px * float(np.tan(half_v) / np.tan(half_h))))


def directions(view: View, row: Floats, column: Floats) -> tuple[Floats, Floats]:
    """(azimuth in [-180, 180), elevation) [h, w] of a camera's pixels, degrees.

    Args:
        view: the camera.
        row: [h] continuous, 0 at the upper edge, height_px at the lower.
        column: [w] continuous, 0 at the left edge.
    """
    x = (column[None, :] - view.width_px / 2) / view.focal_px
    y = (view.height_px / 2 - row[:, None]) / view.focal_px
    tilt = np.radians(view.pitch_deg)
    ahead = np.cos(tilt) - y * np.sin(tilt)
    up = np.sin(tilt) + y * np.cos(tilt)
    azimuth = np.degrees(np.arctan2(x, ahead)) + view.yaw_deg
    elevation = np.degrees(np.arctan2(up, np.hypot(x, ahead)))
    return (azimuth + 180.0) % 360.0 - 180.0, elevation


def degrees_beyond(view: View, extent: Extent) -> float:
    """How far a camera looks past a panorama's edges, degrees; 0 if it does not."""
    across = np.linspace(0.0, view.width_px, 65)
    down = np.linspace(0.0, view.height_px, 65)
    # The border is not enough: a camera that looks straight up has the pole within it.
    azimuth, elevation = directions(view, down, across)
    over = max(elevation.max() - extent.top_deg, extent.bottom_deg - elevation.min())
    if extent.width_deg < 360.0:
        over = max(over, np.abs(azimuth).max() - extent.width_deg / 2)
    # Rounding of the tangent and back.
    return float(over) if over > 1e-9 else 0.0


@dataclass(frozen=True, slots=True)
class _CropPlan:
    view: View
    extent: Extent
    source: tuple[int, int]
    """Height and width of the panorama, without its border of one pixel."""
    samples: int

    @property
    def size(self) -> tuple[int, int]:
        return self.view.height_px, self.view.width_px

    @property
    def source_width(self) -> int:
        return self.source[1] + 2

    def places(self, row: Floats, column: Floats) -> Places:
        azimuth, elevation = directions(self.view, row, column)
        height, width = self.source
        tall = self.extent.top_deg - self.extent.bottom_deg
        x = width * (azimuth / self.extent.width_deg + 0.5)
        y = height * (self.extent.top_deg - elevation) / tall
        # At most half a pixel past the edge: that is the border's.
        return np.clip(y, 0.0, height) + 1.0, np.clip(x, 0.0, width) + 1.0


def crop(panorama: Pixels, view: View, *, extent: Extent) -> Pixels:
    """What a camera at the same place sees.

    A finer panorama is first shrunk to twice the crop's density, and each pixel of the
    crop is the mean of four readings, so that no detail aliases.

    Args:
        panorama: [H, W, 3].
        view: the camera; what it sees past the panorama's edges is their last pixel
            again, see `degrees_beyond`.
        extent: what the panorama covers.

    Returns:
        [height_px, width_px, 3].
    """
    ratio = finer_by(panorama.shape[1], view, extent)
    around = extent.width_deg >= 360.0
    small = shrunk(panorama, SAMPLES / ratio, around=around)
    padded = np.pad(small, ((1, 1), (0, 0), (0, 0)), mode="edge")
    sides = ((0, 0), (1, 1), (0, 0))
    padded = np.pad(padded, sides, mode="wrap" if around else "edge")
    size = small.shape[0], small.shape[1]
    plan = _CropPlan(view, extent, size, SAMPLES if ratio > 1.0 else 1)
    return resampled(padded, plan)


def finer_by(width_px: int, view: View, extent: Extent) -> float:
    """Pixels of a panorama to one pixel of a crop, along a line in its middle."""
    return float(np.degrees(1 / view.focal_px) * width_px / extent.width_deg)


def turned(panorama: Pixels, yaw_deg: float) -> Pixels:
    """A panorama of 360 degrees [H, W, 3] whose middle is what was at this azimuth.

    Rolled by whole columns, so no pixel changes.
    """
    width = panorama.shape[1]
    return np.roll(panorama, -round(yaw_deg / 360.0 * width), axis=1)


def yaw_to_north(width_px: int, heading_deg: float) -> float:
    """Azimuth, in whole columns, that comes nearest to north.

    Args:
        width_px: of a panorama of 360 degrees.
        heading_deg: bearing of its middle.

    Returns:
        Degrees; the heading plus this is within half a column of north.

    >>> yaw_to_north(720, 90.1)
    -90.0
    """
    return -round(heading_deg / 360.0 * width_px) * 360.0 / width_px

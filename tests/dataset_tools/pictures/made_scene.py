"""A scene whose colour is a function of direction, seen by any camera."""

import numpy as np

from dataset_tools.pictures.sphere import View, directions


def colour(azimuth_deg, elevation_deg):
    """[..., 3] in 0..255: red grows to the right, green up, blue ahead."""
    a, e = np.radians(azimuth_deg), np.radians(elevation_deg)
    ray = [np.cos(e) * np.sin(a), np.sin(e) + 0 * a, np.cos(e) * np.cos(a)]
    return 127.5 + 127.5 * np.stack(ray, axis=-1)


def panorama(height, width, *, top_deg=90.0, bottom_deg=-90.0, width_deg=360.0):
    azimuth = width_deg * ((np.arange(width) + 0.5) / width - 0.5)
    share = (np.arange(height) + 0.5) / height
    elevation = top_deg - (top_deg - bottom_deg) * share
    return colour(*np.meshgrid(azimuth, elevation))


def seen(view):
    """What the camera should see, [height, width, 3] before rounding."""
    row = np.arange(view.height_px) + 0.5
    return colour(*directions(view, row, np.arange(view.width_px) + 0.5))


def faces(side):
    looks = {
        "front": (0, 0),
        "right": (90, 0),
        "back": (180, 0),
        "left": (-90, 0),
        "up": (0, 90),
        "down": (0, -90),
    }
    return {
        name: stored(
            seen(
                View(
                    hfov_deg=90.0,
                    width_px=side,
                    height_px=side,
                    yaw_deg=yaw,
                    pitch_deg=pitch,
                )
            )
        )
        for name, (yaw, pitch) in looks.items()
    }


def stored(values):
    return np.rint(values).astype(np.uint8)

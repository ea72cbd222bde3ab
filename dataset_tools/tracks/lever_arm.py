"""From the antenna to the camera: positions moved, headings turned.

The vehicle's frame has its forward where it heads, its right 90 degrees clockwise.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from dataset_tools.geodesy import destination
from dataset_tools.records import Frame, Outcome, Rejection

STAGE = "camera"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeverArm:
    """Where the camera sits and looks, seen from the antenna.

    Attributes:
        forward_m: metres ahead.
        right_m: metres to the right.
        up_m: metres upwards.
        yaw_deg: where it looks, clockwise from forward; a frame's heading less this is
            the vehicle's.
    """

    forward_m: float = 0.0
    right_m: float = 0.0
    up_m: float = 0.0
    yaw_deg: float = 0.0

    @property
    def level_m(self) -> float:
        """Distance on the ground."""
        return math.hypot(self.forward_m, self.right_m)


def at_camera(frames: Iterable[Frame], arm: LeverArm) -> Outcome[Frame]:
    """Frames at the camera's position instead of the antenna's.

    Args:
        frames: with the camera's heading; one that has none cannot be moved sideways.
        arm: where the camera sits.
    """
    outcome: Outcome[Frame] = Outcome()
    known: list[tuple[Frame, float]] = []
    for frame in frames:
        if frame.heading_deg is None and arm.level_m > 0:
            limit = f"a heading, to move by {arm.level_m:g} m"
            outcome.rejected.append(
                Rejection(
                    item=frame.frame_id, stage=STAGE, reason="no-heading", limit=limit
                )
            )
        else:
            known.append((frame, frame.heading_deg or 0.0))
    if not known:
        return outcome
    aside = math.degrees(math.atan2(arm.right_m, arm.forward_m))
    bearing = np.array([heading - arm.yaw_deg + aside for _, heading in known])
    lat, lon = destination(
        np.array([frame.lat for frame, _ in known]),
        np.array([frame.lon for frame, _ in known]),
        bearing % 360.0,
        np.full(len(known), arm.level_m),
    )
    for (frame, _), y, x in zip(known, lat.tolist(), lon.tolist(), strict=True):
        high = frame.altitude_m
        moved = {"lat": y, "lon": x} if arm.level_m > 0 else {}
        altitude = None if high is None else high + arm.up_m
        outcome.kept.append(replace(frame, altitude_m=altitude, **moved))
    return outcome


def looking(frames: Iterable[Frame], own: set[str], yaw_deg: float) -> list[Frame]:
    """Frames whose heading came from the course, turned to where the camera looks.

    Args:
        frames: after cleaning, which fills unknown headings from the course.
        own: ids of the frames that had a heading of their own.
        yaw_deg: where the camera looks, clockwise from the vehicle's forward.
    """
    return [
        frame
        if frame.frame_id in own or frame.heading_deg is None
        else replace(frame, heading_deg=(frame.heading_deg + yaw_deg) % 360.0)
        for frame in frames
    ]

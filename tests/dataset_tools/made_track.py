"""Frames along lines drawn in metres, for tests of tracks and sequences."""

import numpy as np

from dataset_tools.geodesy import LocalFrame
from dataset_tools.records import Frame

SECOND = 1_000_000_000


def drive(east, north=0.0, *, seconds=1.0, origin=(44.5, -72.5), session="s"):
    """Frames at places in metres, `seconds` apart: a number, or one moment each."""
    east, north = np.broadcast_arrays(np.asarray(east, float), north)
    lat, lon = LocalFrame(*origin).to_degrees(east, north)
    moments = [None] * len(east)
    if seconds is not None:
        passed = np.arange(len(east)) * seconds if np.isscalar(seconds) else seconds
        moments = [round((1e9 + float(s)) * SECOND) for s in passed]
    return [
        Frame(
            frame_id=f"{session}/{i:04d}",
            session_id=session,
            order=i,
            lat=float(lat[i]),
            lon=float(lon[i]),
            time=moments[i],
        )
        for i in range(len(east))
    ]

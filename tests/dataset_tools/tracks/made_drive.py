"""Made-up drives for the tests of tracks and sequences."""

from dataclasses import replace

import numpy as np

from dataset_tools.geodesy import LocalFrame
from dataset_tools.records import Fix, Frame

SECOND = 1_000_000_000
START = 1_560_000_000 * SECOND


def drive(east, north=0.0, *, seconds=1.0, origin=(44.5, -72.5), **changes):
    """Frames at metres east and north of an origin, `seconds` apart (None: no time)."""
    east, north = np.broadcast_arrays(np.asarray(east, float), north)
    lat, lon = LocalFrame(*origin).to_degrees(east, north)
    frame = Frame(frame_id="", session_id="s", order=0, lat=0.0, lon=0.0)
    return [
        replace(
            frame,
            frame_id=f"s/{i:04d}",
            order=i,
            lat=float(lat[i]),
            lon=float(lon[i]),
            time=None if seconds is None else START + round(i * seconds * SECOND),
            **changes,
        )
        for i in range(len(east))
    ]


def changed(frames, index, **changes):
    """The frames with one of them changed."""
    return [replace(f, **changes) if i == index else f for i, f in enumerate(frames)]


def fixes_of(frames):
    """The fixes below frames."""
    return [
        Fix(
            lat=f.lat,
            lon=f.lon,
            time=f.time,
            heading_deg=f.heading_deg,
            session_id=f.session_id,
            order=f.order,
        )
        for f in frames
    ]

"""A straight street of sequences and imagery of one colour, for tests of tiles."""

import numpy as np

from dataset_tools.geodesy import LocalFrame
from dataset_tools.imagery.source import About, RasterImagery
from dataset_tools.records import Frame, Rejection, Sequence

HOME = LocalFrame(44.5, -72.6)


class Plain(RasterImagery):
    """Imagery of one colour, west of a meridian it covers nothing."""

    def __init__(self, *, from_east_m=-1e9, gsd=0.5):
        self.about, self.source, self.gsd = About(licence="CC0-1.0"), "plain", gsd
        self.from_east_m = from_east_m

    @property
    def bounds(self):
        return -72.63, 44.48, -72.57, 44.52

    def m_per_px_at(self, lat, lon):
        return self.gsd

    def covers(self, lat, lon, *, side_m, size_px):
        if HOME.to_metres(lat, lon)[0] < self.from_east_m:
            return Rejection(
                item="x", stage="imagery", reason="imagery-does-not-cover", measured=0.3
            )
        return None

    def crop(self, lat, lon, *, side_m, size_px):
        return np.zeros((size_px, size_px, 3), np.uint8)

    def close(self):
        pass


def drive(count=20, *, length=7, step_m=8.05, stride=3):
    """Overlapping sequences along a street to the east."""
    frames = []
    for i in range(length + (count - 1) * stride):
        lat, lon = HOME.to_degrees(i * step_m, 0.0)
        frame = Frame(
            frame_id=f"f{i:04}", session_id="s", order=i, lat=float(lat), lon=float(lon)
        )
        frames.append(frame)
    sequences = []
    for k in range(count):
        part = frames[k * stride : k * stride + length]
        middle = part[length // 2]
        sequences.append(
            Sequence(
                sequence_id=f"q{k:04}",
                region="r",
                frame_ids=tuple(f.frame_id for f in part),
                lat=middle.lat,
                lon=middle.lon,
                length_m=(length - 1) * step_m,
            )
        )
    return sequences, {f.frame_id: f for f in frames}

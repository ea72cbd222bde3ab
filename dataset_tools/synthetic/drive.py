"""Cars on the streets of a region: where each picture is taken and what is claimed.

Streets of an area are cut into trails that pass each of them once, going straight on
where possible; trails are grouped into sessions, with a gap in time between them.
"""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dataset_tools.synthetic.network import Edge, Network
from dataset_tools.synthetic.settings import (
    FRONT_SPACING_M,
    PANORAMA_EVERY,
    Area,
    RegionSettings,
)

Array = npt.NDArray[np.float64]

SESSION_M = 5_000.0
"""A session ends at the first trail's end after this length."""
GPS_SIGMA_M = 0.7
"""Deviation along each axis, so about 1 m in the plane."""
GPS_MEMORY = 0.9
"""Correlation of the GPS error from one picture to the next."""
HEADING_BOUND_DEG = (3.0, 5.0)
"""Headings of a session are wrong by up to a bound drawn from this range."""
SHORTEST_PIECE_M = 30.0
EDGE_STEP_M = 2.0
FIRST_DAY_NS = 1_656_595_800_000_000_000
"""2022-06-30 13:30 UTC; each session is on a later day."""
SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One moment of a session: the car's true pose and what its devices recorded."""

    session: int
    number: int
    """Order in the session, from 0; part of the file name."""
    east: float
    north: float
    """True position, metres from the region's corner."""
    azimuth_deg: float
    """True direction of travel, clockwise from grid north."""
    gps_east: float
    gps_north: float
    """Recorded position, metres from the region's corner."""
    heading_error_deg: float
    panorama_error_deg: float
    time_ns: int
    panorama: bool
    """Whether a panorama is taken with the front picture."""
    lost_fix: bool = False
    """The pictures carry no position; the track has none for this moment either."""
    repeats: int | None = None
    """Number of the shot whose pictures are stored again, if this one is a repeat."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a street inside an area; nodes are negative where it was cut."""

    start: int
    end: int
    points: Array
    lane_m: float
    """Distance of the car from the centre line, to the right, metres."""

    @property
    def length_m(self) -> float:
        """Length of the centre line in metres."""
        return float(np.hypot(*np.diff(self.points, axis=0).T).sum())

    def turned(self) -> "Piece":
        """The same piece driven the other way."""
        return Piece(self.end, self.start, self.points[::-1], self.lane_m)


def plan_drive(region: RegionSettings, network: Network, *, seed: int) -> list[Shot]:
    """Every picture moment of a region, by session and order.

    Args:
        region: areas, share driven; other settings do not matter here.
        network: the region's streets.
        seed: the data set's seed.

    Returns:
        Shots of all sessions. No session leaves its area, and one trail of each area
        is driven a second time, in the other direction, by a session of its own.
    """
    rng = np.random.default_rng([seed, region.index, 2])
    shots: list[Shot] = []
    session = 0
    for area in region.areas:
        trails = _trails(_pieces(network.edges, area), region.drive_share, rng)
        groups = _sessions(trails)
        again = max(trails, key=_trail_length, default=[])
        if again:
            groups.append([[piece.turned() for piece in reversed(again)]])
        for group in groups:
            shots.extend(_session(group, session, rng))
            session += 1
    return shots


def _pieces(edges: list[Edge], area: Area) -> list[Piece]:
    """The parts of the streets that lie in an area."""
    low, high = np.array([area.west, area.south]), np.array([area.east, area.north])
    pieces: list[Piece] = []
    for edge in edges:
        within = (edge.points >= low) & (edge.points <= high)
        inside = np.asarray(within.all(axis=1))
        if not inside.any():
            continue
        # An area is convex and a street nearly straight: one run, or a rare second
        # one that is dropped.
        first = int(np.argmax(inside))
        last = first + int(np.argmin(np.append(inside[first:], False)))
        cut = -1 - 2 * len(pieces)
        piece = Piece(
            edge.start if first == 0 else cut,
            edge.end if last == len(inside) else cut - 1,
            edge.points[first:last],
            edge.asphalt_m / 4,
        )
        if last - first >= 2 and piece.length_m >= SHORTEST_PIECE_M:
            pieces.append(piece)
    return pieces


def _trails(
    pieces: list[Piece], share: float, rng: np.random.Generator
) -> list[list[Piece]]:
    """Runs of connected pieces, each once, until a share of the length is done."""
    at_node = defaultdict(set)
    for k, piece in enumerate(pieces):
        at_node[piece.start].add(k)
        at_node[piece.end].add(k)
    wanted = share * sum(piece.length_m for piece in pieces)
    trails: list[list[Piece]] = []
    left, done = set(range(len(pieces))), 0.0
    while left and done < wanted:
        trail = _trail(pieces, at_node, _start(pieces, at_node, left, rng))
        driven = [k for k, _ in trail]
        left.difference_update(driven)
        trails.append([piece for _, piece in trail])
        done += sum(pieces[k].length_m for k in driven)
    return trails


def _start(
    pieces: list[Piece],
    at_node: dict[int, set[int]],
    left: set[int],
    rng: np.random.Generator,
) -> tuple[int, Piece]:
    """A piece to begin with, from a node where an odd number of streets is left."""
    odd = []
    for k in sorted(left):
        if len(at_node[pieces[k].start]) % 2:
            odd.append((k, pieces[k]))
        if len(at_node[pieces[k].end]) % 2:
            odd.append((k, pieces[k].turned()))
    choice = odd or [(k, pieces[k]) for k in sorted(left)]
    return choice[int(rng.integers(len(choice)))]


def _trail(
    pieces: list[Piece], at_node: dict[int, set[int]], first: tuple[int, Piece]
) -> list[tuple[int, Piece]]:
    """Drive on from a piece, as straight as possible, until no street is left."""
    trail = [first]
    while True:
        k, piece = trail[-1]
        at_node[piece.start].discard(k)
        at_node[piece.end].discard(k)
        onward = [
            (j, pieces[j] if pieces[j].start == piece.end else pieces[j].turned())
            for j in sorted(at_node[piece.end])
        ]
        if not onward:
            return trail
        straight = _direction(piece.points[-2:])
        turns = [float(straight @ _direction(p.points[:2])) for _, p in onward]
        trail.append(onward[int(np.argmax(turns))])


def _direction(points: Array) -> Array:
    """Unit vector [2] between two points [2, 2]."""
    step = points[1] - points[0]
    unit: Array = step / np.hypot(*step)
    return unit


def _trail_length(trail: list[Piece]) -> float:
    """Length of a trail in metres."""
    return sum(piece.length_m for piece in trail)


def _sessions(trails: list[list[Piece]]) -> list[list[list[Piece]]]:
    """Group trails, in order, into sessions of about `SESSION_M`."""
    groups: list[list[list[Piece]]] = []
    length = SESSION_M
    for trail in trails:
        if length >= SESSION_M:
            groups.append([])
            length = 0.0
        groups[-1].append(trail)
        length += _trail_length(trail)
    return groups


def _session(
    trails: list[list[Piece]], session: int, rng: np.random.Generator
) -> list[Shot]:
    """The shots of one session: each trail is followed by minutes with no picture."""
    clock = (
        FIRST_DAY_NS
        + session * 86_400 * SECOND_NS
        + int(rng.integers(3600)) * SECOND_NS
    )
    bound = rng.uniform(*HEADING_BOUND_DEG)
    poses, times, panoramas = [], [], []
    for trail in trails:
        pose, panorama, seconds = _along(trail, rng)
        poses.append(pose)
        panoramas.append(panorama)
        times.append(clock + (seconds * 1000).astype(np.int64) * 1_000_000)
        clock = int(times[-1][-1]) + int(rng.integers(120, 600)) * SECOND_NS
    pose, taken = np.concatenate(poses), np.concatenate(times).tolist()
    gps = pose[:, :2] + _gps_noise(len(pose), rng)
    errors = rng.uniform(-bound, bound, (len(pose), 2))
    lost, repeat = _mishaps(len(pose), rng)
    shots: list[Shot] = []
    for k, pano in enumerate(np.concatenate(panoramas).tolist()):
        shot = Shot(
            session=session,
            number=len(shots),
            east=float(pose[k, 0]),
            north=float(pose[k, 1]),
            azimuth_deg=float(pose[k, 2]),
            gps_east=float(gps[k, 0]),
            gps_north=float(gps[k, 1]),
            heading_error_deg=float(errors[k, 0]),
            panorama_error_deg=float(errors[k, 1]),
            time_ns=taken[k],
            panorama=pano,
            lost_fix=k == lost,
        )
        shots.append(shot)
        if k == repeat:
            shots.append(_repeated(shot))
    return shots


def _mishaps(count: int, rng: np.random.Generator) -> tuple[int, int]:
    """Which shot loses its fix and which is stored twice; -1 in a short session."""
    lost, repeat = rng.integers(0, max(count, 1), 2).tolist()
    if count < 60 or lost == repeat:
        return -1, -1
    return lost, repeat


def _repeated(shot: Shot) -> Shot:
    """The same picture stored once more, a tenth of a second later."""
    return Shot(
        session=shot.session,
        number=shot.number + 1,
        east=shot.east,
        north=shot.north,
        azimuth_deg=shot.azimuth_deg,
        gps_east=shot.gps_east,
        gps_north=shot.gps_north,
        heading_error_deg=shot.heading_error_deg,
        panorama_error_deg=shot.panorama_error_deg,
        time_ns=shot.time_ns + SECOND_NS // 10,
        panorama=shot.panorama,
        repeats=shot.number,
    )


def _along(
    trail: list[Piece], rng: np.random.Generator
) -> tuple[Array, npt.NDArray[np.bool_], Array]:
    """Poses [N, 3] (east, north, azimuth), panorama flags [N] and seconds [N].

    Every 30th picture or so the car stops and takes one to three more where it is.
    """
    line, reached = _lane(trail)
    metres = np.arange(0.5, reached[-1], FRONT_SPACING_M)
    stopped = rng.random(len(metres)) < 1 / 60
    taken = 1 + stopped * rng.integers(1, 4, len(metres))
    where = np.repeat(metres, taken)
    first = np.concatenate([[True], np.diff(where) > 0])
    counted = np.cumsum(first) - 1
    panorama = first & (counted % PANORAMA_EVERY == 0)
    speed = rng.uniform(8.0, 14.0) * rng.uniform(0.85, 1.15, len(where))
    # Standing still, the camera fires by the clock instead of by distance.
    seconds = np.cumsum(np.where(first, FRONT_SPACING_M / speed, 1.0))
    east, north = (np.interp(where, reached, line[:, i]) for i in (0, 1))
    ahead, behind = where + 1.0, where - 1.0
    de, dn = (
        np.interp(ahead, reached, line[:, i]) - np.interp(behind, reached, line[:, i])
        for i in (0, 1)
    )
    azimuth = np.mod(np.degrees(np.arctan2(de, dn)), 360.0)
    return np.stack([east, north, azimuth], axis=1), panorama, seconds


def _lane(trail: list[Piece]) -> tuple[Array, Array]:
    """The driven line [P, 2], right of the centre line, and metres along it [P]."""
    points = np.concatenate([p.points[int(k > 0) :] for k, p in enumerate(trail)])
    lanes = np.concatenate(
        [np.full(len(p.points) - int(k > 0), p.lane_m) for k, p in enumerate(trail)]
    )
    steps = np.hypot(*np.diff(points, axis=0).T)
    reached = np.concatenate([[0.0], np.cumsum(steps)])
    even = np.linspace(0.0, reached[-1], max(int(reached[-1] / EDGE_STEP_M), 4))
    columns = [np.interp(even, reached, c) for c in (*points.T, lanes)]
    east, north, lane = (_smooth(column) for column in columns)
    de, dn = np.gradient(east), np.gradient(north)
    norm = np.hypot(de, dn)
    line = np.stack([east + lane * dn / norm, north - lane * de / norm], axis=1)
    driven = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    return line, driven


def _smooth(values: Array) -> Array:
    """Mean over five points, ends kept: a car does not turn on the spot."""
    padded = np.concatenate(
        [np.repeat(values[:1], 2), values, np.repeat(values[-1:], 2)]
    )
    smooth: Array = np.convolve(padded, np.full(5, 0.2), mode="valid")
    return smooth


def _gps_noise(count: int, rng: np.random.Generator) -> Array:
    """[count, 2] metres: noise that drifts from picture to picture."""
    fresh = rng.normal(scale=GPS_SIGMA_M, size=(count, 2))
    noise = np.empty_like(fresh)
    noise[0] = fresh[0]
    for k in range(1, count):
        noise[k] = GPS_MEMORY * noise[k - 1] + np.sqrt(1 - GPS_MEMORY**2) * fresh[k]
    return noise

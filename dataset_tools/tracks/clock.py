"""How far a camera's clock is off: estimated from what the pictures say, and reported.

Three kinds of evidence, the strongest first:

1. pictures in which both a receiver's and the camera's clock are written;
2. pictures with a position of their own: the offset at which the track passes them;
3. the ranges of times: a civil time zone at which the pictures lie on the track.

A clock that none of them settles is taken as right, and that is said.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

import numpy as np

from dataset_tools.records import Fix, Frame
from dataset_tools.tracks.exif import natural_key
from dataset_tools.tracks.moments import (
    MAX_GAP_M,
    MAX_GAP_S,
    Moments,
    find,
)
from dataset_tools.tracks.passes import Pass, best_pass
from dataset_tools.tracks.rows import Floats, Integers
from dataset_tools.tracks.times import NS_PER_S

Method = Literal["given", "gps-time", "positions", "time-zone", "none"]

FEWEST: Final = 3
"""Pictures that an estimate needs."""
SAME_CLOCK_S: Final = 2.0
"""Pictures of one clock differ by less: whole seconds, and the receiver's delay."""
MOST_AGREE: Final = 0.6
"""Share of the pictures that must agree with an estimate."""
MOST_DISTANT_M: Final = 25.0
"""Largest median distance of pictures that are believed to lie on a track."""
WIDEST_S: Final = 2.0
"""Uncertainty (1 sigma) of an offset that is still one."""
CLEARLY: Final = 0.1
"""Share of pictures by which the best time zone must beat the next."""
FROM_THE_SUN_H: Final = 3.5
"""Civil time is nowhere further from the sun's: western China is 3.1 hours ahead."""
ZONES_H: Final = (
    *range(-12, 15),
    # Civil times that are no whole hours.
    *(-9.5, -3.5, 3.5, 4.5, 5.5, 5.75, 6.5, 8.75, 9.5, 10.5, 12.75),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockOffset:
    """Seconds to add to a camera's time to get the track's, and why."""

    offset_s: float
    method: Method
    pictures: int = 0
    """That the estimate rests on."""
    residuals: Mapping[str, float] = field(default_factory=dict)
    """Quantiles 0.5, 0.9 and 1.0 of what is left, by name with unit."""
    uncertainty_s: float | None = None
    """One standard deviation."""
    note: str = ""

    def told(self) -> str:
        """One sentence about it."""
        if self.method == "given":
            return f"camera clock {self.offset_s:+.2f} s, as given"
        if self.method == "none":
            return f"camera clock taken as right: {self.note}"
        parts = [f"{name} {value:.2f}" for name, value in self.residuals.items()]
        if self.uncertainty_s is not None:
            parts.append(f"uncertainty {self.uncertainty_s:.2f} s")
        held = f" ({', '.join(parts)})" if parts else ""
        tail = f"; {self.note}" if self.note else ""
        return (
            f"camera clock {self.offset_s:+.2f} s, estimated by {self.method} from "
            f"{self.pictures} pictures{held}{tail}"
        )

    def as_json(self) -> dict[str, Any]:
        """Fields as JSON can hold them."""
        return {
            "offset_s": self.offset_s,
            "method": self.method,
            "pictures": self.pictures,
            "residuals": dict(self.residuals),
            "uncertainty_s": self.uncertainty_s,
            "note": self.note,
        }


def estimate_offsets(
    frames: Iterable[Frame],
    fixes: Iterable[Fix],
    *,
    max_gap_s: float = MAX_GAP_S,
    max_gap_m: float = MAX_GAP_M,
) -> dict[str, ClockOffset]:
    """The clock of each session that has pictures to be placed by the camera's time.

    A session is judged by its own pictures, and by those of all if they settle
    nothing. Cameras are sessions of their own, so that each has its own clock.

    Args:
        frames: all of a drive, those with a position of their own too.
        fixes: the cleaned track.
        max_gap_s: longest time between two fixes around a picture, seconds.
        max_gap_m: longest way between them, metres.
    """
    track = Moments.of(fixes)
    gaps = {"max_gap_s": max_gap_s, "max_gap_m": max_gap_m}
    sessions: dict[str, list[Frame]] = {}
    for frame in frames:
        sessions.setdefault(frame.session_id, []).append(frame)
    whole: ClockOffset | None = None
    found: dict[str, ClockOffset] = {}
    for name, members in sorted(sessions.items()):
        if all(f.gps_timed or f.time is None for f in members):
            continue
        own = _estimate(members, track, **gaps)
        if own.method == "none" and len(sessions) > 1:
            if whole is None:
                every = [f for group in sessions.values() for f in group]
                whole = _estimate(
                    every, track, max_gap_s=max_gap_s, max_gap_m=max_gap_m
                )
            own = whole if whole.method != "none" else own
        found[name] = own
    return found


def _estimate(
    frames: Sequence[Frame], track: Moments, *, max_gap_s: float, max_gap_m: float
) -> ClockOffset:
    gaps = {"max_gap_s": max_gap_s, "max_gap_m": max_gap_m}
    by_gps = _by_gps_time(frames)
    if by_gps is not None:
        return by_gps
    if not len(track):
        return _unknown("no fix of the track has a time")
    timed = [f for f in frames if f.camera_time is not None or f.time is not None]
    own = [f for f in timed if not f.gps_timed and math.isfinite(f.lat)]
    by_position = _by_positions(own, track, **gaps) if len(own) >= FEWEST else None
    if by_position is not None:
        return by_position
    lost = [f for f in timed if not f.gps_timed]
    return _by_zone(lost, track, **gaps)


def _camera_times(frames: Sequence[Frame]) -> Integers:
    """[N] what the camera's clock said."""
    times = [f.time if f.camera_time is None else f.camera_time for f in frames]
    return np.array(times, np.int64)


def _by_gps_time(frames: Sequence[Frame]) -> ClockOffset | None:
    """From pictures in which both clocks are written."""
    apart = [
        (f.time - f.camera_time) / NS_PER_S
        for f in frames
        if f.gps_timed and f.time is not None and f.camera_time is not None
    ]
    if len(apart) < FEWEST:
        return None
    offset = float(np.median(apart))
    left = np.abs(np.array(apart) - offset)
    agree = left <= SAME_CLOCK_S
    if agree.mean() < MOST_AGREE:
        return None
    sure = left[agree]
    return ClockOffset(
        offset_s=offset,
        method="gps-time",
        pictures=int(agree.sum()),
        residuals=_quantiles(sure, "residual", "s"),
        uncertainty_s=float(np.std(sure) / math.sqrt(len(sure))),
        note=_drift(frames, offset),
    )


def _drift(frames: Sequence[Frame], offset: float) -> str:
    """How the clock runs, where an hour and twenty pictures tell."""
    pairs = [
        (f.camera_time / NS_PER_S, (f.time - f.camera_time) / NS_PER_S - offset)
        for f in frames
        if f.gps_timed and f.time is not None and f.camera_time is not None
    ]
    pairs = [p for p in pairs if abs(p[1]) <= SAME_CLOCK_S]
    if len(pairs) < 20:
        return ""
    clock, apart = np.array(pairs).T
    if np.ptp(clock) < 3600.0:
        return ""
    slope = float(np.polyfit(clock - clock.mean(), apart, 1)[0])
    return f"drift {slope * 3600.0:+.2f} s an hour"


def _by_positions(
    frames: Sequence[Frame], track: Moments, *, max_gap_s: float, max_gap_m: float
) -> ClockOffset | None:
    """The offset at which the track passes the pictures' own positions."""
    times = _camera_times(frames)
    lat = np.array([f.lat for f in frames])
    lon = np.array([f.lon for f in frames])
    best = best_pass(times, (lat, lon), track, max_gap_s=max_gap_s, max_gap_m=max_gap_m)
    if best is None or not _is_settled(best, len(frames)):
        return None
    return ClockOffset(
        offset_s=round(best.offset_s, 3),
        method="positions",
        pictures=best.near,
        residuals={
            **_quantiles(best.away_m, "distance", "m"),
            **_quantiles(np.abs(best.along_m), "along the track", "m"),
        },
        uncertainty_s=best.uncertainty_s,
        note=_gps_clock(best.offset_s),
    )


def _is_settled(best: Pass, count: int) -> bool:
    return (
        best.near >= max(FEWEST, MOST_AGREE * count)
        and float(np.median(best.away_m)) <= MOST_DISTANT_M
        and best.uncertainty_s <= WIDEST_S
        and best.next_share < 0.8
    )


def _gps_clock(offset_s: float) -> str:
    """A hint that one of the clocks shows GPS time, ahead of UTC by 18 s since 2017."""
    return (
        "the size of the leap seconds: does one clock show GPS time?"
        if 16.5 <= abs(offset_s) <= 18.5
        else ""
    )


def _by_zone(
    frames: Sequence[Frame], track: Moments, *, max_gap_s: float, max_gap_m: float
) -> ClockOffset:
    """The civil time zone at which most pictures lie on the track."""
    times = _camera_times(frames)
    if len(times) < FEWEST:
        return _unknown(f"{len(times)} pictures settle nothing")
    solar_h = float(np.median(track.lon)) / 15.0
    here = [h for h in ZONES_H if h == 0 or _apart_h(h, solar_h) <= FROM_THE_SUN_H]
    shares = {}
    for hours in sorted(here, key=lambda h: (abs(h), h)):
        moments = times - round(hours * 3600 * NS_PER_S)
        found = find(track, moments, max_gap_s=max_gap_s, max_gap_m=max_gap_m)
        shares[hours] = float(found.on.mean())
    best = max(shares.values())
    if best < MOST_AGREE:
        return _unknown(f"at no time zone more than {best:.0%} lie on the track")
    if shares[0] >= best - CLEARLY:
        note = f"{shares[0]:.0%} of the pictures lie on the track as they are"
        return _unknown(note)
    fitting = [h for h, share in shares.items() if share > best - CLEARLY]
    whole = [h for h in fitting if h == int(h)] or fitting
    if len(whole) > 1:
        zones = ", ".join(f"{h:+g} h" for h in sorted(whole))
        return _unknown(f"they would lie on the track at {zones} alike")
    (hours,) = whole
    return ClockOffset(
        offset_s=-3600.0 * hours,
        method="time-zone",
        pictures=round(shares[hours] * len(times)),
        note=f"the camera shows the civil time of UTC{hours:+g} h",
    )


def _apart_h(a: float, b: float) -> float:
    """Hours between two times of day."""
    return abs((a - b + 12.0) % 24.0 - 12.0)


def _unknown(note: str) -> ClockOffset:
    return ClockOffset(offset_s=0.0, method="none", note=note)


def _quantiles(values: Floats, name: str, unit: str) -> dict[str, float]:
    levels = (("median", 0.5), ("90 %", 0.9), ("largest", 1.0))
    return {
        f"{name} {word} {unit}": float(np.quantile(values, level))
        for word, level in levels
    }


def given_offset(offset_s: float, frames: Iterable[Frame]) -> dict[str, ClockOffset]:
    """The same clock for every session that is placed by the camera's time."""
    names = sorted({f.session_id for f in frames if not f.gps_timed})
    offset = ClockOffset(offset_s=offset_s, method="given")
    return dict.fromkeys(names, offset)


def put_right(
    frames: Iterable[Frame], clocks: Mapping[str, ClockOffset]
) -> list[Frame]:
    """Frames with the time that the camera should have shown, and in its order.

    Only sessions whose clock is off are touched; what is timed by GPS stays. Orders
    are counted anew, since a session may hold times of both clocks.

    Args:
        frames: of any number of sessions.
        clocks: session -> its clock.
    """
    done: list[Frame] = []
    sessions: dict[str, list[Frame]] = {}
    for frame in frames:
        sessions.setdefault(frame.session_id, []).append(frame)
    for name, members in sessions.items():
        clock = clocks.get(name)
        if clock is None or clock.offset_s == 0.0:
            done += members
            continue
        shift = round(clock.offset_s * NS_PER_S)
        moved = [
            f
            if f.gps_timed or f.time is None
            else replace(f, time=f.time + shift, gps_timed=True)
            for f in members
        ]
        if all(f.time is not None for f in moved):
            moved.sort(key=lambda f: (f.time or 0, natural_key(f.frame_id)))
            moved = [replace(f, order=k) for k, f in enumerate(moved)]
        done += moved
    return done

"""GoPro telemetry (GPMF): key, length and value all the way down, GPS streams read.

GPS5 gives about 18 positions a second with one clock, fix and DOP for all of a
payload; GPS9, since the HERO11, gives each its own. HERO12 and HERO10 Bones have none.
Format: the public description of gopro/gpmf-parser.
"""

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np

from dataset_tools.errors import UnreadableError
from dataset_tools.records import Fix, Outcome, Rejection
from dataset_tools.tracks.files import track_bytes
from dataset_tools.tracks.fixes import RowReader, rejection
from dataset_tools.tracks.mp4 import telemetry
from dataset_tools.tracks.outliers import apart
from dataset_tools.tracks.rules import PLAIN, ReadingRules

VIDEO_SUFFIXES: Final = (".mp4", ".mov", ".360", ".lrv")
DEEPEST: Final = 8
"""Levels of nesting; cameras use four."""
MOST_ITEMS: Final = 5_000_000
NOMINAL_S: Final = 1.0
"""Time between payloads where neither a clock nor the video tells."""
LONGEST_S: Final = 5.0
"""A longer step of the GPS clock from one payload to the next is a jump of it."""
EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_NUMBERS: Final = {
    **{"b": "b", "B": "B", "s": "h", "S": "H", "l": "i", "L": "I"},
    **{"f": "f", "d": "d", "j": "q", "J": "Q"},
}
"""GPMF's letters of numbers, as `struct` calls them."""


class _Broken(Exception):
    """A length that leaves its container."""


@dataclass(frozen=True, slots=True)
class Item:
    """One key with its value."""

    key: str
    kind: str
    """Letter of the type; a NUL for a container."""
    size: int
    """Bytes of one structure."""
    count: int
    data: bytes
    depth: int


@dataclass(slots=True)
class _Payload:
    """One GPS stream of one device in one payload."""

    index: int
    name: str
    """GPS5 or GPS9."""
    rows: list[tuple[float, ...]]
    moment: datetime | None = None
    """GPSU: when the payload's first position was taken."""
    fix: int | None = None
    dop: float | None = None
    duration_s: float | None = None
    """What the video says."""


@dataclass(slots=True)
class _Stream:
    scale: list[float] = field(default_factory=list)
    layout: str = ""
    moment: datetime | None = None
    fix: int | None = None
    dop: float | None = None


def read_gpmf(path: Path, rules: ReadingRules = PLAIN) -> Outcome[Fix]:
    """The fixes of a GoPro's telemetry; where there are both, GPS9 before GPS5.

    Args:
        path: a raw stream (`.gpmf`, `.bin`, `.raw`) or a video with a `gpmd` track.
        rules: what is believed; positions without a lock never are.

    Raises:
        MissingDataError: if the file is not there.
        UnreadableError: if it is neither, is broken, or holds no GPS stream.
    """
    payloads = list(_payloads(path))
    kinds = {p.name for p in payloads}
    if not kinds:
        message = (
            f"The telemetry {path} holds no GPS stream; was GPS switched on, and does "
            "the camera have it (HERO12 and HERO10 Bones do not)?"
        )
        raise UnreadableError(message)
    best = "GPS9" if "GPS9" in kinds else "GPS5"
    chosen = [p for p in payloads if p.name == best]
    # The format fixes how times are written.
    reader = RowReader(replace(rules, time_format=None, date=None))
    session = path.name.split(".")[0]
    outcome: Outcome[Fix] = Outcome()
    rows = _rows9(chosen) if best == "GPS9" else _rows5(chosen)
    for order, (item, row, fault) in enumerate(rows):
        name = f"{path.name}#{item}"
        found: Fix | Rejection
        if fault is not None:
            found = rejection(name, ("no-fix", fault, "a lock (2 or 3)"))
        else:
            found = reader.fix(row, item=name, session_id=session, order=order)
        if isinstance(found, Rejection):
            outcome.rejected.append(found)
        else:
            outcome.kept.append(found)
    return _together(outcome, path.name)


def _together(outcome: Outcome[Fix], name: str) -> Outcome[Fix]:
    """The fixes without those that stand apart from the rest."""
    out, speed, limit = apart(outcome.kept)
    kept = [f for f, wild in zip(outcome.kept, out, strict=True) if not wild]
    wild = [
        rejection(
            f"{name}#fix{outcome.kept[i].order}",
            ("apart", None if np.isnan(speed[i]) else float(speed[i]), limit),
        )
        for i in np.flatnonzero(out).tolist()
    ]
    return Outcome(kept, [*outcome.rejected, *wild])


def looks_like_gpmf(head: bytes) -> bool:
    """Whether a file begins as a raw stream does."""
    return head[:5] == b"DEVC\x00"


def items(data: bytes, depth: int = 0) -> Iterator[Item]:
    """Every key of a stream, containers before what they hold.

    Raises:
        _Broken: if a length leaves its container or the nesting is too deep.
    """
    if depth > DEEPEST:
        message = f"it is nested more than {DEEPEST} deep"
        raise _Broken(message)
    place = 0
    while place + 8 <= len(data):
        key, kind, size, count = struct.unpack_from(">4scBH", data, place)
        if key == b"\x00\x00\x00\x00":
            return  # Padding up to a round size.
        begin, end = place + 8, place + 8 + size * count
        if end > len(data):
            message = f"{key!r} at byte {place} is said to have {size * count} bytes"
            raise _Broken(message)
        value = data[begin:end]
        letter = kind.decode("latin-1")
        yield Item(key.decode("latin-1"), letter, size, count, value, depth)
        if kind == b"\x00":
            yield from items(value, depth + 1)
        # Values are padded to four bytes.
        place = begin + -(-(size * count) // 4) * 4


def _payloads(path: Path) -> Iterator[_Payload]:
    if path.suffix.lower() in VIDEO_SUFFIXES:
        samples = [(s.data, s.duration_s or None) for s in telemetry(path)]
    else:
        samples = [(track_bytes(path), None)]
    index, seen = 0, 0
    try:
        for data, duration in samples:
            stream = _Stream()
            for item in items(data):
                seen += 1
                if seen > MOST_ITEMS:
                    message = f"it holds more than {MOST_ITEMS} keys"
                    raise _Broken(message)
                if item.key in ("DEVC", "STRM"):
                    stream = _Stream()
                    index += item.key == "DEVC"
                elif item.key in ("GPS5", "GPS9"):
                    yield _payload(item, stream, index, duration)
                else:
                    _note(item, stream)
    except (_Broken, struct.error) as error:
        message = f"The telemetry {path} cannot be read as GPMF: {error}."
        raise UnreadableError(message) from error


def _note(item: Item, stream: _Stream) -> None:
    """What a stream says before its values."""
    if item.key == "SCAL":
        stream.scale = [v[0] for v in _values(item.kind, item)]
    elif item.key == "TYPE":
        stream.layout = item.data.decode("latin-1").strip("\x00 ")
    elif item.key == "GPSF":
        stream.fix = int(_first(item))
    elif item.key == "GPSP":
        stream.dop = _first(item) / 100.0
    elif item.key == "GPSU":
        stream.moment = _moment(item.data)


def _payload(
    item: Item, stream: _Stream, index: int, duration: float | None
) -> _Payload:
    layout = stream.layout if item.kind == "?" else item.kind
    raw = _values(layout, item)
    width = len(raw[0]) if raw else 0
    scale = stream.scale * width if len(stream.scale) == 1 else stream.scale
    if raw and (len(scale) < width or not all(scale[:width])):
        message = f"{item.key} has {width} values and the scale {stream.scale}"
        raise _Broken(message)
    rows = [tuple(v / s for v, s in zip(r, scale, strict=False)) for r in raw]
    return _Payload(
        index, item.key, rows, stream.moment, stream.fix, stream.dop, duration
    )


def _values(layout: str, item: Item) -> list[tuple[float, ...]]:
    """[count] structures of numbers."""
    if len(layout) == 1 and layout in _NUMBERS:
        # A letter of its own stands for as many numbers as fit into a structure.
        layout *= max(1, item.size // struct.calcsize(">" + _NUMBERS[layout]))
    if not layout or any(letter not in _NUMBERS for letter in layout):
        message = f"{item.key} is of the type {layout!r}"
        raise _Broken(message)
    form = ">" + "".join(_NUMBERS[letter] for letter in layout)
    if struct.calcsize(form) != item.size:
        message = f"{item.key} has structures of {item.size} bytes for {layout!r}"
        raise _Broken(message)
    return list(struct.iter_unpack(form, item.data))


def _first(item: Item) -> float:
    values = _values(item.kind, item)
    if not values:
        message = f"{item.key} is empty"
        raise _Broken(message)
    return float(values[0][0])


def _moment(data: bytes) -> datetime | None:
    """`yymmddhhmmss.sss`; None if it is none."""
    text = data.decode("latin-1").strip("\x00 ")
    try:
        return datetime.strptime(text, "%y%m%d%H%M%S.%f").replace(tzinfo=UTC)
    except ValueError:
        return None


_Row = tuple[str, dict[str, object], float | None]
"""Item, row, and the lock if there is none."""


def _rows5(payloads: list[_Payload]) -> Iterator[_Row]:
    for payload, seconds in zip(payloads, _durations(payloads), strict=True):
        for k, values in enumerate(payload.rows):
            time: str | None = None
            if payload.moment is not None:
                step = timedelta(seconds=seconds * k / len(payload.rows))
                time = (payload.moment + step).isoformat()
            row = _row(values, time, payload.dop)
            lost = payload.fix if payload.fix is not None and payload.fix < 2 else None
            row["fix"] = payload.fix
            yield f"{payload.index}.{k}", row, lost


def _durations(payloads: list[_Payload]) -> list[float]:
    """Seconds from each payload to the next: by its clock, else by the video."""
    found: list[float] = []
    for payload, following in zip(payloads, [*payloads[1:], None], strict=True):
        step = math.nan
        if following is not None and payload.moment and following.moment:
            step = (following.moment - payload.moment).total_seconds()
        if not 0.0 < step <= LONGEST_S:
            step = payload.duration_s or (found[-1] if found else NOMINAL_S)
        found.append(step)
    return found


def _rows9(payloads: list[_Payload]) -> Iterator[_Row]:
    """Latitude, longitude, height, two speeds, days, seconds, DOP, fix."""
    for payload in payloads:
        for k, values in enumerate(payload.rows):
            if len(values) < 9:
                message = f"GPS9 has {len(values)} values"
                raise _Broken(message)
            days, seconds, dop, fix = values[5:9]
            row = _row(values, _since_2000(days, seconds), dop)
            row["fix"] = int(fix)
            yield f"{payload.index}.{k}", row, fix if fix < 2 else None


def _since_2000(days: float, seconds: float) -> str | None:
    try:
        return (EPOCH + timedelta(days=days, seconds=seconds)).isoformat()
    except OverflowError:
        return None


def _row(
    values: tuple[float, ...], time: str | None, dop: float | None
) -> dict[str, object]:
    if len(values) < 3:
        return {}
    lat, lon, altitude = values[:3]
    return {"lat": lat, "lon": lon, "altitude": altitude, "time": time, "hdop": dop}

"""The telemetry track of an MP4: a walk over its boxes, nothing decoded.

Only the boxes on the way to a `gpmd` track are looked at, and every size a file states
is held against what is there before anything is read.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from dataset_tools.errors import MissingDataError, UnreadableError

LARGEST_INDEX_BYTES: Final = 256 << 20
"""Of `moov`, where all tables are; that of a day of video is some megabytes."""
MOST_SAMPLES: Final = 2_000_000
"""Telemetry comes about once a second."""
LARGEST_TELEMETRY_BYTES: Final = 1 << 30
MOST_BOXES: Final = 100_000

Box = tuple[str, int, int]
"""Kind, and the half-open interval of its contents."""


class _Broken(Exception):
    """A box says something that cannot be."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One piece of telemetry."""

    data: bytes
    begin_s: float
    """Seconds since the video began."""
    duration_s: float


def telemetry(path: Path) -> list[Sample]:
    """The samples of the `gpmd` track of an MP4 or MOV file, in their order.

    Args:
        path: the video; only its tables and the telemetry are read.

    Raises:
        MissingDataError: if the file is not there.
        UnreadableError: if it is no MP4, is broken, or has no such track.
    """
    try:
        with path.open("rb") as handle:
            return _telemetry(handle, path)
    except FileNotFoundError:
        message = f"There is no video {path}."
        raise MissingDataError(message) from None
    except (_Broken, OSError, struct.error) as error:
        message = f"The video {path} cannot be read as MP4: {error}."
        raise UnreadableError(message) from error


def _telemetry(handle: BinaryIO, path: Path) -> list[Sample]:
    size = handle.seek(0, 2)
    begin, end = _index(handle, size)
    if end - begin > LARGEST_INDEX_BYTES:
        message = f"its index is said to have {end - begin} bytes"
        raise _Broken(message)
    handle.seek(begin)
    moov = handle.read(end - begin)
    for kind, a, b in _boxes(moov, 0, len(moov)):
        if kind == "trak":
            table = _descend(moov, (a, b), ("mdia", "minf", "stbl"))
            if table is not None and _is_telemetry(moov, table):
                return list(_samples(handle, size, moov, media=(a, b), table=table))
    message = (
        f"The video {path} has no telemetry track (gpmd); GoPro writes one, but "
        "editing and re-encoding remove it."
    )
    raise UnreadableError(message)


def _index(handle: BinaryIO, size: int) -> tuple[int, int]:
    """Where the contents of `moov` lie in the file."""
    place = 0
    for _ in range(MOST_BOXES):
        handle.seek(place)
        head = handle.read(16)
        kind, begin, end = _head(head, place, size)
        if kind == "moov":
            return begin, end
        if end >= size:
            break
        place = end
    message = "it holds no moov box"
    raise _Broken(message)


def _head(head: bytes, place: int, limit: int) -> Box:
    """Kind and contents of the box at a place, whose first bytes are given."""
    if len(head) < 8:
        message = f"a box at byte {place} is cut off"
        raise _Broken(message)
    length, raw = struct.unpack(">I4s", head[:8])
    begin = place + 8
    if length == 1 and len(head) >= 16:
        (length,) = struct.unpack(">Q", head[8:16])
        begin = place + 16
    end = limit if length == 0 else place + length
    if not begin <= end <= limit:
        message = f"the box {raw!r} at byte {place} is said to have {length} bytes"
        raise _Broken(message)
    return raw.decode("latin-1"), begin, end


def _boxes(data: bytes, begin: int, end: int) -> Iterator[Box]:
    for _ in range(MOST_BOXES):
        if begin + 8 > end:
            return
        kind, inner, stop = _head(data[begin : begin + 16], begin, end)
        yield kind, inner, stop
        begin = stop


def _descend(
    data: bytes, where: tuple[int, int], kinds: tuple[str, ...]
) -> tuple[int, int] | None:
    """Contents of the box reached through boxes of these kinds, None if none is."""
    for wanted in kinds:
        found = [(a, b) for kind, a, b in _boxes(data, *where) if kind == wanted]
        if not found:
            return None
        where = found[0]
    return where


def _is_telemetry(data: bytes, table: tuple[int, int]) -> bool:
    description = _descend(data, table, ("stsd",))
    if description is None:
        return False
    begin, end = description
    # Version, flags and count stand in front of the entries.
    return any(kind == "gpmd" for kind, _, _ in _boxes(data, begin + 8, end))


def _samples(
    handle: BinaryIO,
    size: int,
    data: bytes,
    *,
    media: tuple[int, int],
    table: tuple[int, int],
) -> Iterator[Sample]:
    sizes = _sizes(data, table)
    places = _places(data, table, sizes)
    if sum(sizes) > LARGEST_TELEMETRY_BYTES:
        message = f"its telemetry is said to have {sum(sizes)} bytes"
        raise _Broken(message)
    begin_s = 0.0
    durations = _durations(data, table, _timescale(data, media), len(sizes))
    for place, length, duration in zip(places, sizes, durations, strict=True):
        if place + length > size:
            message = f"a sample lies at byte {place}, beyond the end"
            raise _Broken(message)
        handle.seek(place)
        yield Sample(handle.read(length), begin_s, duration)
        begin_s += duration


def _timescale(data: bytes, media: tuple[int, int]) -> int:
    header = _descend(data, media, ("mdia", "mdhd"))
    if header is None:
        message = "the telemetry has no mdhd box"
        raise _Broken(message)
    begin, _ = header
    (scale,) = struct.unpack_from(">I", data, begin + (20 if data[begin] == 1 else 12))
    if scale == 0:
        message = "the telemetry's time scale is 0"
        raise _Broken(message)
    return int(scale)


def _table(data: bytes, table: tuple[int, int], kind: str, head: int) -> bytes:
    """Contents of a table behind version, flags and `head` bytes."""
    found = _descend(data, table, (kind,))
    if found is None or found[1] - found[0] < head:
        message = f"the telemetry has no {kind} box"
        raise _Broken(message)
    return data[found[0] : found[1]]


def _entries(box: bytes, at: int, layout: str) -> list[tuple[int, ...]]:
    """The rows of a table whose count stands in the four bytes in front of `at`."""
    (count,) = struct.unpack_from(">I", box, at - 4)
    width = struct.calcsize(layout)
    if count > MOST_SAMPLES or at + count * width > len(box):
        message = f"a table is said to have {count} rows"
        raise _Broken(message)
    return list(struct.iter_unpack(layout, box[at : at + count * width]))


def _sizes(data: bytes, table: tuple[int, int]) -> list[int]:
    box = _table(data, table, "stsz", 12)
    same, count = struct.unpack_from(">II", box, 4)
    if same:
        if count > MOST_SAMPLES:
            message = f"a table is said to have {count} rows"
            raise _Broken(message)
        return [same] * count
    return [row[0] for row in _entries(box, 12, ">I")]


def _places(data: bytes, table: tuple[int, int], sizes: list[int]) -> list[int]:
    """Byte in the file of each sample, from the chunks they are put in."""
    if _descend(data, table, ("co64",)) is not None:
        chunks = [r[0] for r in _entries(_table(data, table, "co64", 8), 8, ">Q")]
    else:
        chunks = [r[0] for r in _entries(_table(data, table, "stco", 8), 8, ">I")]
    runs = _entries(_table(data, table, "stsc", 8), 8, ">III")
    places: list[int] = []
    for i, (first, each, _) in enumerate(runs):
        behind = runs[i + 1][0] if i + 1 < len(runs) else len(chunks) + 1
        for chunk in chunks[max(first - 1, 0) : max(behind - 1, 0)]:
            place = chunk
            for size in sizes[len(places) : len(places) + each]:
                places.append(place)
                place += size
    if len(places) != len(sizes):
        message = f"{len(sizes)} samples lie in {len(places)} places"
        raise _Broken(message)
    return places


def _durations(
    data: bytes, table: tuple[int, int], scale: int, count: int
) -> list[float]:
    durations: list[float] = []
    for times, ticks in _entries(_table(data, table, "stts", 8), 8, ">II"):
        durations += [ticks / scale] * min(times, count - len(durations))
    return durations + [0.0] * (count - len(durations))

"""NMEA 0183 logs: RMC and GGA of one moment make a fix.

RMC has the date, speed and course, GGA the altitude, the HDOP and the quality. Any
talker is read (GP, GN, GL, GA, ...), binary messages between the sentences are passed
over. Every sentence must have its checksum; what is void or without a fix is rejected.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Final

from dataset_tools.errors import UnreadableError
from dataset_tools.records import Fix, Outcome, Rejection
from dataset_tools.tracks.angles import nmea_degrees
from dataset_tools.tracks.files import track_bytes
from dataset_tools.tracks.fixes import Fault, RowReader, number, rejection
from dataset_tools.tracks.rules import PLAIN, ReadingRules

KNOWN: Final = frozenset({"RMC", "GGA", "GNS", "ZDA", "HDT", "HDG", "HDM"})
"""Sentences that are read; others are no part of a track."""
HALF_A_DAY_S: Final = 43_200.0
_SENTENCE = re.compile(rb"\$([^\r\n$]*)")
_BODY = re.compile(r"^[A-Z]{2}([A-Z]{3}),([^*]*)\*([0-9A-Fa-f]{2})\s*$")
_TALKER = re.compile(rb"^[A-Z]{2}(?:RMC|GGA|GNS|ZDA|HDT|HDG|HDM)\b")
_NOT_MEASURED: Final = {"7": "entered by hand", "8": "simulated"}


@dataclass(slots=True)
class _Epoch:
    """What the sentences of one moment say; the first of a kind counts."""

    item: str
    seconds: float | None
    """Since midnight."""
    day: date | None = None
    kinds: list[str] = field(default_factory=list)
    row: dict[str, object] = field(default_factory=dict)
    fault: Fault | None = None


def read_nmea(path: Path, rules: ReadingRules = PLAIN) -> Outcome[Fix]:
    """The fixes of an NMEA log in file order, one session.

    A date is carried on from the last RMC or ZDA, over midnight; the fixes in front of
    the first get theirs counted back. Without any, the time is unknown unless the
    rules give the date.

    Args:
        path: `.nmea`, `.log` or `.txt`, also with `.gz`.
        rules: the date of a log without one, and what is believed.

    Raises:
        MissingDataError: if the file is not there.
        UnreadableError: if it holds no RMC and no GGA sentence.
    """
    outcome: Outcome[Fix] = Outcome()
    epochs = list(_epochs(path, outcome.rejected))
    if not epochs and not outcome.rejected:
        message = f"The file {path} holds no NMEA position; RMC or GGA expected."
        raise UnreadableError(message)
    _date(epochs, rules)
    # The format fixes how times and speeds are written.
    plain = replace(rules, time_format=None, date=None)
    reader = RowReader(plain, {"speed": "speed_knots"})
    session = path.name.split(".")[0]
    for order, epoch in enumerate(epochs):
        found: Fix | Rejection
        if epoch.fault is not None:
            found = rejection(epoch.item, epoch.fault)
        else:
            found = reader.fix(
                epoch.row, item=epoch.item, session_id=session, order=order
            )
        if isinstance(found, Rejection):
            outcome.rejected.append(found)
        else:
            outcome.kept.append(found)
    return outcome


def looks_like_nmea(head: bytes) -> bool:
    r"""Whether the beginning of a file holds a sentence of a position.

    >>> looks_like_nmea(b"# a note\n$GPRMC,102929.00,A")
    True
    """
    return any(_TALKER.match(m[1]) for m in _SENTENCE.finditer(head))


def checksum(body: str) -> int:
    """Exclusive or of the characters between `$` and `*`.

    >>> f"{checksum('GNRMC,,V,,,,,,,,,,N,V'):02X}"
    '37'
    """
    total = 0
    for character in body:
        total ^= ord(character)
    return total & 0xFF


def _epochs(path: Path, rejected: list[Rejection]) -> Iterator[_Epoch]:
    """Moments in file order; sentences that are broken go to `rejected`."""
    epoch: _Epoch | None = None
    day: date | None = None
    heading: dict[str, object] = {}
    for item, kind, values in _sentences(path, rejected):
        if kind in ("HDT", "HDG", "HDM"):
            heading = _heading(kind, values) or heading
            continue
        if kind == "ZDA":
            day = _day(values[1:4]) or day
            if epoch is not None and epoch.day is None:
                epoch.day = day
            continue
        seconds = _seconds(values[0])
        # Receivers of several systems repeat a moment; without times nothing does.
        again = seconds is None and epoch is not None and kind in epoch.kinds
        if epoch is None or seconds != epoch.seconds or again:
            if epoch is not None:
                yield epoch
            epoch = _Epoch(item, seconds)
        epoch.kinds.append(kind)
        if kind == "RMC":
            _take_rmc(epoch, values)
        else:
            _take_gga(epoch, values, kind)
        epoch.row.update(heading)
        heading = {}
    if epoch is not None:
        yield epoch


def _sentences(
    path: Path, rejected: list[Rejection]
) -> Iterator[tuple[str, str, list[str]]]:
    """(item, kind, fields) of the sound sentences that are read."""
    data = track_bytes(path)
    line, counted = 1, 0
    for match in _SENTENCE.finditer(data):
        raw = match[1]
        if not _TALKER.match(raw):
            continue
        line += data.count(b"\n", counted, match.start())
        counted = match.start()
        item = f"{path.name}:{line}"
        text = raw.decode("ascii", "replace").rstrip()
        parts = _BODY.match(text)
        if parts is None:
            rejected.append(rejection(item, ("truncated", text[:60], "*hh at the end")))
            continue
        said, found = int(parts[3], 16), checksum(text.rpartition("*")[0])
        if said != found:
            rejected.append(
                rejection(item, ("checksum", f"{found:02X}", f"{said:02X}"))
            )
            continue
        # Fields that an old receiver leaves out at the end are empty.
        yield item, parts[1], [*parts[2].split(","), *[""] * 12]


def _take_rmc(epoch: _Epoch, values: list[str]) -> None:
    _, status, *_ = values
    if status != "A":
        epoch.fault = epoch.fault or ("void", status, "A")
        return
    mode = values[11]
    if mode == "N":
        epoch.fault = epoch.fault or ("void", "mode N", "a mode with a fix")
    epoch.day = _day((values[8][:2], values[8][2:4], values[8][4:])) or epoch.day
    new = {**_position(values[2:6]), "speed": values[6], "course": values[7]}
    epoch.row = {**new, **epoch.row}


def _take_gga(epoch: _Epoch, values: list[str], kind: str) -> None:
    quality, satellites, hdop, altitude = values[5:9]
    if kind == "GNS":
        # One letter a system; N is none.
        quality = "1" if quality.strip("N") else "0"
    if quality in ("", "0"):
        epoch.fault = epoch.fault or ("no-fix", quality or None, "quality 1 to 6")
        return
    if quality in _NOT_MEASURED:
        word = _NOT_MEASURED[quality]
        epoch.fault = epoch.fault or ("not-measured", word, "a measured position")
    new = {
        **_position(values[1:5]),
        "hdop": hdop,
        "satellites": satellites,
        "altitude": altitude,
    }
    epoch.row = {**new, **epoch.row}


def _position(values: list[str]) -> dict[str, object]:
    """Latitude and longitude of `ddmm.mmmm,N,dddmm.mmmm,E`."""
    lat, north, lon, east = values
    if not (lat and lon):
        return {}
    return {"lat": nmea_degrees(lat, north), "lon": nmea_degrees(lon, east)}


def _heading(kind: str, values: list[str]) -> dict[str, object]:
    """A heading sensor's word: true (HDT), magnetic (HDM), or both (HDG)."""
    degrees = number(values[0])
    if degrees is None:
        return {}
    if kind != "HDG":
        return {"heading": degrees, "heading_ref": "T" if kind == "HDT" else "M"}
    for size, letter in ((values[1], values[2]), (values[3], values[4])):
        offset = number(size)
        degrees += 0.0 if offset is None else (-offset if letter == "W" else offset)
    # With its variation the sensor has told true north itself.
    known = number(values[3]) is not None
    return {"heading": degrees, "heading_ref": "T" if known else "M"}


def _seconds(text: str) -> float | None:
    """Since midnight, of `hhmmss.sss`."""
    match = re.fullmatch(r"(\d\d)(\d\d)(\d\d(?:\.\d*)?)", text)
    if match is None:
        return None
    hours, minutes, seconds = int(match[1]), int(match[2]), float(match[3])
    if hours > 23 or minutes > 59 or seconds >= 61.0:
        return None
    return hours * 3600 + minutes * 60 + seconds


def _day(parts: tuple[str, ...] | list[str]) -> date | None:
    """Day, month and a year of two or four digits."""
    day, month, year = parts
    if not all(p.isdecimal() for p in parts):
        return None
    number_of_year = int(year)
    if len(year) == 2:
        # GPS began in 1980.
        number_of_year += 1900 if number_of_year >= 80 else 2000
    try:
        found = date(number_of_year, int(month), int(day))
    except ValueError:
        return None
    return found if 1980 <= found.year < 2100 else None


def _date(epochs: list[_Epoch], rules: ReadingRules) -> None:
    """Write the times of epochs into their rows, dates carried on over midnight."""
    timed = [e for e in epochs if e.seconds is not None]
    dated = next((i for i, e in enumerate(timed) if e.day is not None), None)
    if dated is None:
        if not timed or rules.date is None:
            return
        timed[0].day, dated = date.fromisoformat(rules.date), 0
    for way in (range(dated + 1, len(timed)), range(dated - 1, -1, -1)):
        known = timed[dated]
        for i in way:
            epoch = timed[i]
            if epoch.day is None:
                assert known.day is not None
                epoch.day = known.day + timedelta(days=_midnights(known, epoch))
            known = epoch
    for epoch in timed:
        assert epoch.day is not None
        assert epoch.seconds is not None
        moment = datetime.combine(epoch.day, time(), UTC)
        # Whole microseconds: floats of a day's seconds are not exact.
        moment += timedelta(microseconds=round(epoch.seconds * 1e6))
        epoch.row["time"] = moment.isoformat()


def _midnights(known: _Epoch, epoch: _Epoch) -> int:
    """Days from one time of day to a near one without a date."""
    assert known.seconds is not None
    assert epoch.seconds is not None
    apart = epoch.seconds - known.seconds
    return 1 if apart < -HALF_A_DAY_S else -1 if apart > HALF_A_DAY_S else 0

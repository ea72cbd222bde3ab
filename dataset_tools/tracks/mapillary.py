"""Image descriptions that the Mapillary command-line tools write beside pictures.

`mapillary_image_description.json`: a list of objects, one a picture, those that could
not be processed with an error instead of a position; for a video the object holds the
whole track, longitude before latitude.
"""

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from dataset_tools.errors import UnreadableError
from dataset_tools.records import Fix, Outcome, Rejection
from dataset_tools.tracks.files import load_json
from dataset_tools.tracks.fixes import RowReader, number, rejection
from dataset_tools.tracks.rules import PLAIN, ReadingRules

PREFIX: Final = "MAP"
TRACK: Final = "MAPGPSTrack"
_TIME = re.compile(r"^(\d{4})_(\d\d)_(\d\d)_(\d\d)_(\d\d)_(\d\d)(?:_(\d{1,6}))?$")


def read_mapillary(path: Path, rules: ReadingRules = PLAIN) -> Outcome[Fix]:
    """The fixes of image descriptions, each with the name of its picture.

    The session is the picture's folder, the order that of the file.

    Args:
        path: the JSON file, also with `.gz`.
        rules: the declination of magnetic headings, and what is believed.

    Raises:
        MissingDataError: if the file is not there.
        UnreadableError: if it holds no image description.
    """
    return fixes_of_descriptions(path, load_json(path), rules)


def is_description(document: Any) -> bool:
    """Whether a JSON document is a list of image descriptions.

    >>> is_description([{"filename": "a.jpg", "MAPLatitude": 1.0}])
    True
    """
    entries = document if isinstance(document, list) else [document]
    return any(
        isinstance(entry, dict)
        and (
            any(isinstance(k, str) and k.startswith(PREFIX) for k in entry)
            or ("filename" in entry and "error" in entry)
        )
        for entry in entries
    )


def fixes_of_descriptions(
    path: Path, document: Any, rules: ReadingRules
) -> Outcome[Fix]:
    """The fixes of descriptions that were read from a file.

    Raises:
        UnreadableError: if it holds no image description.
    """
    if not is_description(document):
        message = (
            f"The file {path} holds no image description; objects with MAPLatitude "
            "and MAPLongitude are expected."
        )
        raise UnreadableError(message)
    # The format fixes how times are written.
    reader = RowReader(replace(rules, time_format=None, date=None))
    outcome: Outcome[Fix] = Outcome()
    counts: Counter[str] = Counter()
    for index, entry in enumerate(
        document if isinstance(document, list) else [document]
    ):
        item = f"{path.name}#{index}"
        if not isinstance(entry, dict):
            fault = ("no-object", type(entry).__name__, "an image description")
            outcome.rejected.append(rejection(item, fault))
            continue
        name = str(entry.get("filename") or "").replace("\\", "/")
        folder, _, _ = name.rpartition("/")
        session = name if TRACK in entry else folder
        for k, row in enumerate(_rows(entry, name)):
            where = f"{item}.{k}" if TRACK in entry else item
            found: Fix | Rejection
            if isinstance(row, tuple):
                found = rejection(f"{where} {name}".strip(), row)
            else:
                order = counts[session]
                found = reader.fix(row, item=where, session_id=session, order=order)
            counts[session] += 1
            if isinstance(found, Rejection):
                outcome.rejected.append(found)
            else:
                outcome.kept.append(found)
    return outcome


def _rows(entry: dict[str, Any], name: str) -> list[Any]:
    """The rows of one description, or the fault that stands in their place."""
    if "error" in entry:
        error = entry["error"]
        kind = error.get("type") if isinstance(error, dict) else error
        return [("processing-error", str(kind)[:60], "no error")]
    if TRACK in entry:
        track = entry[TRACK]
        return [_track_row(row) for row in track] if isinstance(track, list) else []
    heading = entry.get("MAPCompassHeading")
    return [
        {
            "lat": entry.get("MAPLatitude"),
            "lon": entry.get("MAPLongitude"),
            "altitude": entry.get("MAPAltitude"),
            "accuracy": entry.get("MAPGPSAccuracyMeters"),
            "time": _time(entry.get("MAPCaptureTime")),
            "picture": name or None,
            **_headings(heading if isinstance(heading, dict) else {}),
        }
    ]


def _headings(compass: dict[str, Any]) -> dict[str, object]:
    """True before magnetic; the tools write both alike where they know only one."""
    true, magnetic = number(compass.get("TrueHeading")), compass.get("MagneticHeading")
    if true is not None:
        return {"heading": true, "heading_ref": "T"}
    return {"heading": magnetic, "heading_ref": "M"}


def _track_row(row: Any) -> Any:
    """[ms, lon, lat, alt, angle, epoch seconds] of a video, the last two optional."""
    if not isinstance(row, list) or len(row) < 3:
        return ("no-position", str(row)[:60], "[ms, lon, lat, alt, angle, epoch]")
    values = [*row, None, None, None][:6]
    _, lon, lat, altitude, angle, epoch = values
    keys = {"lon": lon, "lat": lat, "altitude": altitude, "heading": angle}
    return {**keys, "heading_ref": "T", "time": epoch}


def _time(value: object) -> object:
    """ISO of `2019_06_16_08_44_58_500`; the value itself if it is none."""
    match = _TIME.match(value) if isinstance(value, str) else None
    if match is None:
        return value
    year, month, day, hour, minute, second, fraction = match.groups("0")
    return f"{year}-{month}-{day}T{hour}:{minute}:{second}.{fraction}+00:00"

"""Tracks in GPX 1.0 and 1.1, parsed point by point by an XML parser without entities.

Each track segment is a session: the receiver ended it because it lost the fix or was
switched off. One bad point costs that point, not the file.
"""

from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from dataset_tools.errors import UnreadableError
from dataset_tools.records import Fix, Outcome, Rejection
from dataset_tools.tracks.files import track_bytes
from dataset_tools.tracks.fixes import RowReader
from dataset_tools.tracks.rules import PLAIN, ReadingRules

_FIELDS = {
    "time": "time",
    "ele": "altitude",
    "hdop": "hdop",
    "fix": "fix",
    "course": "course",
    "heading": "heading",
    "speed": "speed",
    "sat": "satellites",
}
"""Element of a point -> field; course is GPX 1.0 or an extension of 1.1."""


def read_gpx(path: Path, rules: ReadingRules = PLAIN) -> Outcome[Fix]:
    """The fixes of a GPX file; its routes where it has no track.

    The session is the file's stem, with `-NNN` where there are several segments.

    Args:
        path: `.gpx`, also with `.gz`.
        rules: what a point must have to be believed.

    Raises:
        MissingDataError: if the file is not there.
        UnreadableError: if it is no GPX, has a DTD or entities, or holds no point.
    """
    root = _root(path)
    segments = [list(_children(s, "trkpt")) for s in _descendants(root, "trkseg")]
    if not any(segments):
        segments = [list(_children(r, "rtept")) for r in _descendants(root, "rte")]
    if not any(segments):
        message = f"The file {path} has no track point; a GPX with <trkpt> is expected."
        raise UnreadableError(message)
    stem = path.name.split(".gpx")[0]
    reader = RowReader(rules, {"speed": "speed_mps"})
    outcome: Outcome[Fix] = Outcome()
    for index, points in enumerate(segments):
        session_id = stem if len(segments) == 1 else f"{stem}-{index:03d}"
        for order, point in enumerate(points):
            item = f"{session_id}:{order}"
            found = reader.fix(
                _row(point), item=item, session_id=session_id, order=order
            )
            if isinstance(found, Rejection):
                outcome.rejected.append(found)
            else:
                outcome.kept.append(found)
    return outcome


def _root(path: Path) -> Element:
    data = track_bytes(path)
    try:
        root: Element = fromstring(data, forbid_dtd=True)
    except DefusedXmlException as error:
        message = f"The track {path} has a DTD or entities, which are refused: {error}."
        raise UnreadableError(message) from error
    except (ParseError, ValueError, LookupError) as error:
        message = f"The track {path} cannot be read as GPX: {error}."
        raise UnreadableError(message) from error
    return root


def _row(point: Element) -> dict[str, object]:
    row: dict[str, object] = {"lat": point.get("lat"), "lon": point.get("lon")}
    for element in point.iter():
        field = _FIELDS.get(_local(element))
        if field is not None and element.text and field not in row:
            row[field] = element.text.strip()
    return row


def _descendants(root: Element, name: str) -> Iterator[Element]:
    return (element for element in root.iter() if _local(element) == name)


def _children(parent: Element, name: str) -> Iterator[Element]:
    return (element for element in parent if _local(element) == name)


def _local(element: Element) -> str:
    """Tag without its namespace, which differs between GPX 1.0 and 1.1."""
    tag = element.tag
    return tag.rsplit("}", 1)[-1] if isinstance(tag, str) else ""

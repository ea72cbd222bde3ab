"""Points and lines as well-known text, with or without Z, M and an SRID."""

import re
from typing import Final

Vertex = tuple[float, float, float | None, float | None]
"""Longitude (or east), latitude (or north), height, measure."""

LONGEST: Final = 10_000_000
"""Characters of one geometry that are looked at."""

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_HEAD = re.compile(
    r"^\s*(?:SRID=(?P<srid>\d+);)?\s*"
    r"(?P<kind>POINT|MULTIPOINT|LINESTRING|MULTILINESTRING)\s*(?P<axes>ZM|Z|M)?\s*"
    r"(?P<body>\(.*\))\s*$",
    re.IGNORECASE | re.DOTALL,
)
_PART = re.compile(r"\(([^()]*)\)")


def parse_wkt(text: str) -> list[list[Vertex]] | None:
    """The parts of a point or line, each a list of its vertices; None if it is neither.

    The SRID of EWKT must be 4326, that of longitude and latitude.

    >>> parse_wkt("POINT(11.5 48.1)")
    [[(11.5, 48.1, None, None)]]
    >>> parse_wkt("LINESTRING M (1 2 0, 3 4 7.5)")
    [[(1.0, 2.0, None, 0.0), (3.0, 4.0, None, 7.5)]]
    >>> parse_wkt("POINT EMPTY") is parse_wkt("POLYGON((0 0, 1 1, 1 0, 0 0))") is None
    True
    """
    if len(text) > LONGEST:
        return None
    head = _HEAD.match(text)
    if head is None or head["srid"] not in (None, "4326"):
        return None
    axes = (head["axes"] or "").upper()
    parts = [
        [_vertex(vertex, axes) for vertex in part.split(",")]
        for part in _PART.findall(head["body"])
    ]
    if not parts or any(v is None for part in parts for v in part):
        return None
    return [[v for v in part if v is not None] for part in parts]


def _vertex(text: str, axes: str) -> Vertex | None:
    words = text.split()
    if len(words) not in ((2, 3, 4) if not axes else (2 + len(axes),)):
        return None
    if not all(re.fullmatch(_NUMBER, word) for word in words):
        return None
    x, y, *rest = (float(word) for word in words)
    if axes == "M":
        return x, y, None, rest[0]
    height = rest[0] if rest else None
    return x, y, height, rest[1] if len(rest) > 1 else None

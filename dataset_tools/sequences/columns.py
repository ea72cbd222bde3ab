"""Sequences of a track in columns: numbers of rows in, numbers of rows out.

`form_sequences` says the same of `Frame` records and rests on this module. A track is
cut into pieces; each row would begin a window; of the sound ones the first is taken,
then the first behind its stride, and so on. Every row is in a sequence or has a reason.
"""

from array import array
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dataset_tools.errors import UsageError
from dataset_tools.geodesy import Columns, ecef_columns
from dataset_tools.sequences.circles import circles, joined_circles
from dataset_tools.sequences.pieces import Codes, Pieces, pieces_of
from dataset_tools.sequences.rule import SequenceRule
from dataset_tools.sequences.windows import Reason, Windows, windows_from
from dataset_tools.tracks.columns import session_blocks
from dataset_tools.tracks.rows import Booleans, Floats, Integers, TrackColumns


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceColumns:
    """S sequences over the N rows of a track, and why each other row is in none."""

    query: Integers
    """[S] row of the middle frame, or of the centre; it is the query's position."""
    first: Integers
    """[S] first row of the window."""
    stop: Integers
    """[S] the row behind its last."""
    others: Integers
    """[M] rows of other passes that were joined to the window's own."""
    offset: Integers
    """[S + 1] where in `others` those of each sequence begin."""
    length_m: Floats
    """[S] path length of the window."""
    reason: Codes
    """[N] a `Reason`, 0 where the row is in a sequence."""
    measured: Floats
    """[N] what was measured; NaN where the row is in a sequence or it is no number."""
    limit: Floats
    """[N] what it was held against."""

    def __len__(self) -> int:
        """Sequences."""
        return len(self.query)


def form_columns(
    track: TrackColumns, rule: SequenceRule, *, places: Columns | None = None
) -> SequenceColumns:
    """The sequences along each session of a cleaned track.

    Args:
        track: N rows; those of a session together, in order of travel.
        rule: what a sequence is.
        places: Earth-centred x, y, z of the rows, each [N] metres, where they are at
            hand already, as `clean_columns` leaves them.

    Raises:
        UsageError: if the sessions of the track do not lie together.
    """
    if bool(np.any(track.session[1:] < track.session[:-1])):
        message = (
            "The rows of the track are not sorted by session, so no sequence can be "
            "formed; pass what clean_columns kept."
        )
        raise UsageError(message)
    if places is None:
        places = ecef_columns(track.lat, track.lon)
    if rule.join_passes:
        return _joined(pieces_of(track, places, rule), rule)
    blocks = []
    for a, b in session_blocks(track.session):
        x, y, z = (axis[a:b] for axis in places)
        pieces = pieces_of(track.part(a, b), (x, y, z), rule)
        blocks.append((a, _of_pieces(pieces, rule)))
    return _in_one(blocks)


def _of_pieces(pieces: Pieces, rule: SequenceRule) -> SequenceColumns:
    around = rule.rule == "radius"
    windows = circles(pieces, rule) if around else windows_from(pieces, rule)
    rows = np.arange(len(pieces))
    behind = np.minimum(rows + rule.stride, pieces.stop)
    if around and not rule.overlap:
        picked, behind = _pick_apart(windows), rows + 1
    else:
        if not around:
            # A window that ends with its piece leaves nothing to those behind it.
            ends = windows.stop == pieces.stop
            behind = np.where(ends | (not rule.overlap), windows.stop, behind)
        picked = _pick(windows.reason == Reason.KEPT, behind)
    first, stop = windows.first[picked], windows.stop[picked]
    reason, measured, limit = _left_over(
        pieces, windows, picked, behind, stride=rule.stride
    )
    return SequenceColumns(
        query=picked if around else first + (stop - first) // 2,
        first=first,
        stop=stop,
        others=np.empty(0, np.int64),
        offset=np.zeros(len(picked) + 1, np.int64),
        length_m=pieces.along_m[stop - 1] - pieces.along_m[first],
        reason=reason,
        measured=measured,
        limit=limit,
    )


def _pick(sound: Booleans, behind: Integers) -> Integers:
    """The first sound row, then the first at or after `behind` that row, and so on.

    Args:
        sound: [N] whether a sequence can begin at a row.
        behind: [N] where to look next, at least one further on.
    """
    ahead = _next_sound(sound).data
    then = np.ascontiguousarray(behind).data
    picked = array("q")
    count, row = len(sound), 0
    while row < count:
        row = ahead[row]
        if row == count:
            break
        picked.append(row)
        row = then[row]
    return np.array(picked, np.int64)


def _pick_apart(windows: Windows) -> Integers:
    """Sound windows in order, each the next one that begins behind the last."""
    ahead = _next_sound(windows.reason == Reason.KEPT).data
    first, stop = windows.first.data, windows.stop.data
    picked = array("q")
    count, row, used = len(first), 0, 0
    while row < count:
        row = ahead[row]
        if row == count:
            break
        if first[row] >= used:
            picked.append(row)
            used = stop[row]
        row += 1
    return np.array(picked, np.int64)


def _next_sound(sound: Booleans) -> Integers:
    """[N] the first sound row at or behind each row, N where there is none."""
    count = len(sound)
    at = np.where(sound, np.arange(count), count)
    return np.ascontiguousarray(np.minimum.accumulate(at[::-1])[::-1])


def _left_over(
    pieces: Pieces,
    windows: Windows,
    picked: Integers,
    behind: Integers,
    *,
    stride: int,
) -> tuple[Codes, Floats, Floats]:
    """[N] reason, measure and limit of the rows that no picked window holds."""
    rows = np.arange(len(pieces))
    last = np.searchsorted(picked, rows, side="right") - 1
    before = picked[np.maximum(last, 0)] if picked.size else np.zeros_like(rows)
    known = (last >= 0) & (before >= pieces.start)
    speaker = windows.speaker
    # A row between a sequence's start and its stride was never tried as a start.
    tried = ~known | (speaker >= behind[before])
    out = ~_covered(windows.first[picked], windows.stop[picked], len(rows))
    speaks = out & tried & (windows.reason[speaker] != Reason.KEPT)
    reason = np.where(speaks, windows.reason[speaker], Reason.STRIDE_REMAINDER)
    measured = np.where(speaks, windows.measured[speaker], pieces.stop - rows)
    limit = np.where(speaks, windows.limit[speaker], float(stride))
    reason[~out], measured[~out], limit[~out] = Reason.KEPT, np.nan, np.nan
    return reason.astype(np.uint8), measured, limit


def _covered(first: Integers, stop: Integers, count: int) -> Booleans:
    """[count] whether a row lies in one of the windows."""
    reach = np.zeros(count, np.int64)
    np.maximum.at(reach, first, stop)
    held: Booleans = np.arange(count) < np.maximum.accumulate(reach)
    return held


def _joined(pieces: Pieces, rule: SequenceRule) -> SequenceColumns:
    found = joined_circles(pieces, circles(pieces, rule), rule)
    out = ~_covered(found.first, found.stop, len(pieces))
    out[found.others] = False
    few = found.few > 0
    left = np.where(few, Reason.TOO_FEW_IN_RADIUS, Reason.STRIDE_REMAINDER)
    rest = pieces.stop - np.arange(len(pieces))
    return SequenceColumns(
        query=found.centre,
        first=found.first,
        stop=found.stop,
        others=found.others,
        offset=found.offset,
        length_m=pieces.along_m[found.stop - 1] - pieces.along_m[found.first],
        reason=np.where(out, left, Reason.KEPT).astype(np.uint8),
        measured=np.where(out, np.where(few, found.few, rest), np.nan),
        limit=np.where(out, np.where(few, rule.least, rule.stride), np.nan),
    )


def _in_one(blocks: list[tuple[int, SequenceColumns]]) -> SequenceColumns:
    """Blocks of rows behind one another, without joined passes."""
    parts = [block for _, block in blocks]
    shifts = np.array([shift for shift, _ in blocks], np.int64)
    shift = np.repeat(shifts, [len(part) for part in parts])

    def joined(name: str, kind: type[np.generic]) -> npt.NDArray[Any]:
        return np.concatenate([np.empty(0, kind), *(getattr(p, name) for p in parts)])

    return SequenceColumns(
        query=joined("query", np.int64) + shift,
        first=joined("first", np.int64) + shift,
        stop=joined("stop", np.int64) + shift,
        others=np.empty(0, np.int64),
        offset=np.zeros(len(shift) + 1, np.int64),
        length_m=joined("length_m", np.float64),
        reason=joined("reason", np.uint8),
        measured=joined("measured", np.float64),
        limit=joined("limit", np.float64),
    )

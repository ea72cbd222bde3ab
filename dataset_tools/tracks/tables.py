"""Rows of a table to fixes: the sessions they are in, and the order they belong in."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

from dataset_tools.records import Fix, Outcome, Rejection
from dataset_tools.tracks.fixes import Row, RowReader, is_blank, number

SHUFFLED: Final = 0.1
"""Share of steps back in time from which rows are in no order at all. A log has a few
such steps, and cleaning leaves them out; a table out of a database has half."""


def fixes_of_rows(
    rows: Iterable[tuple[str, Row]], reader: RowReader, session: str
) -> Outcome[Fix]:
    """The fixes of a table's rows; the session's rows in the order they belong in.

    That is the order that a column states, else that of the file; that of time where
    every row has one and the file's is no order.

    Args:
        rows: (how a rejection names it, field -> value), in the order of the file.
        reader: of rows.
        session: of rows that state none.
    """
    outcome: Outcome[Fix] = Outcome()
    counts: Counter[str] = Counter()
    stated: list[float | None] = []
    for item, row in rows:
        name = row.get("session")
        session_id = session if is_blank(name) else str(name).strip()
        vertices = reader.rows(row)
        for k, vertex in enumerate(vertices):
            found = reader.fix(
                vertex,
                item=f"{item}.{k}" if len(vertices) > 1 else item,
                session_id=session_id,
                order=counts[session_id],
            )
            counts[session_id] += 1
            if isinstance(found, Rejection):
                outcome.rejected.append(found)
            else:
                outcome.kept.append(found)
                stated.append(number(row.get("order")))
    return Outcome(_reordered(outcome.kept, stated), outcome.rejected)


def _reordered(fixes: list[Fix], stated: Sequence[float | None]) -> list[Fix]:
    """The fixes as the file has them, their `order` that in which they belong."""
    sessions: dict[str, list[int]] = {}
    for i, fix in enumerate(fixes):
        sessions.setdefault(fix.session_id, []).append(i)
    renamed = list(fixes)
    for members in sessions.values():
        keys = [stated[i] for i in members]
        if any(key is None for key in keys):
            times = [fixes[i].time for i in members]
            keys = [float(k) for k in _ranks(times)] if _is_shuffled(times) else []
        for rank, k in enumerate(
            sorted(range(len(keys)), key=lambda k: keys[k] or 0.0)
        ):
            renamed[members[k]] = replace(fixes[members[k]], order=rank)
    return renamed


def _is_shuffled(times: Sequence[int | None]) -> bool:
    """Whether every time is known and the file's order is none."""
    known = [time for time in times if time is not None]
    back = sum(a > b for a, b in pairwise(known))
    return len(known) == len(times) and back > SHUFFLED * (len(times) - 1)


def _ranks(times: Sequence[int | None]) -> list[int]:
    """Place of each time among all, equal ones in the order of the file."""
    ranks = [0] * len(times)
    for rank, i in enumerate(sorted(range(len(times)), key=lambda i: times[i] or 0)):
        ranks[i] = rank
    return ranks

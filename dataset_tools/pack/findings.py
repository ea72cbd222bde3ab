"""What a check reports: one finding a kind of fault, with its count and examples."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Literal

Severity = Literal["error", "warning", "note"]
"""error: the pack breaks its contract; warning: it leaks or misleads; note: good to
know."""

EXAMPLES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One kind of fault of a pack.

    Attributes:
        code: a short constant such as "missing-frame".
        severity: see `Severity`.
        message: what is wrong, with what was expected and what to do.
        count: how many items are concerned.
        examples: the first of them, sorted.
    """

    code: str
    severity: Severity
    message: str
    count: int = 1
    examples: tuple[str, ...] = ()


def found(
    code: str, items: Iterable[object], message: str, *, severity: Severity = "error"
) -> list[Finding]:
    """A finding about these items, or none if there is no item.

    Args:
        code: a short constant.
        items: what is concerned, in any order, doubles counted once.
        message: a sentence; `{n}` in it becomes the count.
        severity: how bad it is.
    """
    names = sorted({str(item) for item in items})
    if not names:
        return []
    examples = tuple(islice(names, EXAMPLES))
    text = message.replace("{n}", str(len(names))) + f" First: {examples[0]!r}."
    return [
        Finding(
            code=code,
            severity=severity,
            message=text,
            count=len(names),
            examples=examples,
        )
    ]


def exit_code(findings: Iterable[Finding]) -> int:
    """0 without findings of weight, 1 with warnings, 4 with errors.

    >>> exit_code([Finding(code="a", severity="note", message="")])
    0
    """
    severities = {f.severity for f in findings}
    return 4 if "error" in severities else 1 if "warning" in severities else 0

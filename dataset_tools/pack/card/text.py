"""The card of a pack as Markdown: `card.md`."""

import json
from collections.abc import Mapping
from typing import Any, Final

from dataset_tools.pack.format import (
    HISTOGRAMS_FILE,
    LICENCE_KEYS,
    MAP_FILE,
    SHEET_FILE,
)

BAR: Final = 30
"""Characters of the longest bar of a histogram."""

Histogram = Mapping[str, int]


PRIVATE: Final = (
    "**Private:** the pictures of this pack may not be passed on; see the licences."
)


def card_text(facts: Mapping[str, Any]) -> str:
    """The card as Markdown."""
    counts = ", ".join(f"{v:,} {_escape(k)}" for k, v in facts["counts"].items())
    parts = [
        f"# {_escape(facts['name'])}",
        f"{counts}. Encoding: {facts['encoding']}.",
        *([PRIVATE] if facts["private"] else []),
        f"![Sequences, tiles and splits]({MAP_FILE})",
        f"![Some sequences on their tiles, with fields of view]({SHEET_FILE})",
        "## Extent\n\n" + _extent_text(facts),
        "## Licences\n\n" + _table(LICENCE_KEYS, licence_rows(facts["licences"])),
        "## Splits\n\n" + _table(("scheme", "split", "kind", "items"), facts["splits"]),
    ]
    for title in ("strata", "projections", "seasons"):
        rows = list(facts[title].items())
        parts.append(f"## {title.capitalize()}\n\n" + _table((title, "items"), rows))
    parts.append("## Left out\n\n" + _rejections(facts["rejections"]))
    parts.append(f"![Spacing, speed, heading, overlap and more]({HISTOGRAMS_FILE})")
    for title, histogram in facts["histograms"].items():
        parts.append(f"## {title}\n\n{_bars(histogram)}")
    if facts["preprocessing"]:
        parts.append("## Preprocessing\n\n" + _as_json(facts["preprocessing"]))
    parts.append("## Made by\n\n" + _as_json(facts["made_by"]))
    parts.append(f"Content SHA-256: `{facts['content_sha256']}`")
    return "\n\n".join(parts) + "\n"


def licence_rows(licences: list[Any]) -> list[list[str]]:
    """Source, licence and attribution of each entry that is one."""
    return [
        [str(entry.get(key) or "") for key in LICENCE_KEYS]
        for entry in licences
        if isinstance(entry, dict)
    ]


def _extent_text(facts: Mapping[str, Any]) -> str:
    extent, captured = facts["extent"], facts["captured"]
    if extent is None:
        return "The pack holds no frame and no tile of known position."
    where = (
        f"Latitude {extent['south']:.5f} to {extent['north']:.5f}, longitude "
        f"{extent['west']:.5f} to {extent['east']:.5f}: about "
        f"{extent['width_m'] / 1000:.2f} by {extent['height_m'] / 1000:.2f} km."
    )
    if captured["first"] is None:
        return where + " The date of the imagery is unknown."
    when = f" Imagery captured {captured['first']} to {captured['last']}"
    unknown = f", unknown for {captured['unknown']:,} tiles"
    return where + when + (unknown if captured["unknown"] else "") + "."


def _rejections(rejections: Mapping[str, Any]) -> str:
    rows = [
        [stage, reason, count]
        for stage, reasons in rejections.items()
        for reason, count in (reasons or {"nothing": 0}).items()
    ]
    return _table(("stage", "reason", "items"), rows)


def _as_json(value: Mapping[str, Any]) -> str:
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
    # A fence longer than any run of back-ticks inside cannot be closed from inside.
    return f"````json\n{text.replace('````', '')}\n````"


def _table(head: tuple[str, ...], rows: list[Any]) -> str:
    if not rows:
        return "None."
    lines = [
        "| " + " | ".join(head) + " |",
        "| " + " | ".join(["---"] * len(head)) + " |",
    ]
    for row in rows:
        cells = [f"{v:,}" if isinstance(v, int) else _escape(v) for v in row]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _bars(histogram: Histogram) -> str:
    if not histogram:
        return "None."
    most = max(histogram.values()) or 1
    width = max(len(k) for k in histogram)
    lines = [
        f"{key:>{width}} {'#' * round(BAR * n / most):<{BAR}} {n:,}"
        for key, n in histogram.items()
    ]
    return "```\n" + "\n".join(lines).replace("`", "'") + "\n```"


def _escape(value: Any) -> str:
    """Text that is only text in a Markdown table: names come from strangers."""
    text = " ".join(str(value).split())
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("|", "&#124;")):
        text = text.replace(sign, entity)
    return "".join("\\" + c if c in "\\`*_[]!#" else c for c in text)

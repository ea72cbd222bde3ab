"""`report.html` of a run: tables, figures, maps, and queries with their first tiles.

One file without scripts and without addresses: pictures are data URIs, the policy in
its head forbids everything else, and every text passes jinja2's autoescape.
"""

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geobench import __version__
from geobench.errors import DataError
from geobench.report.figures import draw_bars, draw_curve
from geobench.report.gallery import Card, data_uri, make_cards
from geobench.report.map import AreaMap, draw_map
from geobench.report.sources import (
    Entry,
    find_packs,
    load_entries,
    load_ranks,
    open_pack,
)
from geobench.report.tables import NAMES, page_table
from geobench.results import write_whole

MAX_CARDS = 96
"""Cards on one page; at about 60 kB each this keeps it under 8 MB with its figures."""
PER_GROUP = 3
"""Hits, and misses, shown at most for one model and protocol."""
MAX_MAPS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The cards of one model on one task."""

    entry: Entry
    cards: list[Card]


@dataclass(frozen=True, slots=True, kw_only=True)
class PackNote:
    """What a pack holds and what was left out of it."""

    name: str
    counts: dict[str, int]
    rejections: list[tuple[str, str, int]]
    """(stage, reason, how many)."""


def write_report(run: Path) -> Path:
    """Write RUN/report.html and RUN/figures/*.png.

    Args:
        run: a run folder with `results/`, and `packs/` where the tested packs are;
            without them the page says so and shows no pictures.

    Returns:
        The path of the page.

    Raises:
        DataError: if the folder or its results are missing.
    """
    if not run.is_dir():
        raise DataError(
            f"{run} is no folder, so it has no results to report. "
            "Give the folder that `geobench demo --run` wrote."
        )
    entries = load_entries(run)
    packs = find_packs(run, (e.pack_name for e in entries))
    html = _render(
        title=run.resolve().name,
        entries=entries,
        tables={n: page_table([e.content for e in entries], n) for n in NAMES},
        figures=_figures(entries, run / "figures"),
        groups=_groups(entries, packs),
        maps=_maps(entries, packs),
        notes=[_note(path) for path in packs.values()],
        environment=_environment(run),
    )
    page = run / "report.html"
    write_whole(page, lambda file: file.write(html.encode("utf-8")))
    return page


def switches_of(entries: list[Entry], protocol: str = "cross-area") -> list[str]:
    """Names of the differences between regions that a protocol's tasks turn on."""
    return sorted(
        {
            str(switch)
            for entry in entries
            if entry.task["protocol"] == protocol
            for switch in entry.task.get("switches") or ()
        }
    )


def _figures(entries: list[Entry], folder: Path) -> dict[str, str]:
    """Data URIs of the figures that could be drawn, by name."""
    areas = [e for e in entries if e.task["protocol"] in ("same-area", "cross-area")]
    lengths = [e for e in entries if e.task["protocol"] == "sequence-length"]
    drawn = {
        "bars": draw_bars(areas, folder / "recall-at-1.png"),
        "curve": draw_curve(lengths, folder / "sequence-length.png"),
    }
    return {
        name: data_uri(path.read_bytes(), "image/png")
        for name, path in drawn.items()
        if path is not None
    }


def _shown(entries: list[Entry], packs: dict[str, Path]) -> list[Entry]:
    """Results worth pictures: trained models if any, the area protocols if any."""
    found = [e for e in entries if e.pack_name in packs and e.ranks_path.is_file()]
    trained = [e for e in found if not e.is_floor] or found
    areas = [e for e in trained if e.task["protocol"] in ("same-area", "cross-area")]
    return sorted(
        areas or trained,
        key=lambda e: (e.label, e.task["protocol"] != "same-area", e.task["id"]),
    )


def _groups(entries: list[Entry], packs: dict[str, Path]) -> list[Group]:
    """Cards for each model, on its first task of each protocol."""
    first: dict[tuple[str, str], Entry] = {}
    for entry in _shown(entries, packs):
        first.setdefault((entry.label, str(entry.task["protocol"])), entry)
    each = max(1, min(PER_GROUP, MAX_CARDS // max(1, 2 * len(first))))
    groups = []
    for entry in list(first.values())[: MAX_CARDS // 2]:
        ranks = load_ranks(entry)
        if ranks is not None:
            with _opened(packs[entry.pack_name]) as pack:
                cards = make_cards(pack, entry, ranks, hits=each, misses=each)
            groups.append(Group(entry=entry, cards=cards))
    return groups


def _maps(entries: list[Entry], packs: dict[str, Path]) -> list[AreaMap]:
    """One map a pack and protocol, of the model that did best there."""
    best: dict[tuple[str, str], Entry] = {}
    for entry in _shown(entries, packs):
        key = (str(entry.task["protocol"]), entry.pack_name)
        if key not in best or _recall(entry) > _recall(best[key]):
            best[key] = entry
    maps = []
    for key in sorted(best, key=lambda k: (k[0] != "same-area", k))[:MAX_MAPS]:
        ranks = load_ranks(best[key])
        if ranks is not None and len(ranks.query_ids):
            with _opened(packs[best[key].pack_name]) as pack:
                maps.append(draw_map(pack, best[key], ranks))
    return maps


def _recall(entry: Entry) -> float:
    found = entry.metric("recall@1")
    return -1.0 if found is None else found.value


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    with open_pack(path) as pack:
        yield pack


def _note(path: Path) -> PackNote:
    meta = json.loads((path / "pack.json").read_text(encoding="utf-8"))
    return PackNote(
        name=str(meta.get("name", path.name)),
        counts={str(k): int(v) for k, v in sorted(meta.get("counts", {}).items())},
        rejections=[
            (str(stage), str(reason), int(count))
            for stage, reasons in sorted(meta.get("rejections", {}).items())
            for reason, count in sorted(reasons.items(), key=lambda kv: (-kv[1], kv[0]))
        ],
    )


def _environment(run: Path) -> list[tuple[str, str]]:
    """Plain entries of RUN/environment.json, sorted."""
    path = run / "environment.json"
    if not path.is_file():
        return []
    content = json.loads(path.read_text(encoding="utf-8"))
    plain = (str, int, float, bool)
    return [(k, str(v)) for k, v in sorted(content.items()) if isinstance(v, plain)]


def _render(*, title: str, entries: list[Entry], **parts: Any) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("geobench.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    loader = environment.loader
    assert loader is not None  # set one line above
    style = loader.get_source(environment, "report.css")[0]
    digest = hashlib.sha256(style.encode("utf-8")).digest()
    return environment.get_template("report.html.j2").render(
        title=title,
        style=Markup(style),  # our own file; its hash is the policy's only style
        style_hash=base64.b64encode(digest).decode("ascii"),
        headline=_headline(entries),
        switches=switches_of(entries),
        partial=[e for e in entries if e.content.get("partial")],
        tied=[e for e in entries if e.content["counts"].get("tied_queries")],
        version=__version__,
        **parts,
    )


def _headline(entries: list[Entry]) -> list[tuple[str, str, str]]:
    """(what, number, remark): the best trained model, and the best floor beside it."""
    rows = []
    for protocol in ("same-area", "cross-area"):
        found = [e for e in entries if e.task["protocol"] == protocol]
        trained = [e for e in found if not e.is_floor]
        if trained:
            top = max(trained, key=_recall)
            rows.append(_number(f"R@1 {protocol}, best model", top))
            found = [e for e in found if e.task["id"] == top.task["id"]]
        floors = [e for e in found if e.is_floor]
        if floors:
            best = max(floors, key=_recall)
            rows.append(_number(f"R@1 {protocol}, best floor there", best))
    return rows


def _number(what: str, entry: Entry) -> tuple[str, str, str]:
    counts = entry.content["counts"]
    remark = (
        f"{entry.label}; {counts['queries']} queries, "
        f"{counts['references']} tiles of {entry.pack_name}"
    )
    return what, f"{100 * max(_recall(entry), 0.0):.1f} %", remark

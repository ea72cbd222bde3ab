"""`geobench data audit`: what leaks between splits, or between packs."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dataset_tools.settings.audit import AuditSettings
from geobench.cli import options
from geobench.cli.from_settings import SettingsCommand, options_of, parsed

if TYPE_CHECKING:
    from dataset_tools.audit import AuditReport, Leak

MEANING = {
    "shared": "stand in both",
    "same-place": "lie near one of the other",
    "same-ground": "show ground of one of the other",
    "same-pixels": "have the pixels of one of the other",
    "near-duplicate": "look like one of the other",
    "double": "have the pixels of another in the same part",
}


@click.command(
    cls=SettingsCommand, epilog="Example: geobench data audit packs/home.pack"
)
@click.argument(
    "packs",
    nargs=-1,
    required=True,
    type=options.ExistingPath(path_type=Path, file_okay=False),
)
@options_of(AuditSettings)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for audit.json, maps and the worst pairs side by side.",
)
@options.workers
@options.as_json
@click.pass_context
def command(
    ctx: click.Context,
    packs: tuple[Path, ...],
    out: Path | None,
    workers: int,
    as_json: bool,
    **given: Any,
) -> None:
    """Report what leaks between the splits of a pack, or between several PACKS.

    Looks for frames and tiles that stand in two splits, frames at the same place,
    tiles that show the same ground, and pictures that are equal or look alike. Exits
    with 1 if it finds any. Equal pictures within one split are told and are no leak.
    """
    from contextlib import ExitStack

    from dataset_tools.audit import audit
    from dataset_tools.pack.atomic import write_text
    from dataset_tools.pack.read import Pack

    settings = parsed(AuditSettings, given)
    with ExitStack() as stack:
        opened = [stack.enter_context(Pack.open(path)) for path in packs]
        with _Bar(hidden=as_json) as bar:
            report = audit(opened, settings, workers=workers, progress=bar)
        summary = json.dumps(_summary(report), indent=2, ensure_ascii=False)
        if out is not None:
            from dataset_tools.audit.draw import draw

            draw(report, out)
            write_text(out / "audit.json", summary + "\n")
    click.echo(summary if as_json else _as_text(report, out))
    ctx.exit(1 if report.findings else 0)


class _Bar:
    """Pictures hashed so far, as a bar on stderr."""

    def __init__(self, *, hidden: bool) -> None:
        from tqdm import tqdm

        self._bar = tqdm(desc="pictures", disable=True if hidden else None)

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def __call__(self, done: int, total: int) -> None:
        self._bar.total, self._bar.n = total, done
        self._bar.update(0)


def _summary(report: "AuditReport") -> dict[str, Any]:
    return {
        "compared": [
            {
                "scheme": c.scheme,
                "a": c.a.name,
                "b": c.b.name,
                "frames": [len(c.a.frames), len(c.b.frames)],
                "tiles": [len(c.a.tiles), len(c.b.tiles)],
            }
            for c in report.comparisons
        ],
        "findings": [_record(one) for one in report.findings],
        "doubles": [_record(one) for one in report.leaks if not one.is_finding],
        "flat_pictures": report.flat,
        "damaged_pictures": report.damaged,
    }


def _record(one: "Leak") -> dict[str, Any]:
    from dataclasses import asdict

    from dataset_tools.audit.leak import UNITS

    return {
        "kind": one.kind,
        "items": one.items,
        "scheme": one.scheme,
        "a": {"name": one.a, "concerned": len(one.in_a), "of": one.of_a},
        "b": {"name": one.b, "concerned": len(one.in_b), "of": one.of_b},
        "unit": UNITS.get(one.kind),
        "worst": [asdict(pair) for pair in one.worst],
    }


def _as_text(report: "AuditReport", out: Path | None) -> str:
    lines = []
    for c in report.comparisons:
        lines.append(
            f"{_where(c.scheme, c.a.name, c.b.name)}: "
            f"{len(c.a.frames):,} and {len(c.b.frames):,} frames, "
            f"{len(c.a.tiles):,} and {len(c.b.tiles):,} tiles compared."
        )
        own = (c.scheme, c.a.name, c.b.name)
        for one in report.findings:
            lines += _told(one) if (one.scheme, one.a, one.b) == own else []
    for one in report.leaks:
        lines += [] if one.is_finding else _told(one)
    for count, what in (
        (report.flat, "pictures show one flat grey and were not compared"),
        (report.damaged, "pictures cannot be read; see geobench data check"),
    ):
        if count:
            lines.append(f"Note: {count:,} {what}.")
    count = len(report.findings)
    lines.append(f"Leaks found: {count}." if count else "Nothing leaks.")
    if out is not None:
        lines.append(f"Maps and pairs are in {out}.")
    return "\n".join(lines)


def _told(one: "Leak") -> list[str]:
    share = f"{len(one.in_b):,} of {one.of_b:,} {one.items} of {one.b}"
    if one.is_finding and one.kind != "shared":
        share += f" and {len(one.in_a):,} of {one.of_a:,} of {one.a}"
    head = "  LEAK" if one.is_finding else f"Note, {one.scheme or one.a}:"
    lines = [f"{head} {one.kind}: {share} {MEANING[one.kind]}."]
    return [*lines, *(f"       {one.caption(pair)}" for pair in one.worst[:3])]


def _where(scheme: str, a: str, b: str) -> str:
    return f"{scheme}: {a} and {b}" if scheme else f"{a} and {b}"

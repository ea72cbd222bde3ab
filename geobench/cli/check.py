"""`geobench data check`: whether a pack keeps its promises, or what a folder is."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from geobench.cli import options

if TYPE_CHECKING:
    from dataset_tools.originals.checking import ReleaseReport


@click.command(epilog="Example: geobench data check packs/home.pack")
@options.existing_path("path")
@click.option(
    "--decode", is_flag=True, help="Also decode every picture (some hundreds a second)."
)
@options.as_json
@click.pass_context
def command(ctx: click.Context, path: Path, decode: bool, as_json: bool) -> None:
    """Check the pack at PATH, or say which released data set PATH holds.

    Of a pack (a folder with pack.json) every promise of its format, from hash to
    footprints. Of a released folder which one it is, which pictures are missing and
    how to import it, from lists and listings alone. Exit code 0: nothing found; 1: a
    pack leaks or misleads, a folder is not as released; 3: nothing can be made of it;
    4: a pack is damaged or breaks its contract.
    """
    ctx.exit(
        _check_pack(path, decode=decode, as_json=as_json)
        if (path / "pack.json").exists()
        else _check_release(path, as_json=as_json)
    )


def _check_pack(path: Path, *, decode: bool, as_json: bool) -> int:
    from dataclasses import asdict

    from dataset_tools.pack.findings import exit_code
    from dataset_tools.pack.isolated import check_isolated

    findings = check_isolated(path, decode_pictures=decode)
    if as_json:
        rows = [asdict(f) for f in findings]
        click.echo(json.dumps({"path": str(path), "findings": rows}, indent=2))
    else:
        for finding in findings:
            click.echo(f"{finding.severity:<8} {finding.code}: {finding.message}")
        click.echo(f"{path}: {len(findings) or 'no'} finding(s).")
    return exit_code(findings)


def _check_release(path: Path, *, as_json: bool) -> int:
    from dataclasses import asdict

    from dataset_tools.originals.checking import check_release

    reports = check_release(path)
    if as_json:
        rows = [asdict(r) for r in reports]
        click.echo(json.dumps({"path": str(path), "releases": rows}, indent=2))
    else:
        click.echo("\n\n".join(_as_text(r) for r in reports))
    return 1 if any(r.findings for r in reports) else 0


def _as_text(report: "ReleaseReport") -> str:
    rows = [
        ("data set", f"{report.data_set}, {report.variant}"),
        ("folder", report.folder),
        ("lists", _counted(report.counts)),
        ("pictures", _counted(report.folders)),
        ("missing", f"{report.missing:,} of {report.wanted:,} named by the lists"),
        *(("", name) for name in report.first_missing),
    ]
    if report.missing > len(report.first_missing):
        rows.append(("", "..."))
    rows.append(("sampled", _counted(report.sampled)))
    rows += [("finding", text) for text in report.findings]
    rows += [("note", text) for text in report.notes]
    rows.append(("import", report.command))
    return "\n".join(f"{name:<9} {text}" for name, text in rows)


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {n:,}" for name, n in counts.items()) or "none"

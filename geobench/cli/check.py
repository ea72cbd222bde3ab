"""`geobench data check`: whether a pack keeps its promises."""

import json
from pathlib import Path

import click

from geobench.cli import options


@click.command(epilog="Example: geobench data check packs/home.pack")
@options.existing_path("path")
@click.option(
    "--decode", is_flag=True, help="Also decode every picture (some hundreds a second)."
)
@options.as_json
@click.pass_context
def command(ctx: click.Context, path: Path, decode: bool, as_json: bool) -> None:
    """Check hash, checksums, schema, references and splits of the pack at PATH.

    Exit code 0: nothing found; 1: it leaks or misleads; 4: it is damaged or breaks
    its contract.
    """
    from dataclasses import asdict

    from dataset_tools.pack.check import check_pack, exit_code

    findings = check_pack(path, decode_pictures=decode)
    code = exit_code(findings)
    if as_json:
        rows = [asdict(f) for f in findings]
        click.echo(json.dumps({"path": str(path), "findings": rows}, indent=2))
    else:
        for finding in findings:
            click.echo(f"{finding.severity:<8} {finding.code}: {finding.message}")
        click.echo(f"{path}: {len(findings) or 'no'} finding(s).")
    ctx.exit(code)

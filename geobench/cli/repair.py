"""`geobench data repair`: what a checksum condemns, had again or left out."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dataset_tools.settings.repair import RepairSettings
from geobench.cli import options
from geobench.cli.from_settings import SettingsCommand, options_of, parsed

if TYPE_CHECKING:
    from dataset_tools.pack.repair import Repaired


@click.command(
    cls=SettingsCommand,
    epilog="Example: geobench data repair home.pack --from backup/home.pack",
)
@options.existing_path("path")
@click.option(
    "--from",
    "copies",
    type=options.ExistingPath(path_type=Path, file_okay=False),
    multiple=True,
    help="A copy of the pack, or a pack with some of its pictures; repeatable.",
)
@options_of(RepairSettings)
@click.option(
    "--drop",
    is_flag=True,
    help="Leave out pictures that no source gives, and all that needs them.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Write the mended pack here; without it the damaged one is replaced.",
)
@options.overwrite
@options.as_json
def command(
    path: Path,
    copies: tuple[Path, ...],
    drop: bool,
    out: Path | None,
    overwrite: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Mend the pack at PATH: damaged pictures and tables are had from other sources.

    Shards that are whole are linked. A pack that is mended from the same bytes has its
    old hash again. Pictures that no source gives end the command with exit code 4 and
    nothing changed, unless --drop is given.
    """
    from dataset_tools.pack.repair import repair

    done = repair(
        path,
        out,
        copies=copies,
        settings=parsed(RepairSettings, given),
        drop=drop,
        overwrite=overwrite,
    )
    click.echo(_as_json(path, done) if as_json else _as_text(path, out, done))


def _as_json(path: Path, done: "Repaired") -> str:
    from dataclasses import asdict

    return json.dumps({"path": str(path), **asdict(done)}, indent=2)


def _as_text(path: Path, out: Path | None, done: "Repaired") -> str:
    if not (done.tables or done.shards):
        return f"{path}: nothing to mend."
    lines = [f"{name}.parquet: taken from a copy" for name in done.tables]
    lines += [f"{name}: written again" for name in done.shards]
    lines += [f"{n:,} pictures from the {origin}" for origin, n in done.mended.items()]
    if done.lost:
        lines.append(f"{len(done.lost):,} pictures lost, first {done.lost[0]!r}")
    lines += [f"{n:,} rows of {name} left out" for name, n in done.dropped.items()]
    told = "its old hash again" if done.same_hash else "a new hash"
    return "\n".join([*lines, f"Wrote {out or path}, which has {told}."])

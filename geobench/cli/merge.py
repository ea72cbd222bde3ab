"""`geobench data merge`: several packs as one."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from geobench.cli import options
from geobench.cli.progress import Bar

if TYPE_CHECKING:
    from dataset_tools.pack.merge import Merged


@click.command(
    epilog="Example: geobench data merge home-2023.pack home-2024.pack --out home.pack "
    "--prefix 2024/"
)
@options.existing_path("paths", nargs=-1, required=True)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The pack.")
@click.option("--name", help="Name of the pack; its folder's name if none is given.")
@click.option(
    "--prefix",
    default="",
    help="Put before all ids of the packs after the first, where ids collide.",
)
@click.option(
    "--keep-labels",
    is_flag=True,
    help="Do not add tiles of other packs that show a query to its semi-positives.",
)
@options.copy
@options.overwrite
@options.as_json
def command(
    paths: tuple[Path, ...],
    out: Path,
    name: str | None,
    prefix: str,
    keep_labels: bool,
    copy: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Join the packs at PATHS to one: a new year comes in without a rebuild.

    Shards are linked, not copied, where the disk can do that. Things that two packs
    hold alike under one id are kept once; an id that stands for two things is
    refused. Licences are united, and splits of one name too: run `geobench data audit`
    on the result to see what its splits share.
    """
    from dataset_tools.pack.merge import merge

    with Bar("merge", hidden=as_json) as bar:
        merged = merge(
            paths,
            out,
            prefix=prefix,
            name=name,
            relabel=not keep_labels,
            overwrite=overwrite,
            copy=copy,
            progress=bar,
        )
    click.echo(_as_json(out, merged) if as_json else _as_text(out, merged))


def _as_json(out: Path, merged: "Merged") -> str:
    from dataclasses import asdict

    about = {key: merged.meta[key] for key in ("counts", "content_sha256")}
    warnings = [asdict(f) for f in merged.warnings]
    more = {"same": merged.same, "labelled": merged.labelled, "findings": warnings}
    return json.dumps({"path": str(out), **about, **more}, indent=2)


def _as_text(out: Path, merged: "Merged") -> str:
    lines = [f"{f.severity:<8} {f.code}: {f.message}" for f in merged.warnings]
    lines += [
        f"{n:,} {name} were in two packs and are kept once."
        for name, n in merged.same.items()
    ]
    if merged.labelled:
        lines.append(
            f"{merged.labelled:,} sequences lie in tiles of another pack, which are "
            "semi-positives of theirs now."
        )
    counts = ", ".join(f"{v:,} {k}" for k, v in merged.meta["counts"].items())
    return "\n".join([*lines, f"Wrote {out}: {counts}."])

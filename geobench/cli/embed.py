"""`geobench embed`: a checkpoint's vectors of a task's queries and references."""

import json
from pathlib import Path
from typing import Any

import click

from geobench.cli import options


@click.command(
    epilog="Example: geobench embed runs/seqgeo/checkpoints/best home.pack "
    "--out seqgeo-home.emb --gallery tile-thinned"
)
@options.existing_path("checkpoint")
@options.existing_path("pack")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="Embedding folder to write, NAME.emb.",
)
@click.option("--task", help="A known task; see `geobench show tasks`.")
@click.option("--scheme", default="area", show_default=True, help="Split scheme.")
@click.option("--split", default="test", show_default=True, help="Split to embed.")
@click.option(
    "--gallery",
    type=click.Choice(["tile", "tile-thinned", "tile-open", "tile-thinned-open"]),
    default="tile",
    show_default=True,
    help="References: closed, thinned, or either with distractors.",
)
@click.option(
    "--protocol",
    type=click.Choice(["same-area", "cross-area", "sequence-length"]),
    default="same-area",
    show_default=True,
    help="Table in which the result belongs.",
)
@click.option("--frames", type=click.IntRange(1), help="Frames a query may show.")
@click.option(
    "--keep",
    type=click.Choice(["centre-out", "first", "random"]),
    default="centre-out",
    show_default=True,
    help="Which frames, where --frames is fewer than there are.",
)
@click.option(
    "--batch-size", type=click.IntRange(1), default=64, show_default=True, help="Size."
)
@options.device
@options.seed
@options.as_json
def command(
    checkpoint: Path, pack: Path, out: Path, task: str | None, **rest: Any
) -> None:
    """Embed the queries and references of a task on PACK with a CHECKPOINT.

    Without --task the split, gallery and frames given here are the task; it is named
    after them.
    """
    from dataset_tools.pack.read import Pack
    from geobench.embed import embed
    from geobench.tasks import find_task
    from geobench.training.checkpoint import load_checkpoint

    model = load_checkpoint(checkpoint)
    with Pack.open(pack) as opened:
        asked = find_task(task) if task else _task(opened.name, rest)
        folder = embed(
            model,
            opened,
            asked,
            out,
            batch_size=rest["batch_size"],
            device=rest["device"],
            progress=not rest["as_json"],
        )
    info = (folder / "embedding.json").read_text(encoding="utf-8")
    if rest["as_json"]:
        click.echo(json.dumps({"path": str(folder), **json.loads(info)}))
    else:
        click.echo(f"Embeddings: {folder}")


def _task(pack: str, rest: dict[str, Any]) -> Any:
    """The task that the options describe."""
    import re

    from geobench.data.queries import FrameChoice
    from geobench.tasks import Task

    # The usual scheme needs no name; two others of one pack must not share one.
    scheme = [] if rest["scheme"] == "area" else [rest["scheme"]]
    frames, parts = None, [pack, *scheme, rest["split"], rest["gallery"]]
    if rest["frames"]:
        count, keep = rest["frames"], rest["keep"]
        frames = FrameChoice(count=count, keep=keep, seed=rest["seed"])
        parts += [str(count), keep]
    return Task(
        id=re.sub(r"[^A-Za-z0-9._-]", "-", "-".join(parts)),
        protocol=rest["protocol"],
        pack=pack,
        scheme=rest["scheme"],
        split=rest["split"],
        gallery=rest["gallery"],
        frames=frames,
    )

"""The bar of the made world: no linear probe passes 5 % of a thousand tiles."""

from dataclasses import replace

import click
import numpy as np
import pytest

from dataset_tools.build import build_pack
from dataset_tools.pack.read import Pack
from dataset_tools.synthetic import preset_settings, synthesize
from geobench.cli.demo_plan import load_plan
from geobench.cli.demo_steps import DemoRun, build_settings, train_model
from geobench.data.prepare import PictureStore
from geobench.embed import embed
from geobench.embeddings import read_embeddings
from geobench.metrics import recall_at_k
from geobench.retrieval import rank_references
from geobench.tasks import Task
from geobench.training.checkpoint import load_checkpoint

TILES = 1000
BAR = 0.05


@pytest.mark.slow
def test_no_linear_probe_passes_five_per_cent_of_a_thousand_tiles(tmp_path, capsys):
    run = DemoRun(
        plan=load_plan("small"),
        preset="small",
        folder=tmp_path,
        workers=2,
        device="cpu",
        seed=0,
    )
    world = preset_settings("small")
    synthesize(tmp_path / "worlds", replace(world, regions=world.regions[:1]))
    found = {}
    for camera in run.plan.cameras:
        build_pack(build_settings(run, "home", camera))
        floors = [m for m in run.plan.floor_plans() if m.name == "linear_probe"]
        (probe,) = (m for m in floors if m.camera == camera)
        found[camera] = _recall(run, camera, train_model(run, probe))
    with capsys.disabled():
        click.echo(f"\nR@1 of the linear probe on {TILES} tiles: {found}")
    assert max(found.values()) <= BAR


def _recall(run, camera, checkpoint):
    """R@1 of the test queries whose tile is among a thousand evenly chosen ones."""
    model = load_checkpoint(checkpoint)
    path = run.pack("home", camera)
    task = Task(id="home", protocol="same-area", pack=path.name.removesuffix(".pack"))
    out = run.folder / f"{camera}.emb"
    with Pack.open(path) as pack:
        embed(model, pack, task, out, store=PictureStore(model.inputs, workers=2))
        positives = pack.sequences["positives"]
    vectors = read_embeddings(out)
    rows = np.linspace(0, len(vectors.reference) - 1, TILES).astype(int)
    column = {vectors.reference_ids[row]: i for i, row in enumerate(rows)}
    asked = [
        (row, [column[p] for p in positives[i] if p in column])
        for row, i in enumerate(vectors.query_ids)
    ]
    asked = [(row, truth) for row, truth in asked if truth]
    assert len(asked) >= TILES
    ranking = rank_references(
        vectors.query[[row for row, _ in asked]],
        vectors.reference[rows],
        [truth for _, truth in asked],
    )
    return recall_at_k(ranking.ranks, 1)

"""The demo's stages, one after the other; each skips what it finds finished.

Stages meet on files only, so a killed run goes on where it stopped.
"""

import json
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import yaml
from filelock import FileLock, Timeout

from geobench import __version__
from geobench.cli.demo_plan import DemoPlan, ModelPlan, load_plan
from geobench.errors import ConfigError

if TYPE_CHECKING:
    from geobench.data.prepare import PictureStore
    from geobench.model import InputSpec
    from geobench.tasks import Task

    Stores = dict[InputSpec, PictureStore]

LICENCE = "Apache-2.0 (made by this toolkit)"


@dataclass(frozen=True, kw_only=True)
class DemoRun:
    """Where a demo runs and how."""

    plan: DemoPlan
    preset: str
    folder: Path
    workers: int
    device: str
    seed: int

    def pack(self, region: str, camera: str) -> Path:
        """Folder of the pack of one region and camera."""
        return self.folder / "packs" / f"{region}-{camera}.pack"


def run_demo(
    preset: str,
    folder: Path,
    *,
    workers: int,
    device: str,
    seed: int,
    hard: bool = False,
) -> None:
    """Run all stages of a preset in a folder, going on where a run stopped.

    Args:
        preset: one of `demo_plan.PRESETS`.
        folder: the run folder.
        workers: processes that make and prepare pictures.
        device: where models are trained, such as "cpu".
        seed: seed of world, splits and training.
        hard: whether tiles lie farther off their queries.

    Raises:
        ConfigError: if another process works in the folder, or the folder holds a
            run with other settings.
    """
    run = DemoRun(
        plan=load_plan(preset, hard=hard),
        preset=preset,
        folder=folder,
        workers=workers,
        device=device,
        seed=seed,
    )
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=0):
            _stages(run)
    except Timeout:
        raise ConfigError(
            f"Another process is working in {folder}. Wait for it, or give --run "
            "another folder."
        ) from None


def _stages(run: DemoRun) -> None:
    _write_config(run)
    with _stage(run, "worlds: raw drives and imagery"):
        make_worlds(run)
    with _stage(run, "packs: sequences, tiles, splits"):
        build_packs(run)
    # Models that see the same input share its prepared pictures.
    stores: Stores = {}
    for model in [*run.plan.models, *run.plan.floor_plans()]:
        with _stage(run, f"model {model.label}: train"):
            checkpoint = train_model(run, model)
        with _stage(run, f"model {model.label}: test"):
            test_model(run, model, checkpoint, stores)
    with _stage(run, "tables and report"):
        write_pages(run)


def regions_of(run: DemoRun) -> list[Any]:
    """Settings of the preset's regions, the home region first."""
    from dataset_tools.synthetic.settings import preset_settings

    return list(preset_settings(run.plan.world, seed=run.seed).regions)


def make_worlds(run: DemoRun) -> None:
    """Write each region's raw drive under RUN/worlds."""
    from dataset_tools.synthetic import preset_settings, synthesize

    settings = preset_settings(run.plan.world, seed=run.seed)
    synthesize(run.folder / "worlds", settings, workers=run.workers)


def build_packs(run: DemoRun) -> None:
    """Build one pack for each region and camera under RUN/packs."""
    from tqdm import tqdm

    from dataset_tools.build import build_pack
    from dataset_tools.pack.card import write_card

    jobs = [(r, c) for r in regions_of(run) for c in run.plan.cameras]
    for region, camera in tqdm(jobs, desc="packs", unit="pack"):
        out = run.pack(region.name, camera)
        if not (out / "pack.json").is_file():
            build_pack(build_settings(run, region.name, camera))
        if not (out / "card.md").is_file():
            write_card(out)


def build_settings(run: DemoRun, region: str, camera: str) -> Any:
    """Parameters of the pack of one region and camera."""
    from dataset_tools.build import BuildSettings

    plan, world = run.plan, run.folder / "worlds" / region
    eye = plan.cameras[camera]
    areas = world / "areas.geojson"
    return BuildSettings(
        drive=world / eye.folder,
        imagery=(world / "imagery" / "ortho.tif",),
        licence=LICENCE,
        attribution="crossview-geobench synthetic world",
        out=run.pack(region, camera),
        name=f"{region}-{camera}",
        region=region,
        strata=world / "strata.geojson",
        areas=areas if areas.is_file() else None,
        split_scheme="polygons" if areas.is_file() else "single",
        frames_per_sequence=eye.frames_per_sequence,
        spacing_m=eye.spacing_m,
        stride=eye.stride,
        tile_m=plan.tile_m,
        m_per_px=plan.m_per_px,
        jitter_m=plan.jitter_m,
        thin_m=plan.thin_m,
        distractors_per_tile=plan.distractors_per_tile if region == "home" else 0,
        seed=run.seed,
    )


def train_model(run: DemoRun, model: ModelPlan) -> Path:
    """Train one model on the home region's pack; returns its checkpoint."""
    from geobench.training.engine import fit, new_model
    from geobench.training.settings import parse_settings

    settings = parse_settings(
        {
            "model": model.name,
            "variant": model.variant,
            "seed": run.seed,
            **model.train,
        }
    )
    packs = [run.pack("home", model.camera)]
    folder = run.folder / "checkpoints" / model.label
    return fit(new_model(settings), packs, settings, folder, device=run.device)


def tasks_for(run: DemoRun, model: ModelPlan) -> Iterator["Task"]:
    """Every task that a model of the demo is tested on."""
    from geobench.data.queries import FrameChoice
    from geobench.tasks import Task

    plan = run.plan
    for region in regions_of(run):
        same = region.name == "home"
        yield Task(
            id=f"{region.name}-{model.camera}",
            protocol="same-area" if same else "cross-area",
            pack=f"{region.name}-{model.camera}",
            gallery=plan.gallery,
            switches=tuple(region.switches),
        )
    if plan.open_gallery is not None:
        yield Task(
            id=f"home-{model.camera}-open",
            protocol="same-area",
            pack=f"home-{model.camera}",
            gallery=plan.open_gallery,
        )
    if not model.lengths:
        return
    for count, keep in product(plan.lengths, plan.keeps):
        yield Task(
            id=f"home-{model.camera}-{count}-{keep}",
            protocol="sequence-length",
            pack=f"home-{model.camera}",
            gallery=plan.gallery,
            frames=FrameChoice(count=count, keep=keep, seed=run.seed),
        )


def test_model(
    run: DemoRun, model: ModelPlan, checkpoint: Path, stores: "Stores"
) -> None:
    """Embed and evaluate a model on all its tasks, skipping finished ones."""
    from tqdm import tqdm

    from dataset_tools.pack.read import Pack
    from geobench.data.prepare import PictureStore
    from geobench.embed import embed
    from geobench.evaluate import evaluate
    from geobench.results import write_result
    from geobench.training.checkpoint import load_checkpoint

    done = _Ledger(run.folder / "checkpoints" / model.label / "tested.json")
    tasks = [t for t in tasks_for(run, model) if t.name not in done]
    if not tasks:
        return
    loaded = load_checkpoint(checkpoint)
    spec = loaded.inputs
    store = stores.setdefault(spec, PictureStore(spec, workers=run.workers))
    for task in tqdm(tasks, desc=model.label, unit="task"):
        out = run.folder / "embeddings" / model.label / f"{task.id}.emb"
        with Pack.open(run.folder / "packs" / f"{task.pack}.pack") as pack:
            embed(loaded, pack, task, out, device=run.device, store=store)
            result = evaluate(out, pack, task)
        write_result(run.folder / "results", result)
        done.add(task.name)


class _Ledger:
    """Names of finished work in a small JSON file, rewritten whole."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.names = set(json.loads(path.read_text())) if path.is_file() else set()

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def add(self, name: str) -> None:
        self.names.add(name)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_name(self.path.name + ".partial")
        partial.write_text(json.dumps(sorted(self.names)))
        partial.replace(self.path)


def write_pages(run: DemoRun) -> None:
    """Write RUN/tables, RUN/figures and RUN/report.html from the results."""
    from geobench.report.page import write_report
    from geobench.table import write_tables

    write_tables(run.folder / "results", run.folder / "tables")
    write_report(run.folder)


@contextmanager
def _stage(run: DemoRun, name: str) -> Iterator[None]:
    """Announce a stage and log its seconds to RUN/log.jsonl."""
    click.echo(f"== {name}")
    start = time.perf_counter()
    yield
    seconds = time.perf_counter() - start
    click.echo(f"   {seconds:.1f} s")
    with (run.folder / "log.jsonl").open("a") as log:
        log.write(json.dumps({"stage": name, "seconds": round(seconds, 2)}) + "\n")


def _write_config(run: DemoRun) -> None:
    """Save the resolved plan; refuse a folder that holds another one."""
    config = {"preset": run.preset, "seed": run.seed, "plan": run.plan.model_dump()}
    text = yaml.safe_dump(json.loads(json.dumps(config)), sort_keys=False)
    path = run.folder / "config.yaml"
    if path.is_file() and path.read_text() != text:
        raise ConfigError(
            f"{path} holds a run with other settings than preset {run.preset!r} with "
            f"seed {run.seed}. Give --run another folder, or delete this one."
        )
    path.write_text(text)
    environment = {
        "version": __version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.system(),
    }
    (run.folder / "environment.json").write_text(json.dumps(environment, indent=2))

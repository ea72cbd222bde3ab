"""Reproducing a published row: a recipe and packs in, a comparison out."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from dataset_tools.pack.read import Pack, read_meta
from geobench.embed import embed
from geobench.errors import DataError
from geobench.evaluate import evaluate
from geobench.metrics import DEFAULT_METRICS
from geobench.published import find_row
from geobench.recipe import Recipe
from geobench.results import write_result
from geobench.tasks import find_task
from geobench.training.atomic import write_bytes
from geobench.training.checkpoint import load_checkpoint
from geobench.training.engine import fit, new_model
from geobench.training.settings import TrainSettings, apply_change, parse_settings
from geobench.training.state import FILE
from geobench.weights.pretrained import load_pretrained

VARIANTS = ("cleaned", "corrected", "partial")
"""Suffixes of packs of the same data set that a recipe takes too."""


def reproduce(
    recipe: Recipe,
    *,
    data: tuple[Path, ...],
    run: Path,
    pretrained: str,
    steps: int | None,
    changes: tuple[str, ...],
    device: str,
    seed: int,
) -> dict[str, Any]:
    """Train, test on every task whose pack is given, and compare.

    Args:
        recipe: what to do.
        data: packs; found by the names in them.
        run: the run folder; an interrupted run goes on.
        pretrained: "torchvision", "none" or a folder of weights.
        steps: stop training after so many, or None.
        changes: NAME=VALUE on top of the recipe's settings.
        device: "auto", "cpu" or "cuda".
        seed: of the training.

    Returns:
        What RUN/reproduction.json holds: for each test the published figures, ours with
        interval and their difference, all as fractions.

    Raises:
        DataError: if the pack to train on is not given, or weights cannot be had.
        ConfigError: if a setting makes no sense.
    """
    packs = _packs(data)
    trained_on = _training_pack(recipe, packs)
    settings = _settings(recipe, seed=seed, steps=steps, changes=changes)
    checkpoint = _train(
        recipe, settings, trained_on, run=run, pretrained=pretrained, device=device
    )
    tests = []
    for task, row in recipe.rows.items():
        tests.append(_test(task, row, packs, checkpoint, run=run, device=device))
    departures = [f"stopped after {steps} steps"] if steps else []
    departures += [f"--set {change}" for change in changes]
    if recipe.pretrained and pretrained == "none":
        departures.append("no pretrained trunk")
    compared = {
        "recipe": recipe.name,
        "seed": seed,
        "checkpoint": str(checkpoint.relative_to(run)),
        "tests": tests,
        "notes": recipe.notes,
        "departures": departures,
    }
    text = json.dumps(compared, indent=2, sort_keys=True)
    write_bytes(run / "reproduction.json", text.encode())
    return compared


def _packs(paths: tuple[Path, ...]) -> dict[str, Path]:
    """Pack name -> folder."""
    return {str(read_meta(path)["name"]): path for path in paths}


def _training_pack(recipe: Recipe, packs: dict[str, Path]) -> Path:

    for name in (recipe.dataset, *(f"{recipe.dataset}-{v}" for v in VARIANTS)):
        if name in packs:
            return packs[name]
    raise DataError(
        f"Recipe {recipe.name!r} trains on the pack {recipe.dataset!r}, given are "
        f"{sorted(packs)}. Make it with `geobench data import {recipe.dataset} ROOT` "
        "and name it with --data."
    )


def _settings(
    recipe: Recipe, *, seed: int, steps: int | None, changes: tuple[str, ...]
) -> TrainSettings:

    values: dict[str, Any] = {
        **recipe.train,
        "model": recipe.model,
        "variant": recipe.variant,
        "seed": seed,
        "max_steps": steps,
    }
    for change in changes:
        apply_change(values, change)
    return parse_settings(values)


def _train(
    recipe: Recipe,
    settings: TrainSettings,
    pack: Path,
    *,
    run: Path,
    pretrained: str,
    device: str,
) -> Path:
    """The recipe's checkpoint; trunks are filled before the first step alone."""
    model = new_model(settings)
    fresh = not (run / FILE).is_file()
    if recipe.pretrained and pretrained != "none" and fresh:
        folder = None if pretrained == "torchvision" else Path(pretrained)
        load_pretrained(model, folder)
    best = fit(model, [pack], settings, run, device=device)
    last = best.with_name("last")
    return last if recipe.select == "last" and last.is_dir() else best


def _test(
    task_name: str,
    row: str,
    packs: dict[str, Path],
    checkpoint: Path,
    *,
    run: Path,
    device: str,
) -> dict[str, Any]:
    """One task's figures beside the published ones, or why it was not run."""
    printed, task = find_row(row), find_task(task_name)
    names = [task.pack, *(f"{task.pack}-{v}" for v in VARIANTS)]
    name = next((n for n in names if n in packs), None)
    if name is None:
        return {"task": task_name, "row": row, "skipped": f"no pack {task.pack!r}"}
    task = replace(task, pack=name)
    out = run / "embeddings" / f"{task.id}.emb"
    metrics = list(dict.fromkeys([*DEFAULT_METRICS, *printed.metrics]))
    with Pack.open(packs[name]) as pack:
        embed(
            load_checkpoint(checkpoint), pack, task, out, device=device, progress=True
        )
        result = evaluate(out, pack, task, metrics=metrics)
    write_result(run / "results", result)
    ours = result.to_json()["metrics"]
    return {
        "task": task_name,
        "row": row,
        "method": printed.method,
        "pack": name,
        "metrics": {
            metric: {
                "published": value,
                **ours[metric],
                "difference": ours[metric]["value"] - value,
                "source": printed.sources[metric],
            }
            for metric, value in printed.metrics.items()
            if metric in ours
        },
    }

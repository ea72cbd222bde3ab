"""Packs in, a checkpoint out: what a run reads and writes around the loop.

RUN/config.yaml          resolved settings and the packs' hashes
RUN/log.jsonl            one line an epoch
RUN/state.safetensors    to go on from; removed by nobody
RUN/checkpoints/best     best recall@1 on the validation split
RUN/checkpoints/last     after the last epoch
"""

import json
import logging
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import yaml
from tqdm import tqdm

from dataset_tools.pack.read import Pack
from geobench.data.dataset import PackDataset
from geobench.data.prepare import PictureStore
from geobench.embed import pick_device
from geobench.errors import ConfigError, DataError
from geobench.model import CrossViewModel
from geobench.training.atomic import append_line, write_bytes
from geobench.training.checkpoint import (
    Identity,
    build_variant,
    recover_folder,
    save_checkpoint,
)
from geobench.training.loop import LOG, Training
from geobench.training.parallel import own_device, share_statistics, team
from geobench.training.settings import TrainSettings
from geobench.training.validation import Validation

logger = logging.getLogger(__name__)

HARMLESS = frozenset({"max_minutes", "save_every_s"})
"""Settings that may change when a run goes on: no step depends on them."""


def new_model(settings: TrainSettings) -> CrossViewModel:
    """The settings' model with its seeded first weights."""
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        return build_variant(settings.model, settings.variant)


def fit(
    model: CrossViewModel,
    pack_paths: Sequence[Path],
    settings: TrainSettings,
    run: Path,
    *,
    progress: bool = True,
    device: str = "auto",
) -> Path:
    """Train a model, or go on with a run that was interrupted.

    Args:
        model: as `new_model` makes it.
        pack_paths: packs to train on together, at least one.
        settings: how; must be the same when a run is resumed.
        run: the run folder.
        progress: show a bar with the time left.
        device: "auto", "cpu" or "cuda".

    Returns:
        The checkpoint folder: the best on validation, or the last without one.

    Raises:
        ConfigError: if the run folder holds a run with other settings or packs.
        DataError: if there is nothing to train on.
        GeobenchError: if the loss stops being finite.
    """
    place = own_device(pick_device(device))
    with ExitStack() as stack:
        members = stack.enter_context(team(place))
        packs = [stack.enter_context(Pack.open(path)) for path in pack_paths]
        if members.leads:
            _claim(run, settings, packs)
        members.wait()
        data, check = _read(model, packs, settings)
        identity = _identity(model, packs, settings)
        model.to(place)
        if model.card.training != "gradient":
            if members.leads:
                _fit_at_once(model, data, check, run=run, identity=identity)
            members.wait()
            return run / "checkpoints" / "last"

        # Dropout draws from torch's global generator: the caller's stays untouched.
        stack.enter_context(torch.random.fork_rng())
        hidden = not (progress and members.leads)
        bar = stack.enter_context(tqdm(unit="step", disable=hidden))
        training = Training(
            share_statistics(model, members, place),
            data,
            check,
            settings=settings,
            run=run,
            identity=identity,
            members=members,
            place=place,
            bar=bar,
        )
        return training.to_the_end()


def _read(
    model: CrossViewModel, packs: list[Pack], settings: TrainSettings
) -> tuple[PackDataset, Validation]:
    """Training data and validation, which share one store of pictures."""
    store, frames = PictureStore(model.inputs), model.max_frames
    data = PackDataset(
        packs,
        scheme=settings.scheme,
        split=settings.split,
        store=store,
        max_frames=frames,
    )
    return data, Validation(packs, settings, store=store, max_frames=frames)


def _claim(run: Path, settings: TrainSettings, packs: list[Pack]) -> None:
    """Write RUN/config.yaml, or see that it says the same as this run."""
    if not packs:
        raise DataError("Training needs at least one pack, got none. Name a *.pack.")
    config = {
        "train": settings.model_dump(mode="json"),
        "packs": {pack.name: pack.content_sha256 for pack in packs},
    }
    path = run / "config.yaml"
    if not path.is_file():
        write_bytes(path, yaml.safe_dump(config, sort_keys=False).encode())
        return
    before = yaml.safe_load(path.read_text())
    changed = _differences(before, config)
    if changed:
        name, old, new = changed[0]
        raise ConfigError(
            f"Run folder {run} was started with {name} = {old!r}, now it is {new!r}. "
            "Give another run folder, or the same settings to go on with this one."
        )


def _differences(before: Any, now: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    """(name, old, new) of what differs and changes the result."""
    found = []
    for part in ("train", "packs"):
        old = before.get(part) if isinstance(before, dict) else None
        old = old if isinstance(old, dict) else {}
        for key in sorted({*old, *now[part]} - HARMLESS):
            if old.get(key) != now[part].get(key):
                found.append((f"{part}.{key}", old.get(key), now[part].get(key)))
    return found


def _identity(
    model: CrossViewModel, packs: list[Pack], settings: TrainSettings
) -> Identity:
    taught = model.card.training != "none"
    return Identity(
        name=settings.model,
        variant=settings.model_dump(mode="json")["variant"],
        trained_on=tuple(pack.name for pack in packs) if taught else (),
        settings=settings.model_dump(mode="json"),
    )


def _fit_at_once(
    model: CrossViewModel,
    data: PackDataset,
    check: Validation,
    *,
    run: Path,
    identity: Identity,
) -> Path:
    """Save a model that needs no gradient, fitted in closed form if it asks for it."""
    folder = run / "checkpoints" / "last"
    recover_folder(folder)
    if folder.is_dir():
        return folder
    batch_size = int(identity.settings["batch_size"])
    place = next(model.parameters(), torch.empty(0)).device
    model.eval()
    chosen: dict[str, float] = {}
    if model.card.training == "closed-form":
        with torch.no_grad():
            chosen = model.fit_closed_form(
                data.iterate(batch_size, device=place),
                check.iterate(batch_size, device=place),
            )
    found = check.measure(model, batch_size=batch_size, device=place)
    append_line(run / LOG, json.dumps({"epoch": 0, "chosen": chosen, "val": found}))
    save_checkpoint(
        model, folder, replace(identity, metrics={**(found or {}), **chosen})
    )
    return folder

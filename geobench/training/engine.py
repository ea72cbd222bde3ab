"""The training loop, readable from top to bottom: packs in, a checkpoint out.

Every random number of a step comes from (run seed, epoch, step), so a run that is
killed and started again ends with the same bits on the same machine.

    RUN/config.yaml          resolved settings and the packs' hashes
    RUN/log.jsonl            one line an epoch
    RUN/state.safetensors    to go on from; removed by nobody
    RUN/checkpoints/best     best recall@1 on the validation split
    RUN/checkpoints/last     after the last epoch
"""

import json
import logging
import math
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch.nn.utils import clip_grad_norm_
from tqdm import tqdm

from dataset_tools.pack.read import Pack
from geobench.data.dataset import PackDataset
from geobench.data.prepare import PictureStore
from geobench.data.sampling import BatchRule, epoch_batches
from geobench.data.transforms import layout_simulation
from geobench.embed import pick_device
from geobench.errors import ConfigError, DataError, GeobenchError
from geobench.model import CrossViewModel
from geobench.training.atomic import append_line, write_bytes
from geobench.training.checkpoint import (
    Identity,
    build_variant,
    recover_folder,
    save_checkpoint,
)
from geobench.training.schedule import rate_factor
from geobench.training.settings import TrainSettings
from geobench.training.state import FILE, Position, load_state, save_state
from geobench.training.validation import Validation

logger = logging.getLogger(__name__)

LOG = "log.jsonl"
HARMLESS = frozenset({"max_minutes", "save_every_s"})
"""Settings that may change when a run goes on: no step depends on them."""


def use_bf16(precision: str, place: torch.device) -> bool:
    """Whether to compute in bfloat16; "auto" asks the device for native support.

    Emulated bfloat16 is several times slower than float32, so auto never takes it.
    """
    if precision != "auto":
        return precision == "bf16"
    if place.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return bool(torch.cpu._is_avx512_bf16_supported())


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
    place = pick_device(device)
    with ExitStack() as stack:
        packs = [stack.enter_context(Pack.open(path)) for path in pack_paths]
        _claim(run, settings, packs)
        data, check = _read(model, packs, settings)
        identity = _identity(model, packs, settings)
        model.to(place)
        if model.card.training != "gradient":
            return _fit_at_once(model, data, check, run=run, identity=identity)

        # Dropout draws from torch's global generator: the caller's stays untouched.
        stack.enter_context(torch.random.fork_rng())
        if settings.channels_last:
            model.to(memory_format=torch.channels_last)
        optimizer = _optimizer(model, settings)
        peaks = [group["lr"] for group in optimizer.param_groups]
        trained = [p for group in optimizer.param_groups for p in group["params"]]
        rule = _batch_rule(settings)
        at = Position()
        if (run / FILE).is_file():
            at = load_state(run / FILE, model=model, optimizer=optimizer)
        _cut_log(run / LOG, at.epoch)
        started = time.monotonic() - at.elapsed_s
        saved = time.monotonic()
        bar = stack.enter_context(tqdm(unit="step", disable=not progress))
        model.train()
        while not _is_over(at, settings):
            batches = epoch_batches(data.ecef_m, data.tile_ids, rule, epoch=at.epoch)
            _show(bar, at, settings, steps=len(batches))
            for chosen in batches[at.step :]:
                draw = _seed_step(settings.seed, at)
                share = (at.epoch + (at.step + 0.5) / len(batches)) / settings.epochs
                factor = rate_factor(
                    share, schedule=settings.schedule, warmup=settings.warmup
                )
                for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                    group["lr"] = peak * factor
                batch = data.batch(
                    chosen, generator=draw, semantic=settings.semantic, device=place
                )
                batch = layout_simulation(batch, draw, strength=settings.layout)
                with torch.autocast(
                    place.type,
                    torch.bfloat16,
                    enabled=use_bf16(settings.precision, place),
                ):
                    terms = model.loss(batch)
                optimizer.zero_grad(set_to_none=True)
                terms["total"].backward()
                if settings.clip_norm is not None:
                    clip_grad_norm_(trained, settings.clip_norm)
                optimizer.step()
                at = at.next_step(_finite(terms, at, rate=settings.lr * factor))
                bar.set_postfix_str(f"loss {at.mean('total'):.3f}", refresh=False)
                bar.update()
                if time.monotonic() - saved > settings.save_every_s:
                    at = replace(at, elapsed_s=time.monotonic() - started)
                    save_state(run / FILE, at, model=model, optimizer=optimizer)
                    saved = time.monotonic()
            found = check.measure(model, batch_size=settings.batch_size, device=place)
            identity = replace(identity, metrics={"epoch": at.epoch, **(found or {})})
            at = replace(at, elapsed_s=time.monotonic() - started)
            save_checkpoint(model, run / "checkpoints" / "last", identity)
            if found is not None and (at.best is None or _key(found) > at.best):
                at = replace(at, best=_key(found))
                save_checkpoint(model, run / "checkpoints" / "best", identity)
            _log_epoch(run / LOG, at, val=found, rate=settings.lr * factor)
            at = at.next_epoch()
            save_state(run / FILE, at, model=model, optimizer=optimizer)
        return run / "checkpoints" / ("last" if at.best is None else "best")


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


def _optimizer(model: CrossViewModel, settings: TrainSettings) -> torch.optim.Optimizer:
    """The settings' optimizer; a group of the model's own may override its values."""
    kinds = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam}
    return kinds[settings.optimizer](
        model.parameter_groups(),
        lr=settings.lr,
        betas=settings.betas,
        eps=settings.eps,
        weight_decay=settings.weight_decay,
    )


def _batch_rule(settings: TrainSettings) -> BatchRule:
    return BatchRule(
        batch_size=settings.batch_size,
        min_separation_m=settings.min_separation_m,
        seed=settings.seed,
    )


def _seed_step(seed: int, at: Position) -> torch.Generator:
    """Seed this step's dropout, and make its generator for data and augmentation."""
    words = np.random.SeedSequence([seed, at.epoch, at.step]).generate_state(
        2, np.uint64
    )
    torch.manual_seed(int(words[0] >> np.uint64(1)))
    return torch.Generator().manual_seed(int(words[1] >> np.uint64(1)))


def _finite(
    terms: dict[str, torch.Tensor], at: Position, *, rate: float
) -> dict[str, float]:
    """Loss terms as numbers."""
    numbers = {name: float(value.detach()) for name, value in terms.items()}
    if not all(math.isfinite(value) for value in numbers.values()):
        raise GeobenchError(
            f"The loss is {numbers} in epoch {at.epoch}, step {at.step}, at learning "
            f"rate {rate:.3g}. Train with a lower lr, a smaller clip_norm, or "
            "precision fp32."
        )
    return numbers


def _is_over(at: Position, settings: TrainSettings) -> bool:
    """Whether all epochs are done, or an epoch has just passed the time budget."""
    budget = math.inf if settings.max_minutes is None else settings.max_minutes * 60.0
    between = at.step == 0 and at.epoch > 0
    return at.epoch >= settings.epochs or (between and at.elapsed_s >= budget)


def _key(found: dict[str, float]) -> tuple[float, float]:
    """What a better checkpoint has more of: recall@1, then the mean reciprocal rank."""
    return found["recall@1"], found["mean_reciprocal_rank"]


def _show(
    bar: "tqdm[Any]", at: Position, settings: TrainSettings, *, steps: int
) -> None:
    """Tell the bar how far the run is, so that it can say how long it will take."""
    if bar.n == 0:
        bar.initial = bar.n = at.epoch * steps + at.step
    bar.total = bar.n - at.step + (settings.epochs - at.epoch) * steps
    bar.set_description_str(f"{settings.model} {at.epoch + 1}/{settings.epochs}")


def _log_epoch(
    log: Path, at: Position, *, val: dict[str, float] | None, rate: float
) -> None:
    line = {
        "epoch": at.epoch,
        "steps": at.step,
        "loss": {name: at.mean(name) for name in sorted(at.sums)},
        "val": val,
        "lr": rate,
        "elapsed_s": round(at.elapsed_s, 1),
    }
    append_line(log, json.dumps(line))
    logger.info("epoch %d: %s", at.epoch, line)


def _cut_log(log: Path, epoch: int) -> None:
    """Drop log lines of epochs that will be done again."""
    if not log.is_file():
        return
    lines = log.read_text().splitlines()
    # The epochs are written in order, one a line, so the first ones stay.
    write_bytes(log, "".join(f"{line}\n" for line in lines[:epoch]).encode())

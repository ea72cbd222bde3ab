"""The training loop, readable from top to bottom: batches in, weights out.

Every random number of a step comes from (run seed, epoch, step), so a run that is
killed and started again ends with the same bits on the same machine.
"""

import json
import logging
import math
import time
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.utils import clip_grad_norm_
from tqdm import tqdm

from geobench.data.dataset import PackDataset
from geobench.data.sampling import BatchRule, epoch_batches
from geobench.data.transforms import layout_simulation
from geobench.errors import ConfigError, GeobenchError
from geobench.model import CrossViewModel
from geobench.training.atomic import append_line, write_bytes
from geobench.training.checkpoint import Identity, save_checkpoint
from geobench.training.parallel import Team
from geobench.training.schedule import rate_factor
from geobench.training.settings import TrainSettings
from geobench.training.state import FILE, Position, load_state, save_state
from geobench.training.step import backward
from geobench.training.validation import Validation

logger = logging.getLogger(__name__)

LOG = "log.jsonl"


def use_bf16(precision: str, place: torch.device) -> bool:
    """Whether to compute in bfloat16; "auto" asks the device for native support.

    Emulated bfloat16 is several times slower than float32, so auto never takes it.
    """
    if precision != "auto":
        return precision == "bf16"
    if place.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return bool(torch.cpu._is_avx512_bf16_supported())


class Training:
    """A run under way: what stays the same of it, and where it stands."""

    def __init__(
        self,
        model: CrossViewModel,
        data: PackDataset,
        check: Validation,
        *,
        settings: TrainSettings,
        run: Path,
        identity: Identity,
        members: Team,
        place: torch.device,
        bar: "tqdm[Any]",
    ) -> None:
        self.model, self.data, self.check = model, data, check
        self.settings, self.run, self.identity = settings, run, identity
        self.members, self.place, self.bar = members, place, bar
        if settings.channels_last:
            model.to(memory_format=torch.channels_last)
        self.optimizer = _optimizer(model, settings)
        groups = self.optimizer.param_groups
        self.peaks = [group["lr"] for group in groups]
        self.trained = [p for group in groups for p in group["params"]]
        self.rule = _batch_rule(settings, members)
        self.at = Position()
        if (run / FILE).is_file():
            self.at = load_state(run / FILE, model=model, optimizer=self.optimizer)
        if members.leads:
            _cut_log(run / LOG, self.at.epoch)
        self.started = time.monotonic() - self.at.elapsed_s
        self.saved = time.monotonic()

    def to_the_end(self) -> Path:
        """Train the epochs that are left; returns the checkpoint to use."""
        self.model.train()
        while not self.members.agree(_is_over(self.at, self.settings)):
            data, epoch = self.data, self.at.epoch
            batches = epoch_batches(data.ecef_m, data.tile_ids, self.rule, epoch=epoch)
            _show(self.bar, self.at, self.settings, steps=len(batches))
            left = None if self.settings.max_steps is None else self._steps_left()
            for chosen in batches[self.at.step :][:left]:
                self._step(chosen, steps=len(batches))
            self._close_epoch()
        best = "last" if self.at.best is None else "best"
        return self.run / "checkpoints" / best

    def _steps_left(self) -> int:
        """Steps until `max_steps`."""
        assert self.settings.max_steps is not None
        return max(self.settings.max_steps - self.at.done, 0)

    def _step(self, chosen: npt.NDArray[np.int64], *, steps: int) -> None:
        """One batch: gradients of the whole team's, one step of the optimizer."""
        settings, at = self.settings, self.at
        draw, seed = _seed_step(settings.seed, at)
        factor = self._set_rate(steps)
        share = self.members.share(len(chosen))
        batch = self.data.batch(
            chosen,
            generator=draw,
            semantic=settings.semantic,
            device=self.place,
            share=share,
        )
        batch = layout_simulation(
            batch,
            draw,
            strength=settings.layout,
            columns=settings.layout_columns,
            share=share,
        )
        batch = self.model.augment(batch)
        if not self.members.leads:  # Each process its own dropout from here on.
            torch.manual_seed(seed + self.members.rank)
        self.optimizer.zero_grad(set_to_none=True)
        terms = backward(
            self.model,
            batch,
            share=share,
            members=self.members,
            chunk=settings.chunk_size,
            precision=self._precision,
            seed=seed + 1_000_003 * self.members.rank,
        )
        if settings.clip_norm is not None:
            clip_grad_norm_(self.trained, settings.clip_norm)
        self.optimizer.step()
        self.at = at.next_step(_finite(terms, at, rate=settings.lr * factor))
        self.bar.set_postfix_str(f"loss {self.at.mean('total'):.3f}", refresh=False)
        self.bar.update()
        if self.members.leads and self._is_time_to_save():
            self._save()

    def _set_rate(self, steps: int) -> float:
        """Set every group's learning rate; returns the factor on its peak."""
        settings, at = self.settings, self.at
        within = (at.step + 0.5) / steps if settings.rate_by == "step" else 0.0
        factor = rate_factor(
            (at.epoch + within) / settings.epochs,
            schedule=settings.schedule,
            warmup=settings.warmup,
            decays=settings.epochs * steps / settings.decay_steps,
        )
        for group, peak in zip(self.optimizer.param_groups, self.peaks, strict=True):
            group["lr"] = peak * factor
        return factor

    def _precision(self) -> AbstractContextManager[None]:
        enabled = use_bf16(self.settings.precision, self.place)
        return torch.autocast(self.place.type, torch.bfloat16, enabled=enabled)

    def _close_epoch(self) -> None:
        """Validate, keep the checkpoints, write a line of the log."""
        if self.members.leads:
            size = self.settings.batch_size
            found = self.check.measure(self.model, batch_size=size, device=self.place)
            metrics = {"epoch": self.at.epoch, **(found or {})}
            identity = replace(self.identity, metrics=metrics)
            folder = self.run / "checkpoints"
            save_checkpoint(self.model, folder / "last", identity)
            if found is not None and (
                self.at.best is None or _key(found) > self.at.best
            ):
                self.at = replace(self.at, best=_key(found))
                save_checkpoint(self.model, folder / "best", identity)
            self.at = replace(self.at, elapsed_s=time.monotonic() - self.started)
            rate = self.optimizer.param_groups[0]["lr"]
            _log_epoch(self.run / LOG, self.at, val=found, rate=rate)
        self.at = self.members.agree(self.at).next_epoch()
        if self.members.leads:
            self._save()
        self.members.wait()

    def _is_time_to_save(self) -> bool:
        return time.monotonic() - self.saved > self.settings.save_every_s

    def _save(self) -> None:
        self.at = replace(self.at, elapsed_s=time.monotonic() - self.started)
        save_state(self.run / FILE, self.at, model=self.model, optimizer=self.optimizer)
        self.saved = time.monotonic()


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


def _batch_rule(settings: TrainSettings, members: Team) -> BatchRule:
    """How batches are cut.

    Raises:
        ConfigError: if a process could be left without a sample.
    """
    if settings.batch_size < 2 * members.size:
        raise ConfigError(
            f"A batch of {settings.batch_size} is too small for {members.size} "
            f"processes; give a batch_size of at least {2 * members.size}."
        )
    smallest = {
        "half": settings.batch_size // 2,
        "keep": 2 * members.size,
        "drop": settings.batch_size,
    }
    return BatchRule(
        batch_size=settings.batch_size,
        min_separation_m=settings.min_separation_m,
        smallest=smallest[settings.last_batch],
        seed=settings.seed,
    )


def _seed_step(seed: int, at: Position) -> tuple[torch.Generator, int]:
    """Seed this step's dropout; its generator for data and augmentation, its seed."""
    words = np.random.SeedSequence([seed, at.epoch, at.step]).generate_state(
        2, np.uint64
    )
    dropout = int(words[0] >> np.uint64(1))
    torch.manual_seed(dropout)
    return torch.Generator().manual_seed(int(words[1] >> np.uint64(1))), dropout


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
    if settings.max_steps is not None and at.done >= settings.max_steps:
        return True
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

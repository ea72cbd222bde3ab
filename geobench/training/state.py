"""What a killed run needs to go on as if nothing had happened: one safetensors file.

Weights, buffers and optimizer moments are tensors; position and sums are JSON in the
file's header. Random numbers need no state: every step seeds its own from (run seed,
epoch, step).
"""

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from geobench.errors import SchemaError
from geobench.training.atomic import write_bytes

FILE = "state.safetensors"


@dataclass(frozen=True, kw_only=True)
class Position:
    """Where a run stands: `epoch` and `step` are the next to do."""

    epoch: int = 0
    step: int = 0
    done: int = 0
    """Steps of all epochs so far."""
    elapsed_s: float = 0.0
    """Seconds of all its parts so far."""
    sums: dict[str, float] = field(default_factory=dict)
    """Loss terms summed over the steps done in this epoch."""
    best: tuple[float, float] | None = None
    """(recall@1, mean reciprocal rank) of the best checkpoint."""

    def mean(self, term: str) -> float:
        """Mean of a loss term over the steps done in this epoch."""
        return self.sums.get(term, 0.0) / max(self.step, 1)

    def next_step(self, terms: dict[str, float]) -> "Position":
        """One step further in the same epoch, its loss terms added."""
        sums = {k: self.sums.get(k, 0.0) + v for k, v in terms.items()}
        return replace(self, step=self.step + 1, done=self.done + 1, sums=sums)

    def next_epoch(self) -> "Position":
        """At the first step of the next epoch."""
        return replace(self, epoch=self.epoch + 1, step=0, sums={})


def save_state(
    path: Path,
    position: Position,
    *,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
) -> None:
    """Write the state, replacing an older one only when it is whole."""
    tensors = {f"model.{k}": _plain(v) for k, v in model.state_dict().items()}
    for number, moments in optimizer.state_dict()["state"].items():
        for name, value in moments.items():
            tensors[f"optimizer.{number}.{name}"] = _plain(torch.as_tensor(value))
    header = {"position": json.dumps(asdict(position), sort_keys=True)}
    write_bytes(path, save(tensors, metadata=header))


def load_state(
    path: Path, *, model: nn.Module, optimizer: torch.optim.Optimizer
) -> Position:
    """Put a saved state back into a model and its optimizer.

    Returns:
        Where the run stood.

    Raises:
        SchemaError: if the file is damaged or belongs to another model.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        model.load_state_dict(_under("model.", tensors), strict=True)
        values = json.loads(header["position"])
    except (SafetensorError, RuntimeError, KeyError, ValueError) as error:
        raise SchemaError(
            f"Cannot go on from {path}: {error}. Remove the run folder and train again."
        ) from error
    moments: dict[int, dict[str, Any]] = {}
    for key, value in _under("optimizer.", tensors).items():
        number, name = key.split(".", 1)
        moments.setdefault(int(number), {})[name] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": moments, "param_groups": groups})
    best = values.pop("best")
    return Position(**values, best=tuple(best) if best else None)


def _plain(value: Tensor) -> Tensor:
    return value.detach().to("cpu", copy=True).contiguous()


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}

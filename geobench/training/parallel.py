"""Several processes that train on one batch: started by `torchrun`, one a device.

Each process describes its share of a batch; the rows are gathered, so that every
sample is a negative of every other one, and the gradients are those of one process
with the whole batch. Batch normalisation takes its statistics over the whole batch.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from geobench.data.sampling import Share
from geobench.model import Rows

TIMEOUT = timedelta(minutes=10)
"""A process that has heard nothing of the others for this long gives up."""


@dataclass(frozen=True)
class Team:
    """The processes of a run; one process alone is a team of one."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes files and shows bars."""
        return self.rank == 0

    def share(self, count: int) -> Share:
        """This process' part of a batch; parts differ by at most one sample."""
        return Share(
            count * self.rank // self.size,
            count * (self.rank + 1) // self.size,
            count,
        )

    def wait(self) -> None:
        """Go on when all processes have come here."""
        if self.size > 1:
            dist.barrier()

    def agree(self, value: Any) -> Any:
        """The leader's value, on every process."""
        if self.size == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0)
        return box[0]


@contextmanager
def team(place: torch.device) -> Iterator[Team]:
    """The team that the environment describes, as `torchrun` sets it.

    Args:
        place: where this process computes; on a GPU processes talk by NCCL, else by
            Gloo.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Team()
        return
    backend = "nccl" if place.type == "cuda" else "gloo"
    dist.init_process_group(backend, timeout=TIMEOUT)
    try:
        yield Team(dist.get_rank(), size)
    finally:
        dist.destroy_process_group()


def own_device(place: torch.device) -> torch.device:
    """The GPU of this process, where there are several; else the device given."""
    rank = os.environ.get("LOCAL_RANK")
    if place.type != "cuda" or rank is None:
        return place
    torch.cuda.set_device(int(rank))
    return torch.device("cuda", int(rank))


def gather_rows(rows: Rows, members: Team, share: Share) -> Rows:
    """Rows [b, ...] of each process' share to rows [B, ...] of the whole batch.

    Gradients go back to the own rows alone, times the number of processes: they are
    averaged over processes afterwards (`average_gradients`).
    """
    if members.size == 1:
        return rows
    return {name: _Gather.apply(rows[name], members, share) for name in sorted(rows)}


def average_gradients(parameters: Iterable[nn.Parameter], members: Team) -> None:
    """Put the mean over processes into every parameter's gradient."""
    if members.size == 1:
        return
    kinds: dict[torch.dtype, list[Tensor]] = {}
    for parameter in parameters:
        if parameter.grad is not None:
            kinds.setdefault(parameter.grad.dtype, []).append(parameter.grad)
    for gradients in kinds.values():
        flat = torch.cat([g.reshape(-1) for g in gradients])
        dist.all_reduce(flat)
        flat /= members.size
        start = 0
        for gradient in gradients:
            part = flat[start : start + gradient.numel()]
            gradient.copy_(part.view_as(gradient))
            start += gradient.numel()


def share_statistics(model: nn.Module, members: Team, place: torch.device) -> nn.Module:
    """The model with batch normalisation over the batches of all processes."""
    if members.size == 1:
        return model
    if place.type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(model)
    for module in list(model.modules()):
        for name, child in module.named_children():
            if type(child) in (nn.BatchNorm1d, nn.BatchNorm2d):
                setattr(module, name, SharedBatchNorm.of(child))
    return model


class SharedBatchNorm(_BatchNorm):
    """Batch normalisation over all processes, on a CPU, where torch has none."""

    @classmethod
    def of(cls, plain: _BatchNorm) -> "SharedBatchNorm":
        """One with another's very parameters and buffers."""
        shared = cls(
            plain.num_features,
            eps=plain.eps,
            momentum=plain.momentum,
            affine=plain.affine,
            track_running_stats=plain.track_running_stats,
        )
        shared.__dict__.update(plain.__dict__)
        return shared

    def forward(self, image: Tensor) -> Tensor:
        """[b, C, ...] to the same, normalised over all processes' samples."""
        if not self.training:
            return super().forward(image)
        axes = [axis for axis in range(image.ndim) if axis != 1]
        shape = [-1 if axis == 1 else 1 for axis in range(image.ndim)]
        count = image.new_tensor([image.numel() / image.shape[1]])
        total = _Sum.apply(count)
        mean = _Sum.apply(image.sum(axes)) / total
        centred = image - mean.view(shape)
        variance = _Sum.apply(centred.square().sum(axes)) / total
        if self.track_running_stats:
            self._track(mean.detach(), variance.detach() * total / (total - 1))
        scale = torch.rsqrt(variance + self.eps) * self.weight
        return centred * scale.view(shape) + self.bias.view(shape)

    def _check_input_dim(self, input: Tensor) -> None:
        """Any number of dimensions will do."""

    def _track(self, mean: Tensor, variance: Tensor) -> None:
        assert self.num_batches_tracked is not None
        assert self.running_mean is not None
        assert self.running_var is not None
        self.num_batches_tracked += 1
        share = self.momentum or 1.0 / float(self.num_batches_tracked)
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance, share)


class _Sum(torch.autograd.Function):
    """The sum of a tensor over processes; its gradient is summed likewise."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        total = value.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        total = gradient.clone()
        dist.all_reduce(total)
        return total


class _Gather(torch.autograd.Function):
    """Rows of all processes in order of rank; shares may differ in length."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, members: Team, share: Share) -> Tensor:
        ctx.share, ctx.size = share, members.size
        most = -(-share.total // members.size)
        padded = rows.new_zeros(most, *rows.shape[1:])
        padded[: len(rows)] = rows
        parts = [torch.empty_like(padded) for _ in range(members.size)]
        dist.all_gather(parts, padded)
        shares = [Team(r, members.size).share(share.total) for r in range(members.size)]
        return torch.cat([p[: len(s)] for p, s in zip(parts, shares, strict=True)])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        return gradient[ctx.share.rows] * ctx.size, None, None

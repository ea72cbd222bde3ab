"""One step's gradients: over processes, and in chunks where memory is short.

In chunks the batch is described twice (gradient caching; Gao et al., Scaling Deep
Contrastive Learning Batch Size under Memory Limited Setup, 2021): once without
gradients, to get the loss' gradient of every row, and once more chunk by chunk, to
carry those into the weights. The gradient is that of the whole batch, except in layers
that take statistics of a batch: those see a chunk.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import torch
from torch import Tensor, nn

from geobench.data.sampling import Share
from geobench.model import Batch, CrossViewModel, Rows
from geobench.training.parallel import Team, average_gradients, gather_rows

Precision = Callable[[], AbstractContextManager[None]]
"""Makes the context in which a network is run."""


def backward(
    model: CrossViewModel,
    batch: Batch,
    *,
    share: Share,
    members: Team,
    chunk: int | None = None,
    precision: Precision,
    seed: int = 0,
) -> dict[str, Tensor]:
    """Gradients of the whole batch's loss in every parameter, averaged over processes.

    Args:
        model: in training mode, gradients empty.
        batch: this process' samples.
        share: which rows of the whole batch these are.
        members: the processes that share the batch.
        chunk: samples that are described at once with gradients, or None for all.
        precision: context of the network's computations.
        seed: of the random numbers of each chunk.

    Returns:
        The loss' named terms, those of the whole batch.
    """
    count = len(share)
    if chunk is None or chunk >= count:
        with precision():
            rows = gather_rows(model.describe(batch), members, share)
            terms = model.terms(rows)
        terms["total"].backward()
    else:
        parts = [slice(at, min(at + chunk, count)) for at in range(0, count, chunk)]
        terms = _in_chunks(
            model,
            [part_of(batch, part, count) for part in parts],
            share=share,
            members=members,
            precision=precision,
            seed=seed,
        )
    average_gradients(model.parameters(), members)
    return terms


def part_of(batch: Batch, part: slice, count: int) -> Batch:
    """Some samples of a batch of `count`; what is not one a sample stays."""
    return {
        key: value[part]
        if isinstance(value, (Tensor, list)) and len(value) == count
        else value
        for key, value in batch.items()
    }


def _in_chunks(
    model: CrossViewModel,
    parts: list[Batch],
    *,
    share: Share,
    members: Team,
    precision: Precision,
    seed: int,
) -> dict[str, Tensor]:
    def described(number: int) -> Rows:
        # Both passes must draw the same dropout.
        torch.manual_seed(seed + number)
        with precision():
            return model.describe(parts[number])

    with torch.no_grad(), _buffers_kept(model):
        first = [described(number) for number in range(len(parts))]
    rows = {
        name: torch.cat([part[name] for part in first]).requires_grad_(
            first[0][name].is_floating_point()
        )
        for name in first[0]
    }
    with precision():
        terms = model.terms(gather_rows(rows, members, share))
    terms["total"].backward()
    start = 0
    for number, part in enumerate(first):
        stop = start + len(next(iter(part.values())))
        again = described(number)
        wanted = [
            (again[name], rows[name].grad[start:stop])  # type: ignore[index]
            for name in again
            if again[name].requires_grad and rows[name].grad is not None
        ]
        torch.autograd.backward([w[0] for w in wanted], [w[1] for w in wanted])
        start = stop
    return terms


@contextmanager
def _buffers_kept(model: nn.Module) -> Iterator[None]:
    """Undo what a pass does to running statistics: the second pass does it again."""
    kept = {name: value.clone() for name, value in model.named_buffers()}
    yield
    with torch.no_grad():
        for name, value in model.named_buffers():
            value.copy_(kept[name])

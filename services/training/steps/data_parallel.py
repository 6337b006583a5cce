"""Several processes train one encoder: each computes a share of every step's rows, gradients are summed.

Processes are started by torchrun, which names them by RANK and WORLD_SIZE; without it there is one, and nothing here
does anything. All processes draw the same packing, negatives and dropout masks and take their share of them, so that
the outcome is that of one process but for the order in which floats are added. The first process alone validates,
keeps checkpoints and reports.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

import torch
from torch import distributed, nn

# A killed process closes its connections, which the others notice at once. This is for one that hangs; it must be
# longer than the first process needs between two steps: to validate, or to fit the sources and the blend.
_PATIENCE = timedelta(minutes=30)

Value = TypeVar("Value")


class LostProcessError(RuntimeError):
    """Another process of this training has ended or hangs. The message is one line for a person."""


def device() -> torch.device:
    """Where this process trains: its own GPU if there is one, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
    return torch.device("cpu")


@contextmanager
def joined() -> Iterator[int]:
    """Join the processes that torchrun has started; gives this one's rank, 0 where it is alone."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        yield 0
        return
    backend = "nccl" if device().type == "cuda" else "gloo"
    distributed.init_process_group(backend, timeout=_PATIENCE)
    try:
        yield distributed.get_rank()
    finally:
        distributed.destroy_process_group()


def count() -> int:
    """How many processes train."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def is_first() -> bool:
    """Whether this is the process that validates, saves and reports."""
    return not distributed.is_initialized() or distributed.get_rank() == 0


def share_of(rows: int) -> tuple[int, int]:
    """First and last (exclusive) of ``rows`` rows that this process computes; it may be none."""
    if count() == 1:
        return 0, rows
    rank, processes = distributed.get_rank(), count()
    return rows * rank // processes, rows * (rank + 1) // processes


def from_first(value: Value) -> Value:
    """What the first process gives; the others' values do not matter. Raises LostProcessError."""
    if count() == 1:
        return value
    box = [value if is_first() else None]
    with _in_touch():
        distributed.broadcast_object_list(box, src=0)
    return box[0]  # type: ignore[return-value]


def sum_gradients(parameters: Iterable[nn.Parameter], loss: float) -> float:
    """Replace every gradient by the sum over the processes, in one message; returns the sum of their losses.

    Raises LostProcessError.
    """
    if count() == 1:
        return loss
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    parts = [torch.zeros_like(each) if each.grad is None else each.grad for each in trained]
    message = torch.cat([*(part.flatten() for part in parts), parts[0].new_tensor([loss])])
    with _in_touch():
        distributed.all_reduce(message)
    sums = torch.split(message[:-1], [each.numel() for each in trained])
    for parameter, gradient in zip(trained, sums, strict=True):
        parameter.grad = gradient.view_as(parameter)
    return float(message[-1])


@contextmanager
def _in_touch() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # what torch raises for closed connections and for silence
        reason = str(error).splitlines()[0]
        raise LostProcessError(
            f"another process of this training is gone ({reason}): start all again, they go on from the checkpoint"
        ) from error

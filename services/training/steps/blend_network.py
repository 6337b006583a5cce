"""One blend by gradient descent, and the mean of several as one."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from services.training.model.blend import Blend

_EPOCHS = 24
_USERS_PER_STEP = 128
_LEARNING_RATE = 0.02
_DECAY = 0.02
_LEAST_DEVIATION = 1e-3


def fit_network(
    inputs: torch.Tensor,
    lengths: torch.Tensor,
    places: torch.Tensor,
    scales: NDArray[np.float32],
    open_inputs: NDArray[np.bool_],
    hidden: int,
    seed: Sequence[int],
) -> Blend:
    """The blend under which the target of each user is most likely among the user's candidates.

    inputs: float32 [E, C, D], D the inputs that are open. lengths, places: int64 [E], candidates and the target's
    place. hidden: width of the network, 0 for a weighted sum. Equal arguments give equal blends.
    """
    random = np.random.default_rng(list(seed))
    mask = torch.arange(inputs.shape[1])[None] >= lengths[:, None]
    filled = inputs[~mask]
    means, deviations = filled.mean(dim=0), filled.std(dim=0)
    # What is the same everywhere can teach nothing, and must not weigh a thousandfold where it differs for once.
    deviations = torch.where(deviations < _LEAST_DEVIATION, torch.inf, deviations)
    size = inputs.shape[2]
    linear = torch.zeros(size)
    if torch.isfinite(deviations[0]):
        linear[0] = deviations[0]  # the logit as it is
    matrix = torch.from_numpy(random.normal(scale=1 / math.sqrt(size), size=(size, hidden)).astype(np.float32))
    parameters = [linear, matrix, torch.zeros(hidden), torch.zeros(hidden)]
    for parameter in parameters:
        parameter.requires_grad_()
    optimizer = torch.optim.AdamW(parameters, lr=_LEARNING_RATE, weight_decay=_DECAY)
    steps_per_epoch = math.ceil(len(inputs) / _USERS_PER_STEP)
    steps = _EPOCHS * steps_per_epoch
    for step in range(steps):
        if step % steps_per_epoch == 0:
            order = random.permutation(len(inputs))
        place = step % steps_per_epoch * _USERS_PER_STEP
        chosen = torch.from_numpy(order[place : place + _USERS_PER_STEP])
        logits = _logits((inputs[chosen] - means) / deviations, *parameters)
        loss = functional.cross_entropy(logits.masked_fill(mask[chosen], -torch.inf), places[chosen])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        done = step / steps
        for group in optimizer.param_groups:
            group["lr"] = _LEARNING_RATE * min(1.0, (step + 1) / 10) * 0.5 * (1 + math.cos(math.pi * done))
        optimizer.step()
    return _as_blend([parameter.detach() for parameter in parameters], means, deviations, scales, open_inputs)


def joined(blends: Sequence[Blend]) -> Blend:
    """One blend whose score is the mean of the others'; all have the same scales."""
    count = np.float32(len(blends))
    return Blend(
        blends[0].scales,
        np.sum([blend.linear for blend in blends], axis=0) / count,
        np.concatenate([blend.hidden for blend in blends], axis=1),
        np.concatenate([blend.hidden_bias for blend in blends]),
        (np.concatenate([blend.output for blend in blends]) / count).astype(np.float32),
    )


def _logits(
    inputs: torch.Tensor, linear: torch.Tensor, matrix: torch.Tensor, bias: torch.Tensor, output: torch.Tensor
) -> torch.Tensor:
    scores: torch.Tensor = inputs @ linear
    return scores + functional.silu(inputs @ matrix + bias) @ output if len(output) else scores


def _as_blend(
    parameters: Sequence[torch.Tensor],
    means: torch.Tensor,
    deviations: torch.Tensor,
    scales: NDArray[np.float32],
    open_inputs: NDArray[np.bool_],
) -> Blend:
    """Weights for inputs as they are instead of standardised; closed inputs get none."""
    linear, matrix, bias, output = parameters
    size = len(open_inputs)
    full_linear = np.zeros(size, dtype=np.float32)
    full_linear[open_inputs] = (linear / deviations).numpy()
    full_matrix = np.zeros((size, matrix.shape[1]), dtype=np.float32)
    full_matrix[open_inputs] = (matrix / deviations[:, None]).numpy()
    return Blend(scales, full_linear, full_matrix, (bias - (means / deviations) @ matrix).numpy(), output.numpy())

"""What an event of the history adds to the vector of its item: by its type, its value and the time since the last."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from services.core.history_events import GAP, TYPE, VALUE, VALUE_KNOWN

TYPES = 8
_GAP_STEP = 3.0
# From no time at all to 2^30 seconds, 34 years; the feature of no time is 1.
_GAP_KNOTS = tuple(1.0 + _GAP_STEP * place for place in range(11))
_MOST_DEVIATIONS = 3.0


@dataclass(frozen=True, slots=True)
class EventScale:
    """Which of the columns of ``history_events`` say something in this data, and the unit of the values.

    A column that is the same everywhere says nothing. value_deviation: 0 where values are not read.
    """

    types: bool = False
    value_mean: float = 0.0
    value_deviation: float = 0.0
    gaps: bool = False


NOTHING = EventScale()
"""Reads nothing but items."""


class EventInputs(nn.Module):
    """history_events float32 [..., 4] → float32 [..., D], linear in indicators of what is known.

    Type: one indicator each. Value: 1, z and z², z the deviations from the mean, at most 3. Time: the two nearest of
    a row of knots, by nearness. The matrix begins at zero: an event says nothing until it has been learnt that it does.
    """

    def __init__(self, width: int, scale: EventScale) -> None:
        super().__init__()
        self.scale = scale
        self.matrix = nn.Parameter(torch.zeros(TYPES + 3 + len(_GAP_KNOTS), width))
        self.knots = nn.Buffer(torch.tensor(_GAP_KNOTS), persistent=False)
        self.types = nn.Buffer(torch.arange(1.0, TYPES + 1), persistent=False)

    def forward(self, events: torch.Tensor) -> torch.Tensor:
        """What is added to each event's item vector."""
        scale = self.scale
        kinds = (events[..., TYPE : TYPE + 1] == self.types).to(events.dtype) * float(scale.types)
        known = events[..., VALUE_KNOWN : VALUE_KNOWN + 1] * float(scale.value_deviation > 0)
        deviation = (events[..., VALUE : VALUE + 1] - scale.value_mean) / (scale.value_deviation or 1.0)
        deviation = torch.clamp(deviation, -_MOST_DEVIATIONS, _MOST_DEVIATIONS) * known
        gap = events[..., GAP : GAP + 1]
        near = functional.relu(1.0 - torch.abs(gap - self.knots) / _GAP_STEP)
        near = near * (gap > 0).to(events.dtype) * float(scale.gaps)
        inputs = torch.cat([kinds, known, deviation, deviation * deviation, near], dim=-1)
        added: torch.Tensor = torch.matmul(inputs, self.matrix)
        return added

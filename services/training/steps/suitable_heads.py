"""Which heads a log can teach, and what each should have said of its events."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.training.model.action_heads import ActionHead
from services.training.steps.examples import InteractionLog

Float32 = NDArray[np.float32]

RATING_HEAD = "rating"
_NAMES = {2: "click", 3: "view", 4: "like", 7: "purchase"}
_LEAST_SHARE = 0.01
_LEAST_EVENTS = 200


def suitable_heads(log: InteractionLog) -> tuple[ActionHead, ...]:
    """A rating head where at least 1 % of the events are ratings that differ; one for every type of 1 % to 99 %."""
    heads: list[ActionHead] = []
    if log.values is not None:
        known = log.values[np.isfinite(log.values)].astype(np.float64)
        if len(known) >= max(_LEAST_EVENTS, _LEAST_SHARE * len(log)) and known.std() > 0:
            bounds = float(known.min()), float(known.max())
            heads.append(ActionHead(RATING_HEAD, None, float(known.mean()), float(known.std()), *bounds))
    if log.types is not None and len(log) >= _LEAST_EVENTS:
        for number, name in _NAMES.items():
            share = float((log.types == number).mean())
            if _LEAST_SHARE <= share <= 1 - _LEAST_SHARE:
                heads.append(ActionHead(f"{name}_probability", number, share))
    return tuple(heads)


def wanted_of(head: ActionHead, values: Float32 | None, types: NDArray[np.int8] | None) -> Float32:
    """float32 [V]: what a head should have said of events, NaN where they tell nothing."""
    if head.type is None:
        return np.zeros(0, np.float32) if values is None else values
    return np.zeros(0, np.float32) if types is None else (types == head.type).astype(np.float32)

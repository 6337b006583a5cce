"""Which columns of the events say something in a log, and the unit of the values."""

from __future__ import annotations

import numpy as np

from services.training.model.event_inputs import EventScale
from services.training.steps.examples import InteractionLog

_LEAST_KNOWN = 0.01
# Places in a file stand for times where there are none: then all gaps are equal.
_LEAST_GAPS = 10


def event_scale(log: InteractionLog) -> EventScale:
    """What an encoder of this log reads of its events.

    Types where there are several; values where at least 1 % of the events have one and they differ; the time between
    events where there are at least ten different gaps.
    """
    types = log.types is not None and len(np.unique(log.types)) > 1
    mean, deviation = 0.0, 0.0
    if log.values is not None:
        known = log.values[np.isfinite(log.values)].astype(np.float64)
        if len(known) >= max(1.0, _LEAST_KNOWN * len(log)):
            mean, deviation = float(known.mean()), float(known.std())
    within = np.ones(max(len(log) - 1, 0), dtype=np.bool_)
    begins = log.starts[1:-1]
    begins = begins[(begins > 0) & (begins < len(log))]
    within[begins - 1] = False
    gaps = len(np.unique(np.diff(log.times)[within])) >= _LEAST_GAPS
    return EventScale(types, mean if deviation > 0 else 0.0, deviation, gaps)

"""Fits recency: to what the log said of repeats before they were left out of it."""

from __future__ import annotations

import numpy as np

from services.core.bundle import BundleDraft
from services.core.sources.recency import CONFIG, RATES, RecencySource
from services.training.steps.examples import InteractionLog
from services.training.steps.fit_config import TrainingConfig


def fit(log: InteractionLog, config: TrainingConfig) -> RecencySource:  # noqa: ARG001
    """The rates and the decay of ``log.repeats``; where nothing is repeated a source that scores all items 0."""
    known = log.repeats
    if known is None:
        return RecencySource(np.zeros(log.item_count + 1, dtype=np.float32), 0.0)
    return RecencySource(known.rates, known.decay)


def save(source: RecencySource, draft: BundleDraft) -> None:
    """Write what RecencySource.load reads."""
    draft.save_array(RATES, source.rates)
    draft.save_json(CONFIG, {"decay": source.decay})

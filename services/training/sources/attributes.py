"""Fits the attributes source: nothing is learnt, the catalogue's attributes are weighted by their rarity."""

from __future__ import annotations

import numpy as np

from services.core.bundle import BundleDraft
from services.core.sources.attributes import CODES, STARTS, WEIGHTS, AttributesSource
from services.training.steps.examples import InteractionLog
from services.training.steps.fit_config import TrainingConfig


def fit(log: InteractionLog, config: TrainingConfig) -> AttributesSource:  # noqa: ARG001
    """tf-idf vectors of unit length; without attributes a source that knows nothing."""
    known = log.attributes
    if known is None:
        starts = np.zeros(log.item_count + 2, dtype=np.int64)
        return AttributesSource(starts, np.empty(0, dtype=np.int32), np.empty(0, dtype=np.float32))
    return AttributesSource(known.starts, known.codes, known.weights())


def save(source: AttributesSource, draft: BundleDraft) -> None:
    """Write the arrays that AttributesSource.load reads."""
    draft.save_array(STARTS, source.starts)
    draft.save_array(CODES, source.codes)
    draft.save_array(WEIGHTS, source.weights)

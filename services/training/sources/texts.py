"""Fits the texts source: nothing is learnt of people, the items' text vectors are whitened."""

from __future__ import annotations

import numpy as np

from services.core.bundle import BundleDraft
from services.core.sources.texts import PLACES, TextsSource
from services.core.text_encoder_files import TEXT
from services.training.steps.examples import InteractionLog
from services.training.steps.fit_config import TrainingConfig
from services.training.steps.text_places import text_places

# With fewer items that say something the source would be silent for most of a history.
_LEAST_SHARE = 0.5


def fit(log: InteractionLog, config: TrainingConfig) -> TextsSource:  # noqa: ARG001
    """The items' places in the space of all their texts; without texts a source that knows nothing."""
    places = text_places(log.contents or (), np.arange(len(log.contents or ()), dtype=np.int32))
    return TextsSource(np.zeros((log.item_count + 1, 1), dtype=np.float32) if places is None else places)


def save(source: TextsSource, draft: BundleDraft) -> None:
    """Write the array that TextsSource.load reads."""
    draft.save_array(PLACES, source.places)


def speaks(log: InteractionLog) -> bool:
    """Whether at least half of the items say something."""
    saying = sum(TEXT in content.vectors for content in log.contents or ())
    return saying >= _LEAST_SHARE * log.item_count

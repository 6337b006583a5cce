"""Fits the texts source: nothing is learnt of people, the items' text vectors are whitened."""

from __future__ import annotations

import numpy as np

from services.core.bundle import BundleDraft
from services.core.sources.texts import PLACES, TextsSource
from services.core.text_encoder_files import TEXT
from services.core.text_space import Float32, TextSpace
from services.training.steps.examples import InteractionLog
from services.training.steps.fit_config import TrainingConfig

# With fewer items that say something the source would be silent for most of a history.
_LEAST_SHARE = 0.5


def fit(log: InteractionLog, config: TrainingConfig) -> TextsSource:  # noqa: ARG001
    """The items' places in the space of all their texts; without texts a source that knows nothing."""
    vectors = _vectors(log)
    rows = np.flatnonzero(vectors.any(axis=1))
    space = TextSpace.fit(vectors[rows])
    if space is None:
        return TextsSource(np.zeros((log.item_count + 1, 1), dtype=np.float32))
    places = np.zeros((log.item_count + 1, space.directions.shape[1]), dtype=np.float32)
    places[rows] = space.place(vectors[rows])
    return TextsSource(places)


def save(source: TextsSource, draft: BundleDraft) -> None:
    """Write the array that TextsSource.load reads."""
    draft.save_array(PLACES, source.places)


def speaks(log: InteractionLog) -> bool:
    """Whether at least half of the items say something."""
    saying = sum(TEXT in content.vectors for content in log.contents or ())
    return saying >= _LEAST_SHARE * log.item_count


def _vectors(log: InteractionLog) -> Float32:
    """float32 [N+1, W], unit rows, zeros where an item says nothing or something of another width than most."""
    said = {row: content.vectors[TEXT] for row, content in enumerate(log.contents or ()) if TEXT in content.vectors}
    widths = [len(vector) for vector in said.values()]
    width = max(set(widths), key=widths.count) if widths else 1
    vectors = np.zeros((log.item_count + 1, width), dtype=np.float32)
    for row, vector in said.items():
        length = float(np.linalg.norm(vector))
        if len(vector) == width and 0 < length < np.inf:
            vectors[row] = vector / length
    vectors[0] = 0
    return vectors

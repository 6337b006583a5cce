"""How each source is fitted and saved: the one place that a new source is added to on the training side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from services.core.bundle import BundleDraft
from services.core.sources.source import Source
from services.training.sources import (
    attributes,
    ease,
    item_knn,
    lightgcn,
    matrix_factors,
    mult_vae,
    popularity,
    recency,
    texts,
    transitions,
    user_knn,
)
from services.training.steps.examples import InteractionLog
from services.training.steps.fit_config import TrainingConfig


@dataclass(frozen=True, slots=True)
class Fitting:
    """fit: log and settings → the source as it is served. save: its arrays into a bundle."""

    fit: Callable[[InteractionLog, TrainingConfig], Source]
    save: Callable[[Any, BundleDraft], None]


# The sequence source is no entry here: it comes out of the Transformer, not out of the log alone.
FITTINGS: dict[str, Fitting] = {
    "popularity": Fitting(popularity.fit, popularity.save),
    "item_knn": Fitting(item_knn.fit, item_knn.save),
    "ease": Fitting(ease.fit, ease.save),
    "transitions": Fitting(transitions.fit, transitions.save),
    "attributes": Fitting(attributes.fit, attributes.save),
    "texts": Fitting(texts.fit, texts.save),
    "matrix_factors": Fitting(matrix_factors.fit, matrix_factors.save),
    "lightgcn": Fitting(lightgcn.fit, lightgcn.save),
    "mult_vae": Fitting(mult_vae.fit, mult_vae.save),
    "user_knn": Fitting(user_knn.fit, user_knn.save),
    "recency": Fitting(recency.fit, recency.save),
}

"""What a training run can be told; every default is what MovieLens-100K was measured with."""

from __future__ import annotations

from dataclasses import dataclass, field

from services.core.cascade import CANDIDATE_COUNT

HISTORY_BUCKETS = (16, 32, 64, 128)
"""Lengths that histories are padded to when served, besides the longest."""


def history_buckets(max_history: int) -> tuple[int, ...]:
    """All lengths that histories are padded to when served, ascending, the last is ``max_history``."""
    return (*(length for length in HISTORY_BUCKETS if length < max_history), max_history)


@dataclass(frozen=True, slots=True)
class TransformerConfig:
    """Sizes and schedule of the sequence encoder.

    max_history: newest interactions it reads, at most; fewer where histories are shorter.
    dropout, learning_rate: where items have many interactions; sparse_dropout, sparse_learning_rate: where few.
    positions_per_step: history positions, each an example, in one optimiser step.
    negatives: sampled per step; 0 = full softmax, used up to ``full_softmax_items`` items in any case.
    warm_epochs: epochs when starting from a previous bundle's weights. finish_epochs: epochs on all interactions,
    the held-out ones included, after everything was chosen; 0 leaves the weights as validated.
    patience: validations without a better one before stopping. averaging: decay of the weight average per step.
    """

    max_history: int = 200
    width: int = 64
    blocks: int = 2
    heads: int = 2
    hidden: int = 256
    dropout: float = 0.25
    sparse_dropout: float = 0.5
    learning_rate: float = 8e-3
    sparse_learning_rate: float = 4e-3
    weight_decay: float = 0.01
    averaging: float = 0.99
    positions_per_step: int = 3200
    negatives: int = 1024
    full_softmax_items: int = 5000
    epochs: int = 24
    warm_epochs: int = 5
    warm_learning_rate: float = 1e-3
    finish_epochs: int = 2
    finish_learning_rate: float = 5e-4
    validate_every_epochs: int = 2
    patience: int = 5
    validation_users: int = 5000


@dataclass(frozen=True, slots=True)
class PopularityConfig:
    """half_life_days: age at which an interaction counts half, measured from the newest one; 0 = no decay."""

    half_life_days: float = 30.0


@dataclass(frozen=True, slots=True)
class ItemKnnConfig:
    """neighbours: kept per item. saturation, length_penalty: BM25's k1 and b over users as documents."""

    neighbours: int = 100
    saturation: float = 1.2
    length_penalty: float = 0.75


@dataclass(frozen=True, slots=True)
class TransitionsConfig:
    """neighbours: kept per item. window: most steps between two items of a pair.

    backward: share that a pair counts against its order. popularity_penalty: power of the count of the item that is
    recommended.
    """

    neighbours: int = 100
    window: int = 5
    backward: float = 0.5
    popularity_penalty: float = 0.3


@dataclass(frozen=True, slots=True)
class MatrixFactorsConfig:
    """ALS on implicit feedback; alpha is the extra confidence of an observed interaction."""

    factors: int = 32
    regularization: float = 10.0
    alpha: float = 2.0
    iterations: int = 10


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """One training run.

    threads: torch threads; 0 = torch's own choice. candidates: ranked for a user, as many as where slates are served.
    blend_users: most held-out users that the blend is fitted on. sources: names in the order of the ranker's
    features; those that the data has nothing for are left out.
    """

    seed: int = 0
    threads: int = 0
    sources: tuple[str, ...] = ("popularity", "item_knn", "transitions", "attributes", "matrix_factors", "sequence")
    candidates: int = CANDIDATE_COUNT
    blend_users: int = 10_000
    transformer: TransformerConfig = field(default_factory=TransformerConfig)
    popularity: PopularityConfig = field(default_factory=PopularityConfig)
    item_knn: ItemKnnConfig = field(default_factory=ItemKnnConfig)
    transitions: TransitionsConfig = field(default_factory=TransitionsConfig)
    matrix_factors: MatrixFactorsConfig = field(default_factory=MatrixFactorsConfig)

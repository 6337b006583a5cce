"""What a training run can be told; every default is what MovieLens-100K was measured with."""

from __future__ import annotations

from dataclasses import dataclass, field

from services.core.cascade import CANDIDATE_COUNT
from services.training.text_encoder.default_model import DEFAULT_MODEL

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
    least_steps: small data is gone through more often than ``epochs``, up to ``most_epochs``, for so many steps.
    budget_minutes: of one core, by count and not by clock (see training_cost); fewer epochs where it does not pay all.
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
    least_steps: int = 200
    most_epochs: int = 64
    budget_minutes: float = 40.0
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
class EaseConfig:
    """neighbours: kept per item. strengths: of the penalty λ, to try, the most likely first.

    held_back_users: whose last interaction chooses among them. most_multiplications: of all inversions together, each
    the catalogue's size to the third power; the memory of one, a dozen bytes by the size squared, keeps within bounds
    with it (2 GB).
    """

    neighbours: int = 200
    strengths: tuple[float, ...] = (100.0, 20.0, 500.0)
    held_back_users: int = 1000
    most_multiplications: float = 2e12


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
class LightGcnConfig:
    """Embeddings propagated over the graph of users, items and attributes.

    hops: how often an item's vector goes over its users to the items that they took, two layers a time; the users
    are a layer beyond. temperature: of the cosines in the loss. attribute_weight: of an edge between an item and an
    attribute, one of a user being 1; 0 = without attributes. hidden_share: interactions hidden from the graph in a
    step, of which at most targets_per_step are predicted against ``negatives`` sampled items; all of a catalogue no
    larger. steps: at most, and only as many as most_multiplications allow. checks, patience, held_back_users: as of
    MultVaeConfig.
    """

    vector_size: int = 128
    hops: int = 1
    temperature: float = 0.1
    attribute_weight: float = 1.0
    hidden_share: float = 0.1
    targets_per_step: int = 4096
    negatives: int = 1024
    learning_rate: float = 0.02
    steps: int = 150
    checks: int = 5
    patience: int = 2
    held_back_users: int = 1000
    most_multiplications: float = 6e11


@dataclass(frozen=True, slots=True)
class MultVaeConfig:
    """A variational autoencoder of what a user took.

    hidden, latent: widths. dropout: share of the input that is dropped. negatives: items sampled per step; all of a
    catalogue no larger. most_penalty: the highest weight β of the latent penalty, reached after annealing_share of
    the training. epochs: at most, and only as many as most_multiplications allow. checks: how often the held-back
    interactions of held_back_users are looked at; patience: checks without a better one before stopping.
    """

    hidden: int = 200
    latent: int = 64
    dropout: float = 0.5
    negatives: int = 2048
    users_per_step: int = 128
    learning_rate: float = 3e-3
    most_penalty: float = 0.3
    annealing_share: float = 0.5
    epochs: int = 30
    checks: int = 10
    patience: int = 3
    held_back_users: int = 1000
    most_multiplications: float = 4e11


@dataclass(frozen=True, slots=True)
class UserKnnConfig:
    """neighbours: users whose items count, for each who asks. rarity: power of log(U / n_i) in an item's weight.

    decay: the n-th newest of the history counts n^-decay. users, users_per_item, items_per_user: most that are
    stored, the newest; how long serving takes grows with users_per_item.
    """

    neighbours: int = 100
    rarity: float = 2.0
    decay: float = 1.0
    users: int = 200_000
    users_per_item: int = 500
    items_per_user: int = 1_000


@dataclass(frozen=True, slots=True)
class RecencyConfig:
    """least_share: of all interactions that must repeat an earlier one for the source to be worth its place."""

    least_share: float = 0.01


@dataclass(frozen=True, slots=True)
class ContentMapConfig:
    """Kernel regression of item vectors on content.

    sharpnesses, noises, part_weights, cooccurrence_weights: to choose from. most_items: of the basis, those with most
    interactions. users: read, at most, for each of the fifths of the items that play newcomers, or five times as many
    for a single one. factors: of co-occurrence.
    """

    sharpnesses: tuple[float, ...] = (1.5, 0.75, 3.0, 6.0)
    noises: tuple[float, ...] = (0.1, 0.03, 0.3, 1.0)
    part_weights: tuple[float, ...] = (0.0, 0.5, 2.0)
    cooccurrence_weights: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0)
    most_items: int = 2000
    users: int = 400
    factors: int = 64


TEXT_TASKS = ("category", "rating")
"""What a text encoder that is fine-tuned can learn to foretell besides who takes an item."""


@dataclass(frozen=True, slots=True)
class TextTuningConfig:
    """Fine-tuning of the text encoder together with the Transformer.

    epochs: over all interactions; 0 leaves the text encoder frozen. model: as a text encoder is named anywhere. tasks:
    of TEXT_TASKS, learnt beside. layers: of the encoder, the upper ones, that learn. max_tokens: read of a text.
    items_per_step: whose ids are dropped in a step, so that their texts have to answer for them. learning_rate,
    head_rate, ranker_rate: the highest of the encoder's layers, of what stands on them, and of the Transformer.
    task_weight: of the loss of each task, that of the next item being 1. penalty: of the ridge regression that the
    projection into the space of the items starts from.
    """

    epochs: int = 0
    model: str = DEFAULT_MODEL
    tasks: tuple[str, ...] = ()
    layers: int = 2
    max_tokens: int = 64
    items_per_step: int = 32
    learning_rate: float = 5e-5
    head_rate: float = 5e-4
    ranker_rate: float = 5e-4
    task_weight: float = 0.3
    penalty: float = 0.3


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """One training run.

    threads: torch threads; 0 = torch's own choice. candidates: ranked for a user, as many as where slates are served.
    blend_users: most held-out users that the blend is fitted on. sources: names in the order of the ranker's
    features; those that the data has nothing for are left out. optional_sources: of these, those that serve only where
    validation shows that they bring something. Whether others bring nothing is looked at too, both only where there are
    ``least_selecting_users``: fewer cannot tell. ablation: whether what each source adds is measured
    too, which costs time and changes nothing; on at most ``ablation_users`` of the same users.
    """

    seed: int = 0
    threads: int = 0
    sources: tuple[str, ...] = (
        "popularity",
        "item_knn",
        "ease",
        "user_knn",
        "transitions",
        "attributes",
        "texts",
        "matrix_factors",
        "recency",
        "sequence",
    )
    optional_sources: tuple[str, ...] = ("ease", "user_knn")
    candidates: int = CANDIDATE_COUNT
    blend_users: int = 10_000
    ablation: bool = False
    ablation_users: int = 5_000
    least_selecting_users: int = 500
    transformer: TransformerConfig = field(default_factory=TransformerConfig)
    popularity: PopularityConfig = field(default_factory=PopularityConfig)
    item_knn: ItemKnnConfig = field(default_factory=ItemKnnConfig)
    ease: EaseConfig = field(default_factory=EaseConfig)
    transitions: TransitionsConfig = field(default_factory=TransitionsConfig)
    matrix_factors: MatrixFactorsConfig = field(default_factory=MatrixFactorsConfig)
    lightgcn: LightGcnConfig = field(default_factory=LightGcnConfig)
    mult_vae: MultVaeConfig = field(default_factory=MultVaeConfig)
    user_knn: UserKnnConfig = field(default_factory=UserKnnConfig)
    recency: RecencyConfig = field(default_factory=RecencyConfig)
    content_map: ContentMapConfig = field(default_factory=ContentMapConfig)
    text_tuning: TextTuningConfig = field(default_factory=TextTuningConfig)

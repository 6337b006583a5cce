"""Items that play newcomers: known ones that are hidden, and users read without them, so that choices can be judged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.core.content_space import Float32
from services.core.cooccurrence import taken_factors
from services.training.model.encoder import SequenceEncoder
from services.training.steps.evaluate_encoder import user_vectors
from services.training.steps.examples import Int32, InteractionLog
from services.training.steps.fit_config import ContentMapConfig
from services.training.steps.fit_cooccurrence import cooccurrence_factors

FOLDS = 5
"""Parts of the known items that are hidden in turn."""


@dataclass(frozen=True, slots=True)
class PlayingNewcomers:
    """Items that play newcomers, and users who took some of them.

    hidden: int64, places among the rows. vectors: float32 [U, D], users read without them, in standard deviations of
    their logits. of_taken: float32 [U, C], the same of the factors of what they took. factors: float32 [R, C], of the
    rows, by what people took besides the hidden. taken: bool [U, hidden].
    """

    hidden: NDArray[np.int64]
    vectors: Float32
    of_taken: Float32
    factors: Float32
    taken: NDArray[np.bool_]


def playing_newcomers(
    log: InteractionLog,
    rows: NDArray[np.int64],
    folds: Sequence[NDArray[np.int64]],
    encoder: SequenceEncoder,
    settings: ContentMapConfig,
) -> Iterator[PlayingNewcomers]:
    """Hide each fold in turn: int64, places among ``rows``, the known items of the log.

    settings.users: asked for each of FOLDS folds; where there are fewer, as many altogether.
    """
    item_vectors = encoder.items.weight.detach().numpy()[rows]
    # As many altogether where only some items can play: few users would choose by chance.
    most_users = settings.users * FOLDS // len(folds)
    for hidden in folds:
        place_in_fold = np.full(log.item_count + 1, -1)
        place_in_fold[rows[hidden]] = np.arange(len(hidden))
        is_hidden = place_in_fold[log.rows] >= 0
        rest = log.only(~is_hidden)
        owners = np.unique(log.users()[is_hidden])
        owners = owners[np.diff(rest.starts)[owners] > 0]
        owners = owners[np.linspace(0, len(owners) - 1, min(len(owners), most_users)).astype(np.int64)]
        users: Int32 = owners.astype(np.int32)
        taken = np.zeros((len(users), len(hidden)), dtype=np.bool_)
        for place, user in enumerate(users):
            found = place_in_fold[log.sequence(int(user))]
            taken[place, found[found >= 0]] = True
        seen = np.setdiff1d(np.arange(len(rows)), hidden)
        factors = cooccurrence_factors(rest, rows[seen], settings.factors)
        of_taken = taken_factors(factors, rest.newest_rows(users, encoder.shape.max_history))
        vectors = user_vectors(encoder, rest, users)
        yield PlayingNewcomers(
            hidden,
            vectors / _spreads(vectors, item_vectors[seen]),
            of_taken / _spreads(of_taken, factors[rows[seen]]),
            factors[rows],
            taken,
        )


def _spreads(users: Float32, items: Float32) -> Float32:
    """float32 [U, 1]: standard deviations of the products of users [U, W] with items [N, W]; 1 for none."""
    spreads = (users @ items.T).std(axis=1, keepdims=True)
    return np.where(spreads > 0, spreads, np.float32(1.0)).astype(np.float32)

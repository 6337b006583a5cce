"""Fits the audience: by how much people of a trait take an item more often than everybody.

The weight of the lifts is chosen by five folds over the users: by the NDCG@10 with which what others of the same traits
took finds what a user took. Where no weight helps by more than its standard error there is no audience.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from services.core.audience import Audience, Traits, number_in, trait_name
from services.core.metrics import by_user
from services.core.metrics.means import mean, standard_error
from services.training.steps.evaluate import pad_lists
from services.training.steps.examples import InteractionLog

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)
_LEAST_USERS = 20
_MOST_TRAITS = 256
# What the lifts may cost a bundle and each process that loads it: 40 MB.
_MOST_LIFTS = 10_000_000
_FOLDS = 5
_ASKED_USERS = 2_000
_MOST_SCORES = 20_000_000
# A key with more numbers than this is one of amounts, not of names that happen to be digits.
_MOST_NAMES = 12
_BINS = 5
# Interactions that everybody's taste counts beside those of a trait's people.
_PRIOR = 1_000.0
_TOP = 10


@dataclass(frozen=True, slots=True)
class FittedAudience:
    """The audience; the NDCG@10 that it was chosen by, that of popularity alone, and the weight."""

    audience: Audience
    ndcg: float
    popularity_ndcg: float
    weight: float

    def facts(self) -> dict[str, Any]:
        """What a person may ask of it."""
        return {
            "traits": list(self.audience.traits.names),
            "weight": self.weight,
            "ndcg@10": self.ndcg,
            "popularity_ndcg@10": self.popularity_ndcg,
        }


def fit_audience(log: InteractionLog, seed: int) -> FittedAudience | None:
    """Fit on the users whose context is known; None where these are few, or their contexts say nothing."""
    contexts = log.contexts or ()
    users = np.array([user for user, context in enumerate(contexts) if context and len(log.sequence(user))], np.int64)
    if len(users) < _FOLDS * _LEAST_USERS:
        return None
    traits = find_traits([contexts[user] for user in users], log.item_count)
    if not traits.names:
        return None
    has = _membership(traits, [contexts[user] for user in users])
    taken = _taken(log, users)
    values = _asked(has, taken, seed)
    best = max(WEIGHTS, key=lambda weight: mean(values[weight]))
    gained = values[best] - values[0.0]
    if not best or mean(gained) <= standard_error(gained):
        return None
    lifts = (best * _lifts(has, taken)).astype(np.float32)
    return FittedAudience(Audience(traits, lifts), mean(values[best]), mean(values[0.0]), best)


def find_traits(contexts: Iterable[Mapping[str, str]], item_count: int) -> Traits:
    """The traits that at least twenty of the contexts have, the most frequent ones where these are too many."""
    contexts = list(contexts)
    by_key: dict[str, list[str]] = {}
    for context in contexts:
        for key, value in context.items():
            by_key.setdefault(key, []).append(value)
    edges = {key: found for key, values in sorted(by_key.items()) if (found := _edges(values)) is not None}
    counts = Counter(trait_name(key, value, edges) for key, values in by_key.items() for value in values)
    most = min(_MOST_TRAITS, _MOST_LIFTS // (item_count + 1))
    kept = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))[:most]
    # What all have tells nobody apart.
    names = sorted(name for name, count in kept if _LEAST_USERS <= count < len(contexts))
    return Traits({name: number for number, name in enumerate(names)}, edges)


def _edges(values: list[str]) -> Float64 | None:
    numbers = [number for value in values if (number := number_in(value)) is not None]
    if len(set(numbers)) <= _MOST_NAMES or len(numbers) < len(values) // 2:
        return None
    edges: Float64 = np.unique(np.quantile(numbers, np.arange(1, _BINS) / _BINS))
    return edges


def _membership(traits: Traits, contexts: list[Mapping[str, str]]) -> sparse.csr_matrix:
    """float64 [U, T]."""
    numbers = [traits.of(context) for context in contexts]
    starts = np.concatenate([[0], np.cumsum([len(row) for row in numbers])])
    columns = np.array([number for row in numbers for number in row], dtype=np.int64)
    return sparse.csr_matrix((np.ones(len(columns)), columns, starts), shape=(len(contexts), len(traits.names)))


def _taken(log: InteractionLog, users: NDArray[np.int64]) -> sparse.csr_matrix:
    """float64 [U, N+1], 1 where a user took an item."""
    sequences = [np.unique(log.sequence(int(user))) for user in users]
    starts = np.concatenate([[0], np.cumsum([len(rows) for rows in sequences])])
    rows = np.concatenate(sequences)
    return sparse.csr_matrix((np.ones(len(rows)), rows, starts), shape=(len(users), log.item_count + 1))


def _lifts(has: sparse.csr_matrix, taken: sparse.csr_matrix) -> Float64:
    """log(p(j | t) / p(j)), float64 [T, N+1]; 0 of an item that nobody took."""
    counts = np.asarray((has.T @ taken).todense())
    all_counts = np.asarray(taken.sum(axis=0)).ravel()
    shares = all_counts / max(all_counts.sum(), 1.0)
    of_trait = (counts + _PRIOR * shares) / (counts.sum(axis=1, keepdims=True) + _PRIOR)
    lifts: Float64 = np.zeros_like(of_trait)
    known = shares > 0
    lifts[:, known] = np.log(of_trait[:, known] / shares[known])
    return lifts


def _asked(has: sparse.csr_matrix, taken: sparse.csr_matrix, seed: int) -> dict[float, Float64]:
    """NDCG@10 by weight of users, each asked of what the other folds say, float64 [U]."""
    random = np.random.default_rng([seed, 17])
    folds = random.permutation(has.shape[0]) % _FOLDS
    values: dict[float, list[Float64]] = {weight: [] for weight in WEIGHTS}
    for fold in range(_FOLDS):
        told, asked = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        asked = asked[: max(1, min(_ASKED_USERS // _FOLDS, _MOST_SCORES // taken.shape[1]))]
        lifts = _lifts(has[told], taken[told])
        counts = np.asarray(taken[told].sum(axis=0)).ravel()
        relevant = pad_lists([taken[user].indices.astype(np.int32) for user in asked], int(np.diff(taken.indptr).max()))
        with np.errstate(divide="ignore"):
            popularity = np.log(counts)
        said = has[asked] @ lifts
        for weight in WEIGHTS:
            order = np.argsort(-(popularity + weight * said), axis=1, kind="stable")[:, :_TOP].astype(np.int32)
            values[weight].append(by_user.ndcg(order, relevant, _TOP))
    return {weight: np.concatenate(of_folds) for weight, of_folds in values.items()}

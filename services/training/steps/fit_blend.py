"""Fits the blend on the validation users: how much of each source's score helps the Transformer, if any.

A handful of weights, by penalised maximum likelihood of the held-out item among the user's candidates. Whether and
how strongly they are used is decided by NDCG on users whose held-out item had no part in the weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from services.training.model.blend import Blend
from services.training.steps.evaluate import RankedUser, ranked_rows
from services.training.steps.examples import Int32

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

_FOLDS = 5
_STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
_PENALTY = 1.0


@dataclass(frozen=True, slots=True)
class FittedBlend:
    """The blend to serve, how strong it was made (0 = off), and the lists that it gave out of fold."""

    blend: Blend
    strength: float
    lists: list[Int32]


def fit_blend(users: Sequence[RankedUser], targets: Int32, sources: Sequence[str], seed: int) -> FittedBlend:
    """Weights for all sources but the Transformer's own, whose score is in the logit already."""
    scales = _scales(users, len(sources))
    open_columns = np.array([name != "sequence" for name in sources])
    folds = np.random.default_rng([seed, 4]).permutation(len(users)) % _FOLDS
    off = Blend(np.zeros(len(sources), dtype=np.float32), scales)
    examples = [_example(user, int(target), off) for user, target in zip(users, targets, strict=True)]
    by_fold = []
    for fold in range(_FOLDS):
        learnt_from = [example for place, example in enumerate(examples) if example and folds[place] != fold]
        by_fold.append(_fit_weights(learnt_from, open_columns))
    best_strength, best_ndcg, best_lists = 0.0, -1.0, []
    for strength in _STRENGTHS:
        lists = [
            ranked_rows(user, Blend(by_fold[fold] * np.float32(strength), scales))
            for user, fold in zip(users, folds, strict=True)
        ]
        ndcg = _ndcg(lists, targets)
        # Ties and noise go to the weaker blend.
        if ndcg > best_ndcg + 1e-4:
            best_strength, best_ndcg, best_lists = strength, ndcg, lists
    weights = _fit_weights([example for example in examples if example], open_columns) * np.float32(best_strength)
    return FittedBlend(Blend(weights, scales), best_strength, best_lists)


@dataclass(frozen=True, slots=True)
class _Example:
    taste: Float64
    terms: Float64
    target: int


def _scales(users: Sequence[RankedUser], count: int) -> Float32:
    """Mean positive score of each source over all candidates: about 1 after scaling, whatever the source's unit."""
    totals, positives = np.zeros(count), np.zeros(count)
    for user in users:
        totals += np.maximum(user.features, 0.0).sum(axis=0)
        positives += (user.features > 0).sum(axis=0)
    return np.maximum(totals / np.maximum(positives, 1), 1e-9).astype(np.float32)


def _example(user: RankedUser, target: int, blend: Blend) -> _Example | None:
    places = np.flatnonzero(user.candidates == target)
    if len(places) == 0:
        return None
    terms = blend.terms(user.features).astype(np.float64)
    return _Example(user.taste.astype(np.float64), terms, int(places[0]))


def _fit_weights(examples: Sequence[_Example], open_columns: NDArray[np.bool_]) -> Float32:
    """Weights float32 [F], relative to a taste weight of 1."""
    columns = np.flatnonzero(open_columns)
    weights = np.zeros(len(open_columns), dtype=np.float32)
    if not examples or len(columns) == 0:
        return weights
    # All users' candidates in one array, so that a step of the search is a few vector operations.
    lengths = np.array([len(example.taste) for example in examples])
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    design = np.concatenate(
        [np.column_stack([example.taste, example.terms[:, columns]]) for example in examples], axis=0
    )
    wanted = starts + np.array([example.target for example in examples])
    wanted_sum = design[wanted].sum(axis=0)
    start = np.zeros(design.shape[1])
    start[0] = 1.0

    def loss(parameters: Float64) -> tuple[float, Float64]:
        logits = design @ parameters
        logits -= np.repeat(np.maximum.reduceat(logits, starts), lengths)
        exponentials = np.exp(logits)
        sums = np.add.reduceat(exponentials, starts)
        shares = exponentials / np.repeat(sums, lengths)
        difference = parameters - start
        value = -(logits[wanted] - np.log(sums)).sum() + 0.5 * _PENALTY * difference @ difference
        return float(value), design.T @ shares - wanted_sum + _PENALTY * difference

    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 100}).x
    weights[columns] = found[1:] / max(found[0], 0.1)
    return weights


def _ndcg(lists: Sequence[Int32], targets: Int32) -> float:
    total = 0.0
    for rows, target in zip(lists, targets, strict=True):
        places = np.flatnonzero(rows[:10] == target)
        total += float(1.0 / np.log2(places[0] + 2)) if len(places) else 0.0
    return total / max(len(targets), 1)

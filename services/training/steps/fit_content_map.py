"""Fits the content map: from what items are to the vectors that the Transformer has learnt of them.

Sharpness, noise, the weights of the parts, plain and whitened, and of what is taken together are chosen on items that
play newcomers: a fifth of the known items at a time is kept from the map, users are read without them, and the map is
worth the NDCG@10 with which those users find, among the hidden items alone, the ones they took. Contents that were
learnt from other items, as a fine-tuned text encoder's, come in afterwards: the only items that can tell how much they
are worth are those that they were not learnt from, too few to choose anything else by.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from services.core.content_map import ContentMap, kernel
from services.core.content_space import ContentSpace, Float32, whitened
from services.core.cooccurrence import Cooccurrence, taken_factors
from services.training.model.encoder import SequenceEncoder
from services.training.steps.evaluate_encoder import user_vectors
from services.training.steps.examples import Int32, InteractionLog
from services.training.steps.fit_config import ContentMapConfig
from services.training.steps.fit_content_space import content_space, with_whitened
from services.training.steps.fit_cooccurrence import cooccurrence_factors
from services.training.steps.playing_newcomers import FOLDS, PlayingNewcomers, playing_newcomers

_LEAST_ITEMS = 50
_TOP = 10
_PUBLIC = 1_000
_WHITENED = (0.5, 1.0)
"""Shares of a modality's voice that its whitened vectors may have at first."""


_LEARNT_WEIGHTS = (0.25, 0.5, 1.0)
"""Of a learnt modality, all others together weighing 1."""


@dataclass(frozen=True, slots=True)
class LearntModality:
    """A modality whose vectors were learnt from the items, and the rows int64 of those that it was not learnt from."""

    name: str
    unseen: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FittedContentMap:
    """The map; the NDCG@10 of hidden items that it was chosen by; and what was chosen."""

    content_map: ContentMap
    ndcg: float
    settings: dict[str, float]

    def facts(self) -> dict[str, Any]:
        """What a person may ask of it."""
        return {"items": len(self.content_map.basis), "ndcg@10": self.ndcg, **self.settings}


def fit_content_map(
    log: InteractionLog,
    encoder: SequenceEncoder,
    settings: ContentMapConfig,
    seed: int,
    learnt: LearntModality | None = None,
    report: Callable[[float], None] = lambda _: None,
) -> FittedContentMap | None:
    """Fit on the items of the log that somebody took and of which something is known; None where these are too few.

    encoder: folded, whose item vectors are learnt from. learnt: what of the contents was learnt from the items.
    report: takes the share that is done, and may raise to end it.
    """
    contents = log.contents or ()
    counts = np.bincount(log.rows, minlength=log.item_count + 1)
    described = np.zeros(len(counts), dtype=np.bool_)
    described[: len(contents)] = [bool(content) for content in contents]
    known = np.flatnonzero(described & (counts > 0))
    if len(known) < _LEAST_ITEMS:
        return None
    # Those with most interactions: their vectors are the surest, and the basis is what serving pays for.
    rows = np.sort(known[np.argsort(-counts[known], kind="stable")[: settings.most_items]])
    of_rows = [contents[row] for row in rows]
    vectors: Float32 = encoder.items.weight.detach().numpy()[rows]
    whole = with_whitened(content_space(of_rows), of_rows)
    parts = whole.parts(of_rows)

    def best_of(
        trials: Sequence[Callable[[_Choice], _Choice]], start: _Choice, hidden: Sequence[NDArray[np.int64]]
    ) -> tuple[_Choice, float]:
        newcomers = list(playing_newcomers(log, rows, hidden, encoder, settings))
        return _best(trials, start, parts, vectors, newcomers, report)

    late = [] if learnt is None else [name for name in (learnt.name, whitened(learnt.name)) if name in parts]
    # A part that no item has anything of is tried too: its weight makes the kernel flatter.
    early = [name for name in whole.weights if name not in late]
    if not any(parts[name].any() for name in early):
        early = []
    # Where all that is known was learnt, everything has to be chosen on the few items that it was not learnt from.
    chosen_first = early or late or list(whole.weights)
    unseen = [] if learnt is None else [np.flatnonzero(np.isin(rows, learnt.unseen))]
    folds = np.random.default_rng([seed, 11]).permutation(len(rows)) % FOLDS
    hidden = unseen if late and not early else [np.flatnonzero(folds == fold) for fold in range(FOLDS)]
    modalities = [name for name in whole.whitenings if name in chosen_first]
    heard = set(chosen_first) - {whitened(name) for name in modalities}
    start = _Choice(
        {name: float(name in heard) for name in whole.weights}, settings.sharpnesses[0], settings.noises[0], 0.0
    )
    choice, best = best_of(_trials(chosen_first, modalities, settings), start, hidden)
    if early and late:
        start = replace(choice, weights=_adding_up_to_1(choice.weights))
        changes = [_weight_change(name, weight) for name in late for weight in _LEARNT_WEIGHTS]
        choice, best = best_of([lambda now: now, *changes], start, unseen)
    space = replace(whole, weights=_adding_up_to_1(choice.weights)).without_idle_parts()
    made = _made(choice, space, log, rows, encoder, settings.factors)
    facts = {"sharpness": choice.sharpness, "noise": choice.noise, "cooccurrence": choice.cooccurrence}
    facts |= _adding_up_to_1(choice.weights)
    return FittedContentMap(made, best, facts)


def _best(
    trials: Sequence[Callable[[_Choice], _Choice]],
    choice: _Choice,
    parts: Mapping[str, Float32],
    vectors: Float32,
    newcomers: Sequence[PlayingNewcomers],
    report: Callable[[float], None],
) -> tuple[_Choice, float]:
    """The best of the changes, each to what was best before, and its worth."""
    best = -1.0
    seen: list[_Choice] = []
    for place, change in enumerate(trials):
        report(place / len(trials))
        tried = change(choice)
        if tried in seen or not any(tried.weights.values()):
            continue
        seen.append(tried)
        found = _worth(tried, parts, vectors, newcomers)
        if found > best:
            choice, best = tried, found
    return choice, best


@dataclass(frozen=True, slots=True)
class _Choice:
    weights: Mapping[str, float]
    sharpness: float
    noise: float
    cooccurrence: float


def _trials(
    parts: Sequence[str], modalities: Sequence[str], settings: ContentMapConfig
) -> list[Callable[[_Choice], _Choice]]:
    """Changes to what was best so far: sharpness and noise, co-occurrence, whitenings, each part's weight, both again.

    A whitening puts a modality's whitened vectors in place of half or all of the plain ones; as they want another
    sharpness than these, with each of them. modalities: that can be whitened.
    """

    def kernel_change(sharpness: float, noise: float) -> Callable[[_Choice], _Choice]:
        return lambda now: replace(now, sharpness=sharpness, noise=noise)

    def whitening(name: str, share: float, sharpness: float) -> Callable[[_Choice], _Choice]:
        def change(now: _Choice) -> _Choice:
            whole = now.weights[name] + now.weights[whitened(name)]
            split = {name: (1 - share) * whole, whitened(name): share * whole}
            return replace(now, weights={**now.weights, **split}, sharpness=sharpness)

        return change

    def cooccurrence_change(weight: float) -> Callable[[_Choice], _Choice]:
        return lambda now: replace(now, cooccurrence=weight)

    kernels = [kernel_change(sharpness, noise) for sharpness in settings.sharpnesses for noise in settings.noises]
    together = [cooccurrence_change(weight) for weight in (0.0, *settings.cooccurrence_weights)]
    whitenings = [
        whitening(name, share, sharpness)
        for name in modalities
        for share in _WHITENED
        for sharpness in settings.sharpnesses
    ]
    weights = [_weight_change(part, weight) for part in parts for weight in settings.part_weights]
    more = [*whitenings, *weights] if len(parts) > 1 else []
    return [*kernels, *together, *more, *kernels, *together]


def _weight_change(part: str, weight: float) -> Callable[[_Choice], _Choice]:
    return lambda now: replace(now, weights={**now.weights, part: weight})


def _worth(
    choice: _Choice, parts: Mapping[str, Float32], vectors: Float32, newcomers: Sequence[PlayingNewcomers]
) -> float:
    """The NDCG@10 of a choice. parts: of the known items."""
    weighed = {name: weight for name, weight in _adding_up_to_1(choice.weights).items() if weight > 0}
    features = np.concatenate([parts[name] * np.float32(np.sqrt(weight)) for name, weight in weighed.items()], axis=1)
    likeness = kernel(features, features, choice.sharpness)
    total, count = 0.0, 0
    for fold in newcomers:
        seen = np.ones(len(vectors), dtype=np.bool_)
        seen[fold.hidden] = False
        users, targets = fold.vectors, vectors
        if choice.cooccurrence:
            users = np.concatenate([users, np.float32(choice.cooccurrence) * fold.of_taken], axis=1)
            targets = np.concatenate([targets, fold.factors], axis=1)
        weights, mean = _regression(likeness[np.ix_(seen, seen)], targets[seen], choice.noise)
        predicted = mean + likeness[np.ix_(~seen, seen)] @ weights
        scores = users @ predicted.T
        top = np.argsort(-scores, axis=1, kind="stable")[:, :_TOP]
        gains = np.take_along_axis(fold.taken, top, axis=1) / np.log2(np.arange(2, top.shape[1] + 2))
        ideal = np.cumsum(1.0 / np.log2(np.arange(2, _TOP + 2)))[np.minimum(fold.taken.sum(axis=1), _TOP) - 1]
        total += float((gains.sum(axis=1) / ideal).sum())
        count += len(ideal)
    return total / max(count, 1)


def _public(log: InteractionLog) -> Int32:
    """int32 [R]: users evenly spaced among those with a history."""
    owners = np.flatnonzero(np.diff(log.starts))
    chosen = owners[np.linspace(0, len(owners) - 1, min(len(owners), _PUBLIC)).astype(np.int64)]
    return chosen.astype(np.int32)


def _made(
    choice: _Choice,
    space: ContentSpace,
    log: InteractionLog,
    rows: NDArray[np.int64],
    encoder: SequenceEncoder,
    most_factors: int,
) -> ContentMap:
    contents = log.contents or ()
    features = space.features([contents[row] for row in rows])
    likeness = kernel(features, features, choice.sharpness)
    public = _public(log)
    users = user_vectors(encoder, log, public)
    vectors: Float32 = encoder.items.weight.detach().numpy()[rows]
    if not choice.cooccurrence:
        weights, mean = _regression(likeness, vectors, choice.noise)
        return ContentMap(space, features, weights, mean, choice.sharpness, users)
    factors = cooccurrence_factors(log, rows, most_factors)
    both = np.concatenate([vectors, factors[rows]], axis=1)
    weights, mean = _regression(likeness, both, choice.noise)
    covariance = np.cov(both, rowvar=False).astype(np.float32)
    taken = taken_factors(factors, log.newest_rows(public, encoder.shape.max_history))
    cooccurrence = Cooccurrence(factors, choice.cooccurrence, mean, covariance, taken)
    return ContentMap(space, features, weights, mean, choice.sharpness, users, cooccurrence)


def _adding_up_to_1(weights: Mapping[str, float]) -> dict[str, float]:
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()}


def _regression(likeness: Float32, vectors: Float32, noise: float) -> tuple[Float32, Float32]:
    """(K + noise · I)⁻¹ (vectors - mean), float32 [B, D], and the mean float32 [D]."""
    mean = vectors.mean(axis=0)
    factor = linalg.cho_factor(likeness.astype(np.float64) + noise * np.eye(len(likeness)), lower=True)
    weights = linalg.cho_solve(factor, (vectors - mean).astype(np.float64))
    return weights.astype(np.float32), mean

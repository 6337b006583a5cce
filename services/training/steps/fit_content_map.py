"""Fits the content map: from what items are to the vectors that the Transformer has learnt of them.

Sharpness, noise, the weights of the parts, plain and whitened, and of what is taken together are chosen on items that
play newcomers: a fifth of the known items at a time is kept from the map, users are read without them, and the map is
worth the NDCG@10 with which those users find, among the hidden items alone, the ones they took. Contents that were
learnt from other items, as a fine-tuned text encoder's, come in afterwards: the only items that can tell how much they
are worth are those that they were not learnt from, too few to choose anything else by.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from services.core.content_map import ContentMap, kernel
from services.core.content_space import CATEGORIES, ContentSpace, Float32, ItemContent, whitened
from services.core.cooccurrence import Cooccurrence
from services.core.text_space import TextSpace
from services.training.model.encoder import SequenceEncoder
from services.training.steps.evaluate_encoder import user_vectors
from services.training.steps.examples import Int32, InteractionLog
from services.training.steps.fit_config import ContentMapConfig
from services.training.steps.fit_cooccurrence import cooccurrence_factors

_FOLDS = 5
_BINS = 16
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
        newcomers = list(_newcomers(log, rows, hidden, encoder, settings))
        return _best(trials, start, parts, vectors, newcomers, report)

    late = [] if learnt is None else [name for name in (learnt.name, whitened(learnt.name)) if name in parts]
    early = [name for name in whole.weights if name not in late and parts[name].any()]
    # Where all that is known was learnt, everything has to be chosen on the few items that it was not learnt from.
    chosen_first = early or late or list(whole.weights)
    unseen = [] if learnt is None else [np.flatnonzero(np.isin(rows, learnt.unseen))]
    folds = np.random.default_rng([seed, 11]).permutation(len(rows)) % _FOLDS
    hidden = unseen if late and not early else [np.flatnonzero(folds == fold) for fold in range(_FOLDS)]
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
    newcomers: Sequence[_Newcomers],
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


def content_space(contents: Sequence[ItemContent]) -> ContentSpace:
    """The space of these items, all parts weighing the same.

    Centres are means of unit vectors; names that at least two items have, the 512 most frequent; sixteen bins a
    number, as many items in each as its ties allow.
    """
    modalities = sorted({name for content in contents for name in content.vectors})
    centres = {name: centre for name in modalities if (centre := _centre(name, contents)) is not None}
    names = Counter(name for content in contents for name in dict.fromkeys(content.categories))
    frequent = sorted(name for name, count in names.most_common(512) if count > 1)
    numbers = sorted({name for content in contents for name in content.numbers} - set(centres) - {CATEGORIES})
    edges = {name: found for name in numbers if len(found := _edges(name, contents))}
    parts = [*centres, *([CATEGORIES] if frequent else []), *edges]
    weights = {CATEGORIES: 0.0, **{name: 1.0 / len(parts) for name in parts}}
    return ContentSpace(centres, tuple(frequent), edges, weights)


def with_whitened(space: ContentSpace, contents: Sequence[ItemContent]) -> ContentSpace:
    """The space of these items with one part more for each modality of which they have enough, all weighing the same.

    Whitened as texts are in the text space: of vectors all of which say much the same, it counts what few of them say.
    """
    fitted = {name: TextSpace.fit(_unit_vectors(name, contents)) for name in space.centres}
    whitenings = {
        name: found.directions
        for name, found in fitted.items()
        if found is not None and found.directions.shape[1] and whitened(name) not in space.weights
    }
    parts = [name for name, weight in space.weights.items() if weight > 0]
    parts += [whitened(name) for name in whitenings]
    weights = {CATEGORIES: 0.0, **{name: 1.0 / len(parts) for name in parts}}
    return replace(space, weights=weights, whitenings=whitenings)


def _centre(name: str, contents: Sequence[ItemContent]) -> Float32 | None:
    unit = _unit_vectors(name, contents)
    centre: Float32 | None = unit.mean(axis=0).astype(np.float32) if len(unit) else None
    return centre


def _unit_vectors(name: str, contents: Sequence[ItemContent]) -> Float32:
    """float32 [M, C]: of a modality, those that are as wide as most and say something."""
    given = [content.vectors[name] for content in contents if name in content.vectors]
    width = Counter(len(vector) for vector in given).most_common(1)[0][0]
    stacked = np.stack([vector for vector in given if len(vector) == width]).astype(np.float32)
    lengths = np.linalg.norm(stacked, axis=1)
    usable = np.isfinite(lengths) & (lengths > 0)
    unit: Float32 = stacked[usable] / lengths[usable, None]
    return unit


def _edges(name: str, contents: Sequence[ItemContent]) -> NDArray[np.float64]:
    """Ascending; none where all items have the same number."""
    given = np.array([content.numbers[name] for content in contents if name in content.numbers], dtype=np.float64)
    given = given[np.isfinite(given)]
    if not len(given):
        return given
    edges = np.unique(np.quantile(given, np.arange(1, _BINS) / _BINS, method="higher"))
    inner: NDArray[np.float64] = edges[edges > given.min()]
    return inner


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


@dataclass(frozen=True, slots=True)
class _Newcomers:
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


def _newcomers(
    log: InteractionLog,
    rows: NDArray[np.int64],
    folds: Sequence[NDArray[np.int64]],
    encoder: SequenceEncoder,
    settings: ContentMapConfig,
) -> Iterator[_Newcomers]:
    """folds: places among the rows that are hidden together."""
    item_vectors = encoder.items.weight.detach().numpy()[rows]
    # As many altogether where only some items can play: few users would choose by chance.
    most_users = settings.users * _FOLDS // len(folds)
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
        of_taken = _sums(factors, rest, users, encoder.shape.max_history)
        vectors = user_vectors(encoder, rest, users)
        yield _Newcomers(
            hidden,
            vectors / _spreads(vectors, item_vectors[seen]),
            of_taken / _spreads(of_taken, factors[rows[seen]]),
            factors[rows],
            taken,
        )


def _sums(factors: Float32, log: InteractionLog, users: Int32, longest: int) -> Float32:
    """float32 [U, C]: of the factors of what each took, the newest ``longest``."""
    sums = np.zeros((len(users), factors.shape[1]), dtype=np.float32)
    for place, user in enumerate(users):
        sums[place] = factors[log.sequence(int(user))[-longest:]].sum(axis=0)
    return sums


def _spreads(users: Float32, items: Float32) -> Float32:
    """float32 [U, 1]: standard deviations of the products of users [U, W] with items [N, W]; 1 for none."""
    spreads = (users @ items.T).std(axis=1, keepdims=True)
    return np.where(spreads > 0, spreads, np.float32(1.0)).astype(np.float32)


def _worth(choice: _Choice, parts: Mapping[str, Float32], vectors: Float32, newcomers: Sequence[_Newcomers]) -> float:
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
    taken = _sums(factors, log, public, encoder.shape.max_history)
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

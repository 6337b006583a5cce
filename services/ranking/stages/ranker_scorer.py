"""The ranker: user and candidates through the models in Triton, of the very bundle the candidates are from."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from services.core.bundle import RANKER, USER_ENCODER, ModelEntry
from services.core.candidate_set import CandidateSet, Column
from services.core.cascade import AUDIENCE, SCENARIO_LIKING
from services.core.circuit_breaker import CircuitBreaker
from services.core.errors import UnavailableError
from services.core.history_events import FEATURES
from services.core.inference import Inference
from services.core.query import History, Query
from services.core.sources.sequence import SequenceSource
from services.plumbing.bundle_watcher import LoadedBundles
from services.plumbing.deadlines import seconds_left
from services.ranking.history_read import history_read, stood_in
from services.ranking.ranking_bundle import RankingBundle
from services.ranking.stages.candidate_scorer import fused_ranks
from services.ranking.stages.popular_source import POPULARITY

# Few shapes, so that requests of different sizes share batches in Triton.
_CANDIDATE_BUCKETS = (64, 128, 256, 320, 512, 1024)


class RankerScorer:
    """score = head weights · the ranker's heads. Provides float64 [C] "score" and float32 [C, H] "predictions".

    The user's vector came with the candidates; where it did not, the user encoder is asked here.

    The ranker learned from users with a history. For anybody else, popularity is the order, with people like them where
    the context tells who these are: nothing is wrong with that answer, so it is not degraded, and its predictions are
    [C, 0].

    In a scenario that the models hardly know, candidates says how much the user likes what is there, and that is the
    order. Where known items stand in for a history, the sources' scores are fused by rank instead: that finds more than
    popularity, and the ranker less (benchmarks/newcomer_histories.py).
    """

    name = "ranker"
    requires = frozenset({"source_scores"})
    provides = frozenset({"score", "predictions"})

    def __init__(
        self,
        triton: Inference,
        bundles: LoadedBundles[RankingBundle],
        breaker: CircuitBreaker,
        *,
        timeout_seconds: float,
        reserve_seconds: float,
    ) -> None:
        self._triton = triton
        self._bundles = bundles
        self._breaker = breaker
        self._timeout_seconds = timeout_seconds
        self._reserve_seconds = reserve_seconds

    def enabled(self, query: Query) -> bool:  # noqa: ARG002
        """Always."""
        return True

    async def score(self, query: Query, candidates: CandidateSet) -> Mapping[str, Column]:
        """Return the scores.

        Raises:
            UnavailableError: Triton is away, or this process does not hold the candidates' bundle.
            TimeoutError: There is no time left for it.
        """
        names = candidates.labels["source_scores"]
        # Candidates without the ranker's features come from a fallback source, whose reason the answer carries already.
        if not set(names) - {POPULARITY}:
            return _by_popularity(candidates, names)
        bundle = self._bundles.get(candidates.bundle_version)
        if bundle is None:
            raise UnavailableError(f"bundle {candidates.bundle_version or '(none)'} is not loaded")
        history = history_inputs(bundle, history_read(query, candidates))
        if history is None:
            return _by_popularity(candidates, names)
        users = candidates.user_vector
        if users is None:
            users = await self._infer(query, USER_ENCODER, candidates.bundle_version, history, "user_vectors")
        brought = candidates.columns.get("rows")
        rows = bundle.index.rows(candidates.item_ids.tolist()) if brought is None else brought.astype(np.int32)
        inputs: dict[str, NDArray[np.generic]] = {
            "user_vectors": users.reshape(1, -1),
            **history,
            "candidate_items": _padded(rows, np.int64),
            "candidate_features": _padded(_features(bundle.ranker, candidates, names), np.float32),
        }
        heads = await self._infer(query, RANKER, candidates.bundle_version, inputs, "scores")
        expected = (*inputs["candidate_items"].shape, len(bundle.ranker.heads))
        if heads.shape != expected:
            raise UnavailableError(f"the ranker gave scores of {heads.shape}, not {expected}")
        predictions = heads[0, : len(rows)]
        if stood_in(query, candidates):
            scores = fused_ranks(np.asarray(inputs["candidate_features"][0, : len(rows)], np.float32))
        else:
            scores = (predictions @ bundle.head_weights).astype(np.float64)
        if (liking := _scenario_liking(candidates, names)) is not None:
            return {"score": liking, "predictions": predictions}
        known = (rows > 0) | _are_newcomers(bundle.ranker, inputs["candidate_features"], len(rows))
        if not known.all():
            # Nothing is known of these but their ids: they come after all that the model has an opinion of.
            scores[~known] = (scores[known].min() if known.any() else 0.0) - 1.0
        return {"score": scores, "predictions": predictions}

    async def _infer(
        self, query: Query, model: str, version: str, inputs: Mapping[str, NDArray[np.generic]], output: str
    ) -> NDArray[np.float32]:
        left = seconds_left(query.deadline) - self._reserve_seconds
        timeout_seconds = min(self._timeout_seconds, left)
        if timeout_seconds <= 0:
            raise TimeoutError("no time left for the ranker")
        return await self._breaker.call(
            lambda: self._triton.infer(model, version, inputs, output, timeout_seconds),
            patient=timeout_seconds >= self._timeout_seconds,
        )


async def probe(triton: Inference, version: str, bundle: RankingBundle, timeout_seconds: float = 5.0) -> None:
    """Ask the ranker of one version for one small ranking. Raises UnavailableError or TimeoutError."""
    ranker = bundle.ranker
    heads = await triton.infer(
        RANKER,
        version,
        {
            "user_vectors": np.zeros((1, ranker.vector_size), np.float32),
            "history_items": np.ones((1, ranker.history_buckets[0]), np.int64),
            "history_events": np.zeros((1, ranker.history_buckets[0], len(FEATURES)), np.float32),
            "candidate_items": np.ones((1, _CANDIDATE_BUCKETS[0]), np.int64),
            "candidate_features": np.zeros((1, _CANDIDATE_BUCKETS[0], len(ranker.sources)), np.float32),
        },
        "scores",
        timeout_seconds,
    )
    expected = (1, _CANDIDATE_BUCKETS[0], len(ranker.heads))
    if heads.shape != expected or not np.isfinite(heads).all():
        raise UnavailableError(f"the ranker of bundle {version} gave {heads.shape}, not finite scores of {expected}")


def history_inputs(bundle: RankingBundle, history: History) -> dict[str, NDArray[np.generic]] | None:
    """Return the newest events on items that the bundle knows, left padded to a bucket; None if it knows none.

    "history_items": rows, int64 [1, L]. "history_events": what else is known of them, float32 [1, L, 4].
    """
    longest = bundle.ranker.max_history
    item_ids = history.item_ids
    # Half as many again as there is room for: few items of a history are unknown to the bundle, and most are too old.
    skipped = max(0, len(item_ids) - (longest + longest // 2))
    rows = bundle.index.rows(item_ids[skipped:])
    places = np.flatnonzero(rows)
    if len(places) < longest and skipped:
        skipped, rows = 0, bundle.index.rows(item_ids)
        places = np.flatnonzero(rows)
    places = places[-longest:]
    count = len(places)
    if not count:
        return None
    length = next(length for length in bundle.ranker.history_buckets if length >= count)
    items = np.zeros((1, length), np.int64)
    items[0, length - count :] = rows[places]
    events = np.zeros((1, length, len(FEATURES)), np.float32)
    events[0, length - count :] = history.features_of(places + skipped)
    return {"history_items": items, "history_events": events}


def _are_newcomers(ranker: ModelEntry, features: NDArray[np.generic], count: int) -> NDArray[np.bool_]:
    """Return bool [C]: whether the candidates service knows what the sequence source says of it, from its content."""
    if SequenceSource.name not in ranker.sources:
        return np.zeros(count, np.bool_)
    told: NDArray[np.bool_] = features[0, :count, ranker.sources.index(SequenceSource.name)] != 0
    return told


def _features(ranker: ModelEntry, candidates: CandidateSet, names: tuple[str, ...]) -> NDArray[np.generic]:
    """Return the source scores [C, F] in the order in which the ranker learned them."""
    scores = candidates.columns["source_scores"]
    # Candidates has columns of its own behind them.
    if names[: len(ranker.sources)] == ranker.sources:
        return scores[:, : len(ranker.sources)]
    missing = [name for name in ranker.sources if name not in names]
    if missing:
        raise UnavailableError(f"the candidates lack the scores of {', '.join(missing)}")
    return scores[:, [names.index(name) for name in ranker.sources]]


def _padded(column: NDArray[np.generic], dtype: type[np.generic]) -> NDArray[np.generic]:
    """Return a batch of one [1, bucket, …], zeros after the column's rows."""
    count = len(column)
    bucket = next((size for size in _CANDIDATE_BUCKETS if size >= count), count)
    padded = np.zeros((1, bucket, *column.shape[1:]), dtype)
    padded[0, :count] = column
    return padded


def _scenario_liking(candidates: CandidateSet, names: tuple[str, ...]) -> NDArray[np.float64] | None:
    """The order in a scenario that the models hardly know, float64 [C]; None in any other."""
    if SCENARIO_LIKING not in names:
        return None
    liking = np.asarray(candidates.columns["source_scores"][:, names.index(SCENARIO_LIKING)], np.float64)
    return liking if liking.any() else None


def _by_popularity(candidates: CandidateSet, names: tuple[str, ...]) -> Mapping[str, Column]:
    count = len(candidates)
    if (liking := _scenario_liking(candidates, names)) is not None:
        return {"score": liking, "predictions": np.empty((count, 0), np.float32)}
    by_audience = candidates.columns["source_scores"][:, names.index(AUDIENCE)] if AUDIENCE in names else np.empty(0)
    if by_audience.any():
        scores = np.asarray(by_audience, np.float64)
    elif POPULARITY in names:
        scores = np.asarray(candidates.columns["source_scores"][:, names.index(POPULARITY)], np.float64)
    else:
        scores = -np.arange(count, dtype=np.float64)
    return {"score": scores, "predictions": np.empty((count, 0), np.float32)}

"""Evaluates sources, candidate stage and ranker on held-out interactions, by the very code that serves them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.core.cascade import knows_everybody, proposals_for
from services.core.metrics import ranking
from services.core.pipeline.merge import merged_rows
from services.core.sources.source import NOTHING, History, Retrieved, Rows, Source
from services.core.sources.top_rows import open_rows_without
from services.training.model.blend import Blend
from services.training.model.encoder import SequenceEncoder
from services.training.steps.evaluate_encoder import user_vectors
from services.training.steps.examples import Int32, InteractionLog
from services.training.steps.fit_config import TrainingConfig

Metrics = dict[str, dict[str, float]]
Float32 = NDArray[np.float32]

LIST_LENGTH = 100


@dataclass(frozen=True, slots=True)
class RankedUser:
    """One user on the way through the cascade.

    history: what the models read. seen: every item taken, none of which is recommended. proposals: by source.
    candidates: int32 [C] merged rows. features: float32 [C, F] raw source scores. taste: float32 [C], the
    Transformer's logits.
    """

    history: History
    seen: Rows
    proposals: Mapping[str, Retrieved]
    candidates: Rows
    features: Float32
    taste: Float32


def rank_users(
    log: InteractionLog,
    users: Int32,
    encoder: SequenceEncoder,
    sources: Mapping[str, Source],
    config: TrainingConfig,
    most: int | None = None,
) -> Iterator[RankedUser]:
    """Take each user of the log through retrieval, merging and scoring, as serving does.

    most: candidates of a user at most, else as many as the configuration says.
    """
    histories = [log.sequence(int(user)) for user in users]
    vectors = user_vectors(encoder, log, users)
    item_vectors = encoder.items.weight.detach().numpy()
    longest = config.transformer.max_history
    for place, seen in enumerate(histories):
        history = History.of(seen[-longest:], vectors[place])
        proposals, scores = propose(sources, history, config.candidates, seen)
        candidates = merge(proposals, config.candidates if most is None else most)
        features = features_of(sources, history, scores, candidates)
        yield RankedUser(history, seen, proposals, candidates, features, item_vectors[candidates] @ vectors[place])


def propose(
    sources: Mapping[str, Source], history: History, candidate_count: int, seen: Rows
) -> tuple[dict[str, Retrieved], dict[str, Float32]]:
    """What each source proposes for ``candidate_count`` candidates, and the scores float32 [N+1] made on the way.

    A source that retrieves through an index has made none.
    """
    proposals: dict[str, Retrieved] = {}
    scores: dict[str, Float32] = {}
    open_rows = open_rows_without(seen, next(iter(sources.values())).item_count + 1)
    for name, source in sources.items():
        count = proposals_for(candidate_count, of_everybody=knows_everybody(source))
        if not source.knows(history):
            proposals[name] = NOTHING
        elif source.retrieves_by_scores:
            scores[name] = source.score(history)
            proposals[name] = source.best_of(scores[name], count, open_rows)
        else:
            proposals[name] = source.retrieve_open(history, count, open_rows)
    return proposals, scores


def merge(proposals: Mapping[str, Retrieved], count: int) -> Rows:
    """At most ``count`` distinct rows in order of their best place in any list; ties by the order of the lists."""
    return merged_rows([proposal.rows for proposal in proposals.values()], count)


def features_of(
    sources: Mapping[str, Source], history: History, scores: Mapping[str, Float32], candidates: Rows
) -> Float32:
    """float32 [C, F]: every source's score of every candidate, 0 of a source that knows nothing of the user."""
    features = np.zeros((len(candidates), len(sources)), dtype=np.float32)
    for column, (name, source) in enumerate(sources.items()):
        if name in scores:
            features[:, column] = scores[name][candidates]
        elif source.knows(history):
            features[:, column] = source.score_rows(history, candidates)
    return features


def ranked_rows(user: RankedUser, blend: Blend, count: int = LIST_LENGTH) -> Rows:
    """The user's best candidates by the ranker's score, int32 [≤ count]."""
    scores = blend.scores(user.taste, user.features, len(user.history.rows))
    order = np.argsort(-scores, kind="stable")[:count]
    return user.candidates[order]


def evaluate(users: Sequence[RankedUser], targets: Int32, lists: Sequence[Rows], item_count: int) -> Metrics:
    """Metrics of every source, the candidate stage and the ranker (its ``lists``), one relevant item per user."""
    relevant = targets[:, None]
    table: Metrics = {}
    names = list(users[0].proposals) if users else []
    for name in names:
        proposed = pad_lists([user.proposals[name].rows for user in users], LIST_LENGTH)
        table[name] = list_metrics(proposed, relevant, item_count)
    merged = pad_lists([user.candidates for user in users], max((len(user.candidates) for user in users), default=0))
    table["candidates"] = {
        "recall@100": ranking.recall(merged, relevant, 100),
        "recall@300": ranking.recall(merged, relevant, 300),
        "recall@500": ranking.recall(merged, relevant, 500),
        "mean_count": float((merged > 0).sum(axis=1).mean()) if len(merged) else 0.0,
    }
    table["ranker"] = list_metrics(pad_lists(lists, LIST_LENGTH), relevant, item_count)
    return table


def list_metrics(lists: Int32, relevant: Int32, item_count: int) -> dict[str, float]:
    """The metrics that are reported of any list of recommended items."""
    return {
        "recall@10": ranking.recall(lists, relevant, 10),
        "ndcg@10": ranking.ndcg(lists, relevant, 10),
        "mrr@10": ranking.mrr(lists, relevant, 10),
        "recall@100": ranking.recall(lists, relevant, 100),
        "coverage@10": ranking.coverage(lists, item_count, 10),
    }


def pad_lists(lists: Sequence[Rows], length: int) -> Int32:
    """Rows int32 [U, length], 0 after the end of each list."""
    padded = np.zeros((len(lists), length), dtype=np.int32)
    for place, rows in enumerate(lists):
        padded[place, : min(len(rows), length)] = rows[:length]
    return padded

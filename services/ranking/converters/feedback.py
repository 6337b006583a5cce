"""What feedback knows of a user → UserHistory, and served slates → the records it keeps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from trommel.feedback.v1 import feedback_pb2

from services.ranking.served_slate import ServedSlate
from services.ranking.user_history import UserHistory, history_of


def user_history_of(response: feedback_pb2.GetHistoryResponse) -> UserHistory:
    """Return the user's history; the response has the newest first."""
    events = response.events[::-1]
    history = history_of(
        [event.item_id for event in events],
        np.array([event.time.seconds * 1_000_000 + event.time.nanos // 1000 for event in events], np.int64),
        [event.type for event in events],
        [event.value if event.HasField("value") else None for event in events],
    )
    return UserHistory(history, frozenset(response.seen_item_ids), frozenset(response.hidden_item_ids))


def get_history_request(user_id: str) -> feedback_pb2.GetHistoryRequest:
    """Return the request for a user's history of the usual length."""
    return feedback_pb2.GetHistoryRequest(user_id=user_id)


def slate_records(slates: Sequence[ServedSlate]) -> feedback_pb2.RecordSlatesRequest:
    """Return the request that keeps the slates with what the ranker saw."""
    request = feedback_pb2.RecordSlatesRequest()
    for slate in slates:
        query, selected = slate.outcome.query, slate.outcome.selected
        features = np.asarray(selected.columns["source_scores"], np.float32)
        record = request.slates.add(
            request_id=query.request_id,
            user_id=query.user_id,
            scenario=query.scenario,
            bundle_version=selected.bundle_version,
            policy=slate.policy,
            context=query.context,
            history_item_ids=query.history.item_ids,
            item_ids=selected.item_ids.tolist(),
            scores=selected.columns["score"].tolist(),
            feature_names=selected.labels["source_scores"],
            features=features.ravel().tolist(),
            degraded_reasons=slate.outcome.degraded_reasons,
        )
        record.time.FromMicroseconds(int(slate.served_at * 1e6))
    return request

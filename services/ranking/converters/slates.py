"""Slate → its message."""

from __future__ import annotations

from trommel.ranking.v1 import ranking_pb2

from services.ranking.slate import Slate


def fill_slate(message: ranking_pb2.Slate, slate: Slate) -> None:
    """Write a slate into its message. The loop is over the items served, never over the candidates."""
    outcome = slate.outcome
    selected = outcome.selected
    message.request_id = outcome.query.request_id
    message.bundle_version = selected.bundle_version
    message.policy = slate.policy
    message.degraded_reasons.extend(outcome.degraded_reasons)
    message.ranked_candidate_count = outcome.scored_count
    if not len(selected):
        return
    predictions = selected.columns["predictions"].tolist()
    titles = selected.columns["titles"].tolist()
    scores = selected.columns["score"].tolist()
    for position, item_id in enumerate(selected.item_ids.tolist()):
        item = message.items.add(
            item_id=item_id,
            title=titles[position],
            score=scores[position],
            sources=selected.sources_of(position),
            reason=slate.reasons[position],
        )
        # Empty when the ranker was not asked: zip ends with the shorter.
        for head, value in zip(slate.heads, predictions[position], strict=False):
            item.predictions.add(name=head, value=value)

"""RecommendRequest and RankRequest → Query."""

from __future__ import annotations

import os
import time

from trommel.ranking.v1 import ranking_pb2

from services.core.query import DEFAULT_SCENARIO, ItemFilter, Query


def query_of_recommend(request: ranking_pb2.RecommendRequest, tenant: str, deadline: float) -> Query:
    """Return the query of a Recommend request.

    Args:
        request: A valid request.
        tenant: Whose data.
        deadline: When the answer is due, in seconds of the event loop's clock.
    """
    return Query(
        tenant=tenant,
        request_id=request.request_id or new_request_id(),
        user_id=request.user_id,
        scenario=request.scenario or DEFAULT_SCENARIO,
        count=request.count,
        deadline=deadline,
        filter=_filter_of(request),
        include_seen=request.filter.include_seen,
        context=dict(request.context),
        intent=request.intent,
        picked_item_ids=tuple(dict.fromkeys(request.onboarding_item_ids)),
    )


def query_of_rank(request: ranking_pb2.RankRequest, tenant: str, deadline: float) -> Query:
    """Return the query of a Rank request; an item named twice is ranked once."""
    item_ids = tuple(dict.fromkeys(request.item_ids))
    return Query(
        tenant=tenant,
        request_id=request.request_id or new_request_id(),
        user_id=request.user_id,
        scenario=request.scenario or DEFAULT_SCENARIO,
        count=request.count or len(item_ids),
        deadline=deadline,
        filter=_filter_of(request),
        include_seen=request.filter.include_seen,
        context=dict(request.context),
        item_ids=item_ids,
    )


def new_request_id() -> str:
    """Return 32 hex digits: milliseconds since 1970, then chance; sorted by time, an index over them stays warm."""
    return f"{int(time.time() * 1000):012x}{os.urandom(10).hex()}"


def _filter_of(request: ranking_pb2.RecommendRequest | ranking_pb2.RankRequest) -> ItemFilter:
    if not request.HasField("filter"):
        return ItemFilter()
    message = request.filter
    return ItemFilter(
        excluded_item_ids=frozenset(message.excluded_item_ids),
        any_of_categories=frozenset(message.any_of_categories),
        excluded_categories=frozenset(message.excluded_categories),
    )

"""Requests of CandidateService → queries."""

from __future__ import annotations

import numpy as np
from trommel.candidates.v1 import candidates_pb2 as pb

from services.core.errors import FieldViolation, InvalidRequestError
from services.core.query import DEFAULT_SCENARIO, History, ItemFilter, Query


def query_to_generate(request: pb.GenerateCandidatesRequest, tenant: str, deadline: float) -> Query:
    """Return the query for a user's candidates. Raises InvalidRequestError."""
    return Query(
        tenant=tenant,
        request_id="",
        user_id=request.user_id,
        scenario=request.scenario or DEFAULT_SCENARIO,
        count=request.count,
        deadline=deadline,
        filter=_filter_of(request.filter),
        history=_history_of(request.history),
        bundle_versions=tuple(request.bundle_versions),
        intent=request.intent,
        context=dict(request.context),
    )


def query_to_hydrate(request: pb.HydrateCandidatesRequest, tenant: str, deadline: float) -> Query:
    """Return the query for the named items. Raises InvalidRequestError."""
    return Query(
        tenant=tenant,
        request_id="",
        user_id=request.user_id,
        scenario=request.scenario or DEFAULT_SCENARIO,
        count=len(request.item_ids),
        deadline=deadline,
        history=_history_of(request.history),
        item_ids=tuple(request.item_ids),
        bundle_versions=tuple(request.bundle_versions),
        context=dict(request.context),
    )


def query_for_similar(request: pb.SimilarItemsRequest, tenant: str, deadline: float) -> Query:
    """Return the query for items like one; that one is excluded."""
    wanted = _filter_of(request.filter)
    return Query(
        tenant=tenant,
        request_id="",
        user_id="",
        scenario=request.scenario or DEFAULT_SCENARIO,
        count=request.count,
        deadline=deadline,
        filter=ItemFilter(
            wanted.excluded_item_ids | {request.item_id}, wanted.any_of_categories, wanted.excluded_categories
        ),
        item_ids=(request.item_id,),
    )


def _filter_of(message: pb.ItemFilter) -> ItemFilter:
    return ItemFilter(
        frozenset(message.excluded_item_ids),
        frozenset(message.any_of_categories),
        frozenset(message.excluded_categories),
    )


def _history_of(message: pb.History) -> History:
    item_ids = tuple(message.item_ids)
    times = np.fromiter(message.event_times_microseconds, np.int64, len(message.event_times_microseconds))
    types = np.fromiter(message.event_types, np.int8, len(message.event_types))
    values = np.fromiter(message.event_values, np.float32, len(message.event_values))
    for name, count in (
        ("event_times_microseconds", len(times)),
        ("event_types", len(types)),
        ("event_values", len(values)),
    ):
        if count not in (0, len(item_ids)):
            field, wrong = f"history.{name}", "must be empty or as long as item_ids"
            raise InvalidRequestError(f"{field}: {wrong}", (FieldViolation(field, wrong),))
    return History(item_ids, times, types, values, message.picked_count)

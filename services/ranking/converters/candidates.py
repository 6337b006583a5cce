"""Query → requests to the candidates service, and its answers → CandidateSet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from google.protobuf.duration_pb2 import Duration
from numpy.typing import NDArray
from trommel.candidates.v1 import candidates_pb2
from trommel.catalog.v1 import catalog_pb2

from services.core.candidate_set import CandidateSet
from services.core.query import History, Query

_T = TypeVar("_T", bound=np.generic)
_OUTCOME = candidates_pb2.SourceOutcome
_DEGRADED = {_OUTCOME.STATUS_LATE: "late", _OUTCOME.STATUS_FAILED: "failed"}


def generate_request(query: Query, count: int, timeout_seconds: float) -> candidates_pb2.GenerateCandidatesRequest:
    """Return the request for proposals: everything that must not come back is pushed down."""
    request = candidates_pb2.GenerateCandidatesRequest(
        user_id=query.user_id,
        scenario=query.scenario,
        history=_history(query.history),
        count=count,
        bundle_versions=query.bundle_versions,
        time_budget=_duration(timeout_seconds),
        packed_columns=True,
        intent=query.intent,
        context=query.context,
    )
    excluded = query.hidden_item_ids | query.filter.excluded_item_ids
    if not query.include_seen:
        excluded |= query.seen_item_ids
    request.filter.excluded_item_ids.extend(excluded)
    request.filter.any_of_categories.extend(query.filter.any_of_categories)
    request.filter.excluded_categories.extend(query.filter.excluded_categories)
    return request


def hydrate_request(query: Query) -> candidates_pb2.HydrateCandidatesRequest:
    """Return the request for the columns of the query's own items."""
    return candidates_pb2.HydrateCandidatesRequest(
        user_id=query.user_id,
        scenario=query.scenario,
        history=_history(query.history),
        item_ids=query.item_ids,
        bundle_versions=query.bundle_versions,
        packed_columns=True,
        context=query.context,
    )


def candidates_of_generate(response: candidates_pb2.GenerateCandidatesResponse) -> CandidateSet:
    """Return the proposals, with what was wrong with their sources."""
    reasons = [
        f"source_{outcome.source}_{_DEGRADED[outcome.status]}"
        for outcome in response.source_outcomes
        if outcome.status in _DEGRADED
    ]
    if not response.bundle_version:
        reasons.append("no_bundle")
    return _candidate_set(response, tuple(reasons))


def candidates_of_hydrate(item_ids: Sequence[str], response: candidates_pb2.HydrateCandidatesResponse) -> CandidateSet:
    """Return all of `item_ids` in their order; those that the response lacks are not available."""
    reasons = () if response.bundle_version else ("no_bundle",)
    found = _candidate_set(response, reasons)
    if found.item_ids.tolist() == list(item_ids):
        return found
    position_of = {item_id: position for position, item_id in enumerate(found.item_ids.tolist())}
    positions = np.fromiter((position_of.get(item_id, -1) for item_id in item_ids), np.intp, len(item_ids))
    missing = positions < 0
    columns = {name: _spread(column, positions, missing) for name, column in found.columns.items()}
    columns["titles"][missing] = ""
    ids = np.empty(len(item_ids), np.object_)
    ids[:] = item_ids
    return CandidateSet(
        item_ids=ids,
        sources=found.sources,
        source_masks=_spread(found.source_masks, positions, missing),
        columns=columns,
        labels=found.labels,
        bundle_version=found.bundle_version,
        degraded_reasons=found.degraded_reasons,
        user_vector=found.user_vector,
        history_item_ids=found.history_item_ids,
    )


def get_items_request(item_ids: Sequence[str]) -> catalog_pb2.GetItemsRequest:
    """Return the request for the catalog's items of these ids."""
    return catalog_pb2.GetItemsRequest(item_ids=item_ids)


def titles_of_items(response: catalog_pb2.GetItemsResponse) -> dict[str, str]:
    """Return the titles of the items that exist."""
    return {item.id: item.title for item in response.items}


def _spread(column: NDArray[_T], positions: NDArray[np.intp], missing: NDArray[np.bool_]) -> NDArray[_T]:
    """Return the column's rows at `positions`, zeros (no title, not available) where they are missing."""
    spread = np.zeros((len(positions), *column.shape[1:]), column.dtype)
    spread[~missing] = column[positions[~missing]]
    return spread


def _candidate_set(
    response: candidates_pb2.GenerateCandidatesResponse | candidates_pb2.HydrateCandidatesResponse,
    degraded_reasons: tuple[str, ...],
) -> CandidateSet:
    message = response.candidates
    count = len(message.item_ids)
    item_ids = np.empty(count, np.object_)
    item_ids[:] = message.item_ids[:]
    titles = np.empty(count, np.object_)
    titles[:] = message.titles[:]
    sources = tuple(message.sources)
    masks, scores, offsets, indexes = _numbers(message)
    # Where they came, nobody has to look the ids up again.
    rows = {"rows": np.frombuffer(message.packed.rows, "<u4")} if message.packed.rows else {}
    categories = tuple(message.categories)
    return CandidateSet(
        item_ids=item_ids,
        sources=sources,
        source_masks=masks,
        columns={
            "source_scores": scores.reshape(count, len(sources)),
            "titles": titles,
            "categories": _membership(offsets, indexes, count, len(categories)),
            "available": np.ones(count, np.bool_),
            **rows,
        },
        labels={"source_scores": sources, "categories": categories},
        bundle_version=response.bundle_version,
        degraded_reasons=degraded_reasons,
        user_vector=np.array(response.user_vector[:], np.float32) if response.user_vector else None,
        history_item_ids=tuple(response.history_item_ids) or None,
    )


def _numbers(
    message: candidates_pb2.Candidates,
) -> tuple[NDArray[np.uint32], NDArray[np.float32], NDArray[np.integer], NDArray[np.integer]]:
    """Return masks, scores (flat), category offsets and category indexes, in whichever form they came."""
    if message.HasField("packed"):
        packed = message.packed
        return (
            np.frombuffer(packed.source_masks, "<u4"),
            np.frombuffer(packed.source_scores, "<f4"),
            np.frombuffer(packed.category_offsets, "<u4"),
            np.frombuffer(packed.category_indexes, "<u4"),
        )
    return (
        np.array(message.source_masks[:], np.uint32),
        np.array(message.source_scores[:], np.float32),
        np.array(message.category_offsets[:], np.intp),
        np.array(message.category_indexes[:], np.intp),
    )


def _membership(
    offsets: NDArray[np.integer], indexes: NDArray[np.integer], count: int, category_count: int
) -> NDArray[np.bool_]:
    """Return bool [C, K]: which item has which category."""
    member = np.zeros((count, category_count), np.bool_)
    if len(indexes):
        member[np.repeat(np.arange(count), offsets[1:] - offsets[:-1]), indexes] = True
    return member


def _history(history: History) -> candidates_pb2.History:
    return candidates_pb2.History(
        item_ids=history.item_ids,
        event_times_microseconds=history.event_times.tolist(),
        event_types=history.event_types.tolist(),
        event_values=history.event_values.tolist(),
        picked_count=history.picked_count,
    )


def _duration(seconds: float) -> Duration:
    microseconds = max(1000, int(seconds * 1e6))
    return Duration(seconds=microseconds // 1_000_000, nanos=microseconds % 1_000_000 * 1000)

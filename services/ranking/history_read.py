"""The history as the candidates service read it: where its bundle does not know an item, a known one stands in."""

from __future__ import annotations

from dataclasses import replace

from services.core.candidate_set import CandidateSet
from services.core.query import History, Query


def history_read(query: Query, candidates: CandidateSet) -> History:
    """Return the query's history with what was read in each place of it, "" for nothing."""
    item_ids = candidates.history_item_ids
    if item_ids is None or len(item_ids) != len(query.history):
        return query.history
    return replace(query.history, item_ids=item_ids)


def stood_in(query: Query, candidates: CandidateSet) -> bool:
    """Whether anything of that history was read as another item."""
    read = history_read(query, candidates).item_ids
    return any(item_id and item_id != given for item_id, given in zip(read, query.history.item_ids, strict=True))

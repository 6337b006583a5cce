"""A query resolved against one bundle and the catalog: ids have become rows and slots."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from services.candidates.bundles.aligned_catalog import CatalogView
from services.core.candidate_set import ITEM_KEY
from services.core.query import Query
from services.core.sources.source import History as SourceHistory

# Columns by which candidates are known inside the pipelines: int32 slot in the catalog, int32 row in the bundle (0
# for an item that the bundle does not know).
SLOT, ROW = ITEM_KEY, "row"
_QUERY_FIELDS = tuple(known.name for known in fields(Query))
_query_values = attrgetter(*_QUERY_FIELDS)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ResolvedQuery(Query):
    """What all stages after the first read.

    Attributes:
        view: Catalog and bundle, aligned.
        known_history: The part of the history that the bundle knows.
        known_events: float32 [L, 4], what models read of it besides the items.
        open_rows: bool [N+1], rows that may be proposed: not excluded, available, known, of the right categories and
            scenario.
        open_row_count: How many these are.
        excluded_slots: bool [M], slots of the excluded items.
        narrowed_slots: bool [M], slots of the right categories and scenario; None where neither narrows anything.
        named_slots: int32, slots of the items the caller names, each once, unknown ones left out.
        user_vector: The running call to the user encoder: float32 [D]; None when nothing is to be encoded.
        read_item_ids: What was read in each place of the history, "" for nothing; None where it was the history itself.
        scores: Scores of all rows, float32 [N+1], by the name of the source that made them on its way.
        failed_sources: Sources that gave nothing for this query because they failed or were late; stages add to it.
    """

    view: CatalogView
    known_history: SourceHistory
    known_events: NDArray[np.float32]
    open_rows: NDArray[np.bool_]
    open_row_count: int
    excluded_slots: NDArray[np.bool_]
    narrowed_slots: NDArray[np.bool_] | None
    named_slots: NDArray[np.int32]
    user_vector: asyncio.Task[NDArray[np.float32]] | None = None
    read_item_ids: tuple[str, ...] | None = None
    scores: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    failed_sources: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, query: Query, **resolved: Any) -> Self:
        """Return the query with what was found out about it."""
        return cls(**dict(zip(_QUERY_FIELDS, _query_values(query), strict=True)), **resolved)

    def open_slots(self) -> NDArray[np.bool_]:
        """Return bool [M], slots that may be proposed, whether the bundle knows the items or not."""
        open_slots = self.view.open_slots & ~self.excluded_slots
        if self.narrowed_slots is not None:
            open_slots &= self.narrowed_slots
        return open_slots

    def arrived_vector(self) -> NDArray[np.float32] | None:
        """Return the user vector, float32 [D], if it is there by now."""
        task = self.user_vector
        if task is None or not task.done() or task.cancelled() or task.exception() is not None:
            return None
        return task.result()

    def arrived_history(self) -> SourceHistory:
        """Return the known history, with the user vector if it is there by now."""
        vector = self.arrived_vector()
        if vector is None:
            return self.known_history
        return SourceHistory(self.known_history.rows, self.known_history.times, vector)


def resolved(query: Query) -> ResolvedQuery:
    """Return the query as what the first stage made of it. Raises TypeError when that stage did not run."""
    if not isinstance(query, ResolvedQuery):
        raise TypeError("the query was not resolved: QueryResolver must be the first stage")
    return query

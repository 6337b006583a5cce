"""Query hydrator: turns ids into rows and slots, once, with everything that narrows the choice folded in."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from services.candidates.bundles.aligned_catalog import AlignedCatalog, CatalogView
from services.candidates.catalog.replica import CatalogReplica
from services.candidates.catalog.snapshot import CatalogSnapshot
from services.candidates.stages.history_reader import HistoryReader
from services.candidates.stages.resolved_query import ResolvedQuery
from services.candidates.stages.user_vector import UserVectorCall
from services.core.query import Query


def _now_microseconds() -> int:
    return time.time_ns() // 1000


class QueryResolver:
    """Resolves queries against one bundle and the newest snapshot of the catalog."""

    name = "query_resolver"

    def __init__(
        self,
        history_reader: HistoryReader,
        aligned: AlignedCatalog,
        replica: CatalogReplica,
        now_microseconds: Callable[[], int] = _now_microseconds,
        user_vectors: UserVectorCall | None = None,
    ) -> None:
        """user_vectors: None where no source wants the user's vector."""
        self._history_reader = history_reader
        self._aligned = aligned
        self._replica = replica
        self._now_microseconds = now_microseconds
        self._user_vectors = user_vectors

    def enabled(self, query: Query) -> bool:  # noqa: ARG002
        """Always."""
        return True

    async def hydrate_query(self, query: Query) -> Query:
        """Return the resolved query."""
        view = self._aligned.view(self._replica.snapshot, self._now_microseconds())
        read = await self._history_reader.read(query.history, view)
        # First, because everything else can be done while it is on its way.
        user_vector = await self._user_vectors.begin(read.known.rows, read.events) if self._user_vectors else None
        excluded = view.catalog.slots(query.filter.excluded_item_ids)
        excluded_slots = np.zeros(len(view.catalog), np.bool_)
        excluded_slots[excluded] = True
        narrowed_slots = _narrowed_slots(view.catalog, query)
        open_rows = _open_rows(view, narrowed_slots)
        open_rows[view.row_of_slot[excluded]] = False
        # Whatever slot points at row 0, padding is never open.
        open_rows[0] = False
        return ResolvedQuery.of(
            query,
            view=view,
            known_history=read.known,
            known_events=read.events,
            read_item_ids=read.item_ids,
            user_vector=user_vector,
            open_rows=open_rows,
            open_row_count=int(np.count_nonzero(open_rows)),
            excluded_slots=excluded_slots,
            narrowed_slots=narrowed_slots,
            named_slots=view.catalog.slots(dict.fromkeys(query.item_ids)),
        )


def _narrowed_slots(catalog: CatalogSnapshot, query: Query) -> NDArray[np.bool_] | None:
    """Slots of the categories and the scenario of the query, bool [M]; None where these leave everything."""
    wanted = query.filter
    in_scenario = catalog.in_scenario(query.scenario)
    if not (wanted.any_of_categories or wanted.excluded_categories):
        return in_scenario
    in_categories = catalog.in_categories(wanted.any_of_categories, wanted.excluded_categories)
    return in_categories if in_scenario is None else in_categories & in_scenario


def _open_rows(view: CatalogView, narrowed_slots: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    open_rows = view.open_rows.copy()
    if narrowed_slots is not None:
        open_rows[open_rows] = narrowed_slots[view.slot_of_row[open_rows]]
    return open_rows

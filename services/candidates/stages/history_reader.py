"""Reads a history: item ids become the rows that sources and models know."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.candidates.bundles.aligned_catalog import CatalogView
from services.candidates.bundles.stand_ins import StandIns
from services.candidates.stages.bundle_source import Run
from services.core.errors import OverloadedError
from services.core.item_index import ItemIndex
from services.core.query import History
from services.core.sources.source import History as SourceHistory

# Each costs a look at all known items, the first time that somebody has it.
_MOST_STAND_INS = 16


@dataclass(frozen=True, slots=True)
class ReadHistory:
    """What was read of a history.

    known: its rows and times. events: float32 [L, 4], what models read of it besides the items. item_ids: what was read
    in each place of the history, "" for nothing; None where that is the history itself.
    """

    known: SourceHistory
    events: NDArray[np.float32]
    item_ids: tuple[str, ...] | None = None


class HistoryReader:
    """Reads histories for one bundle.

    Of a history, the newest events on items that the bundle knows are read. Where it knows none of them, newcomers are
    read as the known items that they are most like, so that somebody who took new items only is somebody. Picks that
    the catalog does not have are left out: nobody could have meant them.
    """

    def __init__(self, index: ItemIndex, max_history: int, run: Run, stand_ins: StandIns | None = None) -> None:
        """stand_ins: None where nothing is known of newcomers. run: where these are looked for."""
        self._index = index
        self._max_history = max_history
        self._run = run
        self._stand_ins = stand_ins

    async def read(self, history: History, view: CatalogView) -> ReadHistory:
        """Return what is read of a history."""
        given = self._index.rows(history.item_ids)
        rows = given
        if history.picked_count:
            rows = given.copy()
            picks = history.item_ids[: history.picked_count]
            rows[: len(picks)] *= [view.catalog.has(item_id) for item_id in picks]
        if self._stand_ins is not None and len(rows) and not rows.any():
            slot_of, count = view.catalog.slot_of, len(view.catalog)
            slots = np.array([slot_of.get(item_id, count) for item_id in history.item_ids], np.int32)
            # While every thread is taken, the user counts as new.
            with contextlib.suppress(OverloadedError):
                rows = newest_of_each(await self._run(self._stand_ins.rows, np.where(slots < count, slots, -1)))
        places = np.flatnonzero(rows)[-self._max_history :]
        times = history.event_times[places] if len(history.event_times) == len(rows) else np.empty(0, np.int64)
        known = SourceHistory(rows[places], times)
        as_given = rows is given or np.array_equal(rows, given)
        return ReadHistory(known, history.features_of(places), None if as_given else tuple(self._index.ids_of(rows)))


def newest_of_each(rows: NDArray[np.int32]) -> NDArray[np.int32]:
    """The rows where each is met last, 0 elsewhere; the newest few."""
    kept = np.zeros_like(rows)
    left = _MOST_STAND_INS
    for place in range(len(rows) - 1, -1, -1):
        if left and rows[place] and rows[place] not in kept:
            kept[place] = rows[place]
            left -= 1
    return kept

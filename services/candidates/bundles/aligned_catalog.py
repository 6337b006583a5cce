"""The aligned catalog: a bundle's rows on the catalog's slots."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.candidates.catalog.change_feed import ItemChange
from services.candidates.catalog.snapshot import CatalogSnapshot, SnapshotBuilder
from services.core.item_index import ItemIndex


@dataclass(frozen=True, slots=True, eq=False)
class CatalogView:
    """The catalog at one moment as one bundle sees it: N rows, M slots.

    Attributes:
        catalog: The snapshot.
        slot_of_row: int32 [N+1], -1 where the catalog does not know the item.
        row_of_slot: int32 [M], 0 where the bundle does not know the item.
        open_slots: bool [M]: available now.
        open_rows: bool [N+1]: known to the catalog and available now.
    """

    catalog: CatalogSnapshot
    slot_of_row: NDArray[np.int32]
    row_of_slot: NDArray[np.int32]
    open_slots: NDArray[np.bool_]
    open_rows: NDArray[np.bool_]


class AlignedCatalog:
    """Aligns snapshots with one bundle. What was aligned is kept: a new snapshot costs its new slots only."""

    def __init__(self, index: ItemIndex) -> None:
        self._index = index
        self._provisional: CatalogSnapshot | None = None
        self._view: CatalogView | None = None

    def view(self, snapshot: CatalogSnapshot, now_microseconds: int) -> CatalogView:
        """Return the snapshot as the bundle sees it now.

        While the catalog was never read (the database is away since the start), the bundle's own items stand in for
        it, without titles and categories.
        """
        if snapshot.revision is None:
            snapshot = self._provisional = self._provisional or _snapshot_of(self._index)
        before = self._view
        open_slots = snapshot.availability.open_at(now_microseconds)
        if before is not None and before.catalog is snapshot and before.open_slots is open_slots:
            return before
        if before is not None and before.catalog.slot_of is snapshot.slot_of:
            row_of_slot = self._extended(before.row_of_slot, snapshot)
        else:
            row_of_slot = self._extended(np.empty(0, np.int32), snapshot)
        if before is not None and row_of_slot is before.row_of_slot:
            slot_of_row = before.slot_of_row
        else:
            slot_of_row = np.full(self._index.item_count + 1, -1, np.int32)
            known = np.flatnonzero(row_of_slot)
            slot_of_row[row_of_slot[known]] = known
        open_rows = open_slots[slot_of_row] & (slot_of_row >= 0) if len(snapshot) else np.zeros(len(slot_of_row), bool)
        self._view = CatalogView(snapshot, slot_of_row, row_of_slot, open_slots, open_rows)
        return self._view

    def _extended(self, row_of_slot: NDArray[np.int32], snapshot: CatalogSnapshot) -> NDArray[np.int32]:
        new = snapshot.item_ids[len(row_of_slot) :]
        return np.concatenate([row_of_slot, self._index.rows(new)]) if len(new) else row_of_slot


def _snapshot_of(index: ItemIndex) -> CatalogSnapshot:
    builder = SnapshotBuilder()
    builder.apply([ItemChange(0, item_id) for item_id in index.ids[1:].tolist()])
    return builder.build()

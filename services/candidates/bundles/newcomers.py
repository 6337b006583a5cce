"""Newcomers: items that one bundle does not know, each with the vector that its content map gives it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from services.candidates.bundles.aligned_catalog import CatalogView
from services.candidates.bundles.liking import Liking
from services.candidates.catalog.snapshot import CatalogSnapshot
from services.candidates.catalog.sorted_slots import places_in
from services.core.cascade import MOST_NEWCOMERS
from services.core.content_map import ContentMap
from services.core.content_space import ItemContent
from services.core.sources.source import Rows

_ITEMS_AT_ONCE = 1_000


class Contents(Protocol):
    """Where contents come from."""

    async def of(self, item_ids: Sequence[str]) -> list[ItemContent]:
        """Return the contents in the order of the ids."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class NewcomerTable:
    """K newcomers, sorted by slot.

    slots: int32 [K], ascending. vectors: float32 [K, Q], of the content map. least: float32 [K], the liking at which an
    item suits a user.
    """

    slots: NDArray[np.int32]
    vectors: NDArray[np.float32]
    least: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.slots)

    def places(self, slots: NDArray[np.int32]) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
        """Return which of the slots are in the table, bool [C], and the places of these."""
        return places_in(self.slots, slots)


class Newcomers:
    """The newcomers of one bundle, as the catalog changes."""

    def __init__(self, content_map: ContentMap, item_vectors: NDArray[np.float32]) -> None:
        """item_vectors: float32 [N, D] of the items that the bundle knows."""
        self._map = content_map
        self.liking = Liking(item_vectors, content_map.users, content_map.public_queries())
        self._forget()

    @property
    def width(self) -> int:
        """D: the first columns of the table's vectors lie in the space of the item vectors."""
        return self._map.width

    def logits(self, user_vector: NDArray[np.float32], rows: Rows, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32 [K] of newcomers by their vectors float32 [K, Q], for a user who took ``rows``, int32 [L]."""
        query = self._map.queries(user_vector[np.newaxis], [rows])[0]
        logits: NDArray[np.float32] = vectors @ query
        return logits

    def _forget(self) -> None:
        self._read: CatalogSnapshot | None = None
        # By slot, -1 for what was not read.
        self._revisions = np.empty(0, np.int64)
        nothing = self._map.vectors([])
        self.table = NewcomerTable(np.empty(0, np.int32), nothing, np.empty(0, np.float32))

    async def take_in(self, view: CatalogView, contents: Contents) -> int:
        """Read what changed of the items without a row; return how many were read.

        Raises what `contents` raises; what was not read by then is read the next time.
        """
        catalog = view.catalog
        if self._read is catalog:
            return 0
        if self._read is not None and self._read.slot_of is not catalog.slot_of:
            # The catalog was read anew: slots are others now.
            self._forget()
        slots = np.flatnonzero((view.row_of_slot == 0) & ~catalog.deleted).astype(np.int32)
        if len(slots) > MOST_NEWCOMERS:
            slots = np.sort(slots[np.argsort(-catalog.created_at[slots], kind="stable")[:MOST_NEWCOMERS]])
        revisions = np.full(len(catalog), -1, np.int64)
        before = slots[slots < len(self._revisions)]
        revisions[before] = self._revisions[before]
        self._revisions = revisions
        changed = slots[revisions[slots] != catalog.revisions[slots]]
        await self._replace(np.setdiff1d(self.table.slots, slots), [])
        for start in range(0, len(changed), _ITEMS_AT_ONCE):
            part = changed[start : start + _ITEMS_AT_ONCE]
            await self._replace(part, await contents.of(catalog.item_ids[part].tolist()))
            revisions[part] = catalog.revisions[part]
        self._read = catalog
        return len(changed)

    async def _replace(self, slots: NDArray[np.int32], contents: list[ItemContent]) -> None:
        """Take slots out of the table, and those of which something counts for the content map in again."""
        before = self.table
        kept = ~np.isin(before.slots, slots)
        if kept.all() and not any(contents):
            return
        described, vectors, least = await asyncio.to_thread(self._placed, contents)
        all_slots = np.concatenate([before.slots[kept], slots[described]])
        order = np.argsort(all_slots)
        self.table = NewcomerTable(
            all_slots[order],
            np.concatenate([before.vectors[kept], vectors])[order],
            np.concatenate([before.least[kept], least])[order],
        )

    def _placed(self, contents: list[ItemContent]) -> tuple[NDArray[np.intp], NDArray[np.float32], NDArray[np.float32]]:
        """int64 [K], which of them the content map can place; where, float32 [K, Q]; the liking at which each suits."""
        described = np.flatnonzero(self._map.knows(contents))
        vectors = self._map.vectors([contents[place] for place in described])
        return described, vectors, self.liking.least(vectors)

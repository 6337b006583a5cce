"""Newcomers: items that one bundle does not know, each with the vector that its content map gives it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from services.candidates.bundles.aligned_catalog import CatalogView
from services.candidates.catalog.snapshot import CatalogSnapshot
from services.core.content_map import ContentMap
from services.core.content_space import ItemContent

# The newest ones, where there are more: every request compares all of them.
_MOST = 100_000
_ITEMS_AT_ONCE = 1_000
# A new item is offered to the fifth of the users whom it suits best.
_SUITED_SHARE = 0.2
_SMALL = 1e-12


class Contents(Protocol):
    """Where contents come from."""

    async def of(self, item_ids: Sequence[str]) -> list[ItemContent]:
        """Return the contents in the order of the ids."""
        ...


class Liking:
    """How much a user likes an item, beside how much the user likes items at all.

    liking(u, v) = (u · v - μ · u) / √(uᵀ Σ u): the logit in standard deviations of the user's logits over the known
    items, whose vectors have the mean μ and the covariance Σ. So users who like nearly everything, or nearly nothing,
    can be compared.
    """

    def __init__(self, item_vectors: NDArray[np.float32], public: NDArray[np.float32]) -> None:
        """item_vectors: float32 [N, D] of the known items. public: float32 [R, D], vectors of users."""
        self._mean = item_vectors.mean(axis=0)
        self._covariance = np.atleast_2d(np.cov(item_vectors, rowvar=False)).astype(np.float32)
        spreads = np.sqrt(np.maximum(np.einsum("rd,de,re->r", public, self._covariance, public), _SMALL))
        self._public = public / spreads[:, np.newaxis]

    def of(self, user_vector: NDArray[np.float32], logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32 [C] for one user's logits of C items."""
        spread = np.sqrt(max(float(user_vector @ self._covariance @ user_vector), _SMALL))
        liking: NDArray[np.float32] = (logits - user_vector @ self._mean) / np.float32(spread)
        return liking

    def least(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32 [K]: for each item, the liking that only a fifth of the public reaches."""
        likings = self._public @ (vectors - self._mean).T
        least: NDArray[np.float32] = np.quantile(likings, 1 - _SUITED_SHARE, axis=0).astype(np.float32)
        return least


@dataclass(frozen=True, slots=True, eq=False)
class NewcomerTable:
    """K newcomers, sorted by slot.

    slots: int32 [K], ascending. vectors: float32 [K, D], in the space of the user encoder's. least: float32 [K], the
    liking at which an item suits a user.
    """

    slots: NDArray[np.int32]
    vectors: NDArray[np.float32]
    least: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.slots)

    def places(self, slots: NDArray[np.int32]) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
        """Return which of the slots are in the table, bool [C], and the places of these."""
        if not len(self.slots):
            return np.zeros(len(slots), np.bool_), np.empty(0, np.intp)
        places = np.searchsorted(self.slots, slots).clip(max=len(self.slots) - 1)
        known = self.slots[places] == slots
        return known, places[known]


class Newcomers:
    """The newcomers of one bundle, as the catalog changes."""

    def __init__(self, content_map: ContentMap, item_vectors: NDArray[np.float32]) -> None:
        """item_vectors: float32 [N, D] of the items that the bundle knows."""
        self._map = content_map
        self.liking = Liking(item_vectors, content_map.users)
        self._read: CatalogSnapshot | None = None
        self._revisions: dict[int, int] = {}
        self._vectors: dict[int, NDArray[np.float32]] = {}
        self.table = self._table()

    async def take_in(self, view: CatalogView, contents: Contents) -> int:
        """Read what changed of the items without a row; return how many were read.

        Raises what `contents` raises; the table then stays as it is.
        """
        catalog = view.catalog
        if self._read is catalog:
            return 0
        if self._read is not None and self._read.slot_of is not catalog.slot_of:
            # The catalog was read anew: slots are others now.
            self._revisions, self._vectors = {}, {}
        slots = np.flatnonzero((view.row_of_slot == 0) & ~catalog.deleted)
        if len(slots) > _MOST:
            slots = np.sort(slots[np.argsort(-catalog.created_at[slots], kind="stable")[:_MOST]])
        wanted = dict(zip(slots.tolist(), catalog.revisions[slots].tolist(), strict=True))
        new = [slot for slot, revision in wanted.items() if self._revisions.get(slot) != revision]
        for start in range(0, len(new), _ITEMS_AT_ONCE):
            part = new[start : start + _ITEMS_AT_ONCE]
            found = await contents.of([catalog.item_ids[slot] for slot in part])
            described = [(slot, content) for slot, content in zip(part, found, strict=True) if content]
            made = await asyncio.to_thread(self._map.vectors, [content for _, content in described])
            for slot in part:
                self._revisions[slot] = wanted[slot]
                self._vectors.pop(slot, None)
            self._vectors |= {slot: vector for (slot, _), vector in zip(described, made, strict=True)}
        gone = self._revisions.keys() - wanted.keys()
        for slot in gone:
            del self._revisions[slot]
            self._vectors.pop(slot, None)
        self._read = catalog
        if new or gone:
            self.table = await asyncio.to_thread(self._table)
        return len(new)

    def _table(self) -> NewcomerTable:
        slots = np.array(sorted(self._vectors), np.int32)
        vectors = np.array([self._vectors[slot] for slot in slots.tolist()], np.float32)
        vectors = vectors.reshape(len(slots), len(self._map.mean))
        least = [self.liking.least(vectors[at : at + _ITEMS_AT_ONCE]) for at in range(0, len(slots), _ITEMS_AT_ONCE)]
        return NewcomerTable(slots, vectors, np.concatenate(least) if least else np.empty(0, np.float32))

"""The text index: keeps the text table current as the catalog and the text encoder change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from services.candidates.catalog.category_meanings import CategoryMeanings
from services.candidates.catalog.replica import CatalogReplica
from services.candidates.catalog.scenario_texts import ScenarioTexts
from services.candidates.catalog.snapshot import CatalogSnapshot
from services.candidates.catalog.text_table import Float32, TextTable
from services.core.category_names import CategoryNames
from services.core.errors import UnavailableError
from services.plumbing.background_tasks import keep_doing, running_beside
from services.plumbing.text.text_encoder import TextEncoder, TextEncoderFolder

_ITEMS_AT_ONCE = 1_000
# Meanings are learnt anew when so many of the texts came or went, or when there is a new category.
_CHANGED_SHARE = 0.1
_INTERVAL_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 5.0
_SMALL = 1e-6


class Vectors(Protocol):
    """Where text vectors come from."""

    async def of(self, item_ids: Sequence[str]) -> dict[str, Float32]:
        """Return vectors by item id, of those that have one."""
        ...


class TextIndex:
    """Follows the catalog. What an item says is read once, and again when it changes."""

    def __init__(self, vectors: Vectors, folder: TextEncoderFolder) -> None:
        self._source = vectors
        self._folder = folder
        self._encoder: TextEncoder | None = None
        self._forget(0, 0)

    def _forget(self, count: int, width: int) -> None:
        """Make room for so many items; none of them was read yet."""
        self._read: CatalogSnapshot | None = None
        self._revisions = np.full(count, -1, np.int64)
        self._vectors = np.zeros((count, width), np.float32)
        self._says = np.zeros(count, np.bool_)
        self._scenarios = ScenarioTexts()
        self._category_names, self._names_read = CategoryNames(), 0
        self.table = TextTable(self._vectors, self._says, CategoryMeanings.none(width))

    @property
    def encoder(self) -> TextEncoder:
        """The encoder whose vectors these are. Raises UnavailableError while there is none."""
        if self._encoder is None:
            raise UnavailableError("there is no text encoder yet")
        return self._encoder

    async def take_in(self, snapshot: CatalogSnapshot) -> int:
        """Read what changed; return how many items were. Raises UnavailableError, OSError, ValueError."""
        encoder = await asyncio.to_thread(self._folder.current)
        if encoder is None or (self._read is snapshot and encoder is self._encoder):
            return 0
        if encoder is not self._encoder or (self._read is not None and self._read.slot_of is not snapshot.slot_of):
            self._forget(len(snapshot), encoder.description.width)
            self._encoder = encoder
        count = len(snapshot)
        self._make_room(count)
        changed = np.flatnonzero(self._revisions[:count] != snapshot.revisions)
        for start in range(0, len(changed), _ITEMS_AT_ONCE):
            await self._read_items(snapshot, changed[start : start + _ITEMS_AT_ONCE])
        vectors, says = self._vectors[:count], self._says[:count]
        scenarios = await asyncio.to_thread(self._scenarios.take_in, snapshot, vectors, says, changed)
        meanings = await asyncio.to_thread(self._meanings, snapshot, vectors, says)
        if len(snapshot.categories.names) != self._names_read or self._read is None:
            self._category_names = CategoryNames(snapshot.categories.names.tolist())
            self._names_read = len(snapshot.categories.names)
        self.table = TextTable(vectors, says, meanings, scenarios, self._category_names)
        self._read = snapshot
        return len(changed)

    def _make_room(self, count: int) -> None:
        """Grow by doubling, so that a catalog of M items is not copied at each new one."""
        room = len(self._vectors)
        if count <= room:
            return
        more = max(count, 2 * room) - room
        self._revisions = np.concatenate([self._revisions, np.full(more, -1, np.int64)])
        self._vectors = np.concatenate([self._vectors, np.zeros((more, self._vectors.shape[1]), np.float32)])
        self._says = np.concatenate([self._says, np.zeros(more, np.bool_)])

    async def _read_items(self, snapshot: CatalogSnapshot, slots: NDArray[np.intp]) -> None:
        found = await self._source.of(snapshot.item_ids[slots].tolist())
        width = self._vectors.shape[1]
        read = np.stack([_unit(found.get(item_id), width) for item_id in snapshot.item_ids[slots]])
        # In place: a request in a thread may see one item half changed, which costs it a wrong score for that item.
        self._vectors[slots] = read
        self._says[slots] = read.any(axis=1)
        self._revisions[slots] = snapshot.revisions[slots]

    def _meanings(self, snapshot: CatalogSnapshot, vectors: Float32, says: NDArray[np.bool_]) -> CategoryMeanings:
        before, slots = self.table.meanings, np.flatnonzero(says & ~snapshot.deleted)
        fresh = abs(len(slots) - before.fitted_count) <= _CHANGED_SHARE * before.fitted_count
        if fresh and len(before.directions) == len(snapshot.categories.names):
            return before
        return CategoryMeanings.fit(vectors[slots], snapshot.category_sets[slots], snapshot.categories)

    @asynccontextmanager
    async def following(self, replica: CatalogReplica) -> AsyncIterator[TextIndex]:
        """Follow the replica while the context is open."""

        async def take_in() -> None:
            if replica.snapshot.revision is not None:
                await self.take_in(replica.snapshot)

        async with running_beside(keep_doing(take_in, "texts are not read", _INTERVAL_SECONDS, _LONGEST_PAUSE_SECONDS)):
            yield self


def _unit(vector: Float32 | None, width: int) -> Float32:
    if vector is None or vector.shape != (width,):
        return np.zeros(width, np.float32)
    length = float(np.linalg.norm(vector))
    return vector / np.float32(length) if _SMALL < length < np.inf else np.zeros(width, np.float32)

"""The text index: what all items say, as vectors in this process' memory, and how well each answers an intent."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from services.candidates.catalog.replica import CatalogReplica
from services.candidates.catalog.snapshot import CatalogSnapshot
from services.core.errors import UnavailableError
from services.plumbing.background_tasks import running_beside
from services.plumbing.text.clean_text import clean_text
from services.plumbing.text.text_encoder import TextEncoder, TextEncoderFolder

logger = logging.getLogger(__name__)

_ITEMS_AT_ONCE = 1_000
_CATEGORIES_SECONDS = 20.0
# Twenty plain intents over MovieLens with plots were looked at: below, genres that are hardly meant push in; without
# the categories, films with long plots win over those that are plainly of the genre.
_LEAST_CATEGORY_LIKENESS = 0.28
_CATEGORY_WEIGHT = 1.0
_NAMED_WEIGHT = 0.25
_UNWANTED_WEIGHT = 1.0
_UNWANTED_FROM = 0.5
_SMALL = 1e-6

Float32 = NDArray[np.float32]


class Vectors(Protocol):
    """Where text vectors come from."""

    async def of(self, item_ids: Sequence[str]) -> dict[str, Float32]:
        """Return vectors by item id, of those that have one."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class TextTable:
    """What was read by now. vectors: float32 [M, W], unit rows by slot, zeros where an item has none.

    categories: float32 [V, W], unit rows in the order of the catalog's category names, less what all have in common.
    """

    vectors: Float32
    categories: Float32


class TextIndex:
    """Follows the catalog. What an item or a category says is read once, and again when it changes."""

    def __init__(self, vectors: Vectors, folder: TextEncoderFolder) -> None:
        self._source = vectors
        self._folder = folder
        self._read: CatalogSnapshot | None = None
        self._revisions = np.empty(0, np.int64)
        self._encoder: TextEncoder | None = None
        self._names: dict[str, Float32] = {}
        self.table: TextTable | None = None

    @property
    def encoder(self) -> TextEncoder:
        """The encoder whose vectors these are. Raises UnavailableError while there is none."""
        if self._encoder is None or self.table is None:
            raise UnavailableError("there is no text encoder yet")
        return self._encoder

    async def take_in(self, snapshot: CatalogSnapshot) -> int:
        """Read what changed; return how many items were. Raises UnavailableError, OSError, ValueError."""
        encoder = await asyncio.to_thread(self._folder.current)
        if encoder is None or (self._read is snapshot and encoder is self._encoder):
            return 0
        width = encoder.description.width
        anew = encoder is not self._encoder or self._read is None or self._read.slot_of is not snapshot.slot_of
        before = None if anew else self.table
        if anew:
            self._revisions, self._names = np.empty(0, np.int64), {}
        vectors = np.zeros((len(snapshot), width), np.float32)
        if before is not None:
            vectors[: len(before.vectors)] = before.vectors
        known = np.full(len(snapshot), -1, np.int64)
        known[: len(self._revisions)] = self._revisions
        changed = np.flatnonzero(known != snapshot.revisions)
        for start in range(0, len(changed), _ITEMS_AT_ONCE):
            slots = changed[start : start + _ITEMS_AT_ONCE]
            found = await self._source.of(snapshot.item_ids[slots].tolist())
            for slot, item_id in zip(slots.tolist(), snapshot.item_ids[slots], strict=True):
                vectors[slot] = _unit(found.get(item_id), width)
        names = snapshot.categories.names.tolist()
        new = [name for name in names if name not in self._names]
        if new:
            made = await encoder.encode([clean_text(f"{name}.") for name in new], _CATEGORIES_SECONDS)
            self._names |= dict(zip(new, made, strict=True))
        self.table = TextTable(vectors, _centred([self._names[name] for name in names], width))
        self._revisions, self._read, self._encoder = snapshot.revisions, snapshot, encoder
        return len(changed)

    def scores(
        self,
        snapshot: CatalogSnapshot,
        wanted: Float32 | None,
        unwanted: Float32 | None,
        named: Mapping[str, float] | None = None,
    ) -> Float32:
        """float32 [M]: how well each item answers, in standard deviations over the items; 0 where it says nothing.

        wanted, unwanted: unit vectors [W] of the two sides of an intent. What is like the unwanted loses. named: by
        item id, the share of the wanted words that the item has.
        """
        table = self.table
        count = len(snapshot)
        scores = np.zeros(count, np.float32)
        if table is None:
            return scores
        # The table may be of an earlier or a later snapshot than the request's.
        upto = min(count, len(table.vectors))
        says: NDArray[np.bool_] = np.any(table.vectors[:upto], axis=1)
        if not says.any():
            return scores
        if wanted is not None:
            likeness = self._likeness(table, snapshot, wanted, upto)
            for item_id, share in (named or {}).items():
                slot = snapshot.slot_of.get(item_id, upto)
                if slot < upto:
                    likeness[slot] += np.float32(_NAMED_WEIGHT * share)
            scores[:upto] += _standard(likeness, says)
        if unwanted is not None:
            likeness = _standard(self._likeness(table, snapshot, unwanted, upto), says)
            scores[:upto] -= _UNWANTED_WEIGHT * np.maximum(likeness - _UNWANTED_FROM, 0)
        return scores

    def likeness(self, snapshot: CatalogSnapshot, slot: int) -> Float32:
        """float32 [M]: cosine of every item's text vector with that of one item; 0 where either says nothing."""
        made = np.zeros(len(snapshot), np.float32)
        table = self.table
        if table is not None and slot < len(table.vectors):
            upto = min(len(snapshot), len(table.vectors))
            made[:upto] = table.vectors[:upto] @ table.vectors[slot]
        return made

    def _likeness(self, table: TextTable, snapshot: CatalogSnapshot, phrase: Float32, upto: int) -> Float32:
        """float32 [upto]: cosine with what the item says, and by how much its categories are meant."""
        sets = snapshot.categories
        meant = np.zeros(len(sets.names), np.float32)
        known = min(len(meant), len(table.categories))
        meant[:known] = np.maximum(table.categories[:known] @ phrase - _LEAST_CATEGORY_LIKENESS, 0)
        sums = np.concatenate([[0], np.cumsum(meant[sets.indexes])])
        lengths = np.maximum(np.diff(sets.offsets), 1)
        of_set = (sums[sets.offsets[1:]] - sums[sets.offsets[:-1]]) / np.sqrt(lengths)
        likeness: Float32 = table.vectors[:upto] @ phrase
        likeness += np.float32(_CATEGORY_WEIGHT) * of_set[snapshot.category_sets[:upto]].astype(np.float32)
        return likeness

    @asynccontextmanager
    async def following(self, replica: CatalogReplica, interval_seconds: float = 0.2) -> AsyncIterator[TextIndex]:
        """Follow the replica while the context is open."""
        async with running_beside(self._follow(replica, interval_seconds)):
            yield self

    async def _follow(self, replica: CatalogReplica, interval_seconds: float) -> None:
        said, pause = "", interval_seconds
        while True:
            try:
                if replica.snapshot.revision is not None:
                    await self.take_in(replica.snapshot)
                said, pause = "", interval_seconds
            except Exception as error:  # noqa: BLE001 - what was read serves on
                pause = min(2 * pause, 5.0)
                if str(error) != said:
                    said = str(error)
                    logger.warning("texts are not read: %s: %s", type(error).__name__, error)
            await asyncio.sleep(pause)


def _unit(vector: Float32 | None, width: int) -> Float32:
    if vector is None or vector.shape != (width,):
        return np.zeros(width, np.float32)
    length = float(np.linalg.norm(vector))
    return vector / np.float32(length) if _SMALL < length < np.inf else np.zeros(width, np.float32)


def _centred(vectors: Sequence[Float32], width: int) -> Float32:
    stacked = np.array(vectors, np.float32).reshape(len(vectors), width)
    if len(vectors) > 1:
        stacked = stacked - stacked.mean(axis=0)
    lengths = np.linalg.norm(stacked, axis=1, keepdims=True)
    centred: Float32 = stacked / np.maximum(lengths, np.float32(_SMALL))
    return centred


def _standard(likeness: Float32, says: NDArray[np.bool_]) -> Float32:
    """In standard deviations over the items that say something; 0 for the others."""
    spread = float(likeness[says].std())
    standard = (likeness - likeness[says].mean()) / np.float32(max(spread, _SMALL))
    standard[~says] = 0
    made: Float32 = standard.astype(np.float32)
    return made

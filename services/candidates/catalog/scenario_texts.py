"""Texts of every scenario but the default one, each scenario's placed in a space of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.candidates.catalog.snapshot import CatalogSnapshot
from services.candidates.catalog.sorted_slots import places_in
from services.core.query import DEFAULT_SCENARIO
from services.core.text_space import Float32, TextSpace

# The space is made anew when so many of its texts came or went.
_CHANGED_SHARE = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class PlacedTexts:
    """slots: int32 [S], ascending, of the items that say something. vectors: float32 [S, K], unit rows.

    fitted_count: how many texts the space was made of.
    """

    space: TextSpace
    fitted_count: int
    slots: NDArray[np.int32]
    vectors: Float32

    def of(self, slots: NDArray[np.int32]) -> Float32:
        """float32 [L', K]: of those of the slots int32 [L] that say something, in their order."""
        return self.vectors[places_in(self.slots, slots)[1]]


class ScenarioTexts:
    """Follows what the text index reads. Its work may take some tenths of a second: it is for a thread."""

    def __init__(self) -> None:
        self._placed: dict[str, PlacedTexts] = {}

    def take_in(
        self, snapshot: CatalogSnapshot, vectors: Float32, says: NDArray[np.bool_], changed: NDArray[np.intp]
    ) -> Mapping[str, PlacedTexts]:
        """Return the placed texts by scenario.

        vectors: float32 [M, W] by slot. says: bool [M]. changed: slots that were read since the last time.
        """
        is_changed = np.zeros(len(says), np.bool_)
        is_changed[changed] = True
        made = {}
        for number, name in enumerate(snapshot.scenarios.names):
            if name == DEFAULT_SCENARIO:
                continue
            saying = (snapshot.scenarios.numbers == number) & says & ~snapshot.deleted
            placed = self._of_scenario(self._placed.get(name), np.flatnonzero(saying), vectors, is_changed)
            if placed is not None:
                made[name] = placed
        self._placed = made
        return made

    def _of_scenario(
        self, before: PlacedTexts | None, slots: NDArray[np.intp], vectors: Float32, is_changed: NDArray[np.bool_]
    ) -> PlacedTexts | None:
        count = len(slots)
        at = slots.astype(np.int32)
        if before is None or abs(count - before.fitted_count) > _CHANGED_SHARE * before.fitted_count:
            space = TextSpace.fit(vectors[slots])
            return None if space is None else PlacedTexts(space, count, at, space.place(vectors[slots]))
        if not is_changed[slots].any() and np.array_equal(at, before.slots):
            return before
        known, places = places_in(before.slots, at)
        placed = np.empty((count, before.vectors.shape[1]), np.float32)
        placed[known] = before.vectors[places]
        anew = ~known | is_changed[slots]
        placed[anew] = before.space.place(vectors[slots[anew]])
        return PlacedTexts(before.space, before.fitted_count, at, placed)

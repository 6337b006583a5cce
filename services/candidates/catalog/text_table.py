"""The text table: what all items say, as vectors, and how well each item answers an intent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from services.candidates.catalog.category_meanings import CategoryMeanings
from services.candidates.catalog.scenario_texts import PlacedTexts
from services.candidates.catalog.snapshot import CatalogSnapshot
from services.core.category_names import CategoryNames
from services.core.intent import NOTHING, Intent

# Chosen on forty intents with all films that answer them (benchmarks/intents.py), twenty others left aside; the weight
# of meant categories with three of the plain lists in sight too.
# Without the categories, films with long plots win over those that are plainly of the genre.
_MEANT_CATEGORY = 0.15
# Of a category that is called by its name, by the log of how rare it is: "drama" says less of a film than "western".
_NAMED_CATEGORY = 0.09
_NAMED_WEIGHT = 0.5
_UNWANTED_WEIGHT = 1.0
_FEEDBACK = 0.25
_BEST = 5
_ITEMS_A_BEST = 20
_UNWANTED_FROM = 1.0
# Years are a condition: who asks for the sixties is not served by a better answer of the nineties.
_YEARS_WEIGHT = 4.0
_SMALL = 1e-6

Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class TextTable:
    """What was read by now, of a snapshot that may be older or newer than a request's.

    vectors: float32 [M, W], unit rows by slot, zeros where an item says nothing. says: bool [M], whether it does.
    meanings: of the catalog's categories. names: theirs. scenarios: texts by scenario, each in a space of its own; not
    of the default one.
    """

    vectors: Float32
    says: NDArray[np.bool_]
    meanings: CategoryMeanings
    scenarios: Mapping[str, PlacedTexts] = field(default_factory=dict)
    names: CategoryNames = field(default_factory=CategoryNames)

    def likeness(self, slot: int, slots: NDArray[np.int32]) -> Float32:
        """float32 [C]: cosine of the text vectors of some items with that of one; 0 where either says nothing."""
        made = np.zeros(len(slots), np.float32)
        if slot < len(self.vectors):
            there = slots < len(self.vectors)
            made[there] = self.vectors[slots[there]] @ self.vectors[slot]
        return made

    def answers(
        self,
        snapshot: CatalogSnapshot,
        wanted: Float32 | None,
        unwanted: Float32 | None,
        named: Mapping[str, float],
        intent: Intent = NOTHING,
    ) -> Float32:
        """float32 [M]: how well each item answers, in standard deviations over the items; 0 where it says nothing.

        wanted, unwanted: unit vectors [W] of the two sides of an intent. What is like the unwanted loses. named: by
        item id, the share of the wanted words that the item has. intent: both sides in words, for the categories and
        the years that they name.
        """
        scores = np.zeros(len(snapshot), np.float32)
        for years, weight in ((intent.years, _YEARS_WEIGHT), (intent.unwanted_years, -_YEARS_WEIGHT)):
            if years is not None:
                scores += np.float32(weight) * (np.float32(0.5) - years.distance(snapshot.years))
        upto = min(len(snapshot), len(self.vectors))
        says = self.says[:upto]
        if not says.any():
            return scores
        if wanted is not None:
            likeness = self._likeness(snapshot, wanted, intent.wanted, upto)
            for item_id, share in named.items():
                slot = snapshot.slot_of.get(item_id, upto)
                if slot < upto:
                    likeness[slot] += np.float32(_NAMED_WEIGHT * share)
            answer = _standard(likeness, says)
            scores[:upto] += (1 - _FEEDBACK) * answer + _FEEDBACK * self._like_the_best(answer, says)
        if unwanted is not None:
            likeness = _standard(self._likeness(snapshot, unwanted, intent.unwanted, upto), says)
            scores[:upto] -= _UNWANTED_WEIGHT * np.maximum(likeness - _UNWANTED_FROM, 0)
        return scores

    def _like_the_best(self, answer: Float32, says: NDArray[np.bool_]) -> Float32:
        """float32 [upto]: standardised likeness to the best answers, so that what they are about is followed by more.

        Pseudo relevance feedback (Rocchio 1971). In a catalogue that is too small for best ones, the answer itself.
        """
        speaking = np.flatnonzero(says)
        count = min(_BEST, len(speaking) // _ITEMS_A_BEST)
        if not count:
            return answer
        vectors = self.vectors[: len(answer)]
        best = np.argpartition(-np.where(says, answer, -np.inf), count - 1)[:count]
        weights = np.maximum(answer[best], 0)
        # What all items have in common says nothing; the mean of a thousand is that of all.
        some = vectors[speaking[:: max(1, len(speaking) // 1_000)]].mean(axis=0)
        centre = weights @ (vectors[best] - some)
        return _standard(vectors @ centre, says) if centre.any() else answer

    def _rarity(self, snapshot: CatalogSnapshot, places: list[int], upto: int) -> Float32:
        """float32 [P]: log of M / n for categories that n of M items have."""
        sets = snapshot.categories
        of_set = np.bincount(snapshot.category_sets[:upto], minlength=len(sets.offsets) - 1)
        has = np.repeat(of_set, np.diff(sets.offsets))
        counts = np.array([has[sets.indexes == place].sum() for place in places])
        rarity: Float32 = np.log(max(upto, 1) / np.maximum(counts, 1)).astype(np.float32)
        return rarity

    def _likeness(self, snapshot: CatalogSnapshot, phrase: Float32, words: str, upto: int) -> Float32:
        """float32 [upto]: cosine with what the item says, and by how much its categories are meant."""
        sets = snapshot.categories
        meant = np.zeros(len(sets.names), np.float32)
        of_meanings = self.meanings.of(phrase)[: len(meant)]
        meant[: len(of_meanings)] = np.float32(_MEANT_CATEGORY) * of_meanings
        called = [place for place in self.names.named_in(words) if place < len(meant)]
        if called:
            meant[called] = np.maximum(meant[called], _NAMED_CATEGORY * self._rarity(snapshot, called, upto))
        sums = np.concatenate([[0], np.cumsum(meant[sets.indexes])])
        lengths = np.maximum(np.diff(sets.offsets), 1)
        of_set = (sums[sets.offsets[1:]] - sums[sets.offsets[:-1]]) / np.sqrt(lengths)
        likeness: Float32 = self.vectors[:upto] @ phrase
        likeness += of_set[snapshot.category_sets[:upto]].astype(np.float32)
        return likeness


def _standard(likeness: Float32, says: NDArray[np.bool_]) -> Float32:
    """In standard deviations over the items that say something; 0 for the others."""
    spread = float(likeness[says].std())
    standard = (likeness - likeness[says].mean()) / np.float32(max(spread, _SMALL))
    standard[~says] = 0
    made: Float32 = standard.astype(np.float32)
    return made

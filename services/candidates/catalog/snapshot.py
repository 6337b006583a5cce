"""A snapshot of the catalog as columns, one slot an item, and the builder that makes one from the next changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from services.candidates.catalog.availability import ALWAYS, NEVER, Availability
from services.candidates.catalog.category_sets import CategorySetBuilder, CategorySets
from services.candidates.catalog.change_feed import ItemChange
from services.core.item_scenarios import ItemScenarios, scenarios_of


@dataclass(frozen=True, slots=True, eq=False)
class CatalogSnapshot:
    """M slots. An item keeps its slot for the life of the process, deleted ones too: later snapshots only get longer.

    Attributes:
        item_ids: str objects [M].
        titles: str objects [M].
        category_sets: int32 [M], numbers of sets in `categories`.
        categories: The sets of categories.
        scenarios: The scenario of each slot.
        created_at: int64 [M], microseconds.
        years: int16 [M], in which each came out, UNKNOWN_YEAR where that is not told.
        deleted: bool [M].
        revisions: int64 [M], of each item's last change.
        availability: Which slots are open when.
        slot_of: Slot by item id; may know slots of later snapshots too.
        revision: Greatest revision it holds; None when the catalog was never read.
    """

    item_ids: NDArray[np.object_]
    titles: NDArray[np.object_]
    category_sets: NDArray[np.int32]
    categories: CategorySets
    scenarios: ItemScenarios
    created_at: NDArray[np.int64]
    years: NDArray[np.int16]
    deleted: NDArray[np.bool_]
    revisions: NDArray[np.int64]
    availability: Availability
    slot_of: Mapping[str, int]
    revision: int | None

    def __len__(self) -> int:
        return len(self.item_ids)

    def slots(self, item_ids: Iterable[str]) -> NDArray[np.int32]:
        """Return int32 slots of the ids that the snapshot knows, in their order; the others are left out."""
        count = len(self.item_ids)
        # map and repeat keep the loop out of Python: exclusions are many.
        found = np.fromiter(map(self.slot_of.get, item_ids, repeat(count)), np.int32)
        return found[found < count]

    def has(self, item_id: str) -> bool:
        """Whether the item exists: known and not deleted, available or not."""
        slot = self.slot_of.get(item_id, len(self))
        return slot < len(self) and not self.deleted[slot]

    def in_categories(self, any_of: frozenset[str], none_of: frozenset[str]) -> NDArray[np.bool_]:
        """Return bool [M]: at least one of `any_of`, if it names any, and none of `none_of`."""
        allowed = np.ones(len(self.categories.offsets) - 1, np.bool_)
        if any_of:
            allowed &= self.categories.with_any_of(any_of)
        if none_of:
            allowed &= ~self.categories.with_any_of(none_of)
        return allowed[self.category_sets]

    def scenarios_of(self, scenario: str) -> list[str]:
        """Return which items' scenarios a request's covers (``services.core.item_scenarios``)."""
        return scenarios_of(scenario, self.scenarios.names)

    def in_scenario(self, scenario: str) -> NDArray[np.bool_] | None:
        """Return bool [M]: which items a request for the scenario may be shown; None where it narrows nothing."""
        return self.scenarios.shown_in(scenario)


_COLUMNS = (
    "_item_ids",
    "_titles",
    "_category_sets",
    "_scenarios",
    "_created_at",
    "_years",
    "_from",
    "_until",
    "_deleted",
    "_revisions",
)


class SnapshotBuilder:
    """Applies changes. Each snapshot is a copy, so that requests under way keep the one they began with."""

    def __init__(self) -> None:
        self._slot_of: dict[str, int] = {}
        self._sets = CategorySetBuilder()
        self._item_ids = np.empty(0, np.object_)
        self._titles = np.empty(0, np.object_)
        self._category_sets = np.empty(0, np.int32)
        self._scenario_numbers: dict[str, int] = {}
        self._scenarios = np.empty(0, np.int32)
        self._created_at = np.empty(0, np.int64)
        self._years = np.empty(0, np.int16)
        self._from = np.empty(0, np.int64)
        self._until = np.empty(0, np.int64)
        self._deleted = np.empty(0, np.bool_)
        self._revisions = np.empty(0, np.int64)
        self._revision: int | None = None

    def apply(self, changes: Sequence[ItemChange]) -> None:
        """Take changes in, of one item the last counts; O(M) for the copies and a loop over the changes."""
        slots = [self._slot_of.setdefault(change.item_id, len(self._slot_of)) for change in changes]
        added = len(self._slot_of) - len(self._item_ids)
        for name in _COLUMNS:
            column = getattr(self, name)
            setattr(self, name, np.concatenate([column, np.empty(added, column.dtype)]))
        for slot, change in zip(slots, changes, strict=True):
            self._item_ids[slot] = change.item_id
            self._titles[slot] = change.title
            self._category_sets[slot] = self._sets.number_of(change.categories)
            numbers = self._scenario_numbers
            self._scenarios[slot] = numbers.setdefault(change.scenario, len(numbers))
            self._created_at[slot] = change.created_at
            self._years[slot] = change.year
            self._from[slot] = ALWAYS if change.available_from is None else change.available_from
            self._until[slot] = NEVER if change.available_until is None else change.available_until
            self._deleted[slot] = change.deleted
            self._revisions[slot] = change.revision
        self._revision = max([self._revision or 0, *(change.revision for change in changes)])

    def build(self) -> CatalogSnapshot:
        """Return the catalog as of the changes taken in so far; `apply` never touches it again."""
        return CatalogSnapshot(
            item_ids=self._item_ids,
            titles=self._titles,
            category_sets=self._category_sets,
            categories=self._sets.build(),
            scenarios=ItemScenarios(tuple(self._scenario_numbers), self._scenarios),
            created_at=self._created_at,
            years=self._years,
            deleted=self._deleted,
            revisions=self._revisions,
            availability=Availability(self._from, self._until, self._deleted),
            slot_of=self._slot_of,
            revision=self._revision,
        )

    @property
    def live_count(self) -> int:
        """Items that are not deleted."""
        return int(np.count_nonzero(~self._deleted))

"""Candidates as columns: named arrays of one length, so that no stage loops over candidates in Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.generic]
MAX_SOURCES = 32
# Column of integers, one for each item and never negative, by which merging tells items apart without their ids.
ITEM_KEY = "item_key"


@dataclass(frozen=True, slots=True)
class CandidateSet:
    """C candidates. Immutable: every operation returns a new set that shares what it can.

    Attributes:
        item_ids: str objects [C], unique.
        sources: Names of the sources, at most 32.
        source_masks: uint32 [C]; bit i is set when sources[i] proposed the candidate.
        columns: Further arrays whose first dimension is C, by name.
        labels: Names along the second dimension of two-dimensional columns, by column name.
        bundle_version: Bundle that the candidates' scores come from; empty when there is none.
        degraded_reasons: Why the candidates are fewer or worse than they could be, as their source tells it.
        user_vector: float32 [D], whom they were proposed to, as that bundle's user encoder sees them; None where their
            source did not tell.
        history_item_ids: What their source read in each place of the history, "" for nothing; None where it read the
            history itself.
    """

    item_ids: NDArray[np.object_]
    sources: tuple[str, ...]
    source_masks: NDArray[np.uint32]
    columns: Mapping[str, Column]
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    bundle_version: str = ""
    degraded_reasons: tuple[str, ...] = ()
    user_vector: NDArray[np.float32] | None = None
    history_item_ids: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if len(self.sources) > MAX_SOURCES:
            raise ValueError(f"{len(self.sources)} sources do not fit a mask of {MAX_SOURCES} bits")
        for name, column in {"source_masks": self.source_masks, **self.columns}.items():
            if len(column) != len(self.item_ids):
                raise ValueError(f"column {name} has {len(column)} rows for {len(self.item_ids)} candidates")

    def __len__(self) -> int:
        return len(self.item_ids)

    @classmethod
    def empty(cls, sources: tuple[str, ...] = ()) -> CandidateSet:
        """Return a set without candidates."""
        return cls(np.empty(0, np.object_), sources, np.empty(0, np.uint32), {})

    def with_columns(self, columns: Mapping[str, Column]) -> CandidateSet:
        """Return the set with these columns added or replaced."""
        return self._of(self.item_ids, self.source_masks, {**self.columns, **columns})

    def take(self, selection: NDArray[np.bool_] | NDArray[np.intp]) -> CandidateSet:
        """Return the candidates that a boolean mask or an index array [K] selects, in its order."""
        return self._of(
            self.item_ids[selection],
            self.source_masks[selection],
            {name: column[selection] for name, column in self.columns.items()},
        )

    def _of(
        self, item_ids: NDArray[np.object_], source_masks: NDArray[np.uint32], columns: Mapping[str, Column]
    ) -> CandidateSet:
        """Return other rows or columns of the same origin."""
        return CandidateSet(
            item_ids,
            self.sources,
            source_masks,
            columns,
            self.labels,
            self.bundle_version,
            self.degraded_reasons,
            self.user_vector,
            self.history_item_ids,
        )

    def sources_of(self, index: int) -> list[str]:
        """Return the names of the sources that proposed one candidate."""
        mask = int(self.source_masks[index])
        return [name for bit, name in enumerate(self.sources) if mask >> bit & 1]

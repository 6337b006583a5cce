"""Candidates as columns: named arrays of one length, so that no stage loops over candidates in Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.generic]
MAX_SOURCES = 32


@dataclass(frozen=True, slots=True)
class CandidateSet:
    """C candidates. Immutable: every operation returns a new set that shares what it can.

    Attributes:
        item_ids: str objects [C], unique.
        sources: Names of the sources, at most 32.
        source_masks: uint32 [C]; bit i is set when sources[i] proposed the candidate.
        columns: Further arrays whose first dimension is C, by name.
    """

    item_ids: NDArray[np.object_]
    sources: tuple[str, ...]
    source_masks: NDArray[np.uint32]
    columns: Mapping[str, Column]

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
        return CandidateSet(self.item_ids, self.sources, self.source_masks, {**self.columns, **columns})

    def take(self, selection: NDArray[np.bool_] | NDArray[np.intp]) -> CandidateSet:
        """Return the candidates that a boolean mask or an index array [K] selects, in its order."""
        return CandidateSet(
            self.item_ids[selection],
            self.sources,
            self.source_masks[selection],
            {name: column[selection] for name, column in self.columns.items()},
        )

    def sources_of(self, index: int) -> list[str]:
        """Return the names of the sources that proposed one candidate."""
        mask = int(self.source_masks[index])
        return [name for bit, name in enumerate(self.sources) if mask >> bit & 1]

"""Item attributes: what the catalogue says of items (categories, brands), as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from services.core.content_space import ItemContent
from services.core.query import DEFAULT_SCENARIO

# Beyond it an attribute has so little to say of so few that its vector would only cost memory.
_MOST_ATTRIBUTES = 20_000
_SEPARATOR = "\x1f"


@dataclass(frozen=True, slots=True)
class ItemAttributes:
    """Attributes by item row: row r has codes[starts[r]:starts[r+1]].

    starts: int64 [N+2], row 0 (padding) has none. codes: int32 [A] in 0..count-1, distinct within a row.
    count: number of attributes.
    """

    starts: NDArray[np.int64]
    codes: NDArray[np.int32]
    count: int

    @classmethod
    def from_names(cls, names: Sequence[Sequence[str]]) -> Self | None:
        """Number the names of each item row (``names[0]`` is padding's, ignored).

        An attribute that only one item has says nothing about others and is left out; so are the rarest beyond
        20,000. None where nothing is left.
        """
        return cls._numbered(names, most=_MOST_ATTRIBUTES, least_items=2)

    @classmethod
    def from_contents(cls, contents: Sequence[ItemContent]) -> Self | None:
        """Of categories, and of the scenario where there are several. ``contents[0]`` is padding's, ignored."""
        scenarios = [content.scenario or DEFAULT_SCENARIO for content in contents]
        several = len(set(scenarios[1:])) > 1
        # A category may have the name of a scenario, but none begins with a separator.
        own = [(f"{_SEPARATOR}{scenario}",) if several else () for scenario in scenarios]
        return cls.from_names([(*content.categories, *more) for content, more in zip(contents, own, strict=True)])

    @classmethod
    def all_of(cls, names: Sequence[Sequence[str]]) -> Self | None:
        """Number all names of each item row, as the catalogue has them. None where there are none."""
        return cls._numbered(names, most=None, least_items=1)

    @classmethod
    def _numbered(cls, names: Sequence[Sequence[str]], most: int | None, least_items: int) -> Self | None:
        distinct = [[], *(list(dict.fromkeys(row)) for row in names[1:])]
        flat = np.array([name for row in distinct for name in row], dtype=np.str_)
        if len(flat) == 0:
            return None
        known, inverse, counts = np.unique(flat, return_inverse=True, return_counts=True)
        frequent = np.argsort(-counts, kind="stable")[:most]
        frequent = np.sort(frequent[counts[frequent] >= least_items])
        codes_of = np.full(len(known), -1, dtype=np.int32)
        codes_of[frequent] = np.arange(len(frequent), dtype=np.int32)
        codes = codes_of[inverse]
        rows = np.repeat(np.arange(len(distinct)), [len(row) for row in distinct])[codes >= 0]
        codes = codes[codes >= 0]
        if len(codes) == 0:
            return None
        starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(distinct)))]).astype(np.int64)
        return cls(starts, codes, len(frequent))

    def membership(self, rows: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Bool [C, K]: which of the given item rows has which of the K attributes that any of them has."""
        counts = self.starts[rows + 1] - self.starts[rows]
        owners = np.repeat(np.arange(len(rows)), counts)
        places = np.repeat(self.starts[rows] - (np.cumsum(counts) - counts), counts) + np.arange(len(owners))
        present, columns = np.unique(self.codes[places], return_inverse=True)
        member = np.zeros((len(rows), len(present)), dtype=np.bool_)
        member[owners, columns] = True
        return member

    def rows(self) -> NDArray[np.int64]:
        """int64 [A]: the item row of each code."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))

    def weights(self) -> NDArray[np.float32]:
        """float32 [A]: inverse document frequency of each code, scaled so that a row's squares sum to 1."""
        rarity = np.log((len(self.starts) - 1) / np.bincount(self.codes, minlength=self.count).clip(min=1))
        weights = np.maximum(rarity, 1e-3)[self.codes]
        rows = self.rows()
        norms = np.sqrt(np.bincount(rows, weights=weights**2, minlength=len(self.starts) - 1))
        scaled: NDArray[np.float32] = (weights / norms[rows]).astype(np.float32)
        return scaled

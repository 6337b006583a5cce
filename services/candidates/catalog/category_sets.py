"""Category sets: items share few distinct sets of categories, so each item holds the number of its set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray


class CategorySets:
    """S distinct sets of categories as a compressed matrix. Immutable.

    Set s has the categories names[indexes[offsets[s]:offsets[s + 1]]].
    """

    def __init__(self, names: Sequence[str], offsets: NDArray[np.int64], indexes: NDArray[np.int32]) -> None:
        """names: V names; offsets: int64 [S+1]; indexes: int32, values below V."""
        self.names = np.empty(len(names), np.object_)
        self.names[:] = names
        self.offsets = offsets
        self.indexes = indexes
        self._number_of = {name: number for number, name in enumerate(names)}

    def with_any_of(self, names: Iterable[str]) -> NDArray[np.bool_]:
        """Return bool [S]: whether the set has at least one of the categories; unknown names are in none."""
        wanted = np.zeros(len(self.names), np.bool_)
        wanted[[self._number_of[name] for name in names if name in self._number_of]] = True
        hits = np.concatenate([[0], np.cumsum(wanted[self.indexes])])
        found: NDArray[np.bool_] = hits[self.offsets[1:]] > hits[self.offsets[:-1]]
        return found

    def places(self, sets: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Return the categories of C items that have these sets: offsets int64 [C+1], and places among all V names."""
        starts, ends = self.offsets[sets], self.offsets[sets + 1]
        lengths = ends - starts
        offsets = np.zeros(len(lengths) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        positions = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], lengths)
        return offsets, self.indexes[positions]

    def gather(self, sets: NDArray[np.int32]) -> tuple[list[str], NDArray[np.int64], NDArray[np.intp]]:
        """Return the categories of C items that have these sets, as a compressed matrix of its own.

        Returns:
            The k names that occur; offsets int64 [C+1]; indexes into the names.
        """
        offsets, flat = self.places(sets)
        occurring = np.zeros(len(self.names), np.bool_)
        occurring[flat] = True
        compact = np.cumsum(occurring) - 1
        return self.names[occurring].tolist(), offsets, compact[flat]


class CategorySetBuilder:
    """Numbers sets of categories as they come; the numbers stay."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._sets: dict[tuple[int, ...], int] = {}
        self._built: CategorySets | None = None

    def number_of(self, categories: Iterable[str]) -> int:
        """Return the number of a set, a new one if it was not seen before."""
        numbers = self._numbers
        key = tuple(numbers.setdefault(name, len(numbers)) for name in categories)
        count = len(self._sets)
        number = self._sets.setdefault(key, count)
        if number == count:
            self._built = None
        return number

    def build(self) -> CategorySets:
        """Return all sets numbered so far."""
        if self._built is None:
            lengths = np.fromiter((len(key) for key in self._sets), np.int64, len(self._sets))
            flat = np.fromiter((number for key in self._sets for number in key), np.int32, int(lengths.sum()))
            self._built = CategorySets(list(self._numbers), np.concatenate([[0], np.cumsum(lengths)]), flat)
        return self._built

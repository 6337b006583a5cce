"""Titles that passed by, so that a reason can name an item that is not among the candidates."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


class Titles:
    """Item id → title, bounded; forgets everything when it is full, and learns again from what is served."""

    def __init__(self, capacity: int = 50_000, wanted_capacity: int = 5_000) -> None:
        self._capacity = capacity
        self._wanted_capacity = wanted_capacity
        self._titles: dict[str, str] = {}
        self._wanted: dict[str, None] = {}

    def learn(self, item_ids: Iterable[str], titles: Iterable[str]) -> None:
        """Remember titles, one an item."""
        if len(self._titles) > self._capacity:
            self._titles.clear()
        self._titles.update(zip(item_ids, titles, strict=True))

    def get(self, item_id: str) -> str:
        """Return a title, empty when it is not known; then it is wanted."""
        title = self._titles.get(item_id)
        if title is None:
            self.want((item_id,))
            return ""
        return title

    def of(self, item_ids: NDArray[np.object_]) -> NDArray[np.object_]:
        """Return the titles [C] of items [C], empty where they are not known."""
        found = np.empty(len(item_ids), np.object_)
        found[:] = [self._titles.get(item_id, "") for item_id in item_ids]
        return found

    def want(self, item_ids: Iterable[str]) -> None:
        """Note items whose titles should be fetched when there is time; more than there is room for are ignored."""
        for item_id in item_ids:
            if len(self._wanted) >= self._wanted_capacity:
                return
            if item_id not in self._titles:
                self._wanted[item_id] = None

    def take_wanted(self, count: int) -> list[str]:
        """Return up to `count` wanted items and no longer want them."""
        taken = list(self._wanted)[:count]
        for item_id in taken:
            del self._wanted[item_id]
        return taken

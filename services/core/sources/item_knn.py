"""Item neighbours: what was taken by those who took what this user took."""

from __future__ import annotations

from typing import ClassVar

from services.core.sources.neighbours import NeighbourSource


class ItemKnnSource(NeighbourSource):
    """Neighbours are items taken by the same users, in any order; all of the history counts alike."""

    name: ClassVar[str] = "item_knn"


NEIGHBOURS = ItemKnnSource.neighbours_file()
WEIGHTS = ItemKnnSource.weights_file()

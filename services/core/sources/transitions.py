"""Transitions: what was taken soon after what this user took lately."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from services.core.sources.neighbours import NeighbourSource
from services.core.sources.source import History, Rows

# The newest item counts 1, the n-th newest 1/n: what lies further back than this adds next to nothing.
_NEWEST = 50


class TransitionsSource(NeighbourSource):
    """Neighbours are items taken within a few steps of each other; the n-th newest of the history counts 1/n."""

    name: ClassVar[str] = "transitions"

    def history_part(self, history: History) -> tuple[Rows, NDArray[np.float32] | None]:
        """The newest 50 and 1/n."""
        rows = history.rows[-_NEWEST:]
        return rows, (1.0 / np.arange(len(rows), 0, -1)).astype(np.float32)


NEIGHBOURS = TransitionsSource.neighbours_file()
WEIGHTS = TransitionsSource.weights_file()

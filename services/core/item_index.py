"""The item index: item id ↔ row of one bundle."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import repeat
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from services.core.bundle import ITEM_IDS, BundleError, read_array


class ItemIndex:
    """Item ids by row and rows by id. Rows are 1..N; row 0 is padding and has no id."""

    def __init__(self, ids: NDArray[np.str_]) -> None:
        """ids: unicode [N+1], ids[0] == "", the rest distinct and not empty. Raises BundleError otherwise."""
        self.ids = ids
        self._rows = {item_id: row for row, item_id in enumerate(ids.tolist()) if item_id}
        if len(ids) == 0 or ids[0] != "" or len(self._rows) != len(ids) - 1:
            raise BundleError(f"{ITEM_IDS} must hold an empty id in row 0 and distinct ids after it")

    @classmethod
    def load(cls, bundle: Path) -> Self:
        """Read the index of a bundle. Raises BundleError."""
        return cls(read_array(bundle, ITEM_IDS))

    @property
    def item_count(self) -> int:
        """N."""
        return len(self.ids) - 1

    def row(self, item_id: str) -> int:
        """The row of an item id, 0 if the bundle does not know it."""
        return self._rows.get(item_id, 0)

    def rows(self, item_ids: Iterable[str]) -> NDArray[np.int32]:
        """int32 rows of the item ids, in order, 0 where the bundle does not know the id."""
        # map and repeat keep the loop out of Python: this runs over all candidates of every request.
        return np.fromiter(map(self._rows.get, item_ids, repeat(0)), dtype=np.int32)

    def ids_of(self, rows: NDArray[np.int32]) -> Sequence[str]:
        """The item ids of rows in 1..N, in order."""
        found: list[str] = self.ids[rows].tolist()
        return found

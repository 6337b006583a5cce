from __future__ import annotations

import numpy as np
import pytest

from services.core.bundle import BundleError
from services.core.item_index import ItemIndex


def test_ids_and_rows_lead_to_each_other() -> None:
    index = ItemIndex(np.array(["", "x", "y", "z"]))
    assert index.item_count == 3
    assert index.row("y") == 2
    assert index.row("") == 0
    assert index.rows(["z", "nowhere", "x"]).tolist() == [3, 0, 1]
    assert index.rows(["z"]).dtype == np.int32
    assert index.ids_of(np.array([3, 1], dtype=np.int32)) == ["z", "x"]


@pytest.mark.parametrize("ids", [["a", "b"], ["", "a", "a"], ["", "a", ""], []])
def test_a_broken_index_is_refused(ids: list[str]) -> None:
    with pytest.raises(BundleError, match="distinct ids"):
        ItemIndex(np.array(ids, dtype=np.str_))

from __future__ import annotations

import numpy as np

from services.candidates.bundles.aligned_catalog import AlignedCatalog
from services.candidates.catalog.change_feed import ItemChange
from services.candidates.catalog.snapshot import SnapshotBuilder
from services.core.item_index import ItemIndex

INDEX = ItemIndex(np.array(["", "a", "b", "c"]))


def test_rows_lie_on_slots_and_only_what_both_know_is_open() -> None:
    builder = SnapshotBuilder()
    builder.apply([ItemChange(1, "x"), ItemChange(2, "c"), ItemChange(3, "a", available_from=100)])
    view = AlignedCatalog(INDEX).view(builder.build(), 50)
    assert view.slot_of_row.tolist() == [-1, 2, -1, 1]
    assert view.row_of_slot.tolist() == [0, 3, 1]
    assert view.open_rows.tolist() == [False, False, False, True]


def test_new_items_extend_the_alignment_and_time_moves_it_on() -> None:
    builder, aligned = SnapshotBuilder(), AlignedCatalog(INDEX)
    builder.apply([ItemChange(1, "a", available_from=100)])
    snapshot = builder.build()
    first = aligned.view(snapshot, 50)
    assert aligned.view(snapshot, 60) is first
    assert aligned.view(snapshot, 100).open_rows.tolist() == [False, True, False, False]
    builder.apply([ItemChange(2, "b"), ItemChange(3, "a", deleted=True)])
    view = aligned.view(builder.build(), 100)
    assert view.row_of_slot.tolist() == [1, 2]
    assert view.open_rows.tolist() == [False, False, True, False]


def test_a_catalog_that_was_read_anew_is_aligned_anew() -> None:
    aligned = AlignedCatalog(INDEX)
    for order in (["a", "b"], ["b", "a"]):
        builder = SnapshotBuilder()
        builder.apply([ItemChange(n, item_id) for n, item_id in enumerate(order, 1)])
        view = aligned.view(builder.build(), 0)
        assert [view.catalog.item_ids[slot] for slot in view.slot_of_row[1:3]] == ["a", "b"]


def test_before_the_catalog_was_read_the_bundle_stands_in_and_an_empty_catalog_offers_nothing() -> None:
    builder, aligned = SnapshotBuilder(), AlignedCatalog(INDEX)
    provisional = aligned.view(builder.build(), 0)
    assert provisional.open_rows.tolist() == [False, True, True, True]
    assert provisional.catalog.item_ids.tolist() == ["a", "b", "c"]
    builder.apply(())
    assert not aligned.view(builder.build(), 0).open_rows.any()

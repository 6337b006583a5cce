from __future__ import annotations

import numpy as np

from services.candidates.catalog.category_sets import CategorySetBuilder


def test_equal_sets_share_a_number_and_are_found_by_any_of_their_names() -> None:
    builder = CategorySetBuilder()
    numbers = [builder.number_of(s) for s in (("drama", "war"), (), ("comedy",), ("drama", "war"))]
    assert numbers == [0, 1, 2, 0]
    sets = builder.build()
    assert sets.with_any_of({"war", "unknown"}).tolist() == [True, False, False]
    assert sets.with_any_of({"comedy", "drama"}).tolist() == [True, False, True]
    assert sets.with_any_of({"unknown"}).tolist() == [False, False, False]


def test_gathered_categories_are_a_compressed_matrix_of_the_names_that_occur() -> None:
    builder = CategorySetBuilder()
    for names in (("drama", "war"), (), ("comedy", "drama")):
        builder.number_of(names)
    names, offsets, indexes = builder.build().gather(np.array([2, 1, 2], np.int32))
    assert names == ["drama", "comedy"]
    assert offsets.tolist() == [0, 2, 2, 4]
    assert [names[i] for i in indexes] == ["comedy", "drama", "comedy", "drama"]


def test_items_without_any_category() -> None:
    builder = CategorySetBuilder()
    builder.number_of(())
    names, offsets, indexes = builder.build().gather(np.array([0, 0], np.int32))
    assert (names, offsets.tolist(), indexes.tolist()) == ([], [0, 0, 0], [])

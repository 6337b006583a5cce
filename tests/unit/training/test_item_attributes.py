from __future__ import annotations

import numpy as np
import pytest

from services.training.steps.item_attributes import ItemAttributes


def test_names_become_numbers_and_what_only_one_item_has_is_left_out() -> None:
    known = ItemAttributes.from_names([["ignored"], ["red", "big", "red"], ["only"], [], ["big", "red"]])
    assert known is not None
    assert known.count == 2
    assert known.starts.tolist() == [0, 0, 2, 2, 2, 4]
    assert known.rows().tolist() == [1, 1, 4, 4]
    assert sorted(known.codes[:2].tolist()) == sorted(known.codes[2:].tolist()) == [0, 1]


@pytest.mark.parametrize("names", [[()], [(), (), ()], [(), ["a"], ["b"]]])
def test_nothing_shared_is_nothing(names: list[list[str]]) -> None:
    assert ItemAttributes.from_names(names) is None


def test_rare_attributes_weigh_more_and_an_items_squares_sum_to_one() -> None:
    known = ItemAttributes.from_names([(), ["all", "few"], ["all", "few"], ["all"], ["all"]])
    assert known is not None
    weights, rows = known.weights(), known.rows()
    np.testing.assert_allclose(np.bincount(rows, weights=weights**2)[1:], 1.0, rtol=1e-6)
    # log(5/4) against log(5/2); 5 rows with the padding.
    ratio = np.log(5 / 2) / np.log(5 / 4)
    first = dict(zip(known.codes[:2].tolist(), weights[:2].tolist(), strict=True))
    assert first[1] / first[0] == pytest.approx(ratio, rel=1e-5)


def test_membership_has_a_column_for_each_name_that_any_of_the_rows_has() -> None:
    names = [(), ("war", "love"), (), ("only",), ("war",)]
    known = ItemAttributes.all_of(names)
    assert known is not None
    assert known.count == 3, "what one item has counts too"
    member = known.membership(np.array([4, 2, 1], dtype=np.int32))
    assert member.sum(axis=1).tolist() == [1, 0, 2]
    assert (member.astype(int) @ member.astype(int).T).tolist() == [[1, 0, 1], [0, 0, 0], [1, 0, 2]]
    assert known.membership(np.array([2], dtype=np.int32)).shape == (1, 0)
    assert ItemAttributes.all_of([(), ()]) is None

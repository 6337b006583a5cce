"""What nobody took yet is no item that a model learns anything of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from services.core.content_space import ItemContent
from services.training.steps import without_items as module
from services.training.steps.examples import InteractionLog
from services.training.steps.item_attributes import ItemAttributes
from services.training.steps.without_items import without_newcomers

LOG = InteractionLog.from_events(
    np.array(["", "a", "new", "b", "blank", "c"]),
    np.array([0, 0, 1], dtype=np.int32),
    np.array([1, 3, 5], dtype=np.int32),
    np.arange(3, dtype=np.int64),
)
KNOWN = [ItemContent({}, (f"kind-{row % 2}",)) for row in range(6)]
KNOWN[4] = ItemContent()


def test_an_item_that_nobody_took_and_that_says_something_is_left_to_candidates() -> None:
    log = without_newcomers(replace(LOG, contents=KNOWN))
    assert log.item_ids.tolist() == ["", "a", "b", "blank", "c"], "of the blank one nothing is known but its row"
    assert [log.item_ids[rows].tolist() for rows in log.sequences()] == [["a", "b"], ["c"]]
    assert log.contents is not None
    assert [content.categories for content in log.contents] == [("kind-0",), ("kind-1",), ("kind-1",), (), ("kind-1",)]


def test_several_scenarios_are_attributes_beside_the_categories() -> None:
    contents = [ItemContent(), *(ItemContent({}, ("war",), {}, scenario) for scenario in ("films", "", "", "films"))]
    several = ItemAttributes.from_contents(contents)
    assert several is not None
    assert several.count == 3
    assert np.diff(several.starts).tolist() == [0, 2, 2, 2, 2]
    one = ItemAttributes.from_contents([replace(content, scenario="films") for content in contents])
    assert one is not None
    assert one.count == 1


def test_without_contents_or_with_too_many_newcomers_all_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    assert without_newcomers(LOG) is LOG
    monkeypatch.setattr(module, "_MOST_LEFT_OUT", 0)
    full = replace(LOG, contents=KNOWN)
    assert without_newcomers(full) is full

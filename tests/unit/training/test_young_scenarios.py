"""A scenario is young while hardly anything was done there; then texts and takers are its order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from services.core.bundle import BundleError, build_bundle, bundle_path
from services.core.content_space import ItemContent
from services.core.text_encoder_files import TEXT
from services.core.young_scenarios import NAMES, YoungScenarios, liking_of
from services.training.steps.examples import InteractionLog
from services.training.steps.find_young_scenarios import find_young_scenarios

ITEMS = 20


def log_of(times: dict[str, int]) -> InteractionLog:
    """Ten items a scenario; each is taken so many times, by somebody else each time."""
    rows = [
        row
        for number, count in enumerate(times.values())
        for row in range(10 * number + 1, 10 * number + 11)
        for _ in range(count)
    ]
    log = InteractionLog.from_events(
        np.array(["", *(str(row) for row in range(1, 10 * len(times) + 1))]),
        np.arange(len(rows), dtype=np.int32),
        np.array(rows, dtype=np.int32),
        np.arange(len(rows), dtype=np.int64),
    )
    vector = np.ones(4, np.float32)
    contents = [ItemContent({TEXT: vector}, scenario=name) for name in times for _ in range(10)]
    return replace(log, contents=[ItemContent(), *contents])


def test_young_is_what_has_fewer_than_five_interactions_an_item() -> None:
    young = find_young_scenarios(log_of({"default": 1, "films": 5, "goods": 4, "music": 1, "news": 0}))
    assert young is not None
    assert young.names == ["goods", "music"], "of the news nothing is known, and the default one is not asked for"
    assert young.takers.tolist() == [0, *[1] * 10, *[5] * 10, *[4] * 10, *[1] * 10, *[0] * 10]


def test_a_silent_scenario_is_the_rankers() -> None:
    log = log_of({"goods": 2})
    silent = [ItemContent(categories=("a",), scenario="goods")] * 11
    assert find_young_scenarios(replace(log, contents=silent)) is None
    assert find_young_scenarios(replace(log, contents=None)) is None


def test_they_are_read_as_they_were_saved(tmp_path: Path) -> None:
    young = YoungScenarios({"goods", "music"}, np.array([0, 3, 1], np.float32))
    with build_bundle(tmp_path, "20240101000000") as draft:
        young.save(draft)
        draft.seal(item_count=2, sources=(), models={}, metrics={}, scenario_ids=(), parent=None, training={})
    bundle = bundle_path(tmp_path, "20240101000000")
    again = YoungScenarios.load(bundle)
    assert again is not None
    assert again.names == young.names
    np.testing.assert_array_equal(again.takers, young.takers)
    (bundle / NAMES).write_text("{}")
    with pytest.raises(BundleError, match="does not name scenarios"):
        YoungScenarios.load(bundle)
    (bundle / NAMES).unlink()
    assert YoungScenarios.load(bundle) is None


def test_the_liking_is_the_texts_and_one_and_a_half_deviations_of_the_takers() -> None:
    text, takers = np.array([1.0, 0.0, -1.0], np.float32), np.array([0, 0, np.expm1(3.0)], np.float32)
    np.testing.assert_allclose(liking_of(text, takers), text + 1.5 * np.array([-1, -1, 2]) / np.sqrt(2), rtol=1e-5)
    np.testing.assert_array_equal(liking_of(text, np.zeros(3, np.float32)), text)

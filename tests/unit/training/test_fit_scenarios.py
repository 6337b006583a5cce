"""A young scenario gets an adapter whose weight says how much it tells that others took an item."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from services.core.bundle import BundleError, build_bundle, bundle_path
from services.core.content_space import ItemContent
from services.core.scenario_adapter import WEIGHTS, ScenarioAdapters, adapted
from services.core.text_encoder_files import TEXT
from services.training.steps.examples import InteractionLog
from services.training.steps.fit_scenarios import GRID, fit_scenarios

ITEMS, USERS, EACH = 80, 60, 3


def log_where(popular: bool, scenario: str = "goods", users: int = USERS) -> InteractionLog:
    """Users take either what everybody takes, whatever it says, or what says the same as what they took."""
    random = np.random.default_rng(0)
    kinds = np.arange(ITEMS) % 8
    said = np.eye(8)[kinds] + 0.05 * random.normal(size=(ITEMS, 8))
    shares = 1.0 / np.arange(1, ITEMS + 1) ** 1.2
    taken = []
    for user in range(users):
        own = shares / shares.sum() if popular else (kinds == user % 8) / np.count_nonzero(kinds == user % 8)
        taken.append(random.choice(ITEMS, EACH, replace=False, p=own) + 1)
    log = InteractionLog.from_events(
        np.array(["", *(str(row) for row in range(1, ITEMS + 1))]),
        np.repeat(np.arange(users), EACH).astype(np.int32),
        np.concatenate(taken).astype(np.int32),
        np.tile(np.arange(EACH), users).astype(np.int64),
    )
    contents = [ItemContent({TEXT: vector.astype(np.float32)}, scenario=scenario) for vector in said]
    return replace(log, contents=[ItemContent(), *contents])


def test_the_weight_is_what_finds_more() -> None:
    by_texts, by_others = (fit_scenarios(log_where(popular), seed=0) for popular in (False, True))
    assert by_texts is not None
    assert by_others is not None
    assert by_texts.weights["goods"] <= 0.5
    assert by_others.weights["goods"] >= 1.5
    assert by_others.takers.sum() == USERS * EACH
    assert by_others.weights["goods"] in GRID


def test_an_old_a_silent_and_the_default_scenario_have_none() -> None:
    assert fit_scenarios(log_where(popular=True, scenario="default"), seed=0) is None
    assert fit_scenarios(log_where(popular=False, users=20 * USERS), seed=0) is None, "five interactions an item"
    log = log_where(popular=True)
    silent = [ItemContent(categories=("a",), scenario="goods") for _ in range(ITEMS + 1)]
    assert fit_scenarios(replace(log, contents=silent), seed=0) is None
    assert fit_scenarios(replace(log, contents=None), seed=0) is None


def test_with_too_few_to_ask_the_weight_is_1() -> None:
    fitted = fit_scenarios(log_where(popular=True, users=10), seed=0)
    assert fitted is not None
    assert fitted.weights == {"goods": 1.0}


def test_adapters_are_read_as_they_were_saved(tmp_path: Path) -> None:
    adapters = ScenarioAdapters({"goods": 1.5}, np.array([0, 3, 1], np.float32))
    with build_bundle(tmp_path, "20240101000000") as draft:
        adapters.save(draft)
        draft.seal(item_count=2, sources=(), models={}, metrics={}, scenario_ids=(), parent=None, training={})
    bundle = bundle_path(tmp_path, "20240101000000")
    again = ScenarioAdapters.load(bundle)
    assert again is not None
    assert again.weights == adapters.weights
    np.testing.assert_array_equal(again.takers, adapters.takers)
    (bundle / WEIGHTS).write_text("{}")
    with pytest.raises(BundleError, match="does not hold weights"):
        ScenarioAdapters.load(bundle)
    (bundle / WEIGHTS).unlink()
    assert ScenarioAdapters.load(bundle) is None


def test_the_liking_is_the_texts_and_as_many_deviations_of_the_takers() -> None:
    text, takers = np.array([1.0, 0.0, -1.0], np.float32), np.array([0, 0, np.expm1(3.0)], np.float32)
    np.testing.assert_allclose(adapted(text, takers, 2.0), text + 2 * np.array([-1, -1, 2]) / np.sqrt(2), rtol=1e-5)
    np.testing.assert_array_equal(adapted(text, takers, 0.0), text)

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from services.core.bundle import BundleError, build_bundle, bundle_path
from services.core.item_scenarios import NAMES, ItemScenarios, scenarios_of


def test_a_scenario_covers_itself_and_what_it_lies_in() -> None:
    known = {"films", "films/home", "goods", "default"}
    assert scenarios_of("films/home/top", known) == ["films/home", "films"]
    assert scenarios_of("films", known) == ["films"]
    assert scenarios_of("film", known) == []
    assert scenarios_of("home", known) == [], "the name of a page"
    assert scenarios_of("default", known) == []


def test_items_of_the_default_scenario_alone_need_no_telling() -> None:
    assert ItemScenarios.of([]) is None
    assert ItemScenarios.of(["", "default", ""]) is None


def test_what_a_request_may_be_shown() -> None:
    scenarios = ItemScenarios.of(["", "films", "films/home", "goods", ""])
    assert scenarios is not None
    shown = scenarios.shown_in("films/home")
    assert shown is not None
    assert shown.tolist() == [False, True, True, False, False]
    assert scenarios.shown_in("home") is None
    assert scenarios.shown_in("default") is None


def test_they_are_read_as_they_were_saved_and_what_is_broken_is_said(tmp_path: Path) -> None:
    scenarios = ItemScenarios.of(["", "films", "goods"])
    assert scenarios is not None
    with build_bundle(tmp_path, "20240101000000") as draft:
        scenarios.save(draft)
        draft.seal(item_count=2, sources=(), models={}, metrics={}, scenario_ids=(), parent=None, training={})
    bundle = bundle_path(tmp_path, "20240101000000")
    again = ItemScenarios.load(bundle)
    assert again is not None
    assert again.names == scenarios.names
    np.testing.assert_array_equal(again.numbers, scenarios.numbers)
    (bundle / NAMES).write_text('{"names": ["films"]}')
    with pytest.raises(BundleError, match="do not fit together"):
        ItemScenarios.load(bundle)
    (bundle / NAMES).write_text("{}")
    with pytest.raises(BundleError, match="does not name scenarios"):
        ItemScenarios.load(bundle)
    (bundle / NAMES).unlink()
    assert ItemScenarios.load(bundle) is None

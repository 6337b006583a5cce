from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from services.core.audience import LIFTS, TRAITS, Audience, Traits, trait_name
from services.core.bundle import BundleError, build_bundle, bundle_path

EDGES = {"age": np.array([20.0, 30.0])}
AUDIENCE = Audience(
    Traits({"age#0": 0, "age#2": 1, "gender=F": 2}, EDGES),
    np.array([[0, 0.5, 0, 0], [0, 0, 1.0, 0], [0, -1.0, 1.0, 0]], np.float32),
)
POPULARITY = np.array([-np.inf, 8.0, 2.0, 1.0], np.float32)


def test_numbers_fall_into_bins_and_names_are_themselves() -> None:
    named = [trait_name("age", value, EDGES) for value in ("19", "20", "29.5", "30", "old", "inf")]
    assert named == ["age#0", "age#1", "age#1", "age#2", "age=old", "age=inf"]
    assert trait_name("gender", "F", EDGES) == "gender=F"


def test_every_known_trait_multiplies_popularity() -> None:
    scores = AUDIENCE.scores(POPULARITY, {"gender": "F", "age": "44", "device": "tv"})
    assert scores is not None
    np.testing.assert_allclose(scores, [0, 8 * np.exp(-1), 2 * np.exp(2), 1], rtol=1e-6)
    assert AUDIENCE.scores(POPULARITY, {"age": "25", "device": "tv"}) is None
    assert AUDIENCE.scores(POPULARITY, {}) is None


def test_it_is_read_as_it_was_saved_and_what_is_broken_is_said(tmp_path: Path) -> None:
    with build_bundle(tmp_path, "20240101000000") as draft:
        AUDIENCE.save(draft)
        draft.seal(item_count=3, sources=(), models={}, metrics={}, scenario_ids=(), parent=None, training={})
    bundle = bundle_path(tmp_path, "20240101000000")
    again = Audience.load(bundle)
    assert again is not None
    assert again.traits.names == AUDIENCE.traits.names
    np.testing.assert_array_equal(again.traits.edges["age"], EDGES["age"])
    np.testing.assert_array_equal(again.lifts, AUDIENCE.lifts)
    (bundle / TRAITS).write_text('{"names": ["a"], "edges": {}}')
    with pytest.raises(BundleError, match="do not fit together"):
        Audience.load(bundle)
    (bundle / TRAITS).write_text("[]")
    with pytest.raises(BundleError, match="does not name traits"):
        Audience.load(bundle)
    (bundle / TRAITS).unlink()
    assert Audience.load(bundle) is None
    assert (bundle / LIFTS).is_file()

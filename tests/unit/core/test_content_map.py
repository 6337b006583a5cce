from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from services.core.bundle import BundleError, build_bundle, bundle_path
from services.core.content_map import SPACE, WEIGHTS, WHITENING, ContentMap
from services.core.content_space import CATEGORIES, ContentSpace, ItemContent, whitened

KNOWN = [ItemContent({}, (name,)) for name in ("a", "b")]


def made() -> ContentMap:
    space = ContentSpace({}, ("a", "b"), {}, {CATEGORIES: 1.0})
    weights = np.array([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0]], dtype=np.float32)
    return ContentMap(
        space, space.features(KNOWN), weights, np.array([0.0, 0.0, 5.0], np.float32), 2.0, np.eye(3, dtype=np.float32)
    )


def test_a_vector_is_the_mean_and_what_likeness_adds() -> None:
    far = np.exp(-2.0)
    half = np.exp(-2.0 * (1 - np.sqrt(0.5)))
    vectors = made().vectors([*KNOWN, ItemContent({}, ("a", "b")), ItemContent()])
    expected = [[1, 2 * far, 5], [far, 2, 5], [half, 2 * half, 5], [far, 2 * far, 5]]
    np.testing.assert_allclose(vectors, expected, rtol=1e-6)
    assert vectors.dtype == np.float32
    assert made().vectors([]).shape == (0, 3)
    many = made().vectors(KNOWN * 200)
    np.testing.assert_array_equal(many[::2], np.tile(many[0], (200, 1)))


def test_it_is_kept_in_a_bundle(tmp_path: Path) -> None:
    space = ContentSpace(
        {"text": np.array([0.1, 0.2], np.float32)},
        ("a",),
        {"year": np.array([1.5])},
        {"text": 0.5, CATEGORIES: 0.25, "year": 0.25},
    )
    items = [ItemContent({"text": np.array([1, 0], np.float32)}, ("a",), {"year": 2.0})]
    kept = replace(made(), space=space, basis=space.features(items * 2))
    with build_bundle(tmp_path, "7") as draft:
        kept.save(draft)
        draft.seal(item_count=0, sources=(), models={}, metrics={})
    loaded = ContentMap.load(bundle_path(tmp_path, "7"))
    assert loaded is not None
    np.testing.assert_array_equal(loaded.vectors(items), kept.vectors(items))
    assert ContentMap.load(tmp_path) is None
    np.save(bundle_path(tmp_path, "7") / WEIGHTS, np.zeros((5, 3), np.float32))
    with pytest.raises(BundleError, match="do not fit"):
        ContentMap.load(bundle_path(tmp_path, "7"))
    (bundle_path(tmp_path, "7") / SPACE).write_text("[]")
    with pytest.raises(BundleError, match="not a content space"):
        ContentMap.load(bundle_path(tmp_path, "7"))


def test_whitened_parts_are_kept_and_bundles_from_before_had_none(tmp_path: Path) -> None:
    text = {"text": np.array([0.1, 0.2], np.float32)}
    white = {"text": np.array([[1.0], [3.0]], np.float32)}
    items = [ItemContent({"text": np.array(vector, np.float32)}) for vector in ([1, 0], [0, 1])]
    for version, weights, whitenings in (
        ("7", {CATEGORIES: 0.0, whitened("text"): 1.0}, white),
        ("8", {CATEGORIES: 0.0, "text": 1.0}, {}),
    ):
        space = ContentSpace(text, (), {}, weights, whitenings)
        kept = replace(made(), space=space, basis=space.features(items))
        with build_bundle(tmp_path, version) as draft:
            kept.save(draft)
            draft.seal(item_count=0, sources=(), models={}, metrics={})
        path = bundle_path(tmp_path, version)
        if not whitenings:
            raw = json.loads((path / SPACE).read_text())
            del raw["whitenings"]
            (path / SPACE).write_text(json.dumps(raw))
        loaded = ContentMap.load(path)
        assert loaded is not None
        np.testing.assert_array_equal(loaded.vectors(items), kept.vectors(items))
    np.save(bundle_path(tmp_path, "7") / WHITENING.format(0), np.zeros((3, 1), np.float32))
    with pytest.raises(BundleError, match="do not fit"):
        ContentMap.load(bundle_path(tmp_path, "7"))
